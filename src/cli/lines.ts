// What is said about a run in words: headers, names, tables.
import type { Named } from '../config/schema.ts'
import { count, percent, plural, short, size, table, wrap } from '../report/format.ts'
import type { Summary } from '../running/execute.ts'
import type { ResolvedConfig } from '../running/resolved-config.ts'

/** `norm test (0.1) from b = 8 to 8,000`. */
function batchWords({ name, test, initial, max, batchSize }: Named): string {
  if (name === 'constant') return `b = ${count(batchSize as number)}`
  const range = initial === undefined ? '' : ` from b = ${count(initial as number)} to ${count(max as number)}`
  if (name !== 'adaptive') return `${name}${range}`
  const { name: kind, ...parameters } = test as Named
  const values = Object.values(parameters).map((value) => short(value as number))
  return `${kind} test (${values.join(', ')})${range}`
}

/** A short name: AdAdaGrad where it is that, otherwise optimiser and batch policy. */
export function schemeName({ optimizer, batchSize }: Pick<ResolvedConfig, 'optimizer' | 'batchSize'>): string {
  if (batchSize.name === 'adaptive' && optimizer.name === 'adagrad') return 'AdAdaGrad'
  if (batchSize.name === 'adaptive' && optimizer.name === 'adagrad-norm') return 'AdAdaGradNorm'
  const { name, test } = batchSize
  const policy = name === 'constant' ? `b = ${batchSize.batchSize}` : test ? `${(test as Named).name} test` : name
  return `${optimizer.name}, ${policy}`
}

/** What is trained, how and where: two lines, and a third where statistics are slow. */
export function header(config: ResolvedConfig): string {
  const { environment, optimizer, learningRate, budget, seed } = config
  const { backend, statistics } = environment
  const rate = Object.values(learningRate).find((value) => typeof value === 'number') as number
  const schedule = learningRate.name === 'constant' ? '' : ` (${learningRate.name})`
  const lines = [
    problemLine(config),
    `${optimizer.name} at ${rate}${schedule}, ${batchWords(config.batchSize)}; ${budgetWords(budget!)}, seed ${seed}, ${backendWords(backend)}`,
  ]
  if (statistics.startsWith('sample by sample') && config.batchSize.name !== 'constant')
    lines.push(`note: statistics are gathered ${statistics}`)
  return lines.join('\n')
}

/** The problem and its size. */
export function problemLine({ model, data, problem, environment }: ResolvedConfig): string {
  const { parameters, trainingSamples, testSamples, validationSamples } = environment
  const what = problem ? problem.name : `${model!.name} on ${data!.name}`
  const test = testSamples === null ? '' : `, ${count(testSamples)} to test on`
  const held = validationSamples === undefined ? '' : `, ${count(validationSamples)} to validate on`
  return `${what}: ${count(parameters)} parameters, ${count(trainingSamples)} samples to train on${held}${test}`
}

export function backendWords(backend: ResolvedConfig['environment']['backend']): string {
  if ('simd' in backend) return `${backend.name} (${backend.simd} SIMD)`
  const { name, mode, adapter, software } = backend as Record<string, unknown>
  return adapter === undefined ? `${name}` : `${name} (${mode} on ${adapter}${software ? ', in software' : ''})`
}

function budgetWords({ samples, steps, seconds }: NonNullable<ResolvedConfig['budget']>): string {
  const bounds = [
    ...(samples === undefined ? [] : [plural(samples, 'sample')]),
    ...(steps === undefined ? [] : [plural(steps, 'step')]),
    ...(seconds === undefined ? [] : [`${short(seconds)} s`]),
  ]
  return bounds.join(' or ')
}

/** A run with its name. */
export interface NamedSummary {
  readonly label: string
  readonly summary: Summary
}

/** Where lines end: the terminal's width, up to what is good to read. Off a terminal lines are whole. */
export const lineWidth = (): number =>
  process.stdout.isTTY ? Math.min(process.stdout.columns ?? 80, 110) : Number.POSITIVE_INFINITY

/**
 * What runs came to, one a line, and in words why one did not reach its budget.
 *
 * @param columns where a table would be wider, each run is a paragraph
 */
export function summaryTable(runs: readonly NamedSummary[], columns = Number.POSITIVE_INFINITY): string {
  const some = (has: (summary: Summary) => unknown) => runs.some(({ summary }) => has(summary) !== undefined)
  const unfinished = runs.filter(({ summary }) => summary.outcome !== 'finished')
  const cells: [string, (summary: Summary) => string][] = [
    ['average b', ({ averageBatchSize, steps }) => (steps > 0 ? size(averageBatchSize) : '–')],
    ['final b', ({ finalBatchSize, steps }) => (steps > 0 ? count(finalBatchSize) : '–')],
    ['steps', ({ steps }) => count(steps)],
    some(({ training }) => training)
      ? ['train loss', ({ training }) => lossWords(training?.loss ?? null)]
      : ['recent loss', ({ recentLoss }) => lossWords(recentLoss)],
  ]
  const accuracy = some(({ test }) => test?.accuracy)
  if (accuracy)
    cells.push([
      'test accuracy',
      ({ test, outcome }) =>
        outcome === 'finished' && test?.accuracy !== undefined ? percent(test.accuracy) : outcome,
    ])
  else if (some(({ test }) => test)) cells.push(['test loss', ({ test }) => lossWords(test?.loss ?? null)])
  cells.push(['seconds', ({ seconds }) => seconds.toFixed(1)])
  if (!accuracy && unfinished.length > 0) cells.push(['outcome', ({ outcome }) => outcome])
  const wide = table(
    ['run', ...cells.map(([title]) => title)],
    runs.map(({ label, summary }) => [label, ...cells.map(([, cell]) => cell(summary))]),
  )
  const paragraph = ({ label, summary }: NamedSummary) =>
    wrap(`${label}: ${cells.map(([title, cell]) => `${title} ${cell(summary)}`).join(', ')}`, columns)
  const lines = wide.every(({ length }) => length <= columns) ? wide : runs.map(paragraph)
  const notes = unfinished.map(({ label, summary: { outcome, samples, reason } }) =>
    outcome === 'diverged'
      ? `${label} diverged: ${reason}`
      : `${label} was interrupted after ${count(samples)} samples`,
  )
  const rose = runs.flatMap(({ label, summary: { outcome, firstLoss, recentLoss } }) =>
    outcome === 'finished' && firstLoss !== null && recentLoss !== null && recentLoss > 2 * Math.abs(firstLoss)
      ? [`${label}: the loss rose from ${short(firstLoss)} to ${short(recentLoss)}; the learning rate may be too large`]
      : [],
  )
  return [...lines, ...[...notes, ...rose].map((note) => wrap(note, columns))].join('\n')
}

const lossWords = (loss: number | null): string => (loss === null ? '–' : short(loss))
