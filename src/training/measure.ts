import { type BatchSizeTest, batchSizeTest, type TestResult } from '../batch-size/batch-size-test.ts'
import { innerProductVariance, orthogonalVariance, squaredNorm, varianceL1 } from '../statistics/derived.ts'
import type { GradientStatistics, StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { type CockpitRadii, cockpit } from '../statistics/neighbours.ts'
import { officialOrthogonalVariance } from '../statistics/official.ts'
import { byDefinition } from './by-definition.ts'
import type { Executor } from './executor.ts'

/** The squared quantities of docs/maths.md §1 and §2; null where the level does not provide them or the batch has one sample. */
export interface Quantities {
  /** ‖ḡ‖² */
  readonly meanSquaredNorm: number
  /** ‖Var‖₁ */
  readonly varianceL1: number | null
  /** Var⟨g_i, ḡ⟩ */
  readonly innerProductVariance: number | null
  /** OrthVar */
  readonly orthogonalVariance: number | null
}

/** What one batch says about its gradients at the current parameters. */
export interface Measurement extends Quantities {
  readonly loss: number
  readonly statistics: GradientStatistics
  /** ⟨g_i, ḡ⟩ by parameter array, [P][b], with the projections. */
  readonly tensorProjections?: readonly Float64Array[]
  /** Σ_t ‖Var(r_i^t)‖₁, each parameter array's gradient made orthogonal to its own mean, with the projections. */
  readonly tensorOrthogonalVariance: number | null
  /**
   * `one-pass`: the pass that training makes. `by-definition`: the differences in it would have lost more than two
   * digits, and the variances were summed sample by sample instead, see `byDefinition`.
   */
  readonly method: 'one-pass' | 'by-definition'
  /** At most by how much a small relative error of the per-sample gradients grows in each quantity. */
  readonly condition: Quantities
}

export interface MeasureOptions {
  readonly executor: Executor
  /** Samples of the training set that make the batch. */
  readonly indices: ArrayLike<number>
  /** A level of statistics, or everything that any level measures; `all` by default. */
  readonly level?: StatisticsLevel | 'all'
  /** Ordinal of the first sample among all draws of a run; augmentation depends on it. */
  readonly firstDraw?: number
}

/** Differences may lose a factor of 100 before the batch is measured by the definitions: two of float32's seven digits. */
const acceptableCancellation = 100

/**
 * The statistics of one batch, to as many digits as the backend's gradients have: the metric without the controller.
 *
 * It makes the one pass that training makes. Where the differences behind a variance cancel too much of it, the batch is
 * measured again by the definitions, and `method` says so.
 *
 * @throws ConfigurationError for an empty batch
 * @example
 * const { varianceL1, meanSquaredNorm } = await measure({ executor, indices: [0, 1, 2, 3] })
 */
export async function measure(options: MeasureOptions): Promise<Measurement> {
  const { executor, indices, firstDraw = 0, level = 'all' } = options
  const first = await onePass(executor, indices, firstDraw, level)
  const lost = Math.max(...[first.varianceL1, first.orthogonalVariance, first.tensorOrthogonalVariance].map(lossOf))
  // A loss or gradient that is not finite does not get better by being measured again.
  if (lost <= acceptableCancellation || !Number.isFinite(first.loss + first.meanSquaredNorm)) return first

  const { loss, statistics, tensorProjections, ...variances } = await byDefinition(executor, indices, firstDraw)
  const { sumSquares, projections } = first.statistics
  const { sumSquares: direct, projections: along, ...norms } = statistics
  return conditioned({
    loss,
    statistics: { ...norms, ...(sumSquares && { sumSquares: direct }), ...(projections && { projections: along }) },
    meanSquaredNorm: squaredNorm(statistics.mean),
    ...variances,
    ...(projections
      ? { tensorProjections }
      : { innerProductVariance: null, orthogonalVariance: null, tensorOrthogonalVariance: null }),
    method: 'by-definition',
  })

  /** How much larger the numbers are that a variance is the difference of. */
  function lossOf(variance: number | null): number {
    if (variance === null) return 1
    const { batchSize, sumSquaredNorms = 0 } = first.statistics
    return sumSquaredNorms === 0 ? 1 : sumSquaredNorms / ((batchSize - 1) * variance)
  }
}

async function onePass(
  executor: Executor,
  indices: ArrayLike<number>,
  firstDraw: number,
  level: StatisticsLevel | 'all',
): Promise<Measurement> {
  // Levels exclude each other: everything takes two passes. The arrays of a result last until the next one.
  const coordinates = level === 'all' ? await executor.batch(indices, firstDraw, 'coordinates') : undefined
  const sumSquares = coordinates?.statistics.sumSquares?.slice()
  const result = await executor.batch(indices, firstDraw, level === 'all' ? 'projections' : level)
  const statistics = { ...result.statistics, mean: result.statistics.mean.slice(), ...(sumSquares && { sumSquares }) }
  const { tensorProjections } = result
  const has = { norms: statistics.sumSquaredNorms !== undefined, projections: statistics.projections !== undefined }
  return conditioned({
    loss: result.loss,
    statistics,
    meanSquaredNorm: squaredNorm(statistics.mean),
    varianceL1: (has.norms ? varianceL1(statistics) : undefined) ?? null,
    innerProductVariance: (has.projections ? innerProductVariance(statistics) : undefined) ?? null,
    orthogonalVariance: (has.projections ? orthogonalVariance(statistics) : undefined) ?? null,
    ...(tensorProjections && { tensorProjections }),
    tensorOrthogonalVariance:
      (tensorProjections &&
        officialOrthogonalVariance({ ...statistics, layout: executor.layout.slots, tensorProjections })) ??
      null,
    method: 'one-pass',
  })
}

/** Adds the condition numbers: quotients of what errors are proportional to and of what is left. */
function conditioned(measurement: Omit<Measurement, 'condition'>): Measurement {
  const { statistics, meanSquaredNorm, method } = measurement
  const { batchSize: b, sumSquaredNorms = 0 } = statistics
  // Where gradients are equal, their differences are 0 and nothing is lost.
  const over = (numerator: number, variance: number | null) =>
    variance === null ? null : variance === 0 ? 1 : numerator / ((b - 1) * variance)
  // One pass subtracts squares; by the definitions the gradients themselves are subtracted, then squared.
  const ofDifference = (variance: number | null) => {
    const factor = over(sumSquaredNorms, variance)
    return factor === null || method === 'one-pass' ? factor : 2 * Math.sqrt(factor)
  }
  const along = over(sumSquaredNorms * meanSquaredNorm, measurement.innerProductVariance)
  return {
    ...measurement,
    condition: {
      meanSquaredNorm: sumSquaredNorms === 0 ? 1 : 2 * Math.sqrt(sumSquaredNorms / (b * meanSquaredNorm)),
      varianceL1: ofDifference(measurement.varianceL1),
      innerProductVariance: along === null ? null : 2 * Math.sqrt(along),
      orthogonalVariance: ofDifference(measurement.orthogonalVariance),
    },
  }
}

/**
 * A test's verdict on a measurement: on its own variances rather than on those that its statistics imply.
 *
 * @example evaluateTest(normTest({ eta: 0.1 }), await measure({ executor, indices })).suggestedBatchSize
 */
export function evaluateTest(
  test: BatchSizeTest,
  measurement: Measurement,
  statistics: GradientStatistics = measurement.statistics,
  variances: Partial<Quantities> = measurement,
): TestResult {
  const measured: Readonly<Record<string, number | null | undefined>> = {
    norm: variances.varianceL1,
    'inner-product': variances.innerProductVariance,
    orthogonality: variances.orthogonalVariance,
  }
  return batchSizeTest({
    ...test,
    measure: (given, divisor) =>
      test.measure(given, divisor).map((inequality) => {
        // With ḡ = 0 the inner product test holds the whole variance against 0, and so it stays.
        const variance = inequality.bound > 0 ? measured[inequality.name] : undefined
        return variance === null || variance === undefined ? inequality : { ...inequality, variance }
      }),
  }).evaluate(statistics)
}

/** Cockpit's three radii of a measurement (docs/maths.md §7); null for one sample or below level `projections`. */
export function cockpitRadii(measurement: Measurement): CockpitRadii | null {
  const { statistics, meanSquaredNorm, varianceL1, innerProductVariance, orthogonalVariance } = measurement
  if (varianceL1 === null || innerProductVariance === null || orthogonalVariance === null) return null
  if (meanSquaredNorm === 0) return cockpit(statistics) ?? null
  const b = statistics.batchSize
  return {
    norm: Math.sqrt(varianceL1 / (b * meanSquaredNorm)),
    innerProduct: Math.sqrt(innerProductVariance / b) / meanSquaredNorm,
    orthogonality: Math.sqrt(orthogonalVariance / (b * meanSquaredNorm)),
  }
}
