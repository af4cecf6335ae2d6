// Tables for a paper: Markdown, CSV and LaTeX.
import type { QuantityKey, SchemeRow } from './results.ts'
import { quantities } from './results.ts'
import type { Estimate } from './statistics.ts'

/** Mean and error rounded alike, to the error's second digit: `0.2713 ± 0.0042`; accuracy in per cent. */
export function formatEstimate({ mean, standardError }: Estimate, key: QuantityKey): { mean: string; error: string } {
  const scale = key === 'testAccuracy' ? 100 : 1
  const [value, error] = [scale * mean, standardError === null ? null : scale * standardError]
  const digits = error === null || error === 0 ? digitsFor(key, value) : Math.max(0, 1 - Math.floor(Math.log10(error)))
  const shown = Math.min(digits, 6)
  const format = (x: number) =>
    Math.abs(x) > 0 && Math.abs(x) < 10 ** -shown / 2 ? x.toExponential(1) : x.toLocaleString('en', fixed(shown))
  return { mean: format(value), error: error === null || error === 0 ? '' : format(error) }
}

const fixed = (digits: number) => ({ minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Where there is no error to go by. */
function digitsFor(key: QuantityKey, value: number): number {
  if (key === 'testAccuracy') return 2
  if (key === 'averageBatchSize' || key === 'seconds') return Math.abs(value) >= 100 ? 0 : 1
  return Number.isInteger(value) ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value) || 1)))
}

/** Columns that some scheme has a value for. */
const present = (rows: readonly SchemeRow[]) => quantities.filter(({ key }) => rows.some((row) => row.quantities[key]))

const heading = ({ title, unit }: (typeof quantities)[number]) => (unit === '%' ? `${title} (%)` : title)
const seedsOf = ({ finished, planned }: SchemeRow) =>
  finished === planned ? `${finished}` : `${finished} of ${planned}`

/** Mean ± standard error over seeds, a row for each scheme. */
export function markdownTable(rows: readonly SchemeRow[]): string {
  const columns = present(rows)
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const lines = [
    ['scheme', 'seeds', ...columns.map(heading)],
    ['---', ...Array.from({ length: columns.length + 1 }, () => '--:')],
    ...rows.map((row) => [
      cell(row.scheme),
      seedsOf(row),
      ...columns.map(({ key }) => plain(row.quantities[key], key)),
    ]),
  ]
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`
}

/** The cells of a table as texts, for terminals and pages. */
export function tableCells(rows: readonly SchemeRow[]): { header: string[]; rows: string[][] } {
  const columns = present(rows)
  return {
    header: ['scheme', 'seeds', ...columns.map(heading)],
    rows: rows.map((row) => [row.scheme, seedsOf(row), ...columns.map(({ key }) => plain(row.quantities[key], key))]),
  }
}

function plain(estimate: Estimate | undefined, key: QuantityKey): string {
  if (!estimate) return '–'
  const { mean, error } = formatEstimate(estimate, key)
  return error === '' ? mean : `${mean} ± ${error}`
}

/** All digits, a column for the mean and one for the standard error; accuracy as a share. */
export function csvTable(rows: readonly SchemeRow[]): string {
  const columns = present(rows)
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const lines = [
    ['scheme', 'seeds', 'planned', ...columns.flatMap(({ key }) => [key, `${key}StandardError`])],
    ...rows.map((row) => [
      quoted(row.scheme),
      `${row.finished}`,
      `${row.planned}`,
      ...columns.flatMap(({ key }) => {
        const { mean, standardError } = row.quantities[key] ?? {}
        return [`${mean ?? ''}`, `${standardError ?? ''}`]
      }),
    ]),
  ]
  return `${lines.map((cells) => cells.join(',')).join('\n')}\n`
}

/** A tabular for booktabs; letters of formulas become commands in math mode. */
export function latexTable(rows: readonly SchemeRow[]): string {
  const columns = present(rows)
  const cell = (estimate: Estimate | undefined, key: QuantityKey) => {
    if (!estimate) return '--'
    const { mean, error } = formatEstimate(estimate, key)
    const grouped = (text: string) =>
      text
        .replaceAll(',', '{,}')
        .replace(/^(.*)e([+-]\d+)$/, (_, digits, exponent) => `${digits} \\cdot 10^{${+exponent}}`)
    return error === '' ? `$${grouped(mean)}$` : `$${grouped(mean)} \\pm ${grouped(error)}$`
  }
  const line = (cells: readonly string[]) => `  ${cells.join(' & ')} \\\\`
  return [
    '% \\usepackage{booktabs}; mean and standard error over seeds',
    `\\begin{tabular}{l${'r'.repeat(columns.length + 1)}}`,
    '  \\toprule',
    line(['scheme', 'seeds', ...columns.map((column) => latexText(heading(column)))]),
    '  \\midrule',
    ...rows.map((row) =>
      line([latexText(row.scheme), seedsOf(row), ...columns.map(({ key }) => cell(row.quantities[key], key))]),
    ),
    '  \\bottomrule',
    '\\end{tabular}',
    '',
  ].join('\n')
}

const letters: Record<string, string> = {
  η: '\\eta',
  ϑ: '\\vartheta',
  θ: '\\theta',
  ν: '\\nu',
  α: '\\alpha',
  κ: '\\kappa',
  σ: '\\sigma',
  '√': '\\surd',
  '≤': '\\leq',
  '→': '\\to',
  '×': '\\times',
}

const latexText = (text: string): string =>
  text
    .replaceAll(/[\\{}]/g, '')
    .replaceAll(/[&%$#_]/g, (character) => `\\${character}`)
    .replaceAll('~', '\\textasciitilde{}')
    .replaceAll('^', '\\textasciicircum{}')
    .replaceAll(/[ηϑθνακσ√≤→×]/g, (letter) => `$${letters[letter]}$`)
