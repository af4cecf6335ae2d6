import { power } from '../elementary.ts'
import { ConfigurationError } from '../errors.ts'
import { squaredNorm } from '../statistics/derived.ts'
import { decay as decayRate, nonNegative, positive } from '../validate.ts'
import { type ParameterLayout, sizeOf, type Transformation, transformation } from './transformation.ts'

const zeros = (parameters: ParameterLayout | number) => new Float64Array(sizeOf(parameters))

type Stateless = Record<string, never>
const stateless = (): Stateless => ({})

/**
 * Clips by the global norm: g ← g·min(1, limit/‖g‖).
 *
 * PyTorch's `clip_grad_norm_` divides by ‖g‖ + 1e-6 instead and ends a little below the limit.
 *
 * @param limit largest norm that passes unchanged, > 0
 * @see Pascanu, Mikolov, Bengio 2013, arXiv 1211.5063
 */
export function clipByGlobalNorm(limit: number): Transformation<Stateless> {
  positive('clipByGlobalNorm', 'limit', limit)
  return transformation({
    name: 'clipByGlobalNorm',
    config: { limit },
    init: stateless,
    update(direction) {
      const norm = Math.sqrt(squaredNorm(direction))
      if (norm > limit) scale(direction, limit / norm)
    },
  })
}

/**
 * Adds λx to the direction. Before a rule that rescales it is L2 regularisation, after it decoupled weight decay.
 *
 * @param rate λ ≥ 0
 * @see Loshchilov, Hutter 2019, arXiv 1711.05101, on the difference
 */
export function weightDecay(rate: number): Transformation<Stateless> {
  nonNegative('weightDecay', 'rate', rate)
  return transformation({
    name: 'weightDecay',
    config: { rate },
    init: stateless,
    update(direction, _, parameters) {
      for (let j = 0; j < direction.length; j++) direction[j] += rate * parameters[j]
    },
  })
}

/**
 * Momentum as PyTorch has it: m ← g at the first step, then m ← μm + (1 − τ)g; the direction is m, with Nesterov g + μm.
 *
 * @param options.decay μ in [0, 1)
 * @param options.dampening τ ≥ 0; 0 by default
 * @throws ConfigurationError for Nesterov with dampening or without momentum
 * @see Sutskever, Martens, Dahl, Hinton 2013
 */
export function momentum(options: {
  readonly decay: number
  readonly dampening?: number
  readonly nesterov?: boolean
}): Transformation<{ buffer: Float64Array; steps: number }> {
  const decay = decayRate('momentum', 'decay', options.decay)
  const dampening = nonNegative('momentum', 'dampening', options.dampening ?? 0)
  const { nesterov = false } = options
  if (nesterov && (decay === 0 || dampening !== 0)) {
    throw new ConfigurationError(
      `momentum: nesterov needs a decay above 0 and no dampening, got decay ${decay} and dampening ${dampening}`,
    )
  }
  return transformation({
    name: 'momentum',
    config: { decay, dampening, nesterov },
    init: (parameters) => ({ buffer: zeros(parameters), steps: 0 }),
    update(direction, state) {
      const { buffer } = state
      const share = state.steps === 0 ? 1 : 1 - dampening
      state.steps++
      for (let j = 0; j < direction.length; j++) {
        buffer[j] = decay * buffer[j] + share * direction[j]
        direction[j] = nesterov ? direction[j] + decay * buffer[j] : buffer[j]
      }
    },
  })
}

/**
 * AdaGrad's scaling: v ← v + g∘g, g ← g/(√v + ε) (docs/maths.md §5).
 *
 * @param options.epsilon ε ≥ 0; 1e-10 by default
 * @param options.initialAccumulator v₀ ≥ 0; 0 by default
 * @throws ConfigurationError if both are 0: a gradient of 0 would be divided by 0
 * @see Duchi, Hazan, Singer 2011
 */
export function scaleByAdagrad(
  options: { readonly epsilon?: number; readonly initialAccumulator?: number } = {},
): Transformation<{ sum: Float64Array }> {
  const epsilon = nonNegative('adagrad', 'epsilon', options.epsilon ?? 1e-10)
  const initialAccumulator = nonNegative('adagrad', 'initialAccumulator', options.initialAccumulator ?? 0)
  if (epsilon === 0 && initialAccumulator === 0) {
    throw new ConfigurationError('adagrad: epsilon or initialAccumulator must be above 0, got 0 for both')
  }
  return transformation({
    name: 'scaleByAdagrad',
    config: { epsilon, initialAccumulator },
    init: (parameters) => ({ sum: zeros(parameters).fill(initialAccumulator) }),
    update(direction, { sum }) {
      for (let j = 0; j < direction.length; j++) {
        const g = direction[j]
        sum[j] += g * g
        direction[j] = g / (Math.sqrt(sum[j]) + epsilon)
      }
    },
  })
}

/**
 * AdaGrad-Norm's scaling, by one scalar: v ← v + ‖g‖², g ← g/√v, v₀ = b₀² (docs/maths.md §5).
 *
 * @param initialNorm b₀ > 0
 * @see Ward, Wu, Bottou, arXiv 1806.01811
 */
export function scaleByAdagradNorm(initialNorm: number): Transformation<{ sum: number }> {
  positive('adagradNorm', 'initialNorm', initialNorm)
  return transformation({
    name: 'scaleByAdagradNorm',
    config: { initialNorm },
    init: () => ({ sum: initialNorm * initialNorm }),
    update(direction, state) {
      state.sum += squaredNorm(direction)
      scale(direction, 1 / Math.sqrt(state.sum))
    },
  })
}

/**
 * RMSProp's scaling: v ← ρv + (1 − ρ)g∘g, g ← g/(√v + ε); centred, v − m∘m for v with m the running mean of g.
 *
 * @param options.decay ρ in [0, 1)
 * @param options.epsilon ε > 0
 * @see Tieleman, Hinton 2012, lecture 6.5; Graves 2013, arXiv 1308.0850, for the centred form
 */
export function scaleByRmsprop(options: {
  readonly decay: number
  readonly epsilon: number
  readonly centered: boolean
}): Transformation<{ squares: Float64Array; mean: Float64Array }> {
  const decay = decayRate('rmsprop', 'decay', options.decay)
  const epsilon = positive('rmsprop', 'epsilon', options.epsilon)
  const { centered } = options
  return transformation({
    name: 'scaleByRmsprop',
    config: { decay, epsilon, centered },
    init: (parameters) => ({ squares: zeros(parameters), mean: centered ? zeros(parameters) : zeros(0) }),
    update(direction, { squares, mean }) {
      for (let j = 0; j < direction.length; j++) {
        const g = direction[j]
        squares[j] = decay * squares[j] + (1 - decay) * g * g
        let v = squares[j]
        if (centered) {
          mean[j] = decay * mean[j] + (1 - decay) * g
          // A variance: rounding must not make it negative.
          v = Math.max(0, v - mean[j] * mean[j])
        }
        direction[j] = g / (Math.sqrt(v) + epsilon)
      }
    },
  })
}

/**
 * Adam's scaling: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g∘g, g ← m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ).
 *
 * @param options.beta1 β₁ in [0, 1)
 * @param options.beta2 β₂ in [0, 1)
 * @param options.epsilon ε > 0
 * @see Kingma, Ba 2015, arXiv 1412.6980, algorithm 1
 */
export function scaleByAdam(options: {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}): Transformation<{ first: Float64Array; second: Float64Array; steps: number }> {
  const beta1 = decayRate('adam', 'beta1', options.beta1)
  const beta2 = decayRate('adam', 'beta2', options.beta2)
  const epsilon = positive('adam', 'epsilon', options.epsilon)
  return transformation({
    name: 'scaleByAdam',
    config: { beta1, beta2, epsilon },
    init: (parameters) => ({ first: zeros(parameters), second: zeros(parameters), steps: 0 }),
    update(direction, state) {
      const { first, second } = state
      state.steps++
      const unbias1 = 1 / (1 - power(beta1, state.steps))
      const unbias2 = 1 / Math.sqrt(1 - power(beta2, state.steps))
      for (let j = 0; j < direction.length; j++) {
        const g = direction[j]
        first[j] = beta1 * first[j] + (1 - beta1) * g
        second[j] = beta2 * second[j] + (1 - beta2) * g * g
        direction[j] = (first[j] * unbias1) / (Math.sqrt(second[j]) * unbias2 + epsilon)
      }
    },
  })
}

/**
 * Divides by 1 + k·rate at step k = 0, 1, …: the `lr_decay` of PyTorch's Adagrad.
 *
 * @param rate ≥ 0
 */
export function inverseTimeDecay(rate: number): Transformation<{ steps: number }> {
  nonNegative('inverseTimeDecay', 'rate', rate)
  return transformation({
    name: 'inverseTimeDecay',
    config: { rate },
    init: () => ({ steps: 0 }),
    update(direction, state) {
      scale(direction, 1 / (1 + state.steps * rate))
      state.steps++
    },
  })
}

function scale(vector: Float64Array, factor: number): void {
  for (let j = 0; j < vector.length; j++) vector[j] *= factor
}
