/**
 * Statistics where each worker, or each micro-batch, knows the mean of its gradients and no more: data-parallel training,
 * gradient accumulation (docs/maths.md §4).
 */
import { ConfigurationError, ShapeError } from '../errors.ts'
import { nonNegative, whole } from '../validate.ts'
import { squaredNorm as squaredNormOf } from './derived.ts'
import type { GradientStatistics } from './gradient-statistics.ts'

/** What one worker knows. */
export interface WorkerMean {
  /** b_k, its samples. */
  readonly batchSize: number
  /** ḡ_k, the mean of their gradients before anything is reduced over workers, [d]. */
  readonly mean: ArrayLike<number>
}

/**
 * Statistics of the joint batch from the mean gradients of its m parts: V = (1/(m − 1)) Σ b_k‖ḡ_k − ḡ‖² for ‖Var‖₁.
 *
 * A mean of b_k independent gradients has the variance σ²/b_k, so V is unbiased for σ² (for equal parts it is b_k times the
 * variance of the means), and so is each coordinate's. With parts of one sample it is ‖Var‖₁ itself; in the merge law
 * (b − 1)‖Var‖₁ = Σ(b_k − 1)V_k + (m − 1)V it is the second term, all that m means can say. From few parts it is a noisy
 * estimate: of means that are nearly normal, its relative deviation is up to √(2/(m − 1)), less where the noise has many
 * directions. Micro-batches of gradient accumulation are parts like workers, and all of them together are better than either.
 *
 * Formed as if each sample of part k had the gradient ḡ + c(ḡ_k − ḡ), c² = (b − 1)/(m − 1); so b, ḡ and everything that
 * is derived from variances work as ever. Samples have to be spread over the parts at random: where each worker has data of
 * another kind, V measures that difference as well.
 *
 * @param workers at least two parts; sizes may differ
 * @param options.projections ⟨g_i, ḡ⟩ for the inner product and orthogonality tests; true by default
 * @throws ConfigurationError for fewer than two parts: one mean says nothing about its spread
 * @throws ShapeError if the gradients differ in dimension
 * @example
 * varianceL1(fromWorkerMeans([{ batchSize: 8, mean: [1] }, { batchSize: 8, mean: [3] }])) // 8 · 2
 * @see McCandlish et al. 2018, arXiv 1812.06162, appendix A.1: the same number, from ‖ḡ_k‖² and ‖ḡ‖²
 */
export function fromWorkerMeans(
  workers: readonly WorkerMean[],
  { projections: withProjections = true }: { readonly projections?: boolean } = {},
): GradientStatistics {
  const { batchSize, stretch } = joint('fromWorkerMeans', workers)
  const dimension = workers[0]!.mean.length
  const mean = new Float64Array(dimension)
  for (const [k, { batchSize: part, mean: own }] of workers.entries()) {
    if (own.length !== dimension)
      throw new ShapeError(`fromWorkerMeans: worker ${k} has ${own.length} coordinates, worker 0 has ${dimension}`)
    for (let j = 0; j < dimension; j++) mean[j] += (part / batchSize) * own[j]!
  }
  // Σ g∘g = b ḡ∘ḡ + c² Σ b_k(ḡ_k − ḡ)∘(ḡ_k − ḡ): centred first, so that nothing cancels here.
  const sumSquares = mean.map((value) => batchSize * value * value)
  const projections = new Float64Array(withProjections ? batchSize : 0)
  const signal = squaredNormOf(mean)
  let filled = 0
  for (const { batchSize: part, mean: own } of workers) {
    let along = 0
    for (let j = 0; j < dimension; j++) {
      const deviation = stretch * (own[j]! - mean[j]!)
      sumSquares[j]! += part * deviation * deviation
      along += deviation * mean[j]!
    }
    if (withProjections) projections.fill(signal + along, filled, filled + part)
    filled += part
  }
  const sumSquaredNorms = sumSquares.reduce((sum, value) => sum + value, 0)
  return { batchSize, mean, sumSquaredNorms, sumSquares, ...(withProjections && { projections }) }
}

/**
 * The same from lengths alone: V = (Σ b_k‖ḡ_k‖² − b‖ḡ‖²)/(m − 1), for the norm test, noise scale, CABS and AdaScale.
 *
 * One number a worker: ‖ḡ_k‖² before the all-reduce, ‖ḡ‖² after it. Nothing else has to be sent.
 *
 * @param workers b_k and ‖ḡ_k‖² of at least two parts
 * @param squaredNorm ‖ḡ‖² of the reduced gradient ḡ = Σ b_kḡ_k/b, before clipping
 * @throws ConfigurationError for fewer than two parts, or if ‖ḡ‖² is more than the mean of a set of vectors can have
 * @example varianceL1(fromWorkerNorms([{ batchSize: 8, squaredNorm: 1 }, { batchSize: 8, squaredNorm: 9 }], 4)) // 16
 * @see McCandlish et al. 2018, arXiv 1812.06162, appendix A.1
 */
export function fromWorkerNorms(
  workers: readonly { readonly batchSize: number; readonly squaredNorm: number }[],
  squaredNorm: number,
): GradientStatistics {
  const { batchSize, stretch } = joint('fromWorkerNorms', workers)
  const signal = batchSize * nonNegative('fromWorkerNorms', 'squaredNorm', squaredNorm)
  let squares = 0
  for (const [k, worker] of workers.entries())
    squares += worker.batchSize * nonNegative('fromWorkerNorms', `worker ${k}'s squaredNorm`, worker.squaredNorm)
  // Float32 norms of nearly equal gradients may come out the other way round.
  if (squares < signal * (1 - 1e-2))
    throw new ConfigurationError(
      `fromWorkerNorms: Σ b_k‖ḡ_k‖² = ${squares} is less than b‖ḡ‖² = ${signal}; expected ḡ to be the mean over workers, not the sum`,
    )
  const spread = stretch * stretch * Math.max(0, squares - signal)
  return {
    batchSize,
    mean: Float64Array.of(Math.sqrt(squaredNorm)),
    sumSquaredNorms: signal + spread,
    lengthOnly: true,
  }
}

/** b, and c = √((b − 1)/(m − 1)). */
function joint(where: string, workers: readonly { readonly batchSize: number }[]) {
  if (workers.length < 2)
    throw new ConfigurationError(
      `${where}: expected the means of at least two workers or micro-batches, got ${workers.length}; one mean says nothing about its spread`,
    )
  let batchSize = 0
  for (const [k, worker] of workers.entries()) batchSize += whole(where, `worker ${k}'s batchSize`, worker.batchSize, 1)
  return { batchSize, stretch: Math.sqrt((batchSize - 1) / (workers.length - 1)) }
}
