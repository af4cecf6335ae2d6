import { choice, type Family } from '../choice.ts'
import { squaredNorm, varianceL1 } from '../statistics/derived.ts'
import { adaScaleGain } from '../statistics/neighbours.ts'
import { decay, whole } from '../validate.ts'
import type { BatchPolicy, Observation, PolicyState } from './policy.ts'

/** State of `adaScale`: the inner policy's, and the running averages. */
export interface AdaScaleState<S extends PolicyState> extends PolicyState {
  readonly inner: S
  /** Average of ‖Var‖₁; null before the first measurement. */
  readonly noise: number | null
  /** Average of the unbiased estimate of ‖∇F‖². */
  readonly signal: number | null
}

/**
 * AdaScale: any policy, with the learning rate multiplied by the gain r = (σ² + μ²)/(σ²/S + μ²) (docs/maths.md §7).
 *
 * S is the batch size in units of `base`, σ² the variance of the gradient of a batch of `base` samples. The factor is the
 * gain of the last measured step, times the inner policy's own.
 *
 * @param policy what decides the batch size
 * @param options.base batch size for which the learning rate was tuned; the policy's initial one by default
 * @param options.smoothing decay of the running averages in [0, 1), 0.9 by default
 * @throws ConfigurationError for an option outside its domain
 * @example adaScale(geometric({ initial: 64, factor: 2, every: { samples: 100_000 }, max: 4096 }))
 * @see Johnson, Agrawal, Gu, Guestrin 2020, arXiv 2007.05105
 */
export function adaScale<S extends PolicyState>(
  policy: BatchPolicy<S>,
  options: { readonly base?: number; readonly smoothing?: number } = {},
): BatchPolicy<AdaScaleState<S>> {
  const base = whole('adaScale', 'base', options.base ?? policy.initial, 1)
  const smoothing = decay('adaScale', 'smoothing', options.smoothing ?? 0.9)
  const average = (old: number | null, value: number) =>
    old === null ? value : smoothing * old + (1 - smoothing) * value
  const { name, initial, cap, level, config } = policy
  return Object.freeze({
    name: 'adaScale',
    initial,
    cap,
    level: level === 'none' ? ('norms' as const) : level,
    ...(policy.microBatch !== undefined && { microBatch: policy.microBatch }),
    config: Object.freeze({ policy: { name, ...config }, base, smoothing }),
    start: () => ({ ...pick(policy.start()), inner: policy.start(), noise: null, signal: null }),
    levelFor({ inner }: AdaScaleState<S>) {
      const wanted = policy.levelFor(inner)
      // Every other level implies the norms; one sample has no variance to measure.
      return wanted === 'none' && inner.batchSize > 1 ? 'norms' : wanted
    },
    ...(policy.populationLevelFor && {
      populationLevelFor: ({ inner }: AdaScaleState<S>) => policy.populationLevelFor!(inner),
    }),
    next(state: AdaScaleState<S>, observation: Observation) {
      const update = policy.next(state.inner, observation)
      const { statistics } = observation
      const measured = statistics.batchSize > 1 ? (varianceL1(statistics) as number) : null
      let { noise, signal } = state
      if (measured !== null) {
        noise = average(noise, measured)
        signal = average(signal, squaredNorm(statistics.mean) - measured / statistics.batchSize)
      }
      const scale = Math.max(1, update.batchSize / base)
      const gain = noise === null || signal === null ? 1 : adaScaleGain(noise / base, Math.max(0, signal), scale)
      const learningRateFactor = gain * update.learningRateFactor
      const { batchSize, growth, test, state: inner } = update
      return {
        state: { batchSize, learningRateFactor, inner, noise, signal },
        batchSize,
        growth,
        learningRateFactor,
        test,
      }
    },
  })
}

const pick = ({ batchSize, learningRateFactor }: PolicyState): PolicyState => ({ batchSize, learningRateFactor })

/** What else multiplies the learning rate as the batch grows. */
export const gainFamily: Family<(policy: BatchPolicy) => BatchPolicy> = {
  what: 'gain',
  flag: 'gain',
  help: 'a measured factor on the learning rate',
  default: 'none',
  choices: [
    choice({ name: 'none', summary: 'no factor', options: {}, make: () => (policy: BatchPolicy) => policy }),
    choice({
      name: 'ada-scale',
      summary: 'AdaScale: the gain of large batches, from the measured noise',
      formula: 'r = (σ² + μ²)/(σ²/S + μ²)',
      options: {
        base: {
          type: 'integer',
          atLeast: 1,
          optional: true,
          flag: 'gain-base',
          help: 'batch size that the learning rate was tuned for; the initial one if left out',
        },
        smoothing: {
          type: 'number',
          atLeast: 0,
          below: 1,
          default: 0.9,
          flag: 'gain-smoothing',
          help: 'decay of the running averages',
        },
      },
      make: (options) => (policy: BatchPolicy) => adaScale(policy, options) as BatchPolicy,
    }),
  ],
}
