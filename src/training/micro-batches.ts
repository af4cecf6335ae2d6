import { type GradientStatistics, merge, type StatisticsLevel } from '../statistics/gradient-statistics.ts'
import type { MicroBatchedStatistics } from '../statistics/official.ts'
import type { BatchResult, ComputeBatch } from './batch.ts'

/**
 * A batch as micro-batches of one size, the statistics of which stay apart: what the official code's pooling needs
 * (docs/maths.md §6.3). A few samples that are left over count in ḡ, and in no micro-batch.
 *
 * @param most samples of a micro-batch, at most
 */
export async function inMicroBatches(
  batch: ComputeBatch,
  indices: ArrayLike<number>,
  firstDraw: number,
  level: StatisticsLevel,
  most: number,
): Promise<BatchResult> {
  const b = indices.length
  const count = Math.ceil(b / most)
  const size = Math.floor(b / count)
  const parts: GradientStatistics[] = []
  let loss = 0
  for (let at = 0; at < b; at += size) {
    const part = Array.from({ length: Math.min(size, b - at) }, (_, i) => indices[at + i]!)
    const result = await batch(part, firstDraw + at, level)
    loss += (result.loss * part.length) / b
    // The executor's arrays are overwritten by the next batch.
    const { batchSize, mean, sumSquaredNorms } = result.statistics
    parts.push({ batchSize, mean: mean.slice(), ...(sumSquaredNorms !== undefined && { sumSquaredNorms }) })
  }
  const statistics: MicroBatchedStatistics = { ...parts.reduce(merge), microBatches: parts.slice(0, count) }
  return { loss, statistics }
}
