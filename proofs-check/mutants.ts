/** Plausible mistakes, each of which the claims must catch. */
import { pullback } from '../src/autodiff/grad.ts'
import { constant, type Value } from '../src/autodiff/value.ts'
import { type BatchSizeTest, batchSizeTest, type Inequality } from '../src/batch-size/batch-size-test.ts'
import type { BatchPolicy } from '../src/batch-size/policy.ts'
import { type Optimizer, optimizer } from '../src/optim/optimizer.ts'
import { transformation } from '../src/optim/transformation.ts'
import { type Divisor, squaredNorm } from '../src/statistics/derived.ts'
import type { GradientStatistics } from '../src/statistics/gradient-statistics.ts'
import type { Executor } from '../src/training/executor.ts'
import type { Mutant } from './mutation.ts'
import { real } from './subject.ts'

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

/** The divisor b where a sample wants b − 1. */
const biased: typeof real.varianceL1 = (s, divisor) => {
  const value = real.varianceL1(s, divisor)
  return value === undefined || divisor === 'population' ? value : (value * (s.batchSize - 1)) / s.batchSize
}

/** Var⟨g_i, ḡ⟩ as the official code has it with a tensor for each coordinate: what it does with many tensors. */
const withoutCross = (s: GradientStatistics, divisor: Divisor): number =>
  real.coordinateVariances(s, divisor)!.reduce((sum, v, j) => sum + v * s.mean[j] ** 2, 0)

/** A policy whose choice of b is changed. */
function withBatchSize<P>(policy: P, change: (next: number, last: number) => number): P {
  const original = policy as unknown as BatchPolicy
  return {
    ...original,
    next(state, observation) {
      const update = original.next(state, observation)
      const batchSize = change(update.batchSize, state.batchSize)
      return { ...update, batchSize, state: { ...update.state, batchSize } }
    },
  } satisfies BatchPolicy as unknown as P
}

/** An executor whose results are changed. */
const withResults =
  (change: (statistics: GradientStatistics, previous: GradientStatistics | null) => GradientStatistics) =>
  async (options: Parameters<typeof real.createExecutor>[0]): Promise<Executor> => {
    const executor = await real.createExecutor(options)
    let previous: GradientStatistics | null = null
    return {
      ...executor,
      async batch(indices, firstDraw, level) {
        const result = await executor.batch(indices, firstDraw, level)
        const statistics = change(result.statistics, previous)
        previous = structuredClone(result.statistics)
        return { ...result, statistics }
      },
    }
  }

/** x ← x − α·direction with a state of one array and one number. */
const rule = (
  name: string,
  learningRate: number,
  initial: number,
  update: (direction: Float64Array, state: { v: Float64Array; total: number; steps: number }) => void,
): Optimizer =>
  optimizer(name, learningRate, [
    transformation({
      name,
      config: {},
      init: (parameters) => ({
        v: new Float64Array(typeof parameters === 'number' ? parameters : parameters.size).fill(initial),
        total: initial,
        steps: 0,
      }),
      update: (direction, state) => update(direction, state as never),
    }),
  ])

/** AdaGrad with another accumulation or another denominator. */
const brokenAdagrad =
  (add: (g: number) => number, denominator: (v: number, ε: number) => number, keepInitial = true) =>
  ({ learningRate = 0.01, epsilon = 1e-10, initialAccumulator = 0 }: Parameters<typeof real.adagrad>[0] = {}) =>
    rule('adagrad', learningRate as number, keepInitial ? initialAccumulator : 0, (direction, { v }) => {
      for (let j = 0; j < v.length; j++) {
        v[j] += add(direction[j])
        direction[j] /= denominator(v[j], epsilon) || 1
      }
    })

/** The gradient where each value keeps only the last of the contributions to it. */
function overwriting(outputs: readonly (readonly [Value, Value])[]): Map<Value, Value> {
  const last = new Map<Value, Value>(outputs)
  const order: Value[] = []
  const visit = (value: Value) => {
    if (order.includes(value)) return
    for (const input of value.inputs) visit(input)
    order.push(value)
  }
  for (const [output] of outputs) visit(output)
  for (const value of order.reverse()) {
    const cotangent = last.get(value)
    if (cotangent === undefined || value.inputs.length === 0) continue
    for (const [i, part] of value.operation.vjp(value, cotangent).entries()) {
      if (part !== null && value.inputs[i].dtype === 'float') last.set(value.inputs[i], part)
    }
  }
  return last
}

export const mutants: readonly Mutant[] = [
  { name: 'variance, divisor b', what: '‖Var‖₁ divided by b for b − 1', functions: { varianceL1: biased } },
  {
    name: 'variance of b − 1 mean',
    what: '‖Var‖₁ = (Σ‖g_i‖² − (b − 1)‖ḡ‖²)/(b − 1)',
    functions: {
      varianceL1: (s, divisor) => {
        const value = real.varianceL1(s, divisor)
        return value === undefined
          ? value
          : value + squaredNorm(s.mean) / (divisor === 'population' ? s.batchSize : s.batchSize - 1)
      },
    },
  },
  {
    name: 'coordinates, divisor b',
    what: 'Var_j divided by b for b − 1',
    functions: {
      coordinateVariances: (s, divisor) =>
        real
          .coordinateVariances(s, divisor)
          ?.map((v) => (divisor === 'population' ? v : (v * (s.batchSize - 1)) / s.batchSize)),
    },
  },
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
    name: 'inner product variance, no cross terms',
    what: 'the statistic itself without covariances between coordinates',
    functions: {
      innerProductVariance: (s, divisor) =>
        s.batchSize < 2 && divisor !== 'population' ? undefined : withoutCross(s, divisor ?? 'sample'),
    },
  },
  {
    name: 'per-tensor projection',
    what: 'r_i made orthogonal to ḡ within each tensor',
    functions: {
      orthogonalVariance: (s, divisor) => {
        const each = real.coordinateVariances(s, divisor)
        return each?.reduce((sum, v, j) => sum + (s.mean[j] === 0 ? v : 0), 0)
      },
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
    name: 'merge, equal weights',
    what: 'ḡ = (ḡ_1 + ḡ_2)/2 whatever the sizes',
    functions: {
      merge: (a, b) => {
        const merged = real.merge(a, b)
        if (a.batchSize === 0 || b.batchSize === 0) return merged
        return { ...merged, mean: a.mean.map((m, j) => (m + b.mean[j]) / 2) }
      },
    },
  },
  {
    name: 'merge, mean of squares',
    what: 'Σ‖g_i‖² averaged instead of added',
    functions: {
      merge: (a, b) => {
        const merged = real.merge(a, b)
        if (a.batchSize === 0 || b.batchSize === 0 || merged.sumSquaredNorms === undefined) return merged
        return { ...merged, sumSquaredNorms: merged.sumSquaredNorms / 2 }
      },
    },
  },
  {
    name: 'merge keeps projections',
    what: '⟨g_i, ḡ_1⟩ survive although ḡ has changed',
    functions: {
      merge: (a, b) => ({
        ...real.merge(a, b),
        ...(a.projections && b.projections && { projections: Float64Array.from([...a.projections, ...b.projections]) }),
      }),
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
    name: 'cap not clamped',
    what: 'b may pass the cap',
    functions: {
      nextBatchSize: (current, T, limits) =>
        real.nextBatchSize(current, Math.min(T, 2 ** 40), { ...limits, cap: Number.POSITIVE_INFINITY }),
    },
  },
  {
    name: 'adaptive passes the cap',
    what: 'the adaptive policy ends one above the cap',
    functions: {
      adaptive: (test, options) => withBatchSize(real.adaptive(test, options), (b) => (b === options.max ? b + 1 : b)),
    },
  },
  {
    name: 'batch size falls',
    what: 'b ← ⌈T⌉ without the maximum with b',
    functions: {
      nextBatchSize: (_, T, { cap }) => Math.min(Math.max(1, Math.ceil(T)), cap),
    },
  },
  {
    name: 'adaptive shrinks',
    what: 'the adaptive policy falls by one where it would stay',
    functions: {
      adaptive: (test, options) =>
        withBatchSize(real.adaptive(test, options), (next, last) =>
          next === last && last > options.initial ? last - 1 : next,
        ),
    },
  },
  {
    name: 'rounded down',
    what: 'b ← ⌊T⌋',
    functions: { nextBatchSize: (current, T, limits) => real.nextBatchSize(current, Math.floor(T), limits) },
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
  {
    name: 'ḡ of another batch',
    what: 'statistics with the mean gradient of the batch before',
    functions: {
      createExecutor: withResults((own, previous) => (previous === null ? own : { ...own, mean: previous.mean })),
    },
  },
  {
    name: 'projections on another ḡ',
    what: '⟨g_i, ḡ⟩ with ḡ of the batch before',
    functions: {
      createExecutor: withResults((own, previous) =>
        previous?.projections?.length === own.batchSize ? { ...own, projections: previous.projections } : own,
      ),
    },
  },
  {
    name: 'gradients divided by b',
    what: 'g_i are those of the mean loss',
    functions: {
      createExecutor: withResults((own) =>
        own.sumSquaredNorms === undefined ? own : { ...own, sumSquaredNorms: own.sumSquaredNorms / own.batchSize ** 2 },
      ),
    },
  },
  {
    name: 'AdaGrad sums |g|',
    what: 'v ← v + |g|',
    functions: { adagrad: brokenAdagrad(Math.abs, (v, ε) => Math.sqrt(v) + ε) },
  },
  {
    name: 'AdaGrad without v₀',
    what: 'the initial accumulator is dropped',
    functions: {
      adagrad: brokenAdagrad(
        (g) => g * g,
        (v, ε) => Math.sqrt(v) + ε,
        false,
      ),
    },
  },
  {
    name: 'AdaGrad, ε in the root',
    what: 'g/√(v + ε)',
    functions: {
      adagrad: brokenAdagrad(
        (g) => g * g,
        (v, ε) => Math.sqrt(v + ε),
      ),
    },
  },
  {
    name: 'AdaGrad-Norm without b₀',
    what: 'v₀ = 0',
    functions: {
      adagradNorm: ({ learningRate = 1 } = {}) =>
        rule('adagradNorm', learningRate as number, 0, (direction, state) => {
          state.total += squaredNorm(direction)
          for (let j = 0; j < direction.length; j++) direction[j] /= Math.sqrt(state.total) || 1
        }),
    },
  },
  {
    name: 'AdaGrad-Norm by coordinate',
    what: 'a vector v where AdaGrad-Norm has a scalar',
    functions: {
      adagradNorm: ({ learningRate = 1, initialNorm = 0.1 } = {}) =>
        real.adagrad({ learningRate, initialAccumulator: initialNorm ** 2, epsilon: 0 }),
    },
  },
  {
    name: 'AdaGrad-Norm, step before sum',
    what: 'x moves by g/√v_{k−1}',
    functions: {
      adagradNorm: ({ learningRate = 1, initialNorm = 0.1 } = {}) =>
        rule('adagradNorm', learningRate as number, initialNorm ** 2, (direction, state) => {
          const before = state.total
          state.total += squaredNorm(direction)
          for (let j = 0; j < direction.length; j++) direction[j] /= Math.sqrt(before)
        }),
    },
  },
  {
    name: 'Adam without bias correction',
    what: 'm and v as they are',
    functions: {
      adam: (options = {}) => real.rmsprop({ decay: options.beta2 ?? 0.999, epsilon: options.epsilon ?? 1e-8 }),
    },
  },
  {
    name: 'AdamW coupled',
    what: 'weight decay goes into the gradient',
    functions: { adamw: (options = {}) => real.adam({ ...options, weightDecay: options.weightDecay ?? 0.01 }) },
  },
  {
    name: 'momentum without memory',
    what: 'SGD forgets its momentum',
    functions: { sgd: (options) => real.sgd({ ...options, momentum: 0, nesterov: false }) },
  },
  {
    name: 'contributions overwritten',
    what: 'a value used twice keeps one of its two cotangents',
    functions: {
      pullback: overwriting,
      grad: (loss, by) => {
        const found = overwriting([[loss, constant(1)]])
        return by.map((value) => found.get(value) ?? constant(0, value.shape))
      },
    },
  },
  {
    name: 'gradient of twice the loss',
    what: 'the cotangent of the loss is 2',
    functions: {
      grad: (loss, by) => {
        const found = pullback([[loss, constant(2)]])
        return by.map((value) => found.get(value) ?? constant(0, value.shape))
      },
    },
  },
  {
    name: 'sampler by batch',
    what: 'draws depend on how they are cut into batches',
    functions: {
      createSampler: (options) => {
        const sampler = real.createSampler(options)
        return { ...sampler, next: (b) => sampler.next(b).sort() }
      },
    },
  },
  {
    name: 'resumed at the start',
    what: 'a resumed run forgets the optimiser’s state',
    functions: {
      createRun: ({ resume, ...options }) =>
        real.createRun({
          ...options,
          ...(resume && { resume: { ...resume, optimizer: options.optimizer.init(resume.parameters.length) } }),
        }),
    },
  },
  {
    name: 'biased noise scale',
    what: '‖ḡ‖² for the unbiased signal',
    functions: {
      simpleNoiseScale: (s) => {
        const value = real.simpleNoiseScale(s)
        return value && { ...value, signal: squaredNorm(s.mean) }
      },
    },
  },
  {
    name: 'Cockpit without 1/b',
    what: 'θ = √(‖Var‖₁/‖ḡ‖²)',
    functions: {
      cockpit: (s) => {
        const radii = real.cockpit(s)
        return radii && { ...radii, norm: radii.norm * Math.sqrt(s.batchSize) }
      },
    },
  },
  {
    name: 'learning rate not coupled',
    what: 'growth by κ leaves the learning rate as it was',
    functions: { linearRamp: (options) => real.linearRamp({ ...options, learningRateCoupling: 'none' }) },
  },
  {
    name: 'pooled without the between part',
    what: 'the official pooling forgets the variance between micro-batches',
    functions: {
      officialPooledVariance: (parts) =>
        parts.reduce((sum, part) => sum + (real.varianceL1(part) ?? 0), 0) / parts.length,
    },
  },
]
