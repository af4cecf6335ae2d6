// The records of a run in its file, one JSON object a line; Node only.
import { closeSync, createReadStream, existsSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { DataError } from '../errors.ts'
import type { TrainingRecord } from '../training/run.ts'

const newline = 0x0a

/**
 * Cuts a file of records after step `last`, a torn last line included; a missing file has none.
 *
 * @throws DataError when it has fewer
 */
export function keepRecords(path: string, last: number): void {
  if (!existsSync(path) && last === 0) return
  const file = openSync(path, existsSync(path) ? 'r+' : 'w+')
  try {
    const block = Buffer.alloc(1 << 16)
    let [lines, at] = [0, 0]
    for (let size = -1; lines < last && size !== 0; ) {
      size = readSync(file, block, 0, block.length, at)
      let end = 0
      for (let next = block.indexOf(newline); next !== -1 && next < size && lines < last; ) {
        lines++
        end = next + 1
        next = block.indexOf(newline, end)
      }
      at += lines === last ? end : size
    }
    if (lines < last)
      throw new DataError(
        `${path}: ${lines} records, but the checkpoint beside it is of step ${last}; the run can only be made again (--overwrite)`,
      )
    ftruncateSync(file, at)
  } finally {
    closeSync(file)
  }
}

/**
 * The records of a file in order.
 *
 * @throws DataError for a line that is not the record of the next step; a torn last line, as a killed process leaves it,
 *   is left out
 */
export async function* readRecords(path: string): AsyncGenerator<TrainingRecord, void> {
  if (!existsSync(path)) return
  let step = 0
  let torn: string | undefined
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (torn !== undefined) throw new DataError(`${path}:${step + 1}: not a record: ${torn.slice(0, 40)}`)
    const record = parse(line)
    if (record === undefined) torn = line
    else if (record.step !== ++step) throw new DataError(`${path}:${step}: expected step ${step}, got ${record.step}`)
    else yield record
  }
}

function parse(line: string): TrainingRecord | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
