// The register blocks of `convolve4x8` for kernels of 3 or 5 columns and stride 1: the taps of one kernel row lie one place
// apart, so their distances are constants in the instructions and the table is read once a row. Without a fused multiply-add
// this is worth a tenth; with it, nothing.
import { fma } from './fma'

/** `convolve4x8` for taps in runs of three that lie 4 bytes apart. */
export function slide3Taps4x8(
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
  while (true) {
    const at = load<i32>(taps)
    const r0 = x0 + at
    const r1 = x1 + at
    const p0 = v128.load(r0)
    const q0 = v128.load(r1)
    const u0 = v128.load32_splat(a)
    const u1 = v128.load32_splat(a, 4)
    const u2 = v128.load32_splat(a, 8)
    const u3 = v128.load32_splat(a, 12)
    c00 = fma(u0, p0, c00)
    c01 = fma(u0, q0, c01)
    c10 = fma(u1, p0, c10)
    c11 = fma(u1, q0, c11)
    c20 = fma(u2, p0, c20)
    c21 = fma(u2, q0, c21)
    c30 = fma(u3, p0, c30)
    c31 = fma(u3, q0, c31)
    if (a === 1) break
    const e1 = a + 16
    const p1 = v128.load(r0, 4)
    const q1 = v128.load(r1, 4)
    const v0 = v128.load32_splat(e1)
    const v1 = v128.load32_splat(e1, 4)
    const v2 = v128.load32_splat(e1, 8)
    const v3 = v128.load32_splat(e1, 12)
    c00 = fma(v0, p1, c00)
    c01 = fma(v0, q1, c01)
    c10 = fma(v1, p1, c10)
    c11 = fma(v1, q1, c11)
    c20 = fma(v2, p1, c20)
    c21 = fma(v2, q1, c21)
    c30 = fma(v3, p1, c30)
    c31 = fma(v3, q1, c31)
    if (a === 2) break
    const e2 = e1 + 16
    const p2 = v128.load(r0, 8)
    const q2 = v128.load(r1, 8)
    const w0 = v128.load32_splat(e2)
    const w1 = v128.load32_splat(e2, 4)
    const w2 = v128.load32_splat(e2, 8)
    const w3 = v128.load32_splat(e2, 12)
    c00 = fma(w0, p2, c00)
    c01 = fma(w0, q2, c01)
    c10 = fma(w1, p2, c10)
    c11 = fma(w1, q2, c11)
    c20 = fma(w2, p2, c20)
    c21 = fma(w2, q2, c21)
    c30 = fma(w3, p2, c30)
    c31 = fma(w3, q2, c31)
    a = e2 + 16
    taps += 12
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

/** `convolve4x8` for taps in runs of five. */
export function slide5Taps4x8(
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
  while (true) {
    const at = load<i32>(taps)
    const r0 = x0 + at
    const r1 = x1 + at
    const p0 = v128.load(r0)
    const q0 = v128.load(r1)
    const u0 = v128.load32_splat(a)
    const u1 = v128.load32_splat(a, 4)
    const u2 = v128.load32_splat(a, 8)
    const u3 = v128.load32_splat(a, 12)
    c00 = fma(u0, p0, c00)
    c01 = fma(u0, q0, c01)
    c10 = fma(u1, p0, c10)
    c11 = fma(u1, q0, c11)
    c20 = fma(u2, p0, c20)
    c21 = fma(u2, q0, c21)
    c30 = fma(u3, p0, c30)
    c31 = fma(u3, q0, c31)
    if (a === 1) break
    const e1 = a + 16
    const p1 = v128.load(r0, 4)
    const q1 = v128.load(r1, 4)
    const v0 = v128.load32_splat(e1)
    const v1 = v128.load32_splat(e1, 4)
    const v2 = v128.load32_splat(e1, 8)
    const v3 = v128.load32_splat(e1, 12)
    c00 = fma(v0, p1, c00)
    c01 = fma(v0, q1, c01)
    c10 = fma(v1, p1, c10)
    c11 = fma(v1, q1, c11)
    c20 = fma(v2, p1, c20)
    c21 = fma(v2, q1, c21)
    c30 = fma(v3, p1, c30)
    c31 = fma(v3, q1, c31)
    if (a === 2) break
    const e2 = e1 + 16
    const p2 = v128.load(r0, 8)
    const q2 = v128.load(r1, 8)
    const w0 = v128.load32_splat(e2)
    const w1 = v128.load32_splat(e2, 4)
    const w2 = v128.load32_splat(e2, 8)
    const w3 = v128.load32_splat(e2, 12)
    c00 = fma(w0, p2, c00)
    c01 = fma(w0, q2, c01)
    c10 = fma(w1, p2, c10)
    c11 = fma(w1, q2, c11)
    c20 = fma(w2, p2, c20)
    c21 = fma(w2, q2, c21)
    c30 = fma(w3, p2, c30)
    c31 = fma(w3, q2, c31)
    if (a === 3) break
    const e3 = e2 + 16
    const p3 = v128.load(r0, 12)
    const q3 = v128.load(r1, 12)
    const g0 = v128.load32_splat(e3)
    const g1 = v128.load32_splat(e3, 4)
    const g2 = v128.load32_splat(e3, 8)
    const g3 = v128.load32_splat(e3, 12)
    c00 = fma(g0, p3, c00)
    c01 = fma(g0, q3, c01)
    c10 = fma(g1, p3, c10)
    c11 = fma(g1, q3, c11)
    c20 = fma(g2, p3, c20)
    c21 = fma(g2, q3, c21)
    c30 = fma(g3, p3, c30)
    c31 = fma(g3, q3, c31)
    if (a === 4) break
    const e4 = e3 + 16
    const p4 = v128.load(r0, 16)
    const q4 = v128.load(r1, 16)
    const h0 = v128.load32_splat(e4)
    const h1 = v128.load32_splat(e4, 4)
    const h2 = v128.load32_splat(e4, 8)
    const h3 = v128.load32_splat(e4, 12)
    c00 = fma(h0, p4, c00)
    c01 = fma(h0, q4, c01)
    c10 = fma(h1, p4, c10)
    c11 = fma(h1, q4, c11)
    c20 = fma(h2, p4, c20)
    c21 = fma(h2, q4, c21)
    c30 = fma(h3, p4, c30)
    c31 = fma(h3, q4, c31)
    a = e4 + 16
    taps += 20
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
