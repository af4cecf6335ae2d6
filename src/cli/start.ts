import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { type Comparison, checkComparison, type PlannedRun } from '../comparing/comparison.ts'
import { writeReport } from '../comparing/report.ts'
import { type RunResult, readResults } from '../comparing/results.ts'
import { isDone, makeRuns, type RunState } from '../comparing/runs.ts'
import { count, wrap } from '../report/format.ts'
import { tradeSentences } from '../report/trade.ts'
import { pathArgument, positiveNumber, wholeNumber } from './arguments.ts'
import { untilInterrupted } from './interrupt.ts'
import { backendWords, lineWidth, problemLine, summaryTable } from './lines.ts'
import { progress } from './progress.ts'
import { exitCodes } from './report.ts'

interface Options {
  readonly samples: number
  readonly eta: number
  readonly seed: number
  readonly output?: string
  readonly overwrite?: boolean
}

/** What is compared: the long runs first, so that no processor ends up waiting. */
function compared({ samples, eta, seed }: Options): Comparison {
  const adaptive = { name: 'adaptive', test: { name: 'norm', eta }, initial: 8 }
  return checkComparison({
    title: 'Adaptive batches beside fixed ones',
    model: 'mnist-cnn',
    data: 'digits',
    optimizer: 'adagrad',
    learningRate: 8e-3,
    budget: { samples },
    seeds: [seed],
    // Often enough for a curve, and never more work than the training itself.
    evaluateEvery: Math.max(2000, Math.ceil(samples / 25)),
    schemes: {
      'fixed b = 8': { batchSize: 8 },
      AdAdaGrad: { batchSize: adaptive },
      AdAdaGradNorm: { optimizer: 'adagrad-norm', learningRate: 0.5, batchSize: adaptive },
      'fixed b = 2,048': { batchSize: 2048 },
    },
  })
}

/** `adadagrad start`: what `npm start` shows. */
export function startCommand(): Command {
  return new Command('start')
    .summary('adaptive batches beside fixed ones, on real digits: a minute or two')
    .description(
      'Trains the MNIST CNN on 8,000 real digits four times, on the same number of samples: AdAdaGrad and AdAdaGradNorm\n' +
        'with the norm test, a small and a large fixed batch. Each run is recorded in a folder, with tables and plots beside.',
    )
    .option('--samples <n>', 'samples that each run processes', wholeNumber(1), 80_000)
    .option('--eta <number>', 'η of the norm test', positiveNumber, 0.5)
    .option('--seed <n>', 'decides initialisation and sampling', wholeNumber(0), 1)
    .option('--output <folder>', 'folder for the runs (default: runs/start-<time>)', pathArgument)
    .option('--overwrite', 'make again the runs in that folder that were made with other settings')
    .action(async (options: Options) => {
      process.exitCode = await start(options)
    })
}

async function start(options: Options): Promise<number> {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const { samples, seed, eta, overwrite = false, output = join('runs', `start-${time}`) } = options
  const comparison = compared(options)
  const { runs, title } = comparison
  const atOnce = Math.min(runs.length, availableParallelism())
  const { states, interrupted } = await untilInterrupted(async (signal) => {
    const intro = [
      `${title}, ${count(samples)} samples each (norm test η = ${eta}, seed ${seed}).`,
      `${atOnce === 1 ? 'One run' : `${atOnce} runs`} at a time; Ctrl-C ends early and keeps what there is.`,
    ]
    console.log(`${intro.map((line) => wrap(line, lineWidth())).join('\n')}\n`)
    const display = await progress(runs.map(({ scheme }) => scheme))
    const observer = { start: (run: PlannedRun) => display.observers[runs.indexOf(run)]! }
    try {
      const states = await makeRuns(comparison, { output, overwrite, signal, observer })
      return { states, interrupted: signal.aborted }
    } finally {
      display.stop()
    }
  })

  const failed = states.filter(({ error }) => error !== undefined)
  for (const { run, error } of failed) console.error(`error: ${run.scheme}: ${error}`)
  const target = commonAccuracy(states)
  const results = await readResults(states, target)
  conclude(results, target, interrupted)
  if (states.some(({ summary }) => isDone(summary))) {
    const command = `npx adadagrad start --samples ${samples} --eta ${eta} --seed ${seed}`
    await writeReport({ ...comparison, ...(target && { target }) }, results, { output, command })
    console.log(`\nRuns, tables, plots and ${join(output, 'report.html')}`)
  } else if (states.some(({ summary }) => summary)) console.log(`\nRecorded in ${output}`)
  if (failed.length > 0) return exitCodes.failed
  return interrupted ? exitCodes.interrupted : 0
}

/** An accuracy in whole per cent that all runs got to; nothing where one did not come to its end, or to any. */
function commonAccuracy(states: readonly RunState[]): { readonly accuracy: number } | undefined {
  const least = Math.min(...states.map(({ summary }) => summary?.test?.accuracy ?? 0))
  const accuracy = Math.floor(100 * least) / 100
  return accuracy > 0 && states.every(({ summary }) => summary?.outcome === 'finished') ? { accuracy } : undefined
}

/** The table, and what it shows. */
function conclude(
  results: readonly RunResult[],
  target: { readonly accuracy: number } | undefined,
  interrupted: boolean,
): void {
  const runs = results.flatMap(({ run, summary, config, reached }) => {
    if (!summary || !config) return []
    const adaptive = run.config.batchSize!.name === 'adaptive'
    const testSamples = config.environment.testSamples ?? 0
    return [{ label: run.scheme, adaptive, summary, testSamples, ...(reached && { reached }) }]
  })
  const config = results.find((result) => result.config)?.config
  if (!config) {
    if (interrupted) console.log('Interrupted before the first step.')
    return
  }
  const columns = lineWidth()
  console.log(`${wrap(`${problemLine(config)}, ${backendWords(config.environment.backend)}`, columns)}\n`)
  console.log(summaryTable(runs, columns))
  for (const sentence of tradeSentences(runs, target?.accuracy)) console.log(`\n${wrap(sentence, columns)}`)
}
