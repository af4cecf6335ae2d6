import { Command, Option } from 'commander'
import { columnMeanings } from '../export/columns.ts'
import { type ExportFormat, exportFormats, exportRuns } from '../export/export-runs.ts'
import type { Axis } from '../export/tensorboard.ts'
import { count } from '../report/format.ts'
import { pathArgument } from './arguments.ts'
import { UsageError } from './usage-error.ts'

interface Flags {
  readonly format: ExportFormat
  readonly output?: string
  readonly axis?: Axis
}

/** `adadagrad export`: the records of runs for TensorBoard and for data frames. */
export function exportCommand(): Command {
  return new Command('export')
    .summary('records of runs as CSV, Parquet or TensorBoard event files')
    .description(
      'Writes the records of runs for other tools. A folder is that of a run, or has runs within it, as a comparison.\n' +
        'CSV and Parquet: one table with a column `run`. TensorBoard: a folder with a folder for each run.',
    )
    .argument('<folder...>', 'folders of runs')
    .addOption(new Option('--format <name>', 'what to write').choices(exportFormats).makeOptionMandatory())
    .option('--output <path>', "file, or TensorBoard's folder (default: within the folder, if it is one)", pathArgument)
    .addOption(
      new Option('--axis <name>', "what TensorBoard's horizontal axis counts (default: step)").choices([
        'step',
        'samples',
      ]),
    )
    .addHelpText('after', help())
    .action(async (folders: string[], flags: Flags) => {
      if (flags.axis !== undefined && flags.format !== 'tensorboard')
        throw new UsageError(`--axis belongs to --format tensorboard, not to ${flags.format}`)
      for (const { path, runs, records } of await exportRuns(folders, flags))
        console.log(`${path}: ${count(records)} records${runs > 1 ? ` of ${runs} runs` : ''}`)
    })
}

function help(): string {
  const width = Math.max(...Object.keys(columnMeanings).map((name) => name.length))
  const rows = Object.entries(columnMeanings).map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`)
  return `
Examples:
  adadagrad export runs/first --format csv
  adadagrad export runs/first runs/second --format parquet --output records.parquet
  adadagrad export runs/comparison --format tensorboard --axis samples

Columns, and what else a record has under its own name:
${rows.join('\n')}`
}
