// The register blocks of the convolution: 4, 5 or 6 output channels by two vectors of 4 output positions. No matrix of patches
// exists: tap k of every patch of a vector is found at one common distance from the vector's first patch, and a table holds
// these distances. For the form of the loops see gemm-tiles.ts.
import { fma } from './fma'

/**
 * y[o, t] = bias[o] + Σ_k a[k, o] x[t + taps[k]], for four o and the 4 + 4 positions t that start at x0 and x1.
 *
 * @param a packed panel [k][4] of weights
 * @param end of the panel
 * @param taps [k] distances in bytes
 * @param y0 @param y1 where the two vectors of the first channel go; from one channel to the next `row` bytes
 * @param bias one for each row
 */
export function convolve4x8(
  a: usize,
  end: usize,
  taps: usize,
  x0: usize,
  x1: usize,
  y0: usize,
  y1: usize,
  row: i32,
  bias: usize,
  relu: bool,
): void {
  let c00 = v128.load32_splat(bias, 0)
  let c01 = c00
  let c10 = v128.load32_splat(bias, 4)
  let c11 = c10
  let c20 = v128.load32_splat(bias, 8)
  let c21 = c20
  let c30 = v128.load32_splat(bias, 12)
  let c31 = c30
  const last = end - 16
  while (true) {
    const at = load<i32>(taps)
    const p0 = v128.load(x0 + at)
    const p1 = v128.load(x1 + at)
    const u0 = v128.load32_splat(a)
    const u1 = v128.load32_splat(a, 4)
    const u2 = v128.load32_splat(a, 8)
    const u3 = v128.load32_splat(a, 12)
    c00 = fma(u0, p0, c00)
    c01 = fma(u0, p1, c01)
    c10 = fma(u1, p0, c10)
    c11 = fma(u1, p1, c11)
    c20 = fma(u2, p0, c20)
    c21 = fma(u2, p1, c21)
    c30 = fma(u3, p0, c30)
    c31 = fma(u3, p1, c31)
    if (a === last) break
    const e = a + 16
    const next = load<i32>(taps, 4)
    const q0 = v128.load(x0 + next)
    const q1 = v128.load(x1 + next)
    const v0 = v128.load32_splat(e)
    const v1 = v128.load32_splat(e, 4)
    const v2 = v128.load32_splat(e, 8)
    const v3 = v128.load32_splat(e, 12)
    c00 = fma(v0, q0, c00)
    c01 = fma(v0, q1, c01)
    c10 = fma(v1, q0, c10)
    c11 = fma(v1, q1, c11)
    c20 = fma(v2, q0, c20)
    c21 = fma(v2, q1, c21)
    c30 = fma(v3, q0, c30)
    c31 = fma(v3, q1, c31)
    a = e + 16
    taps += 8
    if (a === end) break
  }
  if (relu) {
    const zero = f32x4.splat(0)
    c00 = f32x4.pmax(c00, zero)
    c01 = f32x4.pmax(c01, zero)
    c10 = f32x4.pmax(c10, zero)
    c11 = f32x4.pmax(c11, zero)
    c20 = f32x4.pmax(c20, zero)
    c21 = f32x4.pmax(c21, zero)
    c30 = f32x4.pmax(c30, zero)
    c31 = f32x4.pmax(c31, zero)
  }
  v128.store(y0, c00)
  v128.store(y1, c01)
  y0 += row
  y1 += row
  v128.store(y0, c10)
  v128.store(y1, c11)
  y0 += row
  y1 += row
  v128.store(y0, c20)
  v128.store(y1, c21)
  y0 += row
  y1 += row
  v128.store(y0, c30)
  v128.store(y1, c31)
}

/** The same for five channels. */
export function convolve5x8(
  a: usize,
  end: usize,
  taps: usize,
  x0: usize,
  x1: usize,
  y0: usize,
  y1: usize,
  row: i32,
  bias: usize,
  relu: bool,
): void {
  let c00 = v128.load32_splat(bias, 0)
  let c01 = c00
  let c10 = v128.load32_splat(bias, 4)
  let c11 = c10
  let c20 = v128.load32_splat(bias, 8)
  let c21 = c20
  let c30 = v128.load32_splat(bias, 12)
  let c31 = c30
  let c40 = v128.load32_splat(bias, 16)
  let c41 = c40
  while (true) {
    const at = load<i32>(taps)
    const b0 = v128.load(x0 + at)
    const b1 = v128.load(x1 + at)
    const a0 = v128.load32_splat(a)
    const a1 = v128.load32_splat(a, 4)
    c00 = fma(a0, b0, c00)
    c01 = fma(a0, b1, c01)
    c10 = fma(a1, b0, c10)
    c11 = fma(a1, b1, c11)
    if (a === 1) break
    const a2 = v128.load32_splat(a, 8)
    const a3 = v128.load32_splat(a, 12)
    c20 = fma(a2, b0, c20)
    c21 = fma(a2, b1, c21)
    c30 = fma(a3, b0, c30)
    c31 = fma(a3, b1, c31)
    if (a === 2) break
    const a4 = v128.load32_splat(a, 16)
    c40 = fma(a4, b0, c40)
    c41 = fma(a4, b1, c41)
    a += 20
    taps += 4
    if (a === end) break
  }
  if (relu) {
    const zero = f32x4.splat(0)
    c00 = f32x4.pmax(c00, zero)
    c01 = f32x4.pmax(c01, zero)
    c10 = f32x4.pmax(c10, zero)
    c11 = f32x4.pmax(c11, zero)
    c20 = f32x4.pmax(c20, zero)
    c21 = f32x4.pmax(c21, zero)
    c30 = f32x4.pmax(c30, zero)
    c31 = f32x4.pmax(c31, zero)
    c40 = f32x4.pmax(c40, zero)
    c41 = f32x4.pmax(c41, zero)
  }
  v128.store(y0, c00)
  v128.store(y1, c01)
  y0 += row
  y1 += row
  v128.store(y0, c10)
  v128.store(y1, c11)
  y0 += row
  y1 += row
  v128.store(y0, c20)
  v128.store(y1, c21)
  y0 += row
  y1 += row
  v128.store(y0, c30)
  v128.store(y1, c31)
  y0 += row
  y1 += row
  v128.store(y0, c40)
  v128.store(y1, c41)
}

/** The same for six channels, one splat at a time; see `tile6x8`. */
export function convolve6x8(
  a: usize,
  end: usize,
  taps: usize,
  x0: usize,
  x1: usize,
  y0: usize,
  y1: usize,
  row: i32,
  bias: usize,
  relu: bool,
): void {
  let c00 = v128.load32_splat(bias, 0)
  let c01 = c00
  let c10 = v128.load32_splat(bias, 4)
  let c11 = c10
  let c20 = v128.load32_splat(bias, 8)
  let c21 = c20
  let c30 = v128.load32_splat(bias, 12)
  let c31 = c30
  let c40 = v128.load32_splat(bias, 16)
  let c41 = c40
  let c50 = v128.load32_splat(bias, 20)
  let c51 = c50
  while (true) {
    const at = load<i32>(taps)
    const b0 = v128.load(x0 + at)
    const b1 = v128.load(x1 + at)
    const a0 = v128.load32_splat(a)
    c00 = fma(a0, b0, c00)
    c01 = fma(a0, b1, c01)
    if (a === 1) break
    const a1 = v128.load32_splat(a, 4)
    c10 = fma(a1, b0, c10)
    c11 = fma(a1, b1, c11)
    if (a === 2) break
    const a2 = v128.load32_splat(a, 8)
    c20 = fma(a2, b0, c20)
    c21 = fma(a2, b1, c21)
    if (a === 3) break
    const a3 = v128.load32_splat(a, 12)
    c30 = fma(a3, b0, c30)
    c31 = fma(a3, b1, c31)
    if (a === 4) break
    const a4 = v128.load32_splat(a, 16)
    c40 = fma(a4, b0, c40)
    c41 = fma(a4, b1, c41)
    if (a === 5) break
    const a5 = v128.load32_splat(a, 20)
    c50 = fma(a5, b0, c50)
    c51 = fma(a5, b1, c51)
    a += 24
    taps += 4
    if (a === end) break
  }
  if (relu) {
    const zero = f32x4.splat(0)
    c00 = f32x4.pmax(c00, zero)
    c01 = f32x4.pmax(c01, zero)
    c10 = f32x4.pmax(c10, zero)
    c11 = f32x4.pmax(c11, zero)
    c20 = f32x4.pmax(c20, zero)
    c21 = f32x4.pmax(c21, zero)
    c30 = f32x4.pmax(c30, zero)
    c31 = f32x4.pmax(c31, zero)
    c40 = f32x4.pmax(c40, zero)
    c41 = f32x4.pmax(c41, zero)
    c50 = f32x4.pmax(c50, zero)
    c51 = f32x4.pmax(c51, zero)
  }
  v128.store(y0, c00)
  v128.store(y1, c01)
  y0 += row
  y1 += row
  v128.store(y0, c10)
  v128.store(y1, c11)
  y0 += row
  y1 += row
  v128.store(y0, c20)
  v128.store(y1, c21)
  y0 += row
  y1 += row
  v128.store(y0, c30)
  v128.store(y1, c31)
  y0 += row
  y1 += row
  v128.store(y0, c40)
  v128.store(y1, c41)
  y0 += row
  y1 += row
  v128.store(y0, c50)
  v128.store(y1, c51)
}
