// Sums that must not lose digits: float64 += float32 and float64 += float64.

/** into[i] += from[i]; into [n] float64, from [n] float32. */
export function accumulate(into: usize, from: usize, n: i32): void {
  let i: i32 = 0
  for (; i <= n - 4; i += 4) {
    const p = into + ((<usize>i) << 3)
    const x = v128.load(from + ((<usize>i) << 2))
    v128.store(p, f64x2.add(v128.load(p), f64x2.promote_low_f32x4(x)))
    v128.store(p, f64x2.add(v128.load(p, 16), f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3))), 16)
  }
  for (; i < n; i++) {
    const p = into + ((<usize>i) << 3)
    store<f64>(p, load<f64>(p) + <f64>load<f32>(from + ((<usize>i) << 2)))
  }
}

/** into[i] += from[i]; both [n] float64. */
export function accumulateDouble(into: usize, from: usize, n: i32): void {
  let i: i32 = 0
  for (; i <= n - 2; i += 2) {
    const p = (<usize>i) << 3
    v128.store(into + p, f64x2.add(v128.load(into + p), v128.load(from + p)))
  }
  if (i < n) {
    const p = (<usize>i) << 3
    store<f64>(into + p, load<f64>(into + p) + load<f64>(from + p))
  }
}

/** into[0] += Σ from[i], the sum taken first; into float64, from [n] float32. */
export function addTotal(into: usize, from: usize, n: i32): void {
  let total: f64 = 0
  for (let i = 0; i < n; i++) total += <f64>load<f32>(from + ((<usize>i) << 2))
  store<f64>(into, load<f64>(into) + total)
}
