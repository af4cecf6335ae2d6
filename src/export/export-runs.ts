// Records of runs for the tools that people have; Node only.
import { statSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfigurationError } from '../errors.ts'
import { makeFolder } from '../folder.ts'
import { runFiles } from '../running/run-folder.ts'
import { packageVersion } from '../running/version.ts'
import { checkedRecords } from './checked-records.ts'
import { type Table, tableBuilder } from './columns.ts'
import { csv } from './csv.ts'
import { type FoundRun, findRuns } from './find-runs.ts'
import { parquet } from './parquet.ts'
import { type Axis, eventFile, tensorboard } from './tensorboard.ts'

export const exportFormats = ['csv', 'parquet', 'tensorboard'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** A file that was written. */
export interface Exported {
  readonly path: string
  readonly runs: number
  readonly records: number
}

/**
 * Writes the records of runs as CSV, as Parquet, or as TensorBoard's event files.
 *
 * CSV and Parquet are one table for all runs, whose first column names the run. TensorBoard gets a folder with a folder
 * for each run, as it expects them.
 *
 * @param paths folders of runs, or folders with such folders in them
 * @param options.output the file, or TensorBoard's folder; beside the records if left out and `paths` is one folder
 * @param options.axis what TensorBoard's horizontal axis counts
 * @throws ConfigurationError for folders without runs, DataError for records that are none
 * @example await exportRuns(['runs/first'], { format: 'csv' })
 */
export async function exportRuns(
  paths: readonly string[],
  options: { readonly format: ExportFormat; readonly output?: string; readonly axis?: Axis },
): Promise<Exported[]> {
  const { format, axis = 'step' } = options
  const runs = findRuns(paths)
  const output = options.output ?? besideRecords(paths, format)
  if (format === 'tensorboard') {
    const alone = runs.length === 1 && options.output === undefined
    return Promise.all(runs.map((run) => exportEvents(run, alone ? output : join(output, run.name), axis)))
  }
  const table = await gather(runs)
  if (format === 'csv') await write(output, csv(table))
  else await write(output, [await parquet(table, { adadagrad: packageVersion() })])
  return [{ path: output, runs: runs.length, records: table.rows }]
}

function besideRecords(paths: readonly string[], format: ExportFormat): string {
  if (paths.length > 1)
    throw new ConfigurationError(`--output: needs a value for ${paths.length} folders: the file or folder to write to`)
  return join(paths[0]!, format === 'tensorboard' ? 'tensorboard' : `records.${format}`)
}

async function gather(runs: readonly FoundRun[]): Promise<Table> {
  const builder = tableBuilder()
  for (const { name, folder } of runs) for await (const record of checkedRecords(folder)) builder.add(name, record)
  return builder.table()
}

async function exportEvents({ folder }: FoundRun, output: string, axis: Axis): Promise<Exported> {
  // Records have seconds since the run began; when that was is nowhere written but in the time of the file.
  const start = Math.floor(statSync(join(folder, runFiles.config), { throwIfNoEntry: false })?.mtimeMs ?? 0) / 1000
  const path = join(output, eventFile)
  let events = 0
  async function* counted(): AsyncGenerator<Uint8Array, void> {
    for await (const event of tensorboard(checkedRecords(folder), axis, start)) {
      events += 1
      yield event
    }
  }
  await write(path, counted())
  // The first event only says what file it is.
  return { path, runs: 1, records: events - 1 }
}

const bufferSize = 1 << 20

/** Writes parts to a file that appears when it is whole. */
async function write(
  path: string,
  parts: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const part = `${path}.part`
  try {
    makeFolder(dirname(path))
    const file = await open(part, 'w')
    try {
      let waiting: Uint8Array[] = []
      let size = 0
      for await (const piece of parts) {
        const bytes = Buffer.from(piece as string)
        waiting.push(bytes)
        size += bytes.length
        if (size < bufferSize) continue
        await file.write(Buffer.concat(waiting))
        waiting = []
        size = 0
      }
      await file.write(Buffer.concat(waiting))
    } finally {
      await file.close()
    }
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true }).catch(() => {})
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    throw new ConfigurationError(`${path}: cannot be written (${code})`, { cause: error })
  }
}
