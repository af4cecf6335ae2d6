/** The named optimisers, with PyTorch's defaults and meaning of options: compositions of transformations. */
import type { Config } from '../validate.ts'
import { nonNegative, positive } from '../validate.ts'
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
