// Softmax and its relatives over rows of n scores.

import { loadSome, storeSome, total4 } from './lanes'
import { exp4 } from './maths'

/** The row's largest element; NaN wins, so that it is not lost. */
function largest(x: usize, n: i32): f32 {
  let m = f32x4.splat(f32.NEGATIVE_INFINITY)
  let i: i32 = 0
  for (; i <= n - 4; i += 4) m = f32x4.max(m, v128.load(x + ((<usize>i) << 2)))
  if (i < n) m = f32x4.max(m, loadSome(x + ((<usize>i) << 2), n - i, f32.NEGATIVE_INFINITY))
  m = f32x4.max(m, v128.shuffle<f32>(m, m, 2, 3, 2, 3))
  m = f32x4.max(m, v128.shuffle<f32>(m, m, 1, 1, 1, 1))
  return f32x4.extract_lane(m, 0)
}

/** Σ e^(x − m) in float64; the terms are stored at `out` unless it is 0. */
function exponentials(x: usize, out: usize, n: i32, m: f32): f64 {
  const shift = f32x4.splat(m)
  let total: f64 = 0
  let i: i32 = 0
  for (; i <= n - 4; i += 4) {
    const e = exp4(f32x4.sub(v128.load(x + ((<usize>i) << 2)), shift))
    if (out) v128.store(out + ((<usize>i) << 2), e)
    total += total4(e)
  }
  if (i < n) {
    const e = exp4(f32x4.sub(loadSome(x + ((<usize>i) << 2), n - i, f32.NEGATIVE_INFINITY), shift))
    if (out) storeSome(out + ((<usize>i) << 2), e, n - i)
    total += total4(e)
  }
  return total
}

/** out[j] = x[j]·scale + shift. */
function scaleShift(x: usize, out: usize, n: i32, scale: f32, shift: f32): void {
  let i: i32 = 0
  for (; i <= n - 4; i += 4)
    v128.store(
      out + ((<usize>i) << 2),
      f32x4.add(f32x4.mul(v128.load(x + ((<usize>i) << 2)), f32x4.splat(scale)), f32x4.splat(shift)),
    )
  for (; i < n; i++) store<f32>(out + ((<usize>i) << 2), load<f32>(x + ((<usize>i) << 2)) * scale + shift)
}

/** out [rows, n] = e^x / Σ e^x. */
export function softmax(x: usize, out: usize, rows: i32, n: i32): void {
  const stride = (<usize>n) << 2
  for (let r = 0; r < rows; r++) {
    const total = exponentials(x, out, n, largest(x, n))
    scaleShift(out, out, n, <f32>(1 / total), 0)
    x += stride
    out += stride
  }
}

/** out [rows, n] = x − ln Σ e^x. */
export function logSoftmax(x: usize, out: usize, rows: i32, n: i32): void {
  const stride = (<usize>n) << 2
  for (let r = 0; r < rows; r++) {
    const m = largest(x, n)
    const logTotal = Math.log(exponentials(x, 0, n, m))
    // x − m is exact where it matters; what is left to subtract is at most ln n.
    for (let i = 0; i < n; i++) {
      const p = (<usize>i) << 2
      store<f32>(out + p, <f32>(<f64>load<f32>(x + p) - <f64>m - logTotal))
    }
    x += stride
    out += stride
  }
}

/** out [rows] = ln Σ e^x − x[label]; x [rows, n], labels [rows] whole numbers. */
export function softmaxCrossEntropy(x: usize, labels: usize, out: usize, rows: i32, n: i32): void {
  const stride = (<usize>n) << 2
  for (let r = 0; r < rows; r++) {
    const m = largest(x, n)
    const logTotal = Math.log(exponentials(x, 0, n, m))
    const own = load<f32>(x + ((<usize>load<i32>(labels + ((<usize>r) << 2))) << 2))
    store<f32>(out + ((<usize>r) << 2), <f32>(logTotal + (<f64>m - <f64>own)))
    x += stride
  }
}

/** out [rows, n]: 1 at the label, 0 elsewhere. */
export function oneHot(labels: usize, out: usize, rows: i32, n: i32): void {
  memory.fill(out, 0, (rows * n) << 2)
  for (let r = 0; r < rows; r++) store<f32>(out + ((<usize>(r * n + load<i32>(labels + ((<usize>r) << 2)))) << 2), 1)
}
