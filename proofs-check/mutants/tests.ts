import { type BatchSizeTest, batchSizeTest, type Inequality } from '../../src/batch-size/batch-size-test.ts'
import type { Divisor } from '../../src/statistics/derived.ts'
import type { GradientStatistics } from '../../src/statistics/gradient-statistics.ts'
import type { Mutant } from '../mutation.ts'
import { real } from '../subject.ts'
import { biased, withoutCross } from './statistics.ts'

/** A test whose inequalities are changed after they were measured. */
function withInequalities(
  test: BatchSizeTest,
  change: (inequality: Inequality, statistics: GradientStatistics, divisor: Divisor) => Inequality,
): BatchSizeTest {
  const { name, level, parameters, measure } = test
  return batchSizeTest({
    name,
    level,
    parameters,
    measure: (s, divisor) => measure(s, divisor).map((inequality) => change(inequality, s, divisor)),
  })
}

/** Mistakes in the tests. */
export const testMutants: readonly Mutant[] = [
  {
    name: 'norm test, divisor b',
    what: 'the norm test on the biased variance',
    functions: {
      normTest: (options) =>
        withInequalities(real.normTest(options), (each, s, divisor) => ({ ...each, variance: biased(s, divisor)! })),
    },
  },
  {
    name: 'norm test, η for η²',
    what: 'bound η‖ḡ‖²',
    functions: {
      normTest: (options) =>
        withInequalities(real.normTest(options), (each) => ({ ...each, bound: each.bound / options.eta })),
    },
  },
  {
    name: 'exact test, sample divisor',
    what: 'the exact test divides by N − 1',
    functions: {
      exact: (test) =>
        real.exact({
          ...test,
          measure: (s) => (s.batchSize > 1 ? test.measure(s, 'sample') : test.measure(s, 'population')),
        }),
    },
  },
  {
    name: 'exact test, no 1/b',
    what: 'the exact test forgets the batch size',
    functions: { exact: (test) => ({ ...real.exact(test), evaluate: (s) => real.exact(test).evaluate(s, 1) }) },
  },
  {
    name: 'inner product, no cross terms',
    what: 'Var⟨g_i, ḡ⟩ tensor by tensor, added up',
    functions: {
      innerProductTest: (options) =>
        withInequalities(real.innerProductTest(options), (each, s, divisor) => ({
          ...each,
          variance: withoutCross(s, divisor),
        })),
    },
  },
  {
    name: 'orthogonality without projection',
    what: 'OrthVar is ‖Var‖₁',
    functions: {
      orthogonalityTest: (options) =>
        withInequalities(real.orthogonalityTest(options), (each, s, divisor) => ({
          ...each,
          variance: real.varianceL1(s, divisor)!,
        })),
    },
  },
  {
    name: 'augmented, inner product only',
    what: 'the augmented test forgets orthogonality',
    functions: {
      augmentedInnerProductTest: ({ theta, nu }) => {
        const { name, level, parameters, measure } = real.augmentedInnerProductTest({ theta, nu })
        return batchSizeTest({ name, level, parameters, measure: (s, divisor) => measure(s, divisor).slice(0, 1) })
      },
    },
  },
  {
    name: 'coordinate test, mean for max',
    what: 'T of the mean coordinate, not of the largest',
    functions: {
      coordinateTest: (options) => real.coordinateTest({ ...options, quantile: Math.min(options.quantile ?? 1, 0.5) }),
    },
  },
  {
    name: 'coordinate test, first η',
    what: 'η_0 for every coordinate',
    functions: {
      coordinateTest: (options) =>
        real.coordinateTest({ ...options, eta: typeof options.eta === 'number' ? options.eta : options.eta[0] }),
    },
  },
  {
    name: 'T one too small',
    what: 'suggested batch size ⌈T⌉ − 1',
    functions: { leastBatchSize: (variance, bound) => Math.max(0, real.leastBatchSize(variance, bound) - 1) },
  },
  {
    name: 'T rounded only',
    what: 'T = variance/bound without a look at the rounding',
    functions: { leastBatchSize: (variance, bound) => variance / bound },
  },
  {
    name: 'T of the test one too large',
    what: 'the norm test suggests ⌈T⌉ + 1',
    functions: {
      normTest: (options) => {
        const test = real.normTest(options)
        return {
          ...test,
          evaluate: (s, context) => {
            const result = test.evaluate(s, context)
            const { suggestedBatchSize: T, passed } = result
            return passed === null || T === 0 ? result : { ...result, suggestedBatchSize: Math.ceil(T) + 1 }
          },
        }
      },
    },
  },
  {
    name: 'one sample passes',
    what: 'b = 1 is taken for a batch without variance',
    functions: {
      normTest: (options) => {
        const test = real.normTest(options)
        return {
          ...test,
          evaluate: (s, context) =>
            s.batchSize === 1
              ? { ...test.evaluate(real.fromPerSampleGradients([s.mean, s.mean]), context) }
              : test.evaluate(s, context),
        }
      },
    },
  },
  {
    name: 'zero gradient passes',
    what: '0 ≤ 0: the inner product test at ḡ = 0 with variance',
    functions: {
      innerProductTest: (options) =>
        withInequalities(real.innerProductTest(options), (each) =>
          each.bound === 0 ? { ...each, variance: 0 } : each,
        ),
    },
  },
]
