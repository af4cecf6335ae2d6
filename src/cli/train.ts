import { join } from 'node:path'
import { Command } from 'commander'
import { checkConfig, type Place } from '../config/check.ts'
import { readConfigFile } from '../config/file.ts'
import type { RunConfig } from '../config/schema.ts'
import { AdadagradError } from '../errors.ts'
import { count, wrap } from '../report/format.ts'
import { execute, type RunSink } from '../running/execute.ts'
import { takeLease } from '../running/lease.ts'
import { prepare } from '../running/prepare.ts'
import { prepareRecorded, type RecordedRun, readRun } from '../running/resume.ts'
import { runFiles } from '../running/run-folder.ts'
import { applyFlags, type Given } from './apply-flags.ts'
import { pathArgument } from './arguments.ts'
import { catalogueFlags, commanderFlags, type FlagRow, givenFlags } from './flags.ts'
import { untilInterrupted } from './interrupt.ts'
import { header, lineWidth, schemeName, summaryTable } from './lines.ts'
import { progress } from './progress.ts'
import { exitCodes } from './report.ts'
import { UsageError } from './usage-error.ts'

/** `adadagrad train`: one run, every choice a flag. */
export function trainCommand(): Command {
  const rows = catalogueFlags()
  const command = new Command('train')
    .summary('one run of any model, data, optimiser and batch policy')
    .description(
      'Trains, and shows it live. Without flags: AdAdaGrad, the norm test with AdaGrad, on the MNIST CNN and the digits.\n' +
        'A flag that belongs to something else than what is chosen is refused.',
    )
    .option('--config <file>', 'JSON configuration; flags go before it', pathArgument)
    .option('--json', 'one JSON object a line: the configuration, each step, the summary')
    .option('--overwrite', 'replace the run in the output folder')
    .option('--resume <folder>', 'go on with the run in a folder, bit for bit, from its last checkpoint', pathArgument)
    .addHelpText(
      'after',
      `
Examples:
  adadagrad train --test norm --eta 0.25 --samples 40000
  adadagrad train --optimizer adagrad-norm --test augmented --theta 0.5 --nu 1
  adadagrad train --model logistic --batch-policy geometric --growth-factor 4 --growth-period 20000
  adadagrad train --model resnet18 --data cifar10:FOLDER --optimizer sgd --momentum 0.9 --schedule cosine
  adadagrad train --resume runs/first
  adadagrad train --problem quadratic --condition 1000 --optimizer adagrad-norm --output runs/quadratic`,
    )
  for (const flag of commanderFlags(rows)) command.addOption(flag)
  return command.action(async (options: Record<string, string | boolean | undefined>) => {
    process.exitCode = await train(options, rows, givenFlags(command, rows, options))
  })
}

async function train(
  options: Record<string, string | boolean | undefined>,
  rows: ReadonlyMap<string, FlagRow>,
  flags: Given,
): Promise<number> {
  const { resume: at } = options as { resume?: string }
  for (const flag of ['overwrite', 'output'])
    if (at !== undefined && (options[flag] !== undefined || flags.has(flag)))
      throw new UsageError(`--${flag}: does not go with --resume, which goes on in ${at}`)
  if (at === undefined) return start(options, rows, flags)
  // Read first: a folder without a run is none to work in.
  await readRun(at)
  return alone(at, async () => start(options, rows, flags, { at, earlier: await readRun(at) }))
}

/** Works in a run's folder, unless another process does. */
async function alone<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lease = await takeLease(folder)
  if (!lease) throw new AdadagradError(`${folder}: another process is working on this run`)
  try {
    return await work()
  } finally {
    lease.release()
  }
}

/** Makes a run, or goes on with one whose folder is this process's. */
async function start(
  options: Record<string, string | boolean | undefined>,
  rows: ReadonlyMap<string, FlagRow>,
  flags: Given,
  resumed?: { readonly at: string; readonly earlier: RecordedRun },
): Promise<number> {
  const { overwrite, json } = options as { overwrite?: boolean; json?: boolean }
  const { at, earlier: resume } = resumed ?? {}
  const file = options.config ?? (at === undefined ? undefined : join(at, runFiles.config))
  const { config: given, place } = await configuration(file as string | undefined, rows, flags)
  // A folder may have been moved since.
  const config = at === undefined ? given : { ...given, output: at }
  if (overwrite && config.output === undefined)
    throw new UsageError('--overwrite: there is no folder to replace; name one by --output')
  if (resume?.summary?.outcome === 'finished') return await sayFinished(config, place, resume, json === true)
  const { prepared, folder, past } = await prepareRecorded(config, { place, resume, overwrite: overwrite === true })
  const { output } = prepared.config
  const sinks: RunSink[] = [...folder]
  if (json) sinks.push(jsonLines)
  else console.log(broken(header(prepared.config)))
  if (resume && !json) console.log(resume.step > 0 ? `goes on after step ${count(resume.step)}` : 'starts again')
  const display = json ? undefined : await progress([schemeName(prepared.config)])
  if (display) sinks.push(display.observers[0]!)
  const work = () => untilInterrupted((signal) => execute(prepared, sinks, { signal, ...(past && { past }) }))
  const summary = await (output === undefined || resume ? work() : alone(output, work))
  if (display) {
    display.stop()
    console.log(summaryTable([{ label: schemeName(prepared.config), summary }], lineWidth()))
    if (output !== undefined)
      console.log(`recorded in ${output}${summary.outcome === 'diverged' ? whatStands(folder[0]?.checkpointStep) : ''}`)
  }
  if (summary.outcome === 'diverged') {
    if (json) console.error(`error: diverged: ${summary.reason}`)
    return exitCodes.failed
  }
  return summary.outcome === 'interrupted' ? exitCodes.interrupted : 0
}

/** What a run that diverged leaves to look at. */
const whatStands = (step: number | undefined): string =>
  step === undefined
    ? ', without a checkpoint: no step was finite after one that was made'
    : `; the checkpoint is of step ${count(step)}, from which loss and gradient were finite`

/** Lines that fit the terminal. */
const broken = (text: string): string =>
  text
    .split('\n')
    .map((line) => wrap(line, lineWidth()))
    .join('\n')

/** A run that has reached its budget is left as it is. */
async function sayFinished(
  given: RunConfig,
  place: Place,
  { checkpoint, summary }: RecordedRun,
  json: boolean,
): Promise<number> {
  const { config, executor } = await prepare(given, { place, checkpoint })
  await executor.close()
  if (json) {
    jsonLines.begin!(config)
    console.log(JSON.stringify({ summary }))
  } else {
    console.log(summaryTable([{ label: schemeName(config), summary: summary! }], lineWidth()))
    console.log(`${config.output}: the run has reached its budget, nothing is left to do`)
  }
  return 0
}

/** The run as JSON lines on standard output; records as in a run's folder. */
const jsonLines: RunSink = {
  begin: (config) => console.log(JSON.stringify({ config })),
  record: (record) => console.log(JSON.stringify(record)),
  end: (summary) => console.log(JSON.stringify({ summary })),
}

/** File and flags together, checked. Where there is no file, a wrong value is a wrong command line. */
async function configuration(
  path: string | undefined,
  rows: ReadonlyMap<string, FlagRow>,
  flags: Given,
): Promise<{ config: RunConfig; place: Place }> {
  const file = path === undefined ? undefined : await readConfigFile(path)
  const { raw, place } = applyFlags(rows, flags, file)
  try {
    return { config: checkConfig(raw, place), place }
  } catch (error) {
    throw error instanceof AdadagradError && !file ? new UsageError(error.message) : error
  }
}
