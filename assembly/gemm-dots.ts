// C [m, n] = A [m, k] Bᵀ for B [n, k]: both are contiguous along k, so each element of C is a dot product of two rows.
// Nothing is packed, which is what skinny products (a linear layer's ten outputs, a batch of one) want.
import { fma } from './fma'

/** Sums of the lanes of four vectors, as one vector. */
function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f64>(ab, cd, 0, 2), v128.shuffle<f64>(ab, cd, 1, 3))
}

/** Σ over the last k mod 4 places of two rows. */
function tail(a: usize, b: usize, count: i32): f32 {
  let total: f32 = 0
  for (let i = 0; i < count; i++) total += load<f32>(a + (i << 2)) * load<f32>(b + (i << 2))
  return total
}

/** Four rows of A by two rows of B, to c and the rows of C after it; `next` is the distance of the second column. */
function dots4x2(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  b0: usize,
  b1: usize,
  k: i32,
  c: usize,
  next: i32,
  r1: usize,
  r2: usize,
  r3: usize,
): void {
  let c00 = f32x4.splat(0)
  let c01 = c00
  let c10 = c00
  let c11 = c00
  let c20 = c00
  let c21 = c00
  let c30 = c00
  let c31 = c00
  const rest = k & 3
  let i = 0
  const end = (k - rest) << 2
  while (i < end) {
    const x0 = a0 + i
    const x1 = a1 + i
    const x2 = a2 + i
    const x3 = a3 + i
    const y0 = b0 + i
    const y1 = b1 + i
    const v0 = v128.load(y0)
    const v1 = v128.load(y1)
    const u0 = v128.load(x0)
    const u1 = v128.load(x1)
    const u2 = v128.load(x2)
    const u3 = v128.load(x3)
    c00 = fma(u0, v0, c00)
    c01 = fma(u0, v1, c01)
    c10 = fma(u1, v0, c10)
    c11 = fma(u1, v1, c11)
    c20 = fma(u2, v0, c20)
    c21 = fma(u2, v1, c21)
    c30 = fma(u3, v0, c30)
    c31 = fma(u3, v1, c31)
    i += 16
    if (i === end) break
    const w0 = v128.load(y0, 16)
    const w1 = v128.load(y1, 16)
    const z0 = v128.load(x0, 16)
    const z1 = v128.load(x1, 16)
    const z2 = v128.load(x2, 16)
    const z3 = v128.load(x3, 16)
    c00 = fma(z0, w0, c00)
    c01 = fma(z0, w1, c01)
    c10 = fma(z1, w0, c10)
    c11 = fma(z1, w1, c11)
    c20 = fma(z2, w0, c20)
    c21 = fma(z2, w1, c21)
    c30 = fma(z3, w0, c30)
    c31 = fma(z3, w1, c31)
    i += 16
  }
  const s0 = laneSums(c00, c10, c20, c30)
  const s1 = laneSums(c01, c11, c21, c31)
  store<f32>(c, f32x4.extract_lane(s0, 0) + tail(a0 + i, b0 + i, rest))
  store<f32>(c + next, f32x4.extract_lane(s1, 0) + tail(a0 + i, b1 + i, rest))
  store<f32>(r1, f32x4.extract_lane(s0, 1) + tail(a1 + i, b0 + i, rest))
  store<f32>(r1 + next, f32x4.extract_lane(s1, 1) + tail(a1 + i, b1 + i, rest))
  store<f32>(r2, f32x4.extract_lane(s0, 2) + tail(a2 + i, b0 + i, rest))
  store<f32>(r2 + next, f32x4.extract_lane(s1, 2) + tail(a2 + i, b1 + i, rest))
  store<f32>(r3, f32x4.extract_lane(s0, 3) + tail(a3 + i, b0 + i, rest))
  store<f32>(r3 + next, f32x4.extract_lane(s1, 3) + tail(a3 + i, b1 + i, rest))
}

/** One row of A by two rows of B, four accumulators each. */
function dots1x2(a: usize, b0: usize, b1: usize, k: i32, c: usize, next: i32): void {
  let c0 = f32x4.splat(0)
  let c1 = c0
  let c2 = c0
  let c3 = c0
  let d0 = c0
  let d1 = c0
  let d2 = c0
  let d3 = c0
  const rest = k & 15
  let i = 0
  const end = (k - rest) << 2
  while (i < end) {
    const u = a + i
    const v = b0 + i
    const w = b1 + i
    const u0 = v128.load(u)
    c0 = fma(u0, v128.load(v), c0)
    d0 = fma(u0, v128.load(w), d0)
    const u1 = v128.load(u, 16)
    c1 = fma(u1, v128.load(v, 16), c1)
    d1 = fma(u1, v128.load(w, 16), d1)
    if (a === 1) break
    const u2 = v128.load(u, 32)
    c2 = fma(u2, v128.load(v, 32), c2)
    d2 = fma(u2, v128.load(w, 32), d2)
    const u3 = v128.load(u, 48)
    c3 = fma(u3, v128.load(v, 48), c3)
    d3 = fma(u3, v128.load(w, 48), d3)
    i += 64
  }
  const s = laneSums(
    f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)),
    f32x4.add(f32x4.add(d0, d1), f32x4.add(d2, d3)),
    c0,
    c0,
  )
  store<f32>(c, f32x4.extract_lane(s, 0) + tail(a + i, b0 + i, rest))
  store<f32>(c + next, f32x4.extract_lane(s, 1) + tail(a + i, b1 + i, rest))
}

/** All of C. At an edge the last row stands in for missing ones, and its element is written again with the same value. */
export function dots(a: usize, b: usize, c: usize, m: i32, n: i32, k: i32): void {
  const along = k << 2
  const row = n << 2
  let i = 0
  for (; i + 3 < m || (i < m && m > 3); i += 4) {
    const i0 = min(i, m - 4)
    const a0 = a + i0 * along
    const c0 = c + i0 * row
    for (let j = 0; j < n; j += 2) {
      const more = j + 1 < n ? 1 : 0
      const b0 = b + j * along
      const at = c0 + (j << 2)
      dots4x2(
        a0,
        a0 + along,
        a0 + 2 * along,
        a0 + 3 * along,
        b0,
        b0 + more * along,
        k,
        at,
        more << 2,
        at + row,
        at + 2 * row,
        at + 3 * row,
      )
    }
  }
  for (; i < m; i++)
    for (let j = 0; j < n; j += 2) {
      const more = j + 1 < n ? 1 : 0
      const b0 = b + j * along
      dots1x2(a + i * along, b0, b0 + more * along, k, c + i * row + (j << 2), more << 2)
    }
}
