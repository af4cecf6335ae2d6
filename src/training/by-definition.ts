import { square } from '../elementary.ts'
import type { FullStatistics } from '../statistics/gradient-statistics.ts'
import type { Executor } from './executor.ts'

/** Statistics with the variances beside them, each summed from its own definition instead of by differences. */
export interface DirectStatistics {
  readonly loss: number
  readonly statistics: FullStatistics
  /** ⟨g_i, ḡ⟩ by parameter array, [P][b]. */
  readonly tensorProjections: readonly Float64Array[]
  readonly varianceL1: number
  readonly innerProductVariance: number
  readonly orthogonalVariance: number
  /** Σ_t ‖Var(r_i^t)‖₁, made orthogonal within each parameter array (docs/maths.md §6, deviation 2). */
  readonly tensorOrthogonalVariance: number
}

/**
 * A batch of b ≥ 2 samples by the definitions of docs/maths.md §1 and §2: the gradient of every sample, one after the
 * other, less their mean, squared and summed in float64.
 *
 * The pass that gathers b, ḡ, Σ‖g_i‖² and ⟨g_i, ḡ⟩ leaves the variances to differences: ‖Var‖₁ to Σ‖g_i‖² − b‖ḡ‖² and
 * OrthVar to ‖Var‖₁ − Var⟨g_i, ḡ⟩/‖ḡ‖². Where one sample outweighs the others by a factor q, the latter cancels q² times
 * its size. Here ḡ is the mean of the very gradients it is taken from, so a rounding of g_i hurts as much as g_i
 * itself counts, and no more. Two passes of b single samples; memory O(d).
 *
 * @param indices samples of the training set, at least 2
 * @param firstDraw ordinal of the first of them among all draws of the run
 */
export async function byDefinition(
  executor: Executor,
  indices: ArrayLike<number>,
  firstDraw: number,
): Promise<DirectStatistics> {
  const { slots, size: d } = executor.layout
  const b = indices.length
  let loss = 0
  const each = async (visit: (gradient: Float64Array, i: number) => void) => {
    loss = 0
    for (let i = 0; i < b; i++) {
      const result = await executor.batch([indices[i]!], firstDraw + i, 'none')
      loss += result.loss / b
      visit(result.statistics.mean, i)
    }
  }

  const mean = new Float64Array(d)
  await each((g) => {
    for (let j = 0; j < d; j++) mean[j]! += g[j]!
  })
  for (let j = 0; j < d; j++) mean[j]! /= b
  const signals = slots.map(({ offset, size }) => dot(mean, mean, offset, size))
  const signal = total(signals)

  const projections = new Float64Array(b)
  const tensorProjections = slots.map(() => new Float64Array(b))
  const spread = new Float64Array(d)
  let [sumSquaredNorms, across, tensorAcross] = [0, 0, 0]
  await each((g, i) => {
    for (const [t, { offset, size }] of slots.entries()) {
      const projection = dot(g, mean, offset, size)
      tensorProjections[t]![i] = projection
      tensorAcross += squaredRest(g, mean, ratio(projection, signals[t]!), offset, size)
    }
    projections[i] = total(tensorProjections.map((row) => row[i]!))
    across += squaredRest(g, mean, ratio(projections[i]!, signal), 0, d)
    sumSquaredNorms += dot(g, g, 0, d)
    for (let j = 0; j < d; j++) spread[j]! += square(g[j]! - mean[j]!)
  })

  let varianceL1 = 0
  const sumSquares = new Float64Array(d)
  for (let j = 0; j < d; j++) {
    varianceL1 += spread[j]!
    sumSquares[j] = spread[j]! + b * square(mean[j]!)
  }
  const center = total(projections) / b
  return {
    loss,
    statistics: { batchSize: b, mean, sumSquaredNorms, sumSquares, projections },
    tensorProjections,
    varianceL1: varianceL1 / (b - 1),
    innerProductVariance: total(projections.map((p) => square(p - center))) / (b - 1),
    orthogonalVariance: across / (b - 1),
    tensorOrthogonalVariance: tensorAcross / (b - 1),
  }
}

const total = (values: ArrayLike<number> & Iterable<number>): number => {
  let sum = 0
  for (const value of values) sum += value
  return sum
}

/** ⟨u, v⟩ over a stretch of both. */
function dot(u: Float64Array, v: Float64Array, offset: number, size: number): number {
  let sum = 0
  for (let j = offset; j < offset + size; j++) sum += u[j]! * v[j]!
  return sum
}

/** ‖g − c·ḡ‖² over a stretch of both. */
function squaredRest(g: Float64Array, mean: Float64Array, c: number, offset: number, size: number): number {
  let sum = 0
  for (let j = offset; j < offset + size; j++) sum += square(g[j]! - c * mean[j]!)
  return sum
}

/** Where ḡ = 0 there is no direction to take out: the coefficient is 0, and r_i = g_i = g_i − ḡ. */
const ratio = (projection: number, signal: number): number => (signal === 0 ? 0 : projection / signal)
