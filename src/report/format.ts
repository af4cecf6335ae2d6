// How numbers are shown to people; records keep all digits.

/** 12345 → `12,345`. */
export const count = (n: number): string => Math.round(n).toLocaleString('en')

/** `1 seed`, `3 seeds`. */
export const plural = (n: number, word: string): string => `${count(n)} ${word}${n === 1 ? '' : 's'}`

/** A batch size that may be a mean: whole from 100 on. */
export const size = (n: number): string => (Number.isInteger(n) || n >= 100 ? count(n) : n.toFixed(1))

/** Three significant digits, in exponents where it needs many zeros. */
export function short(n: number): string {
  if (n === 0 || !Number.isFinite(n)) return String(n)
  const magnitude = Math.abs(n)
  if (magnitude >= 1e5 || magnitude < 1e-3) return n.toExponential(1)
  if (magnitude >= 1000) return count(n)
  return magnitude >= 0.1 ? n.toFixed(Math.max(0, 2 - Math.floor(Math.log10(magnitude)))) : n.toPrecision(2)
}

/** 0.9785 → `97.9 %`. */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

/** 75 s → `1:15`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return ''
  const whole = Math.max(0, Math.round(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** Breaks a text into lines of at most `columns` characters, between words. */
export function wrap(text: string, columns: number): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line !== '' && line.length + 1 + word.length > columns) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.join('\n')
}

const blocks = '▁▂▃▄▅▆▇█'

/** Values as bars of eight heights, the least the lowest: `▁▂▅█`. */
export function sparkline(values: readonly number[], transform: (value: number) => number = (value) => value): string {
  const heights = values.map(transform)
  const finite = heights.filter(Number.isFinite)
  const [low, high] = [Math.min(...finite), Math.max(...finite)]
  return heights
    .map((height) => {
      if (!Number.isFinite(height)) return ' '
      const at = high > low ? (height - low) / (high - low) : 0
      return blocks[Math.min(7, Math.floor(8 * at))]
    })
    .join('')
}

/**
 * Lines of a table with aligned columns, the first to the left and the others to the right.
 *
 * @example table(['run', 'steps'], [['fixed b = 8', '10,000']]).join('\n')
 */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)]
}
