import type { PerTensorStatistics } from '../statistics/official.ts'
import type { BatchResult, ComputeBatch } from './batch.ts'
import type { Workspace } from './workspace.ts'

/**
 * Computes batches in the general way: a pass for each sample, whose gradient is then at hand. Slow, and right for any
 * objective. Projections take a second round of passes.
 */
export function sampleBySampleBatches(
  workspace: Workspace,
  breathe: (() => Promise<void> | undefined) | undefined,
): ComputeBatch {
  const { dataset, layout, gradient, losses } = workspace
  const d = layout.size
  const mean = new Float64Array(d)

  async function each(indices: ArrayLike<number>, firstDraw: number, visit: (i: number) => void): Promise<void> {
    const { plan, fields } = await workspace.gradientPlan('none', 1)
    const one = new Uint32Array(1)
    for (let i = 0; i < indices.length; i++) {
      one[0] = indices[i]!
      dataset.read(one, fields, 0, firstDraw + i)
      const running = plan.run(0, 0)
      if (running) await running
      visit(i)
      const pause = breathe?.()
      if (pause) await pause
    }
  }

  return async (indices, firstDraw, level): Promise<BatchResult> => {
    const b = indices.length
    const sum = new Float64Array(d)
    const sumSquares = level === 'coordinates' ? new Float64Array(d) : undefined
    let [loss, sumSquaredNorms] = [0, 0]
    await each(indices, firstDraw, () => {
      loss += losses[0]!
      for (let j = 0; j < d; j++) {
        const g = gradient[j]!
        sum[j]! += g
        sumSquaredNorms += g * g
        if (sumSquares) sumSquares[j]! += g * g
      }
    })
    for (let j = 0; j < d; j++) mean[j] = sum[j]! / b
    const statistics = { batchSize: b, mean, sumSquaredNorms, ...(sumSquares && { sumSquares }) }
    if (level !== 'projections') return { loss: loss / b, statistics }

    const tensorProjections = layout.slots.map(() => new Float64Array(b))
    const projections = new Float64Array(b)
    await each(indices, firstDraw, (i) => {
      for (const [p, { offset, size }] of layout.slots.entries()) {
        let product = 0
        for (let j = offset; j < offset + size; j++) product += gradient[j]! * mean[j]!
        tensorProjections[p]![i] = product
        projections[i]! += product
      }
    })
    const perTensor: PerTensorStatistics = { ...statistics, projections, layout: layout.slots, tensorProjections }
    return { loss: loss / b, statistics: perTensor, tensorProjections }
  }
}
