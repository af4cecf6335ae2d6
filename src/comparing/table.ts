// Tables for a paper: Markdown, CSV and LaTeX.
import { table } from '../report/format.ts'
import type { QuantityKey, SchemeRow } from './results.ts'
import { quantities } from './results.ts'
import type { Setting } from './settings.ts'
import type { Estimate } from './statistics.ts'
import type { Trial } from './tuning.ts'

/** Decimals beyond which a number is easier to read with an exponent. */
const mostDecimals = 6

/**
 * Mean and error rounded alike, to the error's second digit: `0.2713 ± 0.0042`, `2.03e-6 ± 0.41e-6`; accuracy in per cent.
 */
export function formatEstimate({ mean, standardError }: Estimate, key: QuantityKey): { mean: string; error: string } {
  const scale = key === 'testAccuracy' ? 100 : 1
  const [value, error] = [scale * mean, standardError === null ? null : scale * standardError]
  const digits = error === null || error === 0 ? digitsFor(key, value) : Math.max(0, 1 - Math.floor(Math.log10(error)))
  const largest = Math.max(Math.abs(value), error ?? 0)
  const exponent = digits > mostDecimals && largest > 0 ? Math.floor(Math.log10(largest)) : 0
  const shown = Math.max(0, Math.min(digits + exponent, mostDecimals))
  const suffix = exponent === 0 ? '' : `e${exponent}`
  const format = (x: number) => `${(x / 10 ** exponent).toLocaleString('en', fixed(shown))}${suffix}`
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

/** The column of settings: one key that all have is its title, `learning rate`; none where no scheme was tuned. */
function settingColumn(rows: readonly { readonly setting?: Setting }[]) {
  const keys = new Set(rows.flatMap(({ setting }) => (setting ? Object.keys(setting.values).join() : [])))
  const [key] = keys
  const single = keys.size === 1 && !key!.includes(',')
  const title = single ? key!.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`) : 'setting'
  const textOf = (setting: Setting) => (single ? setting.label.slice(`${key} = `.length) : setting.label)
  return {
    title: keys.size === 0 ? [] : [title],
    /** The same for programs. */
    name: keys.size === 0 ? [] : [single ? key! : 'setting'],
    cell: ({ setting }: { readonly setting?: Setting }) => (keys.size === 0 ? [] : [setting ? textOf(setting) : '–']),
  }
}

const heading = ({ title, unit }: (typeof quantities)[number]) => (unit === '%' ? `${title} (%)` : title)
const seedsOf = ({ finished, planned }: Pick<SchemeRow, 'finished' | 'planned'>) =>
  finished === planned ? `${finished}` : `${finished} of ${planned}`

/** Mean ± standard error over seeds, a row for each scheme. */
export function markdownTable(rows: readonly SchemeRow[]): string {
  const columns = present(rows)
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const settings = settingColumn(rows)
  const lines = [
    ['scheme', ...settings.title, 'seeds', ...columns.map(heading)],
    ['---', ...settings.title.map(() => '--:'), ...Array.from({ length: columns.length + 1 }, () => '--:')],
    ...rows.map((row) => [
      cell(row.scheme),
      ...settings.cell(row).map(cell),
      seedsOf(row),
      ...columns.map(({ key }) => plain(row.quantities[key], key)),
    ]),
  ]
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`
}

/** What a narrow terminal does without, first what it misses least. */
const leastMissed: readonly QuantityKey[] = [
  'samples',
  'finalBatchSize',
  'testLoss',
  'seconds',
  'samplesToTarget',
  'trainLoss',
  'validationLoss',
  'stepsToTarget',
  'averageBatchSize',
]

/** The cells of a table as texts, for pages. */
export function tableCells(
  rows: readonly SchemeRow[],
  without: readonly QuantityKey[] = [],
): { header: string[]; rows: string[][] } {
  const columns = present(rows).filter(({ key }) => !without.includes(key))
  const settings = settingColumn(rows)
  return {
    header: ['scheme', ...settings.title, 'seeds', ...columns.map(heading)],
    rows: rows.map((row) => [
      row.scheme,
      ...settings.cell(row),
      seedsOf(row),
      ...columns.map(({ key }) => plain(row.quantities[key], key)),
    ]),
  }
}

/** The lines of a table for a terminal: as many columns as fit, and how many do not. */
export function tableLines(rows: readonly SchemeRow[], width: number): { lines: string[]; left: number } {
  const all = present(rows).length
  for (let n = 0; ; n++) {
    const without = leastMissed.slice(0, n)
    const cells = tableCells(rows, without)
    const lines = table(cells.header, cells.rows)
    if (n === leastMissed.length || lines.every((line) => line.length <= width))
      return { lines, left: all - present(rows).filter(({ key }) => !without.includes(key)).length }
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
  const settings = settingColumn(rows)
  const lines = [
    ['scheme', ...settings.name, 'seeds', 'planned', ...columns.flatMap(({ key }) => [key, `${key}StandardError`])],
    ...rows.map((row) => [
      quoted(row.scheme),
      ...settings.cell(row).map(quoted),
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

const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** A tabular for booktabs; letters of formulas become commands in math mode. */
export function latexTable(rows: readonly SchemeRow[]): string {
  const columns = present(rows)
  const settings = settingColumn(rows)
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
    `\\begin{tabular}{l${'r'.repeat(settings.title.length)}${'r'.repeat(columns.length + 1)}}`,
    '  \\toprule',
    line(['scheme', ...settings.title, 'seeds', ...columns.map((column) => latexText(heading(column)))]),
    '  \\midrule',
    ...rows.map((row) =>
      line([
        latexText(row.scheme),
        ...settings.cell(row).map(latexText),
        seedsOf(row),
        ...columns.map(({ key }) => cell(row.quantities[key], key)),
      ]),
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

/** What each setting of each scheme came to, for pages. */
export function tuningCells(trials: readonly Trial[], criterion: string): { header: string[]; rows: string[][] } {
  const key = criterion.endsWith('accuracy') ? 'testAccuracy' : 'validationLoss'
  const settings = settingColumn(trials)
  return {
    header: ['scheme', ...settings.title, 'seeds', key === 'testAccuracy' ? `${criterion} (%)` : criterion, ''],
    rows: trials.map((trial) => [
      trial.scheme,
      ...settings.cell(trial),
      seedsOf(trial),
      plain(trial.criterion, key),
      trial.chosen ? 'shown' : '',
    ]),
  }
}

/** The same with all digits. */
export function tuningCsv(trials: readonly Trial[], criterion: string): string {
  const settings = settingColumn(trials)
  const lines = [
    ['scheme', ...settings.name, 'seeds', 'planned', criterion, 'standardError', 'chosen'],
    ...trials.map(({ scheme, setting, finished, planned, criterion: found, chosen }) => [
      quoted(scheme),
      ...settings.cell({ setting }).map(quoted),
      `${finished}`,
      `${planned}`,
      `${found?.mean ?? ''}`,
      `${found?.standardError ?? ''}`,
      `${chosen}`,
    ]),
  ]
  return `${lines.map((cells) => cells.join(',')).join('\n')}\n`
}
