/**
 * Elementary functions with the same bits in every JavaScript engine.
 *
 * The language leaves open how `Math.log`, `Math.cos` and `**` round, and engines differ in the last place; one such
 * bit in the first Gaussian number is another run. Here are only +, −, ×, ÷, √ and the reading of exponents, which
 * IEEE 754 and the language fix. Errors are below one unit in the last place (test/elementary.test.ts measures them).
 */

// Big-endian whatever the machine is: sign, exponent and the first digits of a number are in the first four bytes.
const bits = new DataView(new ArrayBuffer(8))

/** x², rounded once; `x ** 2` may be rounded otherwise. */
export const square = (x: number): number => x * x

/** ⌊log₂ x⌋ exactly, for 0 < x < ∞. */
export function exponentOf(x: number): number {
  bits.setFloat64(0, x)
  const biased = bits.getInt32(0) >> 20
  // Subnormal numbers are whole multiples of the least one.
  return biased > 0 ? biased - 1023 : exponentOf(x / Number.MIN_VALUE) - 1074
}

/** 2ⁿ exactly, for whole n: 0 below −1074 and ∞ above 1023. */
export function powerOfTwo(n: number): number {
  if (n > 1023) return Number.POSITIVE_INFINITY
  if (n < -1022) return n < -1074 ? 0 : powerOfTwo(n + 1074) * Number.MIN_VALUE
  bits.setInt32(0, (n + 1023) << 20)
  bits.setInt32(4, 0)
  return bits.getFloat64(0)
}

/** x·2ⁿ, in two factors since one may be 0 or ∞ where the product is not; rounded once at most. */
function scale(x: number, n: number): number {
  const half = Math.trunc(n / 2)
  return x * powerOfTwo(half) * powerOfTwo(n - half)
}

// Coefficients c₀, c₁, … of power series in z, as far as float64 sees them where they are used.
const series = (terms: number, coefficient: (k: number) => number) =>
  Float64Array.from({ length: terms }, (_, k) => coefficient(k))
const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
/** 2/3 + 2z/5 + 2z²/7 + …: 2 artanh s = 2s + s³·(…) with z = s² ≤ 0.0295. */
const ARTANH = series(10, (k) => 2 / (2 * k + 3))
/** 1/4! − z/6! + …: cos θ = 1 − z/2 + z²·(…) with z = θ² ≤ 0.617. */
const COSINE = series(8, (k) => (k % 2 === 0 ? 1 : -1) / factorial(2 * k + 4))
/** −1/3! + z/5! − …: sin θ = θ + θ³·(…) with z = θ² ≤ 0.617. */
const SINE = series(8, (k) => (k % 2 === 0 ? -1 : 1) / factorial(2 * k + 3))

function evaluate(coefficients: Float64Array, z: number): number {
  let sum = 0
  for (let k = coefficients.length - 1; k >= 0; k--) sum = sum * z + coefficients[k]!
  return sum
}

// ln 2 in two parts, the first with 40 binary digits: its product with an exponent is exact.
const LN2_HIGH = 0.6931471805601177
const LN2_LOW = -1.7239444525614835e-13
const SQRT2 = Math.sqrt(2)

/**
 * The natural logarithm: x = 2ᵉm with √½ < m ≤ √2, f = m − 1 and s = f/(2 + f) give ln x = e ln 2 + 2 artanh s.
 *
 * 2s is f − sf, where f is exact, so the rounding of the quotient counts only for the correction.
 *
 * @returns −∞ at 0, NaN below
 */
export function log(x: number): number {
  if (!(x > 0 && x < Number.POSITIVE_INFINITY)) return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN
  let e = exponentOf(x)
  let m = scale(x, -e)
  if (m > SQRT2) {
    m /= 2
    e += 1
  }
  const f = m - 1
  const s = f / (2 + f)
  const z = s * s
  return e * LN2_HIGH + (f - (s * (f - z * evaluate(ARTANH, z)) - e * LN2_LOW))
}

// 2π in two parts.
const TAU = 2 * Math.PI
const TAU_LOW = 2.4492935982947064e-16

/**
 * cos 2πu, the cosine of u turns.
 *
 * Turns make the reduction exact: whole turns go, and cosine and sine of at most ⅛ turn remain. The rounding δ of the
 * angle θ is made good to first order.
 *
 * @returns NaN for an infinite u
 */
export function cosineOfTurns(u: number): number {
  let turn = Math.abs(u) % 1
  if (turn > 0.5) turn = 1 - turn
  const sign = turn > 0.25 ? -1 : 1
  if (turn > 0.25) turn = 0.5 - turn
  // Of cosine and sine, the one whose angle is small.
  const ofCosine = turn <= 0.125
  if (!ofCosine) turn = 0.25 - turn
  const θ = turn * TAU
  const δ = roundingOfProduct(turn, TAU, θ) + turn * TAU_LOW
  const z = θ * θ
  if (!ofCosine) return sign * (θ + (θ * z * evaluate(SINE, z) + δ))
  const half = z / 2
  const most = 1 - half
  return sign * (most + (1 - most - half + (z * z * evaluate(COSINE, z) - θ * δ)))
}

/**
 * xʸ for x ≥ 0 and 0 ≤ y < ∞: by squaring for the whole part of y and by square roots for its fraction.
 *
 * All in twice the precision and rounded at the end: half a unit in the last place and a little, one for subnormal
 * results. (Beyond y = 2⁴⁵ the roundings of the squares add up to more.)
 *
 * @returns NaN for x or y out of range
 */
export function power(x: number, y: number): number {
  if (y === 0) return 1
  if (!(x >= 0 && y > 0 && y < Number.POSITIVE_INFINITY)) return Number.NaN
  if (x === 0 || x === Number.POSITIVE_INFINITY) return x
  let whole = Math.floor(y)
  let fraction = y - whole
  const exponent = exponentOf(x)
  const base: Wide = { high: scale(x, -exponent), low: 0, exponent }
  let result: Wide = { high: 1, low: 0, exponent: 0 }
  for (let square = base; whole > 0; square = times(square, square)) {
    if (whole % 2 === 1) result = times(result, square)
    whole = Math.floor(whole / 2)
  }
  for (let root = base; fraction > 0; ) {
    root = squareRoot(root)
    fraction *= 2
    if (fraction >= 1) {
      result = times(result, root)
      fraction -= 1
    }
  }
  return scale(result.high, result.exponent)
}

/** (high + low)·2^exponent, high in [1, 2) up to a rounding, |low| at most half a unit in its last place. */
interface Wide {
  readonly high: number
  readonly low: number
  readonly exponent: number
}

function times(a: Wide, b: Wide): Wide {
  const product = a.high * b.high
  const rest = roundingOfProduct(a.high, b.high, product) + (a.high * b.low + a.low * b.high)
  return wide(product, rest, a.exponent + b.exponent)
}

/** √(h + l) = s + r with s = √h rounded and r = (h − s² + l)/2s, up to r²/2s. */
function squareRoot({ high, low, exponent }: Wide): Wide {
  const odd = Math.abs(exponent % 2)
  const [h, l] = [high * (1 + odd), low * (1 + odd)]
  const s = Math.sqrt(h)
  const square = s * s
  return wide(s, (h - square - roundingOfProduct(s, s, square) + l) / (2 * s), (exponent - odd) / 2)
}

function wide(large: number, small: number, exponent: number): Wide {
  const high = large + small
  const low = small - (high - large)
  return high < 2 ? { high, low, exponent } : { high: high / 2, low: low / 2, exponent: exponent + 1 }
}

/**
 * ab − fl(ab) exactly, for factors that are neither huge nor tiny.
 *
 * Source: T. J. Dekker, A floating-point technique for extending the available precision, Numer. Math. 18 (1971).
 */
function roundingOfProduct(a: number, b: number, product: number): number {
  const [aHigh, bHigh] = [upperHalf(a), upperHalf(b)]
  const [aLow, bLow] = [a - aHigh, b - bHigh]
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow
}

/** The upper 26 of 53 digits: 2²⁷ + 1 shifts the others out. */
function upperHalf(x: number): number {
  const shifted = 134217729 * x
  return shifted - (shifted - x)
}
