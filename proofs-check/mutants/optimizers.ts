import { type Optimizer, optimizer } from '../../src/optim/optimizer.ts'
import { transformation } from '../../src/optim/transformation.ts'
import { squaredNorm } from '../../src/statistics/derived.ts'
import type { Mutant } from '../mutation.ts'
import { real } from '../subject.ts'

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

/** Mistakes in optimisers and schedules. */
export const optimizerMutants: readonly Mutant[] = [
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
    name: 'linear schedule rises',
    what: 'the decay runs backwards, as in the official code',
    functions: {
      warmupLinear: (options) => {
        const { peak, end = 0, total } = options
        return (progress) => (progress.samples >= total ? end : peak + end - real.warmupLinear(options)(progress))
      },
    },
  },
  {
    name: 'schedule in steps',
    what: 'samples are taken for steps',
    functions: {
      warmupCosine: (options) =>
        real.warmupCosine({ ...options, unit: options.unit === 'steps' ? 'samples' : 'steps' }),
    },
  },
  {
    name: 'decay before the rule',
    what: 'decoupled weight decay goes through AdaGrad’s scaling',
    functions: {
      adagrad: ({ decoupledWeightDecay = 0, weightDecay = 0, ...options } = {}) =>
        real.adagrad({ ...options, weightDecay: weightDecay + decoupledWeightDecay }),
    },
  },
]
