import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { checkConfig } from '../config/check.ts'
import { count, wrap } from '../report/format.ts'
import { tradeSentences } from '../report/trade.ts'
import { runInWorker } from '../running/in-worker.ts'
import { untilInterrupted } from './interrupt.ts'
import { backendWords, problemLine, summaryTable } from './lines.ts'
import { progress } from './progress.ts'
import { exitCodes } from './report.ts'

interface Options {
  readonly samples: number
  readonly eta: number
  readonly seed: number
  readonly output?: string
}

interface Scheme {
  readonly label: string
  readonly adaptive: boolean
  readonly config: Record<string, unknown>
}

/** Adaptive batches by the norm test, beside a small and a large fixed batch: the same model, data and samples. */
function schemes({ eta }: Options): Scheme[] {
  const adaptive = { name: 'adaptive', test: { name: 'norm', eta }, initial: 8 }
  const adagrad = { optimizer: 'adagrad', learningRate: 8e-3 }
  const fixed = (batchSize: number): Scheme => ({
    label: `fixed b = ${count(batchSize)}`,
    adaptive: false,
    config: { ...adagrad, batchSize },
  })
  return [
    { label: 'AdAdaGrad', adaptive: true, config: { ...adagrad, batchSize: adaptive } },
    {
      label: 'AdAdaGradNorm',
      adaptive: true,
      config: { optimizer: 'adagrad-norm', learningRate: 0.5, batchSize: adaptive },
    },
    fixed(8),
    fixed(2048),
  ]
}

/** The order in which runs start: the long ones first, so that no processor ends up waiting. */
const startOrder = [2, 0, 1, 3]

const wholeNumber = (least: number) => (text: string) => {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new InvalidArgumentError(`expected a whole number of at least ${least}`)
}
const positiveNumber = (text: string) => {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('expected a number above 0')
}

/** `adadagrad start`: what `npm start` shows. */
export function startCommand(): Command {
  return new Command('start')
    .summary('adaptive batches beside fixed ones, on real digits: a minute or two')
    .description(
      'Trains the MNIST CNN on 8,000 real digits four times, on the same number of samples: AdAdaGrad and AdAdaGradNorm\n' +
        'with the norm test, a small and a large fixed batch. Each run is recorded in a folder.',
    )
    .option('--samples <n>', 'samples that each run processes', wholeNumber(1), 80_000)
    .option('--eta <number>', 'η of the norm test', positiveNumber, 0.5)
    .option('--seed <n>', 'decides initialisation and sampling', wholeNumber(0), 1)
    .option('--output <folder>', 'folder for the runs (default: runs/start-<time>)')
    .action(async (options: Options) => {
      process.exitCode = await start(options)
    })
}

async function start(options: Options): Promise<number> {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const output = options.output ?? join('runs', `start-${time}`)
  const { samples, seed } = options
  const compared = schemes(options)
  const atOnce = Math.min(compared.length, availableParallelism())
  const threads = Math.min(8, Math.floor(availableParallelism() / atOnce))
  const runs = compared.map((scheme) => ({
    ...scheme,
    checked: checkConfig({
      ...scheme.config,
      budget: { samples },
      seed,
      evaluateTraining: true,
      backend: { name: 'wasm', threads },
      output: join(
        output,
        scheme.label
          .toLowerCase()
          .replaceAll(',', '')
          .replaceAll(/[^a-z0-9]+/g, '-'),
      ),
    }),
  }))
  console.log(
    `Adaptive batches beside fixed ones, ${count(samples)} samples each (norm test η = ${options.eta}, seed ${seed}).\n` +
      `${atOnce === 1 ? 'One run' : `${atOnce} runs`} at a time; Ctrl-C ends early and keeps what there is.\n`,
  )
  const display = await progress(runs.map(({ label }) => label))

  const { interrupted } = await untilInterrupted(async (signal) => {
    const queue = startOrder.slice()
    const work = async () => {
      for (let k = queue.shift(); k !== undefined && !signal.aborted; k = queue.shift())
        await runInWorker(runs[k]!.checked, display.observers[k]!, { signal })
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    return { interrupted: signal.aborted }
  })
  display.stop()

  const done = runs.flatMap(({ label, adaptive }, k) => {
    const { summary, config } = display.views[k]!
    return summary && config
      ? [{ label, adaptive, summary, config, testSamples: config.environment.testSamples ?? 0 }]
      : []
  })
  const [first] = done
  if (!first) {
    console.log('Interrupted before the first step.')
    return exitCodes.interrupted
  }
  const { config } = first
  // Off a terminal lines are whole.
  const columns = process.stdout.isTTY ? Math.min(process.stdout.columns, 110) : Number.POSITIVE_INFINITY
  console.log(`${wrap(`${problemLine(config)}, ${backendWords(config.environment.backend)}`, columns)}\n`)
  console.log(summaryTable(done))
  for (const sentence of tradeSentences(done)) console.log(`\n${wrap(sentence, columns)}`)
  console.log(`\nRecorded in ${output}`)
  return interrupted ? exitCodes.interrupted : 0
}
