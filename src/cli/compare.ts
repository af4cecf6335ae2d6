import { basename, extname, join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { checkComparison, type PlannedRun, runName } from '../comparing/comparison.ts'
import { writeReport } from '../comparing/report.ts'
import { readResults } from '../comparing/results.ts'
import { isDone, makeRuns, type RunState } from '../comparing/runs.ts'
import { tableLines } from '../comparing/table.ts'
import { isOfTask, parseTask, type Task } from '../comparing/task.ts'
import { readYamlFile } from '../config/yaml.ts'
import { count, plural } from '../report/format.ts'
import { pathArgument, wholeNumber } from './arguments.ts'
import { comparisonProgress } from './compare-progress.ts'
import { untilInterrupted } from './interrupt.ts'
import { exitCodes } from './report.ts'
import { UsageError } from './usage-error.ts'

interface Options {
  readonly output?: string
  readonly seeds?: number | readonly number[]
  readonly samples?: number
  readonly steps?: number
  readonly evaluateEvery?: number
  readonly jobs?: number
  readonly overwrite?: boolean
  readonly task?: Task
  readonly queue?: string
}

const seedList = (text: string) => {
  const seeds = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)) return seeds
  throw new InvalidArgumentError('expected whole numbers separated by commas: 1,2,3')
}

const taskOption = (text: string) => {
  try {
    return parseTask(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** `adadagrad compare`: schemes × seeds of one problem, with tables and plots. */
export function compareCommand(): Command {
  return new Command('compare')
    .summary('schemes × seeds from a file: runs over all processors, tables, plots, a report')
    .description(
      'Makes the runs that a YAML or JSON file names, each in a folder of its own, and then tables (Markdown, CSV, LaTeX),\n' +
        'plots (SVG, PNG) and one self-contained report.html. Called again it makes only what is missing, and resumes what\n' +
        'was interrupted.',
    )
    .argument('<file>', 'what is compared; see experiments/ for examples')
    .option('--output <folder>', 'where runs and report go (default: runs/<name of the file>)', pathArgument)
    .option('--seeds <n,n,…>', "seeds, in place of the file's", seedList)
    .option('--samples <n>', "budget of each run in samples, in place of the file's", wholeNumber(1))
    .option('--steps <n>', "budget of each run in steps, in place of the file's", wholeNumber(1))
    .option('--evaluate-every <n>', "samples between evaluations, in place of the file's", wholeNumber(1))
    .option('--jobs <n>', 'runs at a time (default: the processors)', wholeNumber(1))
    .option(
      '--task <i/n>',
      'only the i-th of n parts of the runs, as one task of a Slurm job array; no report',
      taskOption,
    )
    .option('--queue <address>', 'leave the runs to workers, by a Redis server: redis://host:port')
    .option('--overwrite', 'make again the runs whose configuration has changed')
    .addHelpText(
      'after',
      `
Examples:
  adadagrad compare experiments/digits-logistic.yaml
  adadagrad compare experiments/digits-cnn.yaml --samples 8000 --seeds 1,2 --output runs/quick
  srun adadagrad compare FILE --output SHARED --task $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT

The file: everything of a run's configuration may stand at the top and holds for all schemes; a scheme takes the place
of whole keys.

  title: Adaptive beside fixed batches
  model: logistic
  data: digits
  budget: { samples: 80000 }
  seeds: 3
  validation: 1000                              # held out, to choose settings by
  tune: { learningRate: [0.008, 0.032, 0.128] } # each scheme at its best
  target: { accuracy: 0.9 }                     # what each needs to get there
  schemes:
    AdAdaGrad:
      batchSize: { name: adaptive, test: { name: norm, eta: 0.5 }, initial: 8 }
    b = 64:
      batchSize: 64`,
    )
    .action(async (file: string, options: Options) => {
      process.exitCode = await run(file, options)
    })
}

async function run(path: string, options: Options): Promise<number> {
  const file = await readYamlFile(path)
  const comparison = checkComparison(withFlags(file.value, options), file.place)
  const output = options.output ?? join('runs', basename(path, extname(path)))
  const { runs, schemes, seeds } = comparison
  // A scheme that is not tuned has one.
  const each = runs.length / seeds.length
  const settings = runs.some(({ setting }) => setting) ? ` at ${plural(each, 'setting')}` : ''
  console.log(
    `${comparison.title}: ${plural(schemes.length, 'scheme')}${settings} × ${plural(seeds.length, 'seed')} = ${plural(runs.length, 'run')}`,
  )

  const { jobs, overwrite, task, queue } = options
  if (queue !== undefined && (task || jobs))
    throw new UsageError(`--${task ? 'task' : 'jobs'} has no meaning with --queue: workers take what comes`)
  const part = runs.filter((_, index) => task === undefined || isOfTask(task, index))
  if (task) console.log(`Task ${task.number} of ${task.of}: ${part.length} runs`)

  const display = await comparisonProgress({ ...comparison, runs: part })
  const { states, interrupted } = await untilInterrupted(async (signal) => {
    const settings = {
      output,
      signal,
      observer: display.observer,
      ...(jobs && { jobs }),
      ...(overwrite && { overwrite }),
      ...(task && { only: (_: PlannedRun, index: number) => isOfTask(task, index) }),
    }
    try {
      const states = await (queue === undefined
        ? makeRuns(comparison, settings)
        : (await import('../queue/submit.ts')).submitRuns(comparison, { ...settings, queue }))
      return { states, interrupted: signal.aborted }
    } finally {
      display.stop()
    }
  })
  const done = states.filter(({ summary }) => isDone(summary))
  // A task is one of many that share the folder; whoever comes last makes the report.
  if (done.length > 0 && !task) {
    const report = await writeReport(comparison, await readResults(states, comparison.target), {
      output,
      source: file.text,
      command: commandLine(path, options),
    })
    const { lines, left } = tableLines(report.rows, process.stdout.columns ?? Number.POSITIVE_INFINITY)
    console.log(
      `\n${lines.join('\n')}\n${left > 0 ? `${plural(left, 'column')} more in ${join(output, 'table.md')}\n` : ''}`,
    )
    for (const { scheme, notes } of report.rows) for (const note of notes) console.log(`${scheme}, ${note}`)
    console.log(`Tables, plots and ${join(output, 'report.html')}: ${count(report.files.length)} files`)
  }
  return ending(
    states.filter((_, index) => task === undefined || isOfTask(task, index)),
    interrupted,
    task !== undefined,
  )
}

function ending(states: readonly RunState[], interrupted: boolean, isTask: boolean): number {
  const failed = states.filter(({ error }) => error !== undefined)
  for (const { run, error } of failed) console.error(`error: ${runName(run)}: ${error}`)
  const elsewhere = states.filter((state) => state.elsewhere).length
  if (elsewhere > 0) console.log(`${elsewhere} of ${states.length} runs are being made by other processes`)
  const done = states.filter(({ summary }) => isDone(summary)).length
  const missing = states.length - done - failed.length - elsewhere
  if (missing > 0)
    console.log(`${missing} of ${states.length} runs are not at their end; the same command goes on with them`)
  if (isTask && done === states.length)
    console.log('The runs of this task are done; the same command without --task makes tables, plots and the report')
  if (failed.length > 0) return exitCodes.failed
  return interrupted ? exitCodes.interrupted : 0
}

function withFlags(value: unknown, { seeds, samples, steps, evaluateEvery }: Options): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const budget = { ...(samples !== undefined && { samples }), ...(steps !== undefined && { steps }) }
  const others = { ...(seeds && { seeds }), ...(evaluateEvery !== undefined && { evaluateEvery }) }
  if (Object.keys(budget).length === 0) return { ...value, ...others }
  const { schemes, ...rest } = value as Record<string, unknown>
  // In place of every budget, those of schemes included.
  const same = Object.entries(Object(schemes)).map(([name, scheme]) => {
    if (typeof scheme !== 'object' || scheme === null) return [name, scheme]
    const { budget: _, ...kept } = scheme as Record<string, unknown>
    return [name, kept]
  })
  return {
    ...rest,
    budget,
    ...(schemes !== undefined && { schemes: Object.fromEntries(same) }),
    ...others,
  }
}

const commandLine = (path: string, { seeds, samples, steps, evaluateEvery }: Options): string =>
  [
    `npx adadagrad compare ${/\s/.test(path) ? JSON.stringify(path) : path}`,
    ...(seeds ? [`--seeds ${seeds}`] : []),
    ...(samples ? [`--samples ${samples}`] : []),
    ...(steps ? [`--steps ${steps}`] : []),
    ...(evaluateEvery ? [`--evaluate-every ${evaluateEvery}`] : []),
  ].join(' ')
