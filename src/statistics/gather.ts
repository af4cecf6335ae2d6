import { ShapeError } from '../errors.ts'
import { whole } from '../validate.ts'
import type { GradientStatistics } from './gradient-statistics.ts'

/** Gathers gradients one by one, or some at a time. */
export interface Gatherer {
  /** d */
  readonly dimension: number
  /** Samples so far. */
  readonly batchSize: number
  /**
   * Adds samples.
   *
   * @param gradients one g_i, [d], or several after each other, [n, d] in one array
   * @throws ShapeError unless the length is a positive multiple of d
   */
  add(gradients: ArrayLike<number>): void
  /** What was gathered since the start or the last call, which begins anew. */
  take(): GradientStatistics
}

/**
 * Gathers b, ḡ, Σ‖g_i‖² and Σ g_i∘g_i from per-sample gradients of your own, in the memory of two vectors.
 *
 * For ⟨g_i, ḡ⟩, which need ḡ first, use `fromPerSampleGradients`, or `withProjections` after a second sweep.
 *
 * @param dimension d
 * @throws ConfigurationError unless d is a whole number of at least 1
 * @example
 * const batch = gatherer(2)
 * batch.add([1, 0])
 * batch.add(new Float32Array([0, 1, 1, 1])) // two samples
 * varianceL1(batch.take())
 */
export function gatherer(dimension: number): Gatherer {
  whole('gatherer', 'dimension', dimension, 1)
  let sum = new Float64Array(dimension)
  let sumSquares = new Float64Array(dimension)
  let batchSize = 0
  return {
    dimension,
    get batchSize() {
      return batchSize
    },
    add(gradients) {
      const { length } = gradients
      if (length === 0 || length % dimension !== 0)
        throw new ShapeError(`gatherer: ${length} numbers, expected [${dimension}] or [n, ${dimension}]`)
      for (let start = 0; start < length; start += dimension)
        for (let j = 0; j < dimension; j++) {
          const value = gradients[start + j]!
          sum[j]! += value
          sumSquares[j]! += value * value
        }
      batchSize += length / dimension
    },
    take() {
      const gathered = {
        batchSize,
        mean: batchSize === 0 ? sum : sum.map((value) => value / batchSize),
        sumSquaredNorms: sumSquares.reduce((total, value) => total + value, 0),
        sumSquares,
      }
      sum = new Float64Array(dimension)
      sumSquares = new Float64Array(dimension)
      batchSize = 0
      return gathered
    },
  }
}
