/**
 * The official code's variances, deviations included, for comparisons on purpose (docs/maths.md §6, 1 to 3).
 *
 * Source: github.com/timlautk/AdAdaGrad at cc126fb, `tests.py`. Nothing else in this package uses these formulas.
 */
import { ConfigurationError, ShapeError } from '../errors.ts'
import { scalarVariance, squaredNorm, varianceL1 } from './derived.ts'
import { fromPerSampleGradients, type GradientStatistics, merge } from './gradient-statistics.ts'

/** Where one parameter tensor lies in the parameter vector. */
export interface TensorSlice {
  readonly offset: number
  readonly size: number
}

/** Statistics whose projections are kept apart by parameter tensor, as deviations 1 and 2 need them. */
export interface PerTensorStatistics extends GradientStatistics {
  readonly layout: readonly TensorSlice[]
  /** ⟨g_i^t, ḡ^t⟩ over tensor t alone, [tensors][b]; summed over t they are the projections. */
  readonly tensorProjections: readonly Float64Array[]
}

/** Statistics of a batch that was accumulated from micro-batches, as deviation 3 needs them. */
export interface MicroBatchedStatistics extends GradientStatistics {
  /** The statistics of each micro-batch, all of one size. */
  readonly microBatches: readonly GradientStatistics[]
}

/**
 * Deviation 1: Σ_t Var⟨g_i^t, ḡ^t⟩, the variances of the inner products of each tensor, added (`var_sample_batch_grad`).
 *
 * The covariances between tensors are lost, so it can be larger or smaller than Var⟨g_i, ḡ⟩; with one tensor they agree.
 *
 * @returns undefined for one sample
 * @throws ShapeError unless every tensor has one projection a sample
 */
export function officialInnerProductVariance(statistics: PerTensorStatistics): number | undefined {
  return sumOverTensors(statistics, (variance) => variance)
}

/**
 * Deviation 2: Σ_t ‖Var(r_i^t)‖₁, each tensor's gradient made orthogonal to that tensor's ḡ^t (`var_orthogonality`).
 *
 * By Pythagoras within each tensor it is ‖Var‖₁ − Σ_t Var⟨g_i^t, ḡ^t⟩/‖ḡ^t‖². A tensor with ḡ^t = 0, where the official
 * code yields NaN, keeps its whole variance.
 *
 * @returns undefined for one sample
 * @throws ShapeError unless every tensor has one projection a sample
 */
export function officialOrthogonalVariance(statistics: PerTensorStatistics): number | undefined {
  const total = varianceL1(statistics)
  const along = sumOverTensors(statistics, (variance, signal) => (signal === 0 ? 0 : variance / signal))
  return total === undefined || along === undefined ? undefined : Math.max(0, total - along)
}

/** Σ_t of a function of Var⟨g_i^t, ḡ^t⟩ and ‖ḡ^t‖². */
function sumOverTensors(
  { batchSize, mean, layout, tensorProjections }: PerTensorStatistics,
  term: (variance: number, signal: number) => number,
): number | undefined {
  if (batchSize < 2) return undefined
  if (layout.length !== tensorProjections.length) {
    throw new ShapeError(
      `official: projections of ${tensorProjections.length} tensors, the layout has ${layout.length}`,
    )
  }
  let total = 0
  for (const [t, { offset, size }] of layout.entries()) {
    const projections = tensorProjections[t]
    if (projections.length !== batchSize) {
      throw new ShapeError(`official: tensor ${t} has ${projections.length} projections for ${batchSize} samples`)
    }
    total += term(scalarVariance(projections) as number, squaredNorm(mean.subarray(offset, offset + size)))
  }
  return total
}

/**
 * Deviation 3: ‖Var‖₁ pooled as the mean of the m within-variances plus the population variance between the means
 * (`norm_test_accumulate`): (1/m)Σ‖Var_k‖₁ + (1/m)Σ‖ḡ_k‖² − ‖ḡ‖².
 *
 * In expectation σ²·(1 + (m − 1)/(m·b_micro)): the exact law of §4 has no such excess.
 *
 * @param microBatches statistics of the m micro-batches, [m]
 * @returns undefined for micro-batches of one sample
 * @throws ConfigurationError if there is none, or if their sizes differ
 */
export function officialPooledVariance(microBatches: readonly GradientStatistics[]): number | undefined {
  const count = microBatches.length
  const sizes = new Set(microBatches.map(({ batchSize }) => batchSize))
  if (sizes.size !== 1) {
    throw new ConfigurationError(`official: expected micro-batches of one size, got sizes ${[...sizes].join(', ')}`)
  }
  if (microBatches[0].batchSize < 2) return undefined
  let within = 0
  let squares = 0
  for (const microBatch of microBatches) {
    within += (varianceL1(microBatch) as number) / count
    squares += squaredNorm(microBatch.mean) / count
  }
  return within + Math.max(0, squares - squaredNorm(microBatches.reduce(merge).mean))
}

/**
 * Statistics with the projections of each tensor, from the b × d matrix.
 *
 * @param gradients g_i of every sample, [b][d]
 * @param layout the parameter tensors, together [d]
 */
export function perTensorFromPerSampleGradients(
  gradients: readonly ArrayLike<number>[],
  layout: readonly TensorSlice[],
): PerTensorStatistics {
  const statistics = fromPerSampleGradients(gradients)
  const tensorProjections = layout.map(
    ({ offset, size }) =>
      fromPerSampleGradients(gradients.map((gradient) => Array.from(gradient).slice(offset, offset + size)))
        .projections,
  )
  return { ...statistics, layout, tensorProjections }
}
