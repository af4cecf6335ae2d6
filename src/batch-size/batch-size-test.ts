import { DivergenceError } from '../errors.ts'
import type { Divisor } from '../statistics/derived.ts'
import type { GradientStatistics, StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { type Config, whole } from '../validate.ts'

/**
 * The outcomes of a test, each with a name and none of them NaN.
 *
 * - `passed`, `failed`: the inequality holds, or does not
 * - `too-few-samples`: one sample has no variance; no verdict, 2 samples are suggested
 * - `zero-gradient`: the bound is 0 (ḡ = 0, or the coordinate that decides) and the gradients vary; no batch is enough
 * - `zero-variance`: the gradients do not vary; any batch is enough
 */
export type Verdict = 'passed' | 'failed' | 'too-few-samples' | 'zero-gradient' | 'zero-variance'

/** What a test found out about one batch. */
export interface TestResult {
  readonly name: string
  readonly verdict: Verdict
  /** Left side of the inequality, variance/b; null for `too-few-samples`. */
  readonly statistic: number | null
  /** Right side; null for `too-few-samples`. */
  readonly threshold: number | null
  /** statistic ≤ threshold; null for `too-few-samples`. */
  readonly passed: boolean | null
  /** T, in samples, not rounded: the same statistics pass at ⌈T⌉ and fail at ⌈T⌉ − 1. Infinity for `zero-gradient`. */
  readonly suggestedBatchSize: number
  /** The inequalities of a test that has several; the fields above are those of the one with the largest T. */
  readonly components?: readonly TestResult[]
}

/** (1/b)·variance ≤ bound: the form of every test (docs/maths.md §2). */
export interface Inequality {
  readonly name: string
  readonly variance: number
  readonly bound: number
}

/** What defines a test: its inequalities, from the statistics alone. */
export interface Criterion {
  readonly name: string
  /** The least level of statistics it can be evaluated on. */
  readonly level: StatisticsLevel
  /** Everything that decides its outcome beside the statistics, for the record. */
  readonly parameters: Config
  /** Samples of the micro-batches that its statistics are kept apart by, at most; absent: none. */
  readonly microBatch?: number
  /** At least one inequality; all of them have to hold. */
  measure(statistics: GradientStatistics, divisor: Divisor): readonly Inequality[]
}

/** A criterion that can be asked about a batch. */
export interface BatchSizeTest extends Criterion {
  /**
   * The test on the batch that makes the step, at the parameters before the step.
   *
   * @param context.batchSize b of the inequality, if other than the number of samples in the statistics: would so many pass?
   * @throws ConfigurationError where the statistics lack what the level promises
   * @throws DivergenceError where they are not finite
   */
  evaluate(statistics: GradientStatistics, context?: { readonly batchSize?: number }): TestResult
}

/**
 * A test from its criterion; for a test of your own, too.
 *
 * @example
 * batchSizeTest({
 *   name: 'noise-below-signal', level: 'norms', parameters: {},
 *   measure: (s, divisor) => [{ name: 'norm', variance: varianceL1(s, divisor)!, bound: squaredNorm(s.mean) }],
 * })
 */
export function batchSizeTest(criterion: Criterion): BatchSizeTest {
  return Object.freeze({
    ...criterion,
    parameters: Object.freeze(criterion.parameters),
    evaluate(statistics: GradientStatistics, context: { readonly batchSize?: number } = {}): TestResult {
      const batchSize = whole(criterion.name, 'batchSize', context.batchSize ?? statistics.batchSize, 1)
      if (statistics.batchSize < 2) return tooFewSamples(criterion.name)
      return judge(criterion.name, criterion.measure(statistics, 'sample'), batchSize)
    },
  })
}

/** A test against the true gradient and variance of a finite sum. */
export interface ExactTest {
  readonly name: string
  readonly level: StatisticsLevel
  readonly parameters: Config
  /**
   * Would batches of b samples, drawn independently, pass?
   *
   * @param population the statistics of all N samples: mean ∇F, and variances with divisor N
   * @param batchSize b ≥ 1
   */
  evaluate(population: GradientStatistics, batchSize: number): TestResult
}

/**
 * The exact condition behind an approximate test (docs/maths.md §2, third column): ∇F for ḡ, σ² for the sample variance.
 *
 * @example exact(normTest({ eta: 0.5 })).evaluate(fromPerSampleGradients(allGradients), 32).passed
 */
export function exact({ name, level, parameters, measure }: Criterion): ExactTest {
  const exactName = `exact ${name}`
  return Object.freeze({
    name: exactName,
    level,
    parameters,
    evaluate: (population: GradientStatistics, batchSize: number) =>
      judge(exactName, measure(population, 'population'), whole(exactName, 'batchSize', batchSize, 1)),
  })
}

function tooFewSamples(name: string): TestResult {
  return { name, verdict: 'too-few-samples', statistic: null, threshold: null, passed: null, suggestedBatchSize: 2 }
}

function judge(name: string, inequalities: readonly Inequality[], batchSize: number): TestResult {
  const components = inequalities.map((inequality) => judgeOne(name, inequality, batchSize))
  const binding = components.reduce((worst, each) =>
    each.suggestedBatchSize > worst.suggestedBatchSize ? each : worst,
  )
  return components.length === 1 ? { ...binding, name } : { ...binding, name, components }
}

function judgeOne(test: string, { name, variance, bound }: Inequality, batchSize: number): TestResult {
  if (!Number.isFinite(variance) || !Number.isFinite(bound)) {
    throw new DivergenceError(`${test}: the statistics are not finite (variance ${variance}, bound ${bound})`)
  }
  const statistic = variance / batchSize
  const passed = statistic <= bound
  const verdict = variance === 0 ? 'zero-variance' : bound === 0 ? 'zero-gradient' : passed ? 'passed' : 'failed'
  return { name, verdict, statistic, threshold: bound, passed, suggestedBatchSize: leastBatchSize(variance, bound) }
}

/** Beyond this, whole numbers are not resolved finely enough for ⌈T⌉ − 1 to mean anything. */
const RESOLVED = 2 ** 51

/**
 * T = variance/bound, such that variance/b ≤ bound holds *in float64* at b = ⌈T⌉ and not at ⌈T⌉ − 1 (docs/maths.md §3.5).
 *
 * The quotient is rounded, and so is variance/b: near a whole number the two can disagree by one sample. There T is the
 * whole number at which the inequality itself begins to hold.
 */
export function leastBatchSize(variance: number, bound: number): number {
  if (variance === 0) return 0
  const quotient = variance / bound
  const rounded = Math.ceil(quotient)
  if (!(rounded < RESOLVED)) return quotient
  if (variance / rounded > bound) return rounded + 1
  return rounded > 1 && variance / (rounded - 1) <= bound ? rounded - 1 : quotient
}
