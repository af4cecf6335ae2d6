/** The named optimisers, with PyTorch's defaults and meaning of options: compositions of transformations. */
import { choice, type Family, type Options } from '../choice.ts'
import type { Config } from '../validate.ts'
import { nonNegative, positive } from '../validate.ts'
import { officialAdagradNorm } from './official-adagrad-norm.ts'
import { type Optimizer, optimizer } from './optimizer.ts'
import type { Schedule } from './schedules.ts'
import type { Transformation } from './transformation.ts'
import {
  clipByGlobalNorm,
  inverseTimeDecay,
  momentum,
  scaleByAdagrad,
  scaleByAdagradNorm,
  scaleByAdam,
  scaleByRmsprop,
  weightDecay,
} from './transformations.ts'

/** Options of every optimiser. */
export interface OptimizerOptions {
  /** A number or a schedule. */
  readonly learningRate?: number | Schedule
  /** λ ≥ 0 of L2 regularisation, added to the gradient before the rule; 0 by default. */
  readonly weightDecay?: number
  /** λ ≥ 0 of decoupled weight decay, added to the direction after the rule; 0 by default. */
  readonly decoupledWeightDecay?: number
  /** Largest gradient norm, applied first; none by default. */
  readonly clipNorm?: number | null
}

/** clip → L2 → the rule → decoupled decay; what is off is left out, but recorded. */
function compose(
  name: string,
  learningRate: number | Schedule,
  common: OptimizerOptions,
  rule: readonly Transformation[],
  config: Config,
): Optimizer {
  const { weightDecay: l2 = 0, decoupledWeightDecay = 0, clipNorm = null } = common
  nonNegative(name, 'weightDecay', l2)
  nonNegative(name, 'decoupledWeightDecay', decoupledWeightDecay)
  if (clipNorm !== null) positive(name, 'clipNorm', clipNorm)
  const transformations = [
    ...(clipNorm === null ? [] : [clipByGlobalNorm(clipNorm)]),
    ...(l2 === 0 ? [] : [weightDecay(l2)]),
    ...rule,
    ...(decoupledWeightDecay === 0 ? [] : [weightDecay(decoupledWeightDecay)]),
  ]
  const resolved = { ...config, weightDecay: l2, decoupledWeightDecay, clipNorm }
  return optimizer(name, learningRate, transformations, resolved)
}

/**
 * Stochastic gradient descent, with momentum if wanted: x ← x − α(g + …).
 *
 * @param options.learningRate α, required
 * @param options.momentum μ in [0, 1), 0 by default
 * @param options.dampening τ, 0 by default
 * @param options.nesterov false by default
 * @throws ConfigurationError for an option outside its domain
 * @example sgd({ learningRate: 0.5, momentum: 0.9, weightDecay: 5e-4 })
 */
export function sgd(
  options: OptimizerOptions & {
    readonly learningRate: number | Schedule
    readonly momentum?: number
    readonly dampening?: number
    readonly nesterov?: boolean
  },
): Optimizer {
  const { momentum: decay = 0, dampening = 0, nesterov = false } = options
  const rule = momentum({ decay, dampening, nesterov })
  // Without momentum the buffer would be the gradient, or its dampened copy: PyTorch ignores dampening there, too.
  return compose('sgd', options.learningRate, options, decay === 0 ? [] : [rule], {
    momentum: decay,
    dampening,
    nesterov,
  })
}

/**
 * AdaGrad: v ← v + g∘g; x ← x − α g/(√v + ε) (docs/maths.md §5).
 *
 * @param options.learningRate α, 0.01 by default
 * @param options.epsilon ε, 1e-10 by default
 * @param options.initialAccumulator v₀, 0 by default
 * @param options.learningRateDecay divides α by 1 + k·decay at step k; 0 by default
 * @throws ConfigurationError for an option outside its domain
 * @example adagrad({ learningRate: 8e-3 })
 * @see Duchi, Hazan, Singer 2011
 */
export function adagrad(
  options: OptimizerOptions & {
    readonly epsilon?: number
    readonly initialAccumulator?: number
    readonly learningRateDecay?: number
  } = {},
): Optimizer {
  const { learningRate = 1e-2, learningRateDecay = 0 } = options
  nonNegative('adagrad', 'learningRateDecay', learningRateDecay)
  const scaling = scaleByAdagrad(options)
  const rule: Transformation[] = learningRateDecay === 0 ? [scaling] : [scaling, inverseTimeDecay(learningRateDecay)]
  return compose('adagrad', learningRate, options, rule, { ...scaling.config, learningRateDecay })
}

/**
 * AdaGrad-Norm: the scalar v ← v + ‖g‖²; x ← x − α g/√v, v₀ = b₀² (docs/maths.md §5).
 *
 * @param options.learningRate α, 1 by default
 * @param options.initialNorm b₀ > 0; 0.1 by default, which is the official code's v₀ = 0.01
 * @throws ConfigurationError for an option outside its domain
 * @example adagradNorm({ learningRate: 0.5, initialNorm: 1 })
 * @see Ward, Wu, Bottou, arXiv 1806.01811
 */
export function adagradNorm(options: OptimizerOptions & { readonly initialNorm?: number } = {}): Optimizer {
  const { learningRate = 1, initialNorm = 0.1 } = options
  return compose('adagradNorm', learningRate, options, [scaleByAdagradNorm(initialNorm)], { initialNorm })
}

/**
 * RMSProp: v ← ρv + (1 − ρ)g∘g; x ← x − α g/(√v + ε), with momentum on the scaled gradient if wanted.
 *
 * @param options.learningRate α, 0.01 by default
 * @param options.decay ρ (PyTorch's `alpha`), 0.99 by default
 * @param options.epsilon ε, 1e-8 by default
 * @param options.momentum in [0, 1), 0 by default
 * @param options.centered subtract the squared running mean from v; false by default
 * @throws ConfigurationError for an option outside its domain
 * @see Tieleman, Hinton 2012, lecture 6.5
 */
export function rmsprop(
  options: OptimizerOptions & {
    readonly decay?: number
    readonly epsilon?: number
    readonly momentum?: number
    readonly centered?: boolean
  } = {},
): Optimizer {
  const { learningRate = 1e-2, decay = 0.99, epsilon = 1e-8, momentum: momentumDecay = 0, centered = false } = options
  const scaling = scaleByRmsprop({ decay, epsilon, centered })
  const buffered = momentum({ decay: momentumDecay })
  const rule: Transformation[] = momentumDecay === 0 ? [scaling] : [scaling, buffered]
  return compose('rmsprop', learningRate, options, rule, { ...scaling.config, momentum: momentumDecay })
}

/** Options of Adam and AdamW. */
export interface AdamOptions extends OptimizerOptions {
  /** β₁ in [0, 1), 0.9 by default. */
  readonly beta1?: number
  /** β₂ in [0, 1), 0.999 by default. */
  readonly beta2?: number
  /** ε > 0, 1e-8 by default. */
  readonly epsilon?: number
}

/**
 * Adam: x ← x − α m̂/(√v̂ + ε).
 *
 * @param options.learningRate α, 1e-3 by default
 * @throws ConfigurationError for an option outside its domain
 * @see Kingma, Ba 2015, arXiv 1412.6980
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamNamed('adam', options, options)
}

/**
 * AdamW: Adam with decoupled weight decay, x ← x − α(m̂/(√v̂ + ε) + λx).
 *
 * @param options.learningRate α, 1e-3 by default
 * @param options.weightDecay λ, 0.01 by default; decoupled, as the name has it in PyTorch
 * @throws ConfigurationError for an option outside its domain
 * @see Loshchilov, Hutter 2019, arXiv 1711.05101
 */
export function adamw(options: Omit<AdamOptions, 'decoupledWeightDecay'> = {}): Optimizer {
  const { weightDecay: decoupledWeightDecay = 1e-2, ...rest } = options
  return adamNamed('adamw', options, { ...rest, decoupledWeightDecay })
}

function adamNamed(
  name: string,
  { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions,
  common: OptimizerOptions,
): Optimizer {
  const scaling = scaleByAdam({ beta1, beta2, epsilon })
  return compose(name, learningRate, common, [scaling], scaling.config)
}

const weightDecayOption = { type: 'number', atLeast: 0, default: 0, symbol: 'λ', help: 'L2 regularisation' } as const
const clipNorm = { type: 'number', above: 0, optional: true, help: 'largest gradient norm; none if left out' } as const
const decoupledWeightDecay = { type: 'number', atLeast: 0, default: 0, help: 'weight decay outside the rule' } as const
const common = { weightDecay: weightDecayOption, decoupledWeightDecay, clipNorm } as const satisfies Options
const decayOf = (value: number, help: string) =>
  ({ type: 'number', atLeast: 0, below: 1, default: value, help }) as const
const epsilon = { type: 'number', above: 0, default: 1e-8, symbol: 'ε', help: 'added to the denominator' } as const
const adamOptions = {
  beta1: { ...decayOf(0.9, 'decay of the first moment'), symbol: 'β₁' },
  beta2: { ...decayOf(0.999, 'decay of the second moment'), symbol: 'β₂' },
  epsilon,
} as const satisfies Options

/** Every optimiser, as it can be chosen by name; the learning rate is a choice of its own. */
export const optimizerFamily: Family<Optimizer, Schedule> = {
  what: 'optimiser',
  flag: 'optimizer',
  help: 'how a gradient becomes a step',
  default: 'adagrad',
  choices: [
    choice({
      name: 'adagrad',
      summary: 'AdaGrad: a step size for every coordinate',
      formula: 'v ← v + g∘g; x ← x − α g/(√v + ε)',
      implies: { learningRate: 0.01 },
      options: {
        epsilon: { ...epsilon, default: 1e-10 },
        initialAccumulator: { type: 'number', atLeast: 0, default: 0, symbol: 'v₀', help: 'v before the first step' },
        learningRateDecay: { type: 'number', atLeast: 0, default: 0, help: 'divides α by 1 + k·decay at step k' },
        ...common,
      },
      make: (options, learningRate: Schedule) => adagrad({ ...options, learningRate }),
    }),
    choice({
      name: 'adagrad-norm',
      summary: 'AdaGrad-Norm: one step size from the sum of squared gradient norms',
      formula: 'v ← v + ‖g‖²; x ← x − α g/√v',
      implies: { learningRate: 1 },
      options: {
        initialNorm: { type: 'number', above: 0, default: 0.1, symbol: 'b₀', help: '√v before the first step' },
        ...common,
      },
      make: (options, learningRate: Schedule) => adagradNorm({ ...options, learningRate }),
    }),
    choice({
      name: 'sgd',
      summary: 'stochastic gradient descent, with momentum if wanted',
      formula: 'm ← μm + (1 − τ)g; x ← x − αm',
      implies: { learningRate: 0.1 },
      options: {
        momentum: { ...decayOf(0, 'decay of the velocity'), symbol: 'μ' },
        dampening: { type: 'number', default: 0, symbol: 'τ', help: 'what the velocity leaves out of each gradient' },
        nesterov: { type: 'boolean', default: false, help: 'look ahead along the velocity' },
        ...common,
      },
      make: (options, learningRate: Schedule) => sgd({ ...options, learningRate }),
    }),
    choice({
      name: 'rmsprop',
      summary: 'RMSProp: AdaGrad with a running mean in place of the sum',
      formula: 'v ← ρv + (1 − ρ)g∘g; x ← x − α g/(√v + ε)',
      implies: { learningRate: 0.01 },
      options: {
        decay: { ...decayOf(0.99, 'decay of the running mean of squares'), symbol: 'ρ' },
        epsilon,
        momentum: { ...decayOf(0, 'decay of the velocity'), symbol: 'μ' },
        centered: { type: 'boolean', default: false, help: 'subtract the squared running mean' },
        ...common,
      },
      make: (options, learningRate: Schedule) => rmsprop({ ...options, learningRate }),
    }),
    choice({
      name: 'adam',
      summary: 'Adam: running means of g and of g∘g',
      formula: 'x ← x − α m̂/(√v̂ + ε)',
      implies: { learningRate: 1e-3 },
      options: { ...adamOptions, ...common },
      make: (options, learningRate: Schedule) => adam({ ...options, learningRate }),
    }),
    choice({
      name: 'adamw',
      summary: 'Adam with decoupled weight decay',
      formula: 'x ← x − α(m̂/(√v̂ + ε) + λx)',
      implies: { learningRate: 1e-3 },
      options: {
        ...adamOptions,
        weightDecay: { ...weightDecayOption, default: 0.01, help: 'decoupled weight decay' },
        clipNorm,
      },
      make: (options, learningRate: Schedule) => adamw({ ...options, learningRate }),
    }),
    choice({
      name: 'official-adagrad-norm',
      summary: "the official code's Adagradnorm, deviations included, for comparisons on purpose",
      formula: 'an accumulator for each output row',
      implies: { learningRate: 1 },
      options: {
        initialAccumulator: {
          type: 'number',
          atLeast: 0,
          default: 0.01,
          symbol: 'v₀',
          help: 'v before the first step',
        },
        momentum: { ...decayOf(0, 'decay of the velocity'), symbol: 'μ' },
        weightDecay: { ...weightDecayOption, help: 'multiplies the gradient' },
        learningRateDecay: { type: 'number', atLeast: 0, default: 0, help: 'divides α by 1 + k·decay at step k' },
      },
      make: (options, learningRate: Schedule) => officialAdagradNorm({ ...options, learningRate }),
    }),
  ],
}
