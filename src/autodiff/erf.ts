/**
 * The error function in float64, to about 1e-15.
 *
 * |x| < 2.5: 2/√π e^(−x²) Σ 2ⁿ x^(2n+1)/(2n+1)!!, whose terms share one sign, so nothing cancels. Beyond, the continued
 * fraction of erfc, evaluated from its far end.
 *
 * @see Abramowitz and Stegun, 7.1.6 and 7.1.14
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x
  const a = Math.abs(x)
  if (a < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1)
      sum += term
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
  }
  if (a > 6) return Math.sign(x)
  let fraction = a
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction)
}
