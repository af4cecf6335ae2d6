import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { checkConfig } from '../config/check.ts'
import { count, wrap } from '../report/format.ts'
import { type Compared, tradeSentences } from '../report/trade.ts'
import { runInWorker } from '../running/in-worker.ts'
import type { ResolvedConfig } from '../running/prepare.ts'
import { positiveNumber, wholeNumber } from './arguments.ts'
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
    .option('--overwrite', 'replace the runs in that folder')
    .action(async (options: Options) => {
      process.exitCode = await start(options)
    })
}

/** A scheme with its configuration, checked. */
function planned(scheme: Scheme, { samples, seed }: Options, output: string, threads: number) {
  const folder = scheme.label
    .toLowerCase()
    .replaceAll(',', '')
    .replaceAll(/[^a-z0-9]+/g, '-')
  const config = checkConfig({
    ...scheme.config,
    budget: { samples },
    seed,
    evaluateTraining: true,
    backend: { name: 'wasm', threads },
    output: join(output, folder),
  })
  return { ...scheme, config }
}

async function start(options: Options): Promise<number> {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const { samples, seed, eta, overwrite = false, output = join('runs', `start-${time}`) } = options
  const compared = schemes(options)
  const atOnce = Math.min(compared.length, availableParallelism())
  const threads = Math.min(8, Math.floor(availableParallelism() / atOnce))
  const runs = compared.map((scheme) => planned(scheme, options, output, threads))

  const { views, interrupted } = await untilInterrupted(async (signal) => {
    const intro = [
      `Adaptive batches beside fixed ones, ${count(samples)} samples each (norm test η = ${eta}, seed ${seed}).`,
      `${atOnce === 1 ? 'One run' : `${atOnce} runs`} at a time; Ctrl-C ends early and keeps what there is.`,
    ]
    console.log(`${intro.map((line) => wrap(line, lineWidth())).join('\n')}\n`)
    const display = await progress(runs.map(({ label }) => label))
    const queue = startOrder.slice()
    const work = async () => {
      for (let k = queue.shift(); k !== undefined && !signal.aborted; k = queue.shift())
        await runInWorker(runs[k]!.config, display.observers[k]!, { signal, overwrite })
    }
    try {
      await Promise.all(Array.from({ length: atOnce }, work))
    } finally {
      display.stop()
    }
    return { views: display.views, interrupted: signal.aborted }
  })

  const done = runs.flatMap(({ label, adaptive }, k) => {
    const { summary, config } = views[k]!
    return summary && config ? [{ label, adaptive, summary, config }] : []
  })
  conclude(done)
  if (done.length > 0) console.log(`\nRecorded in ${output}`)
  return interrupted ? exitCodes.interrupted : 0
}

/** The table, and what it shows. */
function conclude(runs: readonly (Omit<Compared, 'testSamples'> & { readonly config: ResolvedConfig })[]): void {
  const [first] = runs
  if (!first) {
    console.log('Interrupted before the first step.')
    return
  }
  const { environment } = first.config
  const columns = lineWidth()
  console.log(`${wrap(`${problemLine(first.config)}, ${backendWords(environment.backend)}`, columns)}\n`)
  console.log(summaryTable(runs, columns))
  const testSamples = environment.testSamples ?? 0
  for (const sentence of tradeSentences(runs.map((run) => ({ ...run, testSamples }))))
    console.log(`\n${wrap(sentence, columns)}`)
}
