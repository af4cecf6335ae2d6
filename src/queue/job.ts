import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { PlannedRun } from '../comparing/comparison.ts'
import type { TrainingRecord } from '../training/run.ts'

/** One run of a comparison, as it is queued. */
export interface RunJob {
  readonly run: PlannedRun
  /** The comparison's folder, absolute; it has the same path on all machines. */
  readonly output: string
  /** Where it was submitted, for messages. */
  readonly from: string
}

/** What a worker tells while it works. */
export interface RunProgress {
  readonly record: TrainingRecord
}

export const runJob = (run: PlannedRun, output: string): RunJob => ({
  run,
  output: resolve(output),
  from: hostname(),
})

/** The same for the same run: submitted twice it is queued once. */
export const jobId = ({ run, output }: RunJob): string =>
  createHash('sha256')
    .update(JSON.stringify([output, run.folder, run.config]))
    .digest('hex')
    .slice(0, 32)
