// What is said about a run in words: headers, names, tables.
import type { Named } from '../config/schema.ts'
import { count, percent, short, size, table } from '../report/format.ts'
import type { Summary } from '../running/execute.ts'
import type { ResolvedConfig } from '../running/prepare.ts'

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
  return `${optimizer.name}, ${batchSize.name === 'constant' ? `b = ${batchSize.batchSize}` : batchSize.name}`
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
  const { parameters, trainingSamples, testSamples } = environment
  const what = problem ? problem.name : `${model!.name} on ${data!.name}`
  const test = testSamples === null ? '' : `, ${count(testSamples)} to test on`
  return `${what}: ${count(parameters)} parameters, ${count(trainingSamples)} samples to train on${test}`
}

export const backendWords = (backend: ResolvedConfig['environment']['backend']): string =>
  'simd' in backend ? `${backend.name} (${backend.simd} SIMD)` : backend.name

function budgetWords({ samples, steps, seconds }: NonNullable<ResolvedConfig['budget']>): string {
  const bounds = [
    ...(samples === undefined ? [] : [`${count(samples)} samples`]),
    ...(steps === undefined ? [] : [`${count(steps)} steps`]),
    ...(seconds === undefined ? [] : [`${short(seconds)} s`]),
  ]
  return bounds.join(' or ')
}

/** A run with its name. */
export interface NamedSummary {
  readonly label: string
  readonly summary: Summary
}

/** What runs came to, one a line; the columns that no run has are left out. */
export function summaryTable(runs: readonly NamedSummary[]): string {
  const some = (has: (summary: Summary) => unknown) => runs.some(({ summary }) => has(summary) !== undefined)
  const columns: [string, (summary: Summary) => string][] = [
    ['average b', ({ averageBatchSize, steps }) => (steps > 0 ? size(averageBatchSize) : '–')],
    ['final b', ({ finalBatchSize, steps }) => (steps > 0 ? count(finalBatchSize) : '–')],
    ['steps', ({ steps }) => count(steps)],
  ]
  if (runs.some(({ summary }) => summary.outcome !== 'finished'))
    columns.push(['samples', ({ samples }) => count(samples)])
  columns.push(
    some(({ training }) => training)
      ? ['train loss', ({ training, loss }) => (training ? lossWords(training.loss) : `(${lossWords(loss)})`)]
      : ['last loss', ({ loss }) => lossWords(loss)],
  )
  if (some(({ test }) => test)) columns.push(['test loss', ({ test }) => lossWords(test?.loss ?? null)])
  if (some(({ test }) => test?.accuracy))
    columns.push(['test accuracy', ({ test }) => (test?.accuracy === undefined ? '–' : percent(test.accuracy))])
  columns.push(['seconds', ({ seconds }) => seconds.toFixed(1)])
  if (runs.some(({ summary }) => summary.outcome !== 'finished')) columns.push(['outcome', ({ outcome }) => outcome])
  return table(
    ['run', ...columns.map(([title]) => title)],
    runs.map(({ label, summary }) => [label, ...columns.map(([, cell]) => cell(summary))]),
  ).join('\n')
}

const lossWords = (loss: number | null): string => (loss === null ? '–' : short(loss))
