import { choice, type Family } from '../choice.ts'
import { square } from '../elementary.ts'
import type { Divisor } from '../statistics/derived.ts'
import { innerProductVariance, orthogonalVariance, squaredNorm, varianceL1 } from '../statistics/derived.ts'
import type { GradientStatistics } from '../statistics/gradient-statistics.ts'
import { positive } from '../validate.ts'
import { type BatchSizeTest, batchSizeTest, type Inequality } from './batch-size-test.ts'
import { coordinateTestChoice } from './coordinate-test.ts'
import { officialTestChoices } from './official-tests.ts'

/**
 * Norm test: (1/b)‖Var‖₁ ≤ η²‖ḡ‖² (docs/maths.md §2.1).
 *
 * T = ‖Var‖₁/(η²‖ḡ‖²). The smaller η, the larger the batches.
 *
 * @param options.eta η > 0, the tolerated ratio of noise to signal
 * @throws ConfigurationError unless η is finite and positive
 * @example normTest({ eta: 0.1 }).evaluate(statistics).suggestedBatchSize
 * @see Byrd, Chin, Nocedal, Wu 2012, eq. 3.6 and 3.9; Lau, Liu, Kolar, arXiv 2402.11215
 */
export function normTest(options: { readonly eta: number }): BatchSizeTest {
  const eta = positive('normTest', 'eta', options.eta)
  return batchSizeTest({
    name: 'norm',
    level: 'norms',
    parameters: { eta },
    measure: (s, divisor) => [
      { name: 'norm', variance: varianceL1(s, divisor)!, bound: eta * eta * squaredNorm(s.mean) },
    ],
  })
}

/**
 * Inner product test: (1/b)·Var⟨g_i, ḡ⟩ ≤ ϑ²‖ḡ‖⁴ (docs/maths.md §2.2).
 *
 * T = Var⟨g_i, ḡ⟩/(ϑ²‖ḡ‖⁴). It controls the noise along ḡ only; see `augmentedInnerProductTest`.
 *
 * @param options.theta ϑ > 0
 * @throws ConfigurationError unless ϑ is finite and positive
 * @see Bollapragada, Byrd, Nocedal 2018, eq. 2.6
 */
export function innerProductTest(options: { readonly theta: number }): BatchSizeTest {
  const theta = positive('innerProductTest', 'theta', options.theta)
  return batchSizeTest({
    name: 'inner-product',
    level: 'projections',
    parameters: { theta },
    measure: (s, divisor) => [alongGradient(theta, s, divisor)],
  })
}

/**
 * Orthogonality test: (1/b)·OrthVar ≤ ν²‖ḡ‖², the noise orthogonal to ḡ (docs/maths.md §2.3).
 *
 * T = OrthVar/(ν²‖ḡ‖²).
 *
 * @param options.nu ν > 0
 * @throws ConfigurationError unless ν is finite and positive
 * @see Bollapragada, Byrd, Nocedal 2018, eq. 3.3
 */
export function orthogonalityTest(options: { readonly nu: number }): BatchSizeTest {
  const nu = positive('orthogonalityTest', 'nu', options.nu)
  return batchSizeTest({
    name: 'orthogonality',
    level: 'projections',
    parameters: { nu },
    measure: (s, divisor) => [acrossGradient(nu, s, divisor)],
  })
}

/**
 * Augmented inner product test: the inner product test and the orthogonality test (docs/maths.md §2.4).
 *
 * T is the larger of the two; the result's `components` hold both.
 *
 * @param options.theta ϑ > 0
 * @param options.nu ν > 0
 * @throws ConfigurationError unless both are finite and positive
 * @see Bollapragada, Byrd, Nocedal 2018, eq. 2.6 and 3.3
 */
export function augmentedInnerProductTest(options: { readonly theta: number; readonly nu: number }): BatchSizeTest {
  const theta = positive('augmentedInnerProductTest', 'theta', options.theta)
  const nu = positive('augmentedInnerProductTest', 'nu', options.nu)
  return batchSizeTest({
    name: 'augmented-inner-product',
    level: 'projections',
    parameters: { theta, nu },
    measure: (s, divisor) => [alongGradient(theta, s, divisor), acrossGradient(nu, s, divisor)],
  })
}

function alongGradient(theta: number, s: GradientStatistics, divisor: Divisor): Inequality {
  const bound = square(theta * squaredNorm(s.mean))
  // With ḡ = 0 every projection is 0 and 0 ≤ 0 would pass whatever the noise: hold the whole variance against 0 instead.
  const variance = bound === 0 ? varianceL1(s, divisor)! : innerProductVariance(s, divisor)!
  return { name: 'inner-product', variance, bound }
}

function acrossGradient(nu: number, s: GradientStatistics, divisor: Divisor): Inequality {
  return {
    name: 'orthogonality',
    variance: orthogonalVariance(s, divisor)!,
    bound: nu * nu * squaredNorm(s.mean),
  }
}

const theta = { type: 'number', above: 0, default: 0.5, symbol: 'ϑ', help: 'tolerated relative noise along ḡ' } as const
const nu = {
  type: 'number',
  above: 0,
  default: 1,
  symbol: 'ν',
  help: 'tolerated ratio of noise across ḡ to ‖ḡ‖',
} as const

/** Every test, as it can be chosen by name. */
export const testFamily: Family<BatchSizeTest> = {
  what: 'test',
  flag: 'test',
  help: 'what decides whether a batch is large enough',
  default: 'norm',
  choices: [
    choice({
      name: 'norm',
      summary: 'the noise of ḡ against its length',
      formula: '(1/b)·‖Var‖₁ ≤ η²‖ḡ‖²',
      plainly: 'The error of ḡ may be at most η times as long as ḡ itself.',
      options: {
        eta: { type: 'number', above: 0, default: 0.1, symbol: 'η', help: 'tolerated ratio of noise to signal' },
      },
      make: normTest,
    }),
    choice({
      name: 'inner-product',
      summary: 'the noise along ḡ alone',
      formula: '(1/b)·Var⟨g_i, ḡ⟩ ≤ ϑ²‖ḡ‖⁴',
      plainly:
        'The error of ḡ along its own direction, which makes a step too long, too short or uphill, may be at most ϑ times as long as ḡ.',
      options: { theta },
      make: innerProductTest,
    }),
    choice({
      name: 'orthogonality',
      summary: 'the noise across ḡ alone',
      formula: '(1/b)·OrthVar ≤ ν²‖ḡ‖²',
      plainly:
        'The error of ḡ across its own direction, which makes a step a detour, may be at most ν times as long as ḡ.',
      options: { nu },
      make: orthogonalityTest,
    }),
    choice({
      name: 'augmented',
      summary: 'the inner product test and the orthogonality test',
      formula: '(1/b)·Var⟨g_i, ḡ⟩ ≤ ϑ²‖ḡ‖⁴ and (1/b)·OrthVar ≤ ν²‖ḡ‖²',
      plainly:
        'The error of ḡ may be at most ϑ times as long as ḡ along its direction, and at most ν times across it, where it only makes a detour.',
      options: { theta, nu },
      make: augmentedInnerProductTest,
    }),
    coordinateTestChoice,
    ...officialTestChoices,
  ],
}
