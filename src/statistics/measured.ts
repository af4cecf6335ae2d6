import { ConfigurationError, DivergenceError, ShapeError } from '../errors.ts'
import { nonNegative, show, whole } from '../validate.ts'
import { squaredNorm } from './derived.ts'
import type { GradientStatistics } from './gradient-statistics.ts'

/** What another program has measured of one batch, as JSON or in arrays of any kind. */
export interface Measured {
  /** b, the number of samples. */
  readonly batchSize: number
  /** ḡ = (1/b) Σ g_i, [d]. It, or its squared length. */
  readonly mean?: ArrayLike<number>
  /** ‖ḡ‖², where ḡ itself is too long to be sent: enough for every test but the coordinate-wise one. */
  readonly squaredNorm?: number
  /** Σ‖g_i‖² over the samples, each the gradient of that sample's own loss. */
  readonly sumSquaredNorms?: number
  /** Σ g_i∘g_i, [d]. */
  readonly sumSquares?: ArrayLike<number>
  /** ⟨g_i, ḡ⟩ of every sample, [b]. */
  readonly projections?: ArrayLike<number>
}

const FIELDS = ['batchSize', 'mean', 'squaredNorm', 'sumSquaredNorms', 'sumSquares', 'projections']

/** What float32 and the order of summation may account for; a wrong scale is off by factors. */
const TOLERANCE = 1e-2

/**
 * Statistics from what another program has measured: PyTorch through JSON, tfjs, onnxruntime.
 *
 * The fields belong together, and what no gradients could yield is refused: b‖ḡ‖² ≤ Σ‖g_i‖², Σ⟨g_i, ḡ⟩ = b‖ḡ‖²,
 * Σ⟨g_i, ḡ⟩² ≤ ‖ḡ‖²Σ‖g_i‖², Σ_j Σ g_ij² = Σ‖g_i‖². So gradients already divided by b, or a mean in place of a sum, are
 * noticed as far as they can be.
 *
 * @param given b, ḡ or ‖ḡ‖², and what else was measured; Σ‖g_i‖² is taken from Σ g_i∘g_i where it is absent
 * @throws ConfigurationError for unknown or missing fields, and for numbers that contradict each other
 * @throws ShapeError for arrays of the wrong length
 * @throws DivergenceError for numbers that are not finite (null in JSON)
 * @example
 * const s = fromMeasured({ batchSize: 64, squaredNorm: 0.5, sumSquaredNorms: 96 })
 * varianceL1(s) // (96 − 64 · 0.5)/63
 */
export function fromMeasured(given: Measured): GradientStatistics {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    refuse(`expected an object with ${FIELDS.join(', ')}; got ${show(given)}`)
  const unknown = Object.keys(given).find((key) => !FIELDS.includes(key))
  if (unknown !== undefined) refuse(`unknown field ${unknown}; there are ${FIELDS.join(', ')}`)
  const batchSize = whole('fromMeasured', 'batchSize', given.batchSize, 1)
  const mean = meanOf(given)
  const signal = batchSize * squaredNorm(mean)
  const sumSquares = given.sumSquares === undefined ? undefined : numbers('sumSquares', given.sumSquares)
  const projections = given.projections === undefined ? undefined : numbers('projections', given.projections)
  if (sumSquares && given.mean === undefined) refuse('sumSquares goes with mean, got squaredNorm alone')
  sameLength('sumSquares', sumSquares, mean.length, 'coordinates')
  sameLength('projections', projections, batchSize, 'samples')
  const total = sumSquares?.reduce((sum, value) => sum + value, 0)
  const sumSquaredNorms = given.sumSquaredNorms ?? total
  if (sumSquaredNorms !== undefined) {
    finite('sumSquaredNorms', sumSquaredNorms)
    if (sumSquaredNorms < signal * (1 - TOLERANCE))
      refuse(
        `Σ‖g_i‖² = ${sumSquaredNorms} is less than b‖ḡ‖² = ${signal}, which no gradients yield; ` +
          'expected the sum over the samples, of gradients that are not divided by b',
      )
    if (total !== undefined) near('Σ_j Σ g_ij²', total, 'Σ‖g_i‖²', sumSquaredNorms, sumSquaredNorms)
  }
  if (projections) {
    const sum = projections.reduce((all, value) => all + value, 0)
    const squares = projections.reduce((all, value) => all + value * value, 0)
    if (sumSquaredNorms !== undefined && squares * batchSize > signal * sumSquaredNorms * (1 + TOLERANCE))
      refuse(
        `Σ⟨g_i, ḡ⟩² = ${squares} is more than ‖ḡ‖²Σ‖g_i‖² = ${(signal / batchSize) * sumSquaredNorms}, which no gradients yield`,
      )
    near('Σ⟨g_i, ḡ⟩', sum, 'b‖ḡ‖²', signal, sumSquaredNorms ?? projections.reduce((a, v) => a + Math.abs(v), 0))
  }
  return {
    batchSize,
    mean,
    ...(sumSquaredNorms !== undefined && { sumSquaredNorms }),
    ...(sumSquares && { sumSquares }),
    ...(projections && { projections }),
    ...(given.mean === undefined && { lengthOnly: true as const }),
  }
}

function meanOf({ mean, squaredNorm: square }: Measured): Float64Array {
  if (mean !== undefined && square !== undefined) refuse('mean and squaredNorm are given; one says what the other does')
  if (mean !== undefined) return numbers('mean', mean)
  if (square === undefined) refuse('expected mean, ḡ, or squaredNorm, ‖ḡ‖²; got neither')
  return Float64Array.of(Math.sqrt(nonNegative('fromMeasured', 'squaredNorm', finite('squaredNorm', square))))
}

function refuse(what: string): never {
  throw new ConfigurationError(`fromMeasured: ${what}`)
}

function finite(name: string, value: number): number {
  // JSON writes null for NaN and Infinity.
  if (value === null || (typeof value === 'number' && !Number.isFinite(value)))
    throw new DivergenceError(`fromMeasured: ${name} is ${value}, expected a finite number`)
  if (typeof value !== 'number') refuse(`${name} must be a number, got ${typeof value}`)
  return value
}

function numbers(name: string, values: ArrayLike<number>): Float64Array {
  if (typeof values !== 'object' || values === null || !Number.isSafeInteger(values.length))
    refuse(`${name} must be an array of numbers, got ${values === null ? 'null' : typeof values}`)
  if (values.length === 0) refuse(`${name} is empty`)
  const copy = new Float64Array(values.length)
  for (let j = 0; j < copy.length; j++) copy[j] = finite(`${name}[${j}]`, values[j])
  return copy
}

function sameLength(name: string, values: Float64Array | undefined, length: number, of: string): void {
  if (values && values.length !== length)
    throw new ShapeError(`fromMeasured: ${name} has ${values.length} entries for ${length} ${of}`)
}

function near(left: string, a: number, right: string, b: number, scale: number): void {
  if (Math.abs(a - b) > TOLERANCE * scale)
    refuse(
      `${left} = ${a} and ${right} = ${b} should be equal; are all of one batch, and of gradients not divided by b?`,
    )
}
