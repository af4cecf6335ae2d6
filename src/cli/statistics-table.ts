import type { StatisticsOutput } from './statistics-report.ts'

const label: Readonly<Record<string, string>> = {
  norm: 'norm',
  innerProduct: 'inner product',
  orthogonality: 'orthogonality',
  augmentedInnerProduct: 'augmented inner product',
  coordinate: 'coordinate-wise norm',
}

/** The output of `adadagrad statistics` for people. */
export function statisticsTable(output: StatisticsOutput): string {
  const { model, parameters, backend, cockpit, noiseScale, cabs, adaScale, adaDamp } = output
  const { name, ...details } = backend
  const quantities: [string, number | null | undefined, string?][] = [
    ['batch size b', output.batchSize],
    ['loss', output.loss],
    ['‖ḡ‖²', output.meanSquaredNorm, 'the squared norm of the mean gradient'],
    ['Σ‖g_i‖²', output.sumSquaredNorms, 'the sum of squared norms of the gradients'],
    ['‖Var‖₁', output.varianceL1, 'the variance of the gradients'],
    ['Var⟨g_i, ḡ⟩', output.innerProductVariance, 'of their inner products with the mean'],
    ['OrthVar', output.orthogonalVariance, 'of what is orthogonal to the mean'],
  ]
  const tests = Object.entries(output.tests).map(([key, test]) => [
    label[key]!,
    test.verdict,
    format(test.statistic),
    format(test.threshold),
    format(test.suggestedBatchSize),
  ])
  const neighbours: [string, number | null | undefined, string?][] = [
    ['Cockpit, norm', cockpit?.norm, 'the norm test passes where this is at most η'],
    ['Cockpit, inner product', cockpit?.innerProduct, 'the same for ϑ'],
    ['Cockpit, orthogonality', cockpit?.orthogonality, 'the same for ν'],
    ['simple noise scale', noiseScale?.scale, 'samples'],
    ['CABS', cabs?.batchSize, `samples, at α = ${cabs?.alpha}`],
    ['AdaScale gain', adaScale?.gain, `at ${adaScale?.scale} times this batch size`],
    ['AdaDamp', adaDamp?.batchSize, `samples, from a loss of ${adaDamp?.initialLoss}`],
  ]
  const note = {
    'one-pass': [],
    'by-definition': ['Variances were summed sample by sample: as differences they would have lost digits.'],
  }[output.method]
  const formulas = output.formulas === 'official' ? [`, by the official code's formulas`] : []
  return [
    `${model}, ${parameters.toLocaleString('en-US')} parameters, on ${name} (${Object.values(details).join(', ')})${formulas.join('')}`,
    '',
    ...align(quantities.filter(([, value]) => value != null).map(row)),
    ...(tests.length > 0
      ? ['', ...align([['test', 'verdict', 'statistic', 'threshold', 'suggests b ='], ...tests])]
      : []),
    ...(noiseScale ? ['', ...align(neighbours.filter(([, value]) => value != null).map(row))] : []),
    ...(output.batchSize === 1 ? ['', 'One sample has no variance: no test has a verdict.'] : []),
    ...(note.length + output.warnings.length > 0
      ? ['', ...note, ...output.warnings.map((text) => `Warning: ${text}`)]
      : []),
  ].join('\n')
}

const row = ([name, value, meaning = '']: [string, number | null | undefined, string?]): string[] => [
  name,
  format(value ?? null),
  meaning,
]

/** Columns as wide as their widest cell. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => [...cells[column]!].length))) ?? []
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell + ' '.repeat(widths[column]! - [...cell].length))
      .join('  ')
      .trimEnd(),
  )
}

function format(value: number | null): string {
  if (value === null) return '–'
  if (value === Number.POSITIVE_INFINITY) return '∞'
  return Number.isInteger(value) ? String(value) : value.toPrecision(6)
}
