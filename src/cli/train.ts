import { Command } from 'commander'
import { checkConfig, type Place } from '../config/check.ts'
import { readConfigFile } from '../config/file.ts'
import type { RunConfig } from '../config/schema.ts'
import { AdadagradError } from '../errors.ts'
import { execute, type RunSink } from '../running/execute.ts'
import { prepare } from '../running/prepare.ts'
import { openRunFolder } from '../running/run-folder.ts'
import { applyFlags, type Given } from './apply-flags.ts'
import { catalogueFlags, commanderFlags, type FlagRow } from './flags.ts'
import { untilInterrupted } from './interrupt.ts'
import { header, schemeName, summaryTable } from './lines.ts'
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
    .option('--config <file>', 'JSON configuration; flags go before it')
    .option('--json', 'one JSON object a line: the configuration, each step, the summary')
    .option('--overwrite', 'replace the run in the output folder')
    .addHelpText(
      'after',
      `
Examples:
  adadagrad train --test norm --eta 0.25 --samples 40000
  adadagrad train --optimizer adagrad-norm --test augmented --theta 0.5 --nu 1
  adadagrad train --model logistic --batch-policy geometric --growth-factor 4 --growth-period 20000
  adadagrad train --model resnet18 --data cifar10:FOLDER --optimizer sgd --momentum 0.9 --schedule cosine
  adadagrad train --problem quadratic --condition 1000 --optimizer adagrad-norm --output runs/quadratic`,
    )
  for (const flag of commanderFlags(rows)) command.addOption(flag)
  return command.action(async (options: Record<string, string | boolean | undefined>) => {
    process.exitCode = await train(options, rows, given(command, rows, options))
  })
}

/** The catalogue's flags among those that were given. */
function given(command: Command, rows: ReadonlyMap<string, FlagRow>, values: Record<string, unknown>): Given {
  const found = new Map<string, string | boolean>()
  for (const option of command.options) {
    const value = values[option.attributeName()]
    const flag = option.name().replace(/^no-/, '')
    if (value !== undefined && rows.has(flag)) found.set(flag, value as string | boolean)
  }
  return found
}

async function train(
  options: Record<string, string | boolean | undefined>,
  rows: ReadonlyMap<string, FlagRow>,
  flags: Given,
): Promise<number> {
  const { config, place } = await configuration(options.config as string | undefined, rows, flags)
  const prepared = await prepare(config, place)
  const { output, checkpointEvery } = prepared.config
  const sinks: RunSink[] = []
  if (output !== undefined) {
    const { layout } = prepared.executor
    sinks.push(openRunFolder(output, { layout, checkpointEvery, overwrite: options.overwrite === true }))
  }
  if (options.json) sinks.push(jsonLines)
  else console.log(header(prepared.config))
  const display = options.json ? undefined : await progress([schemeName(prepared.config)])
  if (display) sinks.push(display.observers[0]!)
  const summary = await untilInterrupted((signal) => execute(prepared, sinks, signal))
  if (display) {
    display.stop()
    console.log(summaryTable([{ label: schemeName(prepared.config), summary }]))
    if (output !== undefined) console.log(`recorded in ${output}`)
  }
  if (summary.outcome === 'diverged') {
    if (options.json) console.error(`error: diverged: ${summary.reason}`)
    return exitCodes.failed
  }
  return summary.outcome === 'interrupted' ? exitCodes.interrupted : 0
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
