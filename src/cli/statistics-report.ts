import type { BatchSizeTest, TestResult } from '../batch-size/batch-size-test.ts'
import { coordinateTest } from '../batch-size/coordinate-test.ts'
import { officialInnerProductTest, officialNormTest } from '../batch-size/official-tests.ts'
import { augmentedInnerProductTest, innerProductTest, normTest, orthogonalityTest } from '../batch-size/tests.ts'
import { square } from '../elementary.ts'
import { ConfigurationError } from '../errors.ts'
import type { GradientStatistics, StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { adaDampBatchSize, adaScaleGain, cabsBatchSize, simpleNoiseScale } from '../statistics/neighbours.ts'
import { officialInnerProductVariance, officialPooledVariance } from '../statistics/official.ts'
import type { Executor } from '../training/executor.ts'
import { cockpitRadii, evaluateTest, type Measurement, measure, type Quantities } from '../training/measure.ts'
import { positive } from '../validate.ts'

export interface ReportOptions {
  readonly level: StatisticsLevel | 'all'
  readonly eta: number
  readonly theta: number
  readonly nu: number
  /** α of CABS. */
  readonly alpha: number
  /** S of AdaScale. */
  readonly scale: number
  /** F₀ of AdaDamp. */
  readonly initialLoss?: number
  /** The compatibility formulas of docs/maths.md §6, the variance pooled over so many micro-batches. */
  readonly official?: { readonly microBatches: number }
}

type TestName = 'norm' | 'innerProduct' | 'orthogonality' | 'augmentedInnerProduct' | 'coordinate'

/** What `adadagrad statistics` prints, in float64; null for what is undefined or was not measured. */
export type Report = Awaited<ReturnType<typeof report>>

/** A report with what it is about. */
export interface StatisticsOutput extends Report {
  readonly model: string
  /** d */
  readonly parameters: number
  readonly backend: { readonly name: string; readonly [detail: string]: string | number | boolean }
  readonly level: string
  readonly formulas: 'exact' | 'official'
  /** Micro-batches over which the official formulas pool. */
  readonly microBatches?: number
}

/**
 * Statistics, tests and neighbouring quantities (docs/maths.md §2, §6, §7) of one batch.
 *
 * @param executor holds the network with its weights
 * @param indices samples of its data set, the batch
 */
export async function report(executor: Executor, indices: Uint32Array, options: ReportOptions) {
  const { alpha, scale, initialLoss, official } = options
  positive('statistics', 'alpha', alpha)
  positive('statistics', 'scale', scale)
  if (initialLoss !== undefined) positive('statistics', 'initial loss', initialLoss)
  const tests = official ? officialTests(options) : exactTests(options)

  const measurement = await measure({ executor, indices, level: options.level })
  const { loss, statistics, meanSquaredNorm, method, condition } = measurement
  const b = statistics.batchSize
  const measured = official
    ? await officialVariances(executor, indices, measurement, official.microBatches)
    : { variances: measurement, statistics }
  const { varianceL1, innerProductVariance, orthogonalVariance } = measured.variances

  const evaluated = Object.entries(tests)
    .filter(([, test]) => provides(statistics, test.level))
    .map(([name, test]) => [name, evaluateTest(test, measurement, measured.statistics, measured.variances)])
  const results: Partial<Record<TestName, TestResult>> = Object.fromEntries(evaluated)

  const noise = statistics.sumSquaredNorms === undefined ? undefined : simpleNoiseScale(statistics)
  return {
    batchSize: b,
    loss,
    meanSquaredNorm,
    sumSquaredNorms: statistics.sumSquaredNorms ?? null,
    varianceL1,
    innerProductVariance,
    orthogonalVariance,
    suggestedBatchSize: Object.fromEntries(
      Object.entries(results).map(([name, { suggestedBatchSize }]) => [name, suggestedBatchSize]),
    ) as { readonly [K in TestName]?: number },
    tests: results,
    cockpit: cockpitRadii({ ...measurement, ...measured.variances }),
    noiseScale: noise ?? null,
    cabs: noise ? { alpha, batchSize: cabsBatchSize(statistics, loss, alpha)! } : null,
    adaScale: noise ? { scale, gain: adaScaleGain(noise.noise / b, Math.max(0, noise.signal), scale) } : null,
    adaDamp: initialLoss === undefined ? null : { initialLoss, batchSize: adaDampBatchSize(b, initialLoss, loss) },
    method,
    condition,
    warnings: warnings(measurement, results.coordinate, options.eta, executor),
  }
}

const exactTests = ({ eta, theta, nu }: ReportOptions): Record<TestName, BatchSizeTest> => ({
  norm: normTest({ eta }),
  innerProduct: innerProductTest({ theta }),
  orthogonality: orthogonalityTest({ nu }),
  augmentedInnerProduct: augmentedInnerProductTest({ theta, nu }),
  coordinate: coordinateTest({ eta }),
})

const officialTests = ({ eta, theta, nu }: ReportOptions): Partial<Record<TestName, BatchSizeTest>> => ({
  norm: officialNormTest({ eta }),
  innerProduct: officialInnerProductTest({ theta }),
  // The orthogonality test is its exact form on the official variance.
  orthogonality: orthogonalityTest({ nu }),
  augmentedInnerProduct: officialInnerProductTest({ theta, nu }),
})

const provides = (statistics: GradientStatistics, level: StatisticsLevel): boolean =>
  (level !== 'projections' || statistics.projections !== undefined) &&
  (level !== 'coordinates' || statistics.sumSquares !== undefined) &&
  statistics.sumSquaredNorms !== undefined

/** The variances by the official code's formulas, and the statistics that its tests are evaluated on. */
async function officialVariances(
  executor: Executor,
  indices: Uint32Array,
  measurement: Measurement,
  count: number,
): Promise<{ variances: Omit<Quantities, 'meanSquaredNorm'>; statistics: GradientStatistics }> {
  const size = indices.length / count
  if (!Number.isInteger(size) || (size < 2 && count > 1))
    throw new ConfigurationError(
      `statistics: ${indices.length} samples cannot be cut into ${count} micro-batches of one size, at least 2`,
    )
  const { statistics, tensorProjections, varianceL1, tensorOrthogonalVariance } = measurement
  const microBatches: GradientStatistics[] = []
  if (count > 1 && varianceL1 !== null)
    for (let k = 0; k < count; k++) {
      const part = indices.subarray(k * size, (k + 1) * size)
      microBatches.push((await measure({ executor, indices: part, level: 'norms', firstDraw: k * size })).statistics)
    }
  const perTensor = tensorProjections && { ...statistics, layout: executor.layout.slots, tensorProjections }
  return {
    variances: {
      varianceL1: count > 1 && varianceL1 !== null ? (officialPooledVariance(microBatches) ?? null) : varianceL1,
      innerProductVariance: (perTensor && officialInnerProductVariance(perTensor)) ?? null,
      orthogonalVariance: tensorOrthogonalVariance,
    },
    statistics: { ...(perTensor ?? statistics), ...{ microBatches: count > 1 ? microBatches : [statistics] } },
  }
}

/** Results of which rounding may have left fewer than about four digits. */
function warnings(
  { condition, statistics }: Measurement,
  coordinate: TestResult | undefined,
  eta: number,
  { parameters }: Executor,
): string[] {
  const [precision, unit] = parameters instanceof Float32Array ? ['float32', 2 ** -24] : ['float64', 2 ** -53]
  const { statistic, threshold } = coordinate ?? {}
  // Σ_i g_ij²/(b ḡ_j²) of the coordinate that decides, from Var_j/b and η²ḡ_j².
  const outweighed =
    statistic && threshold ? 1 + ((statistics.batchSize - 1) * square(eta) * statistic) / threshold : null
  const decisive = outweighed && 2 * Math.sqrt(outweighed)
  const factors = { ...condition, 'the coordinate-wise norm test': decisive }
  return Object.entries<number | null>(factors).flatMap(([name, factor]) => {
    if (factor === null || factor * unit < 5e-5) return []
    const advice = precision === 'float32' ? '; --backend reference computes in float64' : ''
    return [
      `${name}: so much cancels that rounding errors count up to ${factor.toPrecision(2)} times; few digits of ` +
        `${precision} are left${advice}`,
    ]
  })
}
