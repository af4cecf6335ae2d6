import { power } from '../elementary.ts'
import type { TrainingRecord } from '../training/run.ts'

/** Samples over which the loss is averaged, with exponential weights. */
const memory = 1000

/** A function from each record to the running mean of the batch losses, sample by sample alike. */
export function averageLoss(): (record: Pick<TrainingRecord, 'batchSize' | 'samples' | 'loss'>) => number {
  let mean: number | undefined
  return ({ batchSize, samples, loss }) => {
    // At first a plain mean, as if nothing had been before.
    const weight = Math.max(1 - 1 / power(Math.E, batchSize / memory), batchSize / samples)
    mean = mean === undefined ? loss : mean + weight * (loss - mean)
    return mean
  }
}
