import type { Figure, Series } from './exhibit.ts'

const [WIDTH, HEIGHT] = [640, 400]
const MARGIN = { left: 74, right: 16, top: 16, bottom: 52 }
/** Okabe and Ito's palette, which survives colour blindness; lines differ in dashes as well. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#555555']

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
const superscript = (n: number): string =>
  String(n).replace(/[-\d]/g, (digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]))

/** Whole powers of ten that cover the positive values. */
function decades(values: readonly number[]): [number, number] {
  const logs = values.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10)
  const low = Math.floor(Math.min(...logs))
  return [low, Math.max(low + 1, Math.ceil(Math.max(...logs)))]
}

/** A log-log plot with bands, as an SVG element of its own. */
export function plot({ title, xLabel, yLabel, series }: Figure): string {
  const [x0, x1] = decades(series.flatMap((line) => line.x))
  const [y0, y1] = decades(series.flatMap((line) => [...line.y, ...(line.low ?? []), ...(line.high ?? [])]))
  const inner = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom }
  const px = (x: number) => MARGIN.left + ((Math.log10(x) - x0) / (x1 - x0)) * inner.width
  const py = (y: number) => MARGIN.top + ((y1 - Math.log10(y)) / (y1 - y0)) * inner.height
  const points = (xs: readonly number[], ys: readonly number[]) =>
    xs.flatMap((x, k) => (x > 0 && ys[k] > 0 ? [`${px(x).toFixed(1)},${py(ys[k]).toFixed(1)}`] : []))

  const stride = (low: number, high: number) => Math.max(1, Math.ceil((high - low) / 10))
  const ticks: string[] = []
  for (let k = x0; k <= x1; k += stride(x0, x1)) {
    const x = px(10 ** k).toFixed(1)
    ticks.push(`<line class="grid" x1="${x}" x2="${x}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}"/>`)
    ticks.push(`<text x="${x}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">10${superscript(k)}</text>`)
  }
  for (let k = y0; k <= y1; k += stride(y0, y1)) {
    const y = py(10 ** k)
    ticks.push(
      `<line class="grid" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}"/>`,
    )
    ticks.push(`<text x="${MARGIN.left - 8}" y="${(y + 4).toFixed(1)}" text-anchor="end">10${superscript(k)}</text>`)
  }
  const draw = (line: Series, k: number) => {
    const colour = COLOURS[k % COLOURS.length]
    const band =
      line.low && line.high
        ? `<polygon fill="${colour}" fill-opacity="0.15" points="${[
            ...points(line.x, line.high),
            ...points(line.x, line.low).reverse(),
          ].join(' ')}"/>`
        : ''
    const dash = line.dashed ? ' stroke-dasharray="5 4"' : ''
    return `${band}<polyline fill="none" stroke="${colour}" stroke-width="1.8"${dash} points="${points(line.x, line.y).join(' ')}"/>`
  }
  const legend = series.map((line, k) => {
    const y = HEIGHT - MARGIN.bottom - 12 - 17 * (series.length - 1 - k)
    const dash = line.dashed ? ' stroke-dasharray="5 4"' : ''
    const x = MARGIN.left + 10
    return (
      `<line x1="${x}" x2="${x + 24}" y1="${y - 4}" y2="${y - 4}" stroke="${COLOURS[k % COLOURS.length]}" stroke-width="2"${dash}/>` +
      `<text x="${x + 30}" y="${y}">${escaped(line.label)}</text>`
    )
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif" font-size="12">
<style>.grid{stroke:#ccc;stroke-width:.6}text{fill:#222}</style><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${ticks.join('')}
${series.map(draw).join('\n')}
<rect x="${MARGIN.left}" y="${MARGIN.top}" width="${inner.width}" height="${inner.height}" fill="none" stroke="#444"/>
${legend.join('')}
<text x="${MARGIN.left + inner.width / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(xLabel)}</text>
<text transform="translate(18 ${MARGIN.top + inner.height / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>
</svg>`
}
