import { join } from 'node:path'
import { DataError } from '../errors.ts'
import { recordsOf } from '../running/resume.ts'
import { runFiles } from '../running/run-folder.ts'
import type { TrainingRecord } from '../training/run.ts'
import { show } from '../validate.ts'
import { integers } from './columns.ts'

/**
 * The records of a run's folder, whose counts and time are, as far as they are there, what columns and axes take them for.
 *
 * @throws DataError naming file, line and field where one is not
 */
export async function* checkedRecords(folder: string): AsyncGenerator<TrainingRecord, void> {
  let line = 0
  const refuse = (name: string, expected: string, value: unknown): never => {
    throw new DataError(`${join(folder, runFiles.records)}:${line}: ${name} must be ${expected}, got ${show(value)}`)
  }
  for await (const record of recordsOf(folder)) {
    line += 1
    for (const name of integers) {
      const value = record[name]
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
        refuse(name, 'a whole number of at least 0', value)
    }
    if (record.seconds !== undefined && !Number.isFinite(record.seconds))
      refuse('seconds', 'a finite number', record.seconds)
    yield record
  }
}
