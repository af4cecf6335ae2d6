import type { Random } from '../../src/random.ts'

/** ln k! by Stirling's series, exact to rounding from 10 on; a table below. */
const table = Float64Array.from({ length: 16 }, () => 0)
for (let k = 2; k < 16; k++) table[k] = table[k - 1] + Math.log(k)
function logFactorial(k: number): number {
  if (k < 16) return table[k]
  const z = k + 1
  const inverse = 1 / (z * z)
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / z
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series
}

/** Successes in n trials of probability p, without drawing the trials. */
export function binomial(random: Random, n: number, p: number): number {
  if (p <= 0 || n === 0) return 0
  if (p >= 1) return n
  if (p > 0.5) return n - binomial(random, n, 1 - p)
  return n * p < 10 ? byGaps(random, n, p) : byRejection(random, n, p)
}

/** The trials between successes are geometric. */
function byGaps({ uniform }: Random, n: number, p: number): number {
  const scale = Math.log1p(-p)
  let [successes, at] = [0, 0]
  for (;;) {
    at += Math.floor(Math.log(1 - uniform()) / scale) + 1
    if (at > n) return successes
    successes++
  }
}

/** Transformed rejection with squeeze, exact for n·p ≥ 10 (Hörmann 1993, doi 10.1080/00949659308811496, BTRS). */
function byRejection({ uniform }: Random, n: number, p: number): number {
  const deviation = Math.sqrt(n * p * (1 - p))
  const b = 1.15 + 2.53 * deviation
  const a = -0.0873 + 0.0248 * b + 0.01 * p
  const c = n * p + 0.5
  const squeeze = 0.92 - 4.2 / b
  const alpha = (2.83 + 5.1 / b) * deviation
  const odds = Math.log(p / (1 - p))
  const mode = Math.floor((n + 1) * p)
  const height = logFactorial(mode) + logFactorial(n - mode)
  for (;;) {
    const u = uniform() - 0.5
    const v = uniform()
    const rest = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / rest + b) * u + c)
    if (rest >= 0.07 && v <= squeeze) return k
    if (k < 0 || k > n) continue
    const bound = height - logFactorial(k) - logFactorial(n - k) + (k - mode) * odds
    if (Math.log((v * alpha) / (a / (rest * rest) + b)) <= bound) return k
  }
}

/** How often each of N equally likely samples occurs in b independent draws; costs min(b, N) draws or so. */
export function multinomial(random: Random, b: number, counts: Float64Array): void {
  const N = counts.length
  if (b < 2 * N) {
    counts.fill(0)
    for (let k = 0; k < b; k++) counts[random.integer(N)]++
    return
  }
  let left = b
  for (let i = 0; i < N; i++) {
    counts[i] = i === N - 1 ? left : binomial(random, left, 1 / (N - i))
    left -= counts[i]
  }
}
