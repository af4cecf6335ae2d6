// The register blocks of the weight gradient of one sample: 4, 5 or 6 taps by 8 output channels, summed over all positions.
// The input is read where it lies, one splat for each tap; the cotangent comes as panels [position][8].
import { fma } from './fma'

/**
 * to[k, o] (+)= Σ_{p < P, q < Q} x[taps[k] + p, q] delta[p, q, o], for four taps k and eight channels o.
 *
 * @param taps distances in bytes from x of the first place that each tap meets
 * @param skip bytes from the end of one row of places to the start of the next
 * @param to tile [4][8]
 */
export function correlate4x8(
  x: usize,
  taps: usize,
  delta: usize,
  P: i32,
  Q: i32,
  skip: i32,
  to: usize,
  accumulate: bool,
): void {
  let c00 = f32x4.splat(0)
  let c01 = c00
  let c10 = c00
  let c11 = c00
  let c20 = c00
  let c21 = c00
  let c30 = c00
  let c31 = c00
  if (accumulate) {
    c00 = v128.load(to, 0)
    c01 = v128.load(to, 16)
    c10 = v128.load(to, 32)
    c11 = v128.load(to, 48)
    c20 = v128.load(to, 64)
    c21 = v128.load(to, 80)
    c30 = v128.load(to, 96)
    c31 = v128.load(to, 112)
  }
  let x0 = x + load<i32>(taps, 0)
  let x1 = x + load<i32>(taps, 4)
  let x2 = x + load<i32>(taps, 8)
  let x3 = x + load<i32>(taps, 12)
  for (; P > 0; P--) {
    let q = Q
    while (true) {
      const p0 = v128.load(delta, 0)
      const q0 = v128.load(delta, 16)
      const u00 = v128.load32_splat(x0)
      const u01 = v128.load32_splat(x1)
      const u02 = v128.load32_splat(x2)
      const u03 = v128.load32_splat(x3)
      c00 = fma(u00, p0, c00)
      c01 = fma(u00, q0, c01)
      c10 = fma(u01, p0, c10)
      c11 = fma(u01, q0, c11)
      c20 = fma(u02, p0, c20)
      c21 = fma(u02, q0, c21)
      c30 = fma(u03, p0, c30)
      c31 = fma(u03, q0, c31)
      if (q === 1) break
      const p1 = v128.load(delta, 32)
      const q1 = v128.load(delta, 48)
      const u10 = v128.load32_splat(x0, 4)
      const u11 = v128.load32_splat(x1, 4)
      const u12 = v128.load32_splat(x2, 4)
      const u13 = v128.load32_splat(x3, 4)
      c00 = fma(u10, p1, c00)
      c01 = fma(u10, q1, c01)
      c10 = fma(u11, p1, c10)
      c11 = fma(u11, q1, c11)
      c20 = fma(u12, p1, c20)
      c21 = fma(u12, q1, c21)
      c30 = fma(u13, p1, c30)
      c31 = fma(u13, q1, c31)
      x0 += 8
      x1 += 8
      x2 += 8
      x3 += 8
      delta += 64
      q -= 2
      if (q === 0) break
    }
    delta += q << 5
    x0 += (q << 2) + skip
    x1 += (q << 2) + skip
    x2 += (q << 2) + skip
    x3 += (q << 2) + skip
  }
  v128.store(to, c00, 0)
  v128.store(to, c01, 16)
  v128.store(to, c10, 32)
  v128.store(to, c11, 48)
  v128.store(to, c20, 64)
  v128.store(to, c21, 80)
  v128.store(to, c30, 96)
  v128.store(to, c31, 112)
}

/** The same for five taps. */
export function correlate5x8(
  x: usize,
  taps: usize,
  delta: usize,
  P: i32,
  Q: i32,
  skip: i32,
  to: usize,
  accumulate: bool,
): void {
  let c00 = f32x4.splat(0)
  let c01 = c00
  let c10 = c00
  let c11 = c00
  let c20 = c00
  let c21 = c00
  let c30 = c00
  let c31 = c00
  let c40 = c00
  let c41 = c00
  if (accumulate) {
    c00 = v128.load(to, 0)
    c01 = v128.load(to, 16)
    c10 = v128.load(to, 32)
    c11 = v128.load(to, 48)
    c20 = v128.load(to, 64)
    c21 = v128.load(to, 80)
    c30 = v128.load(to, 96)
    c31 = v128.load(to, 112)
    c40 = v128.load(to, 128)
    c41 = v128.load(to, 144)
  }
  let x0 = x + load<i32>(taps, 0)
  let x1 = x + load<i32>(taps, 4)
  let x2 = x + load<i32>(taps, 8)
  let x3 = x + load<i32>(taps, 12)
  let x4 = x + load<i32>(taps, 16)
  for (; P > 0; P--) {
    let q = Q
    while (true) {
      const p0 = v128.load(delta, 0)
      const q0 = v128.load(delta, 16)
      const u00 = v128.load32_splat(x0)
      const u01 = v128.load32_splat(x1)
      c00 = fma(u00, p0, c00)
      c01 = fma(u00, q0, c01)
      c10 = fma(u01, p0, c10)
      c11 = fma(u01, q0, c11)
      if (delta === 1) break
      const u02 = v128.load32_splat(x2)
      const u03 = v128.load32_splat(x3)
      c20 = fma(u02, p0, c20)
      c21 = fma(u02, q0, c21)
      c30 = fma(u03, p0, c30)
      c31 = fma(u03, q0, c31)
      if (delta === 2) break
      const u04 = v128.load32_splat(x4)
      c40 = fma(u04, p0, c40)
      c41 = fma(u04, q0, c41)
      x0 += 4
      x1 += 4
      x2 += 4
      x3 += 4
      x4 += 4
      delta += 32
      q -= 1
      if (q === 0) break
    }
    delta += q << 5
    x0 += (q << 2) + skip
    x1 += (q << 2) + skip
    x2 += (q << 2) + skip
    x3 += (q << 2) + skip
    x4 += (q << 2) + skip
  }
  v128.store(to, c00, 0)
  v128.store(to, c01, 16)
  v128.store(to, c10, 32)
  v128.store(to, c11, 48)
  v128.store(to, c20, 64)
  v128.store(to, c21, 80)
  v128.store(to, c30, 96)
  v128.store(to, c31, 112)
  v128.store(to, c40, 128)
  v128.store(to, c41, 144)
}

/** The same for six taps, one splat at a time; see `tile6x8`. */
export function correlate6x8(
  x: usize,
  taps: usize,
  delta: usize,
  P: i32,
  Q: i32,
  skip: i32,
  to: usize,
  accumulate: bool,
): void {
  let c00 = f32x4.splat(0)
  let c01 = c00
  let c10 = c00
  let c11 = c00
  let c20 = c00
  let c21 = c00
  let c30 = c00
  let c31 = c00
  let c40 = c00
  let c41 = c00
  let c50 = c00
  let c51 = c00
  if (accumulate) {
    c00 = v128.load(to, 0)
    c01 = v128.load(to, 16)
    c10 = v128.load(to, 32)
    c11 = v128.load(to, 48)
    c20 = v128.load(to, 64)
    c21 = v128.load(to, 80)
    c30 = v128.load(to, 96)
    c31 = v128.load(to, 112)
    c40 = v128.load(to, 128)
    c41 = v128.load(to, 144)
    c50 = v128.load(to, 160)
    c51 = v128.load(to, 176)
  }
  let x0 = x + load<i32>(taps, 0)
  let x1 = x + load<i32>(taps, 4)
  let x2 = x + load<i32>(taps, 8)
  let x3 = x + load<i32>(taps, 12)
  let x4 = x + load<i32>(taps, 16)
  let x5 = x + load<i32>(taps, 20)
  for (; P > 0; P--) {
    let q = Q
    while (true) {
      const p0 = v128.load(delta, 0)
      const q0 = v128.load(delta, 16)
      const u00 = v128.load32_splat(x0)
      c00 = fma(u00, p0, c00)
      c01 = fma(u00, q0, c01)
      if (delta === 1) break
      const u01 = v128.load32_splat(x1)
      c10 = fma(u01, p0, c10)
      c11 = fma(u01, q0, c11)
      if (delta === 2) break
      const u02 = v128.load32_splat(x2)
      c20 = fma(u02, p0, c20)
      c21 = fma(u02, q0, c21)
      if (delta === 3) break
      const u03 = v128.load32_splat(x3)
      c30 = fma(u03, p0, c30)
      c31 = fma(u03, q0, c31)
      if (delta === 4) break
      const u04 = v128.load32_splat(x4)
      c40 = fma(u04, p0, c40)
      c41 = fma(u04, q0, c41)
      if (delta === 5) break
      const u05 = v128.load32_splat(x5)
      c50 = fma(u05, p0, c50)
      c51 = fma(u05, q0, c51)
      x0 += 4
      x1 += 4
      x2 += 4
      x3 += 4
      x4 += 4
      x5 += 4
      delta += 32
      q -= 1
      if (q === 0) break
    }
    delta += q << 5
    x0 += (q << 2) + skip
    x1 += (q << 2) + skip
    x2 += (q << 2) + skip
    x3 += (q << 2) + skip
    x4 += (q << 2) + skip
    x5 += (q << 2) + skip
  }
  v128.store(to, c00, 0)
  v128.store(to, c01, 16)
  v128.store(to, c10, 32)
  v128.store(to, c11, 48)
  v128.store(to, c20, 64)
  v128.store(to, c21, 80)
  v128.store(to, c30, 96)
  v128.store(to, c31, 112)
  v128.store(to, c40, 128)
  v128.store(to, c41, 144)
  v128.store(to, c50, 160)
  v128.store(to, c51, 176)
}
