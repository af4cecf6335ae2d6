import { square } from '../elementary.ts'
import { field, type GradientStatistics } from './gradient-statistics.ts'

/**
 * The divisor of a variance: b − 1 for a sample of a larger population, N where the statistics are of the whole
 * population, as in the exact tests of a finite sum.
 */
export type Divisor = 'sample' | 'population'

/** Degrees of freedom, or undefined where the variance is: one sample says nothing about its spread. */
function degrees(batchSize: number, divisor: Divisor): number | undefined {
  const count = divisor === 'sample' ? batchSize - 1 : batchSize
  return count >= 1 ? count : undefined
}

/** ‖u‖², summed in float64. Four sums side by side: in one, each addition would wait for the one before it. */
export function squaredNorm(vector: Float64Array): number {
  const whole = vector.length - (vector.length % 4)
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let j = 0; j < whole; j += 4) {
    a += vector[j] * vector[j]
    b += vector[j + 1] * vector[j + 1]
    c += vector[j + 2] * vector[j + 2]
    d += vector[j + 3] * vector[j + 3]
  }
  for (let j = whole; j < vector.length; j++) a += vector[j] * vector[j]
  return a + b + (c + d)
}

/**
 * ‖Var‖₁ = (Σ‖g_i‖² − b‖ḡ‖²)/(b − 1), the trace of the gradients' covariance (docs/maths.md §1).
 *
 * The difference cancels where the gradients hardly differ; what rounding would make negative is 0.
 *
 * @returns undefined for one sample with the divisor b − 1
 * @throws ConfigurationError without Σ‖g_i‖²
 * @example varianceL1(fromPerSampleGradients([[1, 0], [0, 1]])) // 1
 */
export function varianceL1(statistics: GradientStatistics, divisor: Divisor = 'sample'): number | undefined {
  const { batchSize, mean } = statistics
  const count = degrees(batchSize, divisor)
  if (count === undefined) return undefined
  return Math.max(0, field(statistics, 'sumSquaredNorms', 'varianceL1') - batchSize * squaredNorm(mean)) / count
}

/**
 * Var⟨g_i, ḡ⟩, the variance of the inner products (Bollapragada, Byrd, Nocedal 2018, eq. 2.6).
 *
 * The projections are centred before they are squared, so nothing cancels.
 *
 * @returns undefined for one sample with the divisor b − 1
 * @throws ConfigurationError without the projections
 */
export function innerProductVariance(statistics: GradientStatistics, divisor: Divisor = 'sample'): number | undefined {
  return scalarVariance(field(statistics, 'projections', 'innerProductVariance'), divisor)
}

/** The variance of numbers by two passes, [n] → scalar. */
export function scalarVariance(values: Float64Array, divisor: Divisor = 'sample'): number | undefined {
  const count = degrees(values.length, divisor)
  if (count === undefined) return undefined
  let mean = 0
  for (let i = 0; i < values.length; i++) mean += values[i]
  mean /= values.length
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += square(values[i] - mean)
  return squares / count
}

/**
 * OrthVar = ‖Var(r_i)‖₁ with r_i = g_i − (⟨g_i, ḡ⟩/‖ḡ‖²)ḡ (Bollapragada, Byrd, Nocedal 2018, eq. 3.3).
 *
 * By Pythagoras it is ‖Var‖₁ − Var⟨g_i, ḡ⟩/‖ḡ‖², so no r_i is ever formed. Where ḡ = 0 there is no direction to take
 * out and it is ‖Var‖₁.
 *
 * @returns undefined for one sample with the divisor b − 1
 * @throws ConfigurationError without Σ‖g_i‖² or the projections
 */
export function orthogonalVariance(statistics: GradientStatistics, divisor: Divisor = 'sample'): number | undefined {
  const total = varianceL1(statistics, divisor)
  const along = innerProductVariance(statistics, divisor)
  if (total === undefined || along === undefined) return undefined
  const signal = squaredNorm(statistics.mean)
  return signal === 0 ? total : Math.max(0, total - along / signal)
}

/**
 * Var_j of every coordinate, (Σ g_ij² − b ḡ_j²)/(b − 1), [d].
 *
 * @returns undefined for one sample with the divisor b − 1
 * @throws ConfigurationError without Σ g_i∘g_i
 */
export function coordinateVariances(
  statistics: GradientStatistics,
  divisor: Divisor = 'sample',
): Float64Array | undefined {
  const { batchSize, mean } = statistics
  const count = degrees(batchSize, divisor)
  if (count === undefined) return undefined
  const squares = field(statistics, 'sumSquares', 'coordinateVariances')
  const variances = new Float64Array(mean.length)
  for (let j = 0; j < mean.length; j++) variances[j] = Math.max(0, squares[j] - batchSize * mean[j] * mean[j]) / count
  return variances
}
