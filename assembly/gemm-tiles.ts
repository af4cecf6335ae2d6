// The register blocks of the matrix product: C [4 or 6, 8] = A [h, k] B [k, 8], A from a packed panel [k][h].
//
// How V8 compiles them decides their form (measured; bench/kernels.mjs):
// - It issues every load of a basic block first and the arithmetic last, so all operands of a block are live at once, and
//   one register too many sends an accumulator through the stack in every iteration. Fifteen are allocatable. A branch
//   between two groups of products starts a new block; that is the only purpose of comparing addresses with 1, 2, 3, …,
//   which no address is. (Equal tests would be merged.)
// - Every loop header checks for interrupts; two steps in one iteration, with an exit between them, halve that.
// - A splatted load does not fold a constant offset into its address, so each step has a pointer of its own.
import { fma } from './fma'

/**
 * Four rows by eight columns, over at least one step: eight accumulators, two vectors of B, four splats of A, one temporary.
 *
 * @param a packed panel [k][4]
 * @param b eight contiguous columns of B; from one row to the next `step` bytes
 * @param c first element of the tile; from one row to the next `row` bytes
 * @param end of the panel
 * @param accumulate whether to add to what C holds
 */
export function tile4x8(a: usize, b: usize, step: i32, c: usize, row: i32, end: usize, accumulate: bool): void {
  let c00 = f32x4.splat(0)
  let c01 = c00
  let c10 = c00
  let c11 = c00
  let c20 = c00
  let c21 = c00
  let c30 = c00
  let c31 = c00
  const r1 = c + row
  const r2 = r1 + row
  const r3 = r2 + row
  if (accumulate) {
    c00 = v128.load(c)
    c01 = v128.load(c, 16)
    c10 = v128.load(r1)
    c11 = v128.load(r1, 16)
    c20 = v128.load(r2)
    c21 = v128.load(r2, 16)
    c30 = v128.load(r3)
    c31 = v128.load(r3, 16)
  }
  const last = end - 16
  while (true) {
    const p0 = v128.load(b)
    const p1 = v128.load(b, 16)
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
    const d = b + step
    const e = a + 16
    const q0 = v128.load(d)
    const q1 = v128.load(d, 16)
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
    b = d + step
    if (a === end) break
  }
  v128.store(c, c00)
  v128.store(c, c01, 16)
  v128.store(r1, c10)
  v128.store(r1, c11, 16)
  v128.store(r2, c20)
  v128.store(r2, c21, 16)
  v128.store(r3, c30)
  v128.store(r3, c31, 16)
}

/** Five rows by eight columns, splats by two, two and one: just what fits where the product needs a temporary. */
export function tile5x8(a: usize, b: usize, step: i32, c: usize, row: i32, end: usize, accumulate: bool): void {
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
  const r1 = c + row
  const r2 = r1 + row
  const r3 = r2 + row
  const r4 = r3 + row
  if (accumulate) {
    c00 = v128.load(c)
    c01 = v128.load(c, 16)
    c10 = v128.load(r1)
    c11 = v128.load(r1, 16)
    c20 = v128.load(r2)
    c21 = v128.load(r2, 16)
    c30 = v128.load(r3)
    c31 = v128.load(r3, 16)
    c40 = v128.load(r4)
    c41 = v128.load(r4, 16)
  }
  while (true) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
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
    b += step
    if (a === end) break
  }
  v128.store(c, c00)
  v128.store(c, c01, 16)
  v128.store(r1, c10)
  v128.store(r1, c11, 16)
  v128.store(r2, c20)
  v128.store(r2, c21, 16)
  v128.store(r3, c30)
  v128.store(r3, c31, 16)
  v128.store(r4, c40)
  v128.store(r4, c41, 16)
}

/** Six rows by eight columns, one splat at a time: only where multiply and add are one instruction without a temporary. */
export function tile6x8(a: usize, b: usize, step: i32, c: usize, row: i32, end: usize, accumulate: bool): void {
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
  const r1 = c + row
  const r2 = r1 + row
  const r3 = r2 + row
  const r4 = r3 + row
  const r5 = r4 + row
  if (accumulate) {
    c00 = v128.load(c)
    c01 = v128.load(c, 16)
    c10 = v128.load(r1)
    c11 = v128.load(r1, 16)
    c20 = v128.load(r2)
    c21 = v128.load(r2, 16)
    c30 = v128.load(r3)
    c31 = v128.load(r3, 16)
    c40 = v128.load(r4)
    c41 = v128.load(r4, 16)
    c50 = v128.load(r5)
    c51 = v128.load(r5, 16)
  }
  while (true) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
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
    b += step
    if (a === end) break
  }
  v128.store(c, c00)
  v128.store(c, c01, 16)
  v128.store(r1, c10)
  v128.store(r1, c11, 16)
  v128.store(r2, c20)
  v128.store(r2, c21, 16)
  v128.store(r3, c30)
  v128.store(r3, c31, 16)
  v128.store(r4, c40)
  v128.store(r4, c41, 16)
  v128.store(r5, c50)
  v128.store(r5, c51, 16)
}

/**
 * Rows of the next panel when `rows` are left: the height at which this build is fastest, 4 or (relaxed) 6, and 5 for as
 * many panels as it takes to leave no ragged rest.
 */
export function panelHeight(rows: i32): i32 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    const fives = (6 - (rows % 6)) % 6
    if (5 * fives < rows) return 6
    if (5 * fives === rows) return 5
    return rows <= 4 || rows === 7 || rows === 8 ? 4 : 5
  }
  const fives = rows & 3
  return fives > 0 && 5 * fives <= rows ? 5 : 4
}

/** The rows of all panels together are at most this many more than those that exist. */
export const PANEL_SLACK: i32 = 3
