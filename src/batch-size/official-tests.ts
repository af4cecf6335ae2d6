/** The official code's tests, for comparisons on purpose (docs/maths.md §6, deviations 1 to 3). */
import { choice } from '../choice.ts'
import { square } from '../elementary.ts'
import { ConfigurationError } from '../errors.ts'
import { type Divisor, squaredNorm, varianceL1 } from '../statistics/derived.ts'
import type { GradientStatistics } from '../statistics/gradient-statistics.ts'
import {
  type MicroBatchedStatistics,
  officialInnerProductVariance,
  officialOrthogonalVariance,
  officialPooledVariance,
  type PerTensorStatistics,
} from '../statistics/official.ts'
import { positive, whole } from '../validate.ts'
import { type BatchSizeTest, batchSizeTest } from './batch-size-test.ts'

/**
 * The norm test with the variance pooled over micro-batches as the official code does (deviation 3).
 *
 * It is evaluated on `MicroBatchedStatistics`; a batch of one micro-batch is judged as by `normTest`.
 *
 * @param options.eta η > 0
 * @param options.microBatch samples that are computed at once, at least 2; 1024 by default
 */
export function officialNormTest(options: { readonly eta: number; readonly microBatch?: number }): BatchSizeTest {
  const eta = positive('officialNormTest', 'eta', options.eta)
  const microBatch = whole('officialNormTest', 'microBatch', options.microBatch ?? 1024, 2)
  return batchSizeTest({
    name: 'official-norm',
    level: 'norms',
    parameters: { eta, microBatch },
    microBatch,
    measure(statistics, divisor) {
      refuseExact('officialNormTest', divisor)
      const { microBatches, mean } = expectField<MicroBatchedStatistics>('officialNormTest', statistics, 'microBatches')
      const variance = orRefuse('officialNormTest', officialPooledVariance(microBatches))
      return [{ name: 'norm', variance, bound: eta * eta * squaredNorm(mean) }]
    },
  })
}

/**
 * The augmented inner product test with the variances summed tensor by tensor (deviations 1 and 2).
 *
 * It is evaluated on `PerTensorStatistics`; without ν it is the inner product test alone.
 *
 * @param options.theta ϑ > 0
 * @param options.nu ν > 0, or absent
 */
export function officialInnerProductTest(options: { readonly theta: number; readonly nu?: number }): BatchSizeTest {
  const name = 'officialInnerProductTest'
  const theta = positive(name, 'theta', options.theta)
  const nu = options.nu === undefined ? null : positive(name, 'nu', options.nu)
  return batchSizeTest({
    name: 'official-inner-product',
    level: 'projections',
    parameters: { theta, nu },
    measure(given, divisor) {
      refuseExact(name, divisor)
      const statistics = expectField<PerTensorStatistics>(name, given, 'tensorProjections')
      const signal = squaredNorm(statistics.mean)
      const bound = square(theta * signal)
      // As in `innerProductTest`: with ḡ = 0 the whole variance is held against 0. The official code divides by 0 here.
      const spread = bound === 0 ? varianceL1(statistics) : officialInnerProductVariance(statistics)
      const along = { name: 'inner-product', variance: orRefuse(name, spread), bound }
      if (nu === null) return [along]
      const variance = orRefuse(name, officialOrthogonalVariance(statistics))
      return [along, { name: 'orthogonality', variance, bound: nu * nu * signal }]
    },
  })
}

function expectField<S extends GradientStatistics>(test: string, statistics: GradientStatistics, name: keyof S): S {
  if (name in statistics) return statistics as S
  throw new ConfigurationError(
    `${test} needs ${String(name)}: it compares with the official code and is not for other runs`,
  )
}

function refuseExact(test: string, divisor: Divisor): void {
  if (divisor === 'population') throw new ConfigurationError(`${test}: the official code has no exact test`)
}

function orRefuse(test: string, variance: number | undefined): number {
  if (variance === undefined)
    throw new ConfigurationError(`${test}: expected micro-batches of at least 2 samples, got 1`)
  return variance
}

/** The official code's tests, as they can be chosen by name. */
export const officialTestChoices = [
  choice({
    name: 'official-norm',
    summary: "the official code's norm test: variances pooled over micro-batches, for comparisons on purpose",
    formula: '(1/b)·((1/m)Σ‖Var_k‖₁ + (1/m)Σ‖ḡ_k‖² − ‖ḡ‖²) ≤ η²‖ḡ‖²',
    plainly: 'The error of ḡ, estimated as in the official code, may be at most η times as long as ḡ itself.',
    options: {
      eta: { type: 'number', above: 0, default: 0.1, symbol: 'η', help: 'tolerated ratio of noise to signal' },
      microBatch: { type: 'integer', atLeast: 2, default: 1024, help: 'samples computed at once in the official code' },
    },
    make: officialNormTest,
  }),
  choice({
    name: 'official-augmented',
    summary: "the official code's augmented test: variances summed tensor by tensor, for comparisons on purpose",
    formula: '(1/b)·Σ_t Var⟨g_i^t, ḡ^t⟩ ≤ ϑ²‖ḡ‖⁴ and (1/b)·Σ_t OrthVar^t ≤ ν²‖ḡ‖²',
    plainly:
      'The error of ḡ, estimated tensor by tensor as in the official code, may be at most ϑ times as long as ḡ along its direction, and at most ν times across it.',
    options: {
      theta: { type: 'number', above: 0, default: 0.5, symbol: 'ϑ', help: 'tolerated relative noise along ḡ' },
      nu: { type: 'number', above: 0, default: 1, symbol: 'ν', help: 'tolerated ratio of noise across ḡ to ‖ḡ‖' },
    },
    make: officialInnerProductTest,
  }),
]
