import { ConfigurationError } from '../errors.ts'
import { innerProductVariance, orthogonalVariance, squaredNorm, varianceL1 } from './derived.ts'
import type { GradientStatistics } from './gradient-statistics.ts'

/** a/b where a vanishing denominator means "no finite value is enough": 0/0 is 0, a/0 is Infinity. Never NaN. */
function ratio(numerator: number, denominator: number): number {
  return numerator === 0 ? 0 : denominator > 0 ? numerator / denominator : Number.POSITIVE_INFINITY
}

/** The radii that Cockpit plots, one a test. */
export interface CockpitRadii {
  /** θ = √(‖Var‖₁/(b‖ḡ‖²)): the norm test passes iff θ ≤ η, and T/b = θ²/η². */
  readonly norm: number
  /** √(Var⟨g_i, ḡ⟩/(b‖ḡ‖⁴)), compared with ϑ. */
  readonly innerProduct: number
  /** √(OrthVar/(b‖ḡ‖²)), compared with ν. */
  readonly orthogonality: number
}

/**
 * Cockpit's three numbers (docs/maths.md §7): how large a parameter each test would need to pass as it stands.
 *
 * @returns undefined for one sample; Infinity where ḡ = 0 and the gradients vary
 * @throws ConfigurationError below level `projections`
 * @see Schneider, Dangel, Hennig, Cockpit, arXiv 2102.06604
 */
export function cockpit(statistics: GradientStatistics): CockpitRadii | undefined {
  const total = varianceL1(statistics)
  const along = innerProductVariance(statistics)
  const across = orthogonalVariance(statistics)
  if (total === undefined || along === undefined || across === undefined) return undefined
  const signal = squaredNorm(statistics.mean)
  const radius = (variance: number, bound: number) => Math.sqrt(ratio(variance, statistics.batchSize * bound))
  return {
    norm: radius(total, signal),
    // ḡ = 0 makes every projection 0: the spread, if any, is not small beside ḡ but boundless.
    innerProduct: signal === 0 ? radius(total, 0) : radius(along, signal * signal),
    orthogonality: radius(across, signal),
  }
}

/** Unbiased estimates of σ² and ‖∇F‖², and their quotient. */
export interface NoiseScale {
  /** Estimate of σ² = E‖g_i − ∇F‖². */
  readonly noise: number
  /** Estimate of ‖∇F‖². Unbiased, so it may be negative. */
  readonly signal: number
  /** B_simple = σ²/‖∇F‖², in samples; Infinity where the signal is lost in the noise. */
  readonly scale: number
}

/**
 * Simple noise scale B_simple = σ²/‖∇F‖² from the per-sample norms of one batch (docs/maths.md §7).
 *
 * E‖ḡ‖² = ‖∇F‖² + σ²/b (§3.1), so ‖ḡ‖² − ‖Var‖₁/b is unbiased for ‖∇F‖². Average noise and signal over steps before
 * dividing: the quotient of two estimates is biased.
 *
 * @returns undefined for one sample
 * @throws ConfigurationError without Σ‖g_i‖²
 * @see McCandlish et al. 2018, arXiv 1812.06162
 */
export function simpleNoiseScale(statistics: GradientStatistics): NoiseScale | undefined {
  const noise = varianceL1(statistics)
  if (noise === undefined) return undefined
  return noiseScale(noise, squaredNorm(statistics.mean) - noise / statistics.batchSize)
}

/**
 * Simple noise scale from the squared gradient norms of two batch sizes, where per-sample norms are not at hand.
 *
 * ‖∇F‖² ≈ (b₂‖ḡ₂‖² − b₁‖ḡ₁‖²)/(b₂ − b₁) and σ² ≈ (‖ḡ₁‖² − ‖ḡ₂‖²)/(1/b₁ − 1/b₂).
 *
 * @throws ConfigurationError if the two batch sizes are equal
 * @see McCandlish et al. 2018, arXiv 1812.06162, appendix A.1
 */
export function noiseScaleOfTwo(
  small: { readonly batchSize: number; readonly squaredNorm: number },
  large: { readonly batchSize: number; readonly squaredNorm: number },
): NoiseScale {
  const [b, c] = [small.batchSize, large.batchSize]
  if (b === c) throw new ConfigurationError(`noiseScaleOfTwo: expected two different batch sizes, got ${b} twice`)
  return noiseScale(
    (small.squaredNorm - large.squaredNorm) / (1 / b - 1 / c),
    (c * large.squaredNorm - b * small.squaredNorm) / (c - b),
  )
}

/** The pair with its quotient; averages of several batches' pairs go through here too. */
export function noiseScale(noise: number, signal: number): NoiseScale {
  return { noise, signal, scale: ratio(Math.max(noise, 0), signal) }
}

/**
 * CABS: b = α·tr Σ/F, the batch size that maximises the expected gain a sample for losses with minimum 0.
 *
 * @param loss F, the batch's mean loss
 * @param alpha α, in the paper the learning rate
 * @returns undefined for one sample; Infinity where the loss is not positive and the gradients vary
 * @throws ConfigurationError without Σ‖g_i‖²
 * @see Balles, Romero, Hennig 2017, arXiv 1612.05086
 */
export function cabsBatchSize(statistics: GradientStatistics, loss: number, alpha: number): number | undefined {
  const noise = varianceL1(statistics)
  return noise === undefined ? undefined : ratio(alpha * noise, loss)
}

/**
 * AdaScale's gain r = (σ² + μ²)/(σ²/S + μ²) ∈ [1, S]: how many steps at scale 1 a step at scale S is worth.
 *
 * @param noise σ², the variance of the gradient of one batch at scale 1
 * @param signal μ² = ‖∇F‖²
 * @param scale S ≥ 1, the batch size in units of the base batch size
 * @see Johnson, Agrawal, Gu, Guestrin 2020, arXiv 2007.05105
 */
export function adaScaleGain(noise: number, signal: number, scale: number): number {
  // Without noise and signal nothing is learnt from either scale: no gain.
  return noise + signal > 0 ? (noise + signal) / (noise / scale + signal) : 1
}

/**
 * AdaDamp: b = b₀·(F₀ − F*)/(F_k − F*), a batch size that grows as the loss falls.
 *
 * @param initial b₀, the batch size of the first step
 * @param initialLoss F₀
 * @param loss F_k
 * @param minimum F*, 0 unless it is known
 * @returns Infinity where the loss has reached the minimum
 * @see Sievert, Shah 2019, arXiv 1910.08222
 */
export function adaDampBatchSize(initial: number, initialLoss: number, loss: number, minimum = 0): number {
  return ratio(initial * Math.max(initialLoss - minimum, 0), loss - minimum)
}
