// Logarithm, cosine and powers of float64 to about 300 binary digits, in whole numbers: the oracle of src/elementary.ts.

const DIGITS = 320n
const ONE = 1n << DIGITS

/** A number n·2^exponent. */
export interface Exact {
  readonly n: bigint
  readonly exponent: number
}

const bits = new DataView(new ArrayBuffer(8))

/** A finite float64, exactly. */
export function exactly(x: number): Exact {
  bits.setFloat64(0, x)
  const raw = bits.getBigUint64(0)
  const biased = Number((raw >> 52n) & 0x7ffn)
  const digits = (raw & 0xfffffffffffffn) | (biased > 0 ? 1n << 52n : 0n)
  return { n: raw >> 63n ? -digits : digits, exponent: Math.max(biased, 1) - 1075 }
}

const shift = (n: bigint, by: number) => (by >= 0 ? n << BigInt(by) : n >> BigInt(-by))
/** As a whole number of units of 2^−DIGITS. */
const fixed = ({ n, exponent }: Exact) => shift(n, exponent + Number(DIGITS))
const times = (a: bigint, b: bigint) => (a * b) >> DIGITS

/** 2 artanh s = 2s + 2s³/3 + … */
function logarithmOfRatio(s: bigint): bigint {
  const square = times(s, s)
  let sum = 0n
  for (let [term, k] = [2n * s, 1n]; term / k !== 0n; [term, k] = [times(term, square), k + 2n]) sum += term / k
  return sum
}
const LN2 = logarithmOfRatio(ONE / 3n)

/** ln x for x > 0, in units of 2^−DIGITS. */
function fixedLog(x: number): bigint {
  const { n, exponent } = exactly(x)
  const digits = n.toString(2).length
  const m = shift(n, Number(DIGITS) + 1 - digits) // in [1, 2)
  return logarithmOfRatio(((m - ONE) << DIGITS) / (m + ONE)) + LN2 * BigInt(exponent + digits - 1)
}
export const exactLog = (x: number): Exact => ({ n: fixedLog(x), exponent: -Number(DIGITS) })

/** Σ θ^k/k! of every second term with alternating signs. */
function fixedCosine(θ: bigint): bigint {
  let sum = 0n
  for (let [term, k] = [ONE, 1n]; term !== 0n; [term, k] = [-times(times(term, θ), θ) / (k * (k + 1n)), k + 2n])
    sum += term
  return sum
}
const arctangentOfInverse = (n: bigint) => {
  let sum = 0n
  for (let [term, k] = [ONE / n, 1n]; term !== 0n; [term, k] = [-term / (n * n), k + 2n]) sum += term / k
  return sum
}
/** Machin's formula. */
const PI = 4n * (4n * arctangentOfInverse(5n) - arctangentOfInverse(239n))
export const exactTau = (): Exact => ({ n: 2n * PI, exponent: -Number(DIGITS) })
export const exactLn2 = (): Exact => ({ n: LN2, exponent: -Number(DIGITS) })

/** cos 2πu. */
export function exactCosineOfTurns(u: number): Exact {
  const turn = fixed(exactly(u)) & (ONE - 1n) // of a whole turn
  return { n: fixedCosine(times(2n * PI, turn)), exponent: -Number(DIGITS) }
}

/** xʸ = 2^n e^r for x > 0. */
export function exactPower(x: number, y: number): Exact {
  const { n: digits, exponent } = exactly(y)
  const logarithm = shift(digits * fixedLog(x), exponent)
  const whole = logarithm / LN2
  const r = logarithm - whole * LN2
  let sum = 0n
  for (let [term, k] = [ONE, 1n]; term !== 0n; [term, k] = [times(term, r) / k, k + 1n]) sum += term
  return { n: sum, exponent: Number(whole) - Number(DIGITS) }
}

/** |got − want| in units of the last place that a float64 near `want` has. */
export function ulps(got: number, want: Exact): number {
  const size = want.n < 0n ? -want.n : want.n
  const last = Math.max(want.exponent + size.toString(2).length - 53, -1074)
  const mine = exactly(got)
  const apart = shift(mine.n, mine.exponent - want.exponent) - want.n
  return Number(shift(apart < 0n ? -apart : apart, want.exponent - last + 30)) / 2 ** 30
}
