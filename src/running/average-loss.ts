import { power } from '../elementary.ts'
import type { TrainingRecord } from '../training/run.ts'

/** Samples over which the loss is averaged, with exponential weights. */
const memory = 1000
/** What a sample leaves of the mean before it: e^(−1/memory). */
const kept = 1 / power(Math.E, 1 / memory)

/** A function from each record to the running mean of the batch losses, sample by sample alike. */
export function averageLoss(): (record: Pick<TrainingRecord, 'batchSize' | 'samples' | 'loss'>) => number {
  let mean: number | undefined
  return ({ batchSize, samples, loss }) => {
    // At first a plain mean, as if nothing had been before.
    const weight = Math.max(1 - power(kept, batchSize), batchSize / samples)
    mean = mean === undefined ? loss : mean + weight * (loss - mean)
    return mean
  }
}
