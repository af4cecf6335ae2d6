import { exponentOf, power, powerOfTwo } from '../elementary.ts'
import { ConfigurationError } from '../errors.ts'
import { type Random, random } from '../random.ts'
import { arrayDataset, type Dataset } from './dataset.ts'

/** What the generators of features have in common. */
export interface FeatureOptions {
  readonly seed: number | string
  /** Samples N. */
  readonly size: number
  /** Features d. */
  readonly dimension: number
  /** κ ≥ 1: the features' covariance has eigenvalues from 1 down to 1/κ, equally spaced in logarithm. Default 1. */
  readonly condition?: number
  /** Whether the eigenvectors are a random orthonormal basis rather than the coordinate axes. Default false. */
  readonly rotated?: boolean
}

/** A generated data set, with the parameters that generated it. */
export interface Generated {
  readonly dataset: Dataset
  /** w*, [d]. */
  readonly weights: Float64Array
  /** Eigenvalues of the features' population covariance, largest first, [d]. */
  readonly spectrum: Float64Array
}

/**
 * λ_j = κ^(−j/(d−1)), j = 0 … d − 1: eigenvalues from 1 down to 1/κ, equally spaced in logarithm.
 *
 * @throws ConfigurationError unless κ ≥ 1 and d is a positive integer
 * @example logarithmicSpectrum(3, 100) // [1, 0.1, 0.01]
 */
export function logarithmicSpectrum(dimension: number, condition: number): Float64Array {
  positiveInteger('dimension', dimension)
  if (!(condition >= 1 && Number.isFinite(condition)))
    throw new ConfigurationError(`synthetic: condition must be ≥ 1, got ${condition}`)
  return Float64Array.from({ length: dimension }, (_, j) => 1 / power(condition, j / Math.max(1, dimension - 1)))
}

/**
 * Linear regression y_i = ⟨w*, x_i⟩ + noise·ε_i with x_i ~ N(0, Σ), ε_i ~ N(0, 1), ‖w*‖ = 1.
 *
 * With noise 0 the weights w* fit every sample (interpolation: all g_i vanish at w*). Fields: `x` [d] float, `y` [] float.
 * The Hessian of the mean of ½(⟨w, x_i⟩ − y_i)² is the sample covariance XᵀX/N, near Σ for N ≫ d.
 *
 * @param options.noise standard deviation of the noise, ≥ 0
 * @throws ConfigurationError for a parameter out of range
 * @example linearRegression({ seed: 1, size: 1000, dimension: 20, condition: 100, noise: 0.1 }).dataset
 */
export function linearRegression(options: FeatureOptions & { readonly noise?: number }): Generated {
  const { seed, size, dimension, noise = 0 } = options
  if (!(noise >= 0 && Number.isFinite(noise)))
    throw new ConfigurationError(`synthetic: noise must be ≥ 0, got ${noise}`)
  const { x, spectrum } = features(options)
  const weights = unitVector(dimension, random(seed, 'weights'))
  const epsilon = random(seed, 'noise')
  const y = new Float64Array(size)
  for (let i = 0; i < size; i++) y[i] = dot(x, i * dimension, weights) + noise * epsilon.normal()
  const fields = { x: { data: x, shape: [dimension] }, y: { data: y, shape: [] } }
  return { dataset: arrayDataset({ name: 'linear regression', fields }), weights, spectrum }
}

/**
 * Binary classification y_i = [⟨w*, x_i⟩ > 0] with x_i ~ N(0, Σ), ‖w*‖ = 1, each label flipped with probability `labelNoise`.
 *
 * A margin moves every sample along ±w* to |⟨w*, x_i⟩| ≥ margin. With labelNoise 0 the classes are separable (the infimum
 * of the logistic loss is 0, not attained: interpolation in the limit); with label noise they are not, for N ≫ d.
 * Fields: `x` [d] float, `y` [] index in {0, 1}, or with `labels: 'sign'` float in {−1, +1}.
 *
 * @param options.labelNoise probability of a flip, in [0, ½]
 * @param options.margin least distance to the separating hyperplane added to each sample, ≥ 0
 * @throws ConfigurationError for a parameter out of range
 * @example logisticRegression({ seed: 1, size: 1000, dimension: 20, labelNoise: 0.1 }).dataset
 */
export function logisticRegression(
  options: FeatureOptions & {
    readonly labelNoise?: number
    readonly margin?: number
    readonly labels?: 'index' | 'sign'
  },
): Generated {
  const { seed, size, dimension, labelNoise = 0, margin = 0, labels = 'index' } = options
  if (!(labelNoise >= 0 && labelNoise <= 0.5))
    throw new ConfigurationError(`synthetic: labelNoise must be in [0, 0.5], got ${labelNoise}`)
  if (!(margin >= 0 && Number.isFinite(margin)))
    throw new ConfigurationError(`synthetic: margin must be ≥ 0, got ${margin}`)
  const { x, spectrum } = features(options)
  const weights = unitVector(dimension, random(seed, 'weights'))
  const flips = random(seed, 'labels')
  const y = new Int32Array(size)
  for (let i = 0; i < size; i++) {
    const side = dot(x, i * dimension, weights) > 0 ? 1 : -1
    for (let j = 0; j < dimension; j++) x[i * dimension + j]! += side * margin * weights[j]!
    y[i] = side > 0 !== flips.uniform() < labelNoise ? 1 : 0
  }
  const label =
    labels === 'index'
      ? ({ data: y, dtype: 'index', classes: 2 } as const)
      : { data: Float64Array.from(y, (one) => 2 * one - 1), shape: [] }
  const fields = { x: { data: x, shape: [dimension] }, y: label }
  return { dataset: arrayDataset({ name: 'logistic regression', fields }), weights, spectrum }
}

/**
 * N points ξ_i ~ N(0, diag λ) (or a rotation of it), shifted so that Σ ξ_i = 0 exactly, for f(x; ξ) = ½xᵀAx − ξᵀx.
 *
 * Exactly: each coordinate takes multiples of one power of two, large enough that float64 adds any of them, in any
 * order, without rounding. So the minimum of F is at 0 and not merely near it.
 * Field: `xi` [d] float, to be read in float64.
 *
 * @param options.spectrum λ, the eigenvalues of the covariance, [d], each ≥ 0
 * @param options.rotated whether the eigenvectors are a random basis instead of the axes
 * @returns `totalVariance` = (1/N) Σ‖ξ_i‖² of these points: σ² of MATHS.md §1 for that f, near Σ λ_j
 * @throws ConfigurationError for a parameter out of range
 * @example gaussianCloud({ seed: 1, size: 1000, spectrum: [1, 0.1] }).totalVariance
 */
export function gaussianCloud(options: {
  readonly seed: number | string
  readonly size: number
  readonly spectrum: ArrayLike<number>
  readonly rotated?: boolean
}): { readonly dataset: Dataset; readonly totalVariance: number } {
  const { seed, size, rotated = false } = options
  const spectrum = Float64Array.from(options.spectrum)
  const dimension = spectrum.length
  const xi = gaussianPoints(seed, size, spectrum, rotated)
  centreExactly(xi, size, dimension)
  const dataset = arrayDataset({ name: 'gaussian cloud', fields: { xi: { data: xi, shape: [dimension] } } })
  return { dataset, totalVariance: xi.reduce((sum, value) => sum + value * value, 0) / size }
}

function features({ seed, size, dimension, condition = 1, rotated = false }: FeatureOptions) {
  const spectrum = logarithmicSpectrum(dimension, condition)
  return { x: gaussianPoints(seed, size, spectrum, rotated), spectrum }
}

/** Rows ~ N(0, Q diag(λ) Qᵀ), [N, d], with Q = I or a random rotation. */
function gaussianPoints(seed: number | string, size: number, spectrum: Float64Array, rotated: boolean): Float64Array {
  const dimension = spectrum.length
  positiveInteger('size', size)
  positiveInteger('dimension', dimension)
  if (!spectrum.every((value) => value >= 0 && Number.isFinite(value)))
    throw new ConfigurationError(`synthetic: the spectrum must be ≥ 0, got [${spectrum}]`)
  const deviations = spectrum.map(Math.sqrt)
  const { normal } = random(seed, 'points')
  const points = new Float64Array(size * dimension)
  for (let k = 0; k < points.length; k++) points[k] = normal() * deviations[k % dimension]!
  if (rotated) rotate(points, size, dimension, random(seed, 'rotation'))
  return points
}

/**
 * Applies one random orthogonal map to every row: reflections in uniform directions of the spans of e_j … e_d, whose
 * product is uniformly distributed up to signs that a Gaussian does not see.
 *
 * Source: G. W. Stewart, The efficient generation of random orthogonal matrices, SIAM J. Numer. Anal. 17 (1980).
 */
function rotate(rows: Float64Array, size: number, dimension: number, stream: Random): void {
  for (let first = dimension - 2; first >= 0; first--) {
    const v = unitVector(dimension - first, stream)
    v[0]! += v[0]! < 0 ? -1 : 1 // the reflection takes the uniform unit vector to an axis
    const scale = 2 / v.reduce((sum, value) => sum + value * value, 0)
    for (let i = 0; i < size; i++) {
      const at = i * dimension + first
      const along = scale * dot(rows, at, v)
      for (let j = 0; j < v.length; j++) rows[at + j]! -= along * v[j]!
    }
  }
}

/** Rounds each column of [N, d] to multiples of a unit of its own and shifts it by units to sum to exactly 0. */
function centreExactly(points: Float64Array, size: number, dimension: number): void {
  for (let j = 0; j < dimension; j++) {
    let largest = 0
    for (let at = j; at < points.length; at += dimension) largest = Math.max(largest, Math.abs(points[at]!))
    if (largest === 0) continue
    // |any partial sum|, before or after the shift, is at most N·2·largest ≤ 2^52 units.
    const unit = powerOfTwo(exponentOf(largest * size) - 50)
    let sum = 0 // in units
    for (let at = j; at < points.length; at += dimension) sum += Math.round(points[at]! / unit)
    const shift = Math.floor(sum / size)
    const rest = sum - shift * size // this many samples give up one unit more
    for (let i = 0; i < size; i++) {
      const at = i * dimension + j
      points[at] = (Math.round(points[at]! / unit) - shift - (i < rest ? 1 : 0)) * unit
    }
  }
}

function unitVector(dimension: number, { normal }: Random): Float64Array {
  const v = Float64Array.from({ length: dimension }, normal)
  const norm = Math.sqrt(v.reduce((sum, value) => sum + value * value, 0))
  return v.map((value) => value / norm)
}

function dot(rows: Float64Array, at: number, v: Float64Array): number {
  let sum = 0
  for (let j = 0; j < v.length; j++) sum += rows[at + j]! * v[j]!
  return sum
}

function positiveInteger(what: string, value: number): void {
  if (!(Number.isInteger(value) && value >= 1))
    throw new ConfigurationError(`synthetic: ${what} must be a positive integer, got ${value}`)
}
