// Elementwise operations of two operands. A result [outer, mid, inner] is contiguous; an operand is read by three
// strides (in elements), 0 where it is broadcast, the innermost 0 or 1: scalars, rows, columns and channels need no copies.
import { fill } from './structure'

// An operation is a class without state: the loops are generic in it, and each kernel below is one instance of them.
class Add {
  of(a: v128, b: v128): v128 {
    return f32x4.add(a, b)
  }
}
class Subtract {
  of(a: v128, b: v128): v128 {
    return f32x4.sub(a, b)
  }
}
class Multiply {
  of(a: v128, b: v128): v128 {
    return f32x4.mul(a, b)
  }
}
class Divide {
  of(a: v128, b: v128): v128 {
    return f32x4.div(a, b)
  }
}
class Maximum {
  of(a: v128, b: v128): v128 {
    return f32x4.max(a, b)
  }
}
class Minimum {
  of(a: v128, b: v128): v128 {
    return f32x4.min(a, b)
  }
}
class Greater {
  of(a: v128, b: v128): v128 {
    return v128.and(f32x4.gt(a, b), f32x4.splat(1))
  }
}
class Equal {
  of(a: v128, b: v128): v128 {
    return v128.and(f32x4.eq(a, b), f32x4.splat(1))
  }
}
class EqualIndices {
  of(a: v128, b: v128): v128 {
    return v128.and(i32x4.eq(a, b), f32x4.splat(1))
  }
}
class Gate {
  of(a: v128, b: v128): v128 {
    return v128.and(a, f32x4.gt(b, f32x4.splat(0)))
  }
}

/** a ∘ b, four lanes. */
function apply2<Op>(a: v128, b: v128): v128 {
  return changetype<Op>(0).of(a, b)
}

/** One run of n elements from both operands. */
function both<Op>(a: usize, b: usize, out: usize, n: i32): void {
  let i: i32 = 0
  for (; i <= n - 8; i += 8) {
    const p = (<usize>i) << 2
    v128.store(out + p, apply2<Op>(v128.load(a + p), v128.load(b + p)))
    v128.store(out + p, apply2<Op>(v128.load(a + p, 16), v128.load(b + p, 16)), 16)
  }
  for (; i < n; i++) {
    const p = (<usize>i) << 2
    v128.store_lane<f32>(out + p, apply2<Op>(v128.load32_zero(a + p), v128.load32_zero(b + p)), 0)
  }
}

/** One run with a single b. */
function left<Op>(a: usize, b: v128, out: usize, n: i32): void {
  let i: i32 = 0
  for (; i <= n - 8; i += 8) {
    const p = (<usize>i) << 2
    v128.store(out + p, apply2<Op>(v128.load(a + p), b))
    v128.store(out + p, apply2<Op>(v128.load(a + p, 16), b), 16)
  }
  for (; i < n; i++) {
    const p = (<usize>i) << 2
    v128.store_lane<f32>(out + p, apply2<Op>(v128.load32_zero(a + p), b), 0)
  }
}

/** One run with a single a. */
function right<Op>(a: v128, b: usize, out: usize, n: i32): void {
  let i: i32 = 0
  for (; i <= n - 8; i += 8) {
    const p = (<usize>i) << 2
    v128.store(out + p, apply2<Op>(a, v128.load(b + p)))
    v128.store(out + p, apply2<Op>(a, v128.load(b + p, 16)), 16)
  }
  for (; i < n; i++) {
    const p = (<usize>i) << 2
    v128.store_lane<f32>(out + p, apply2<Op>(a, v128.load32_zero(b + p)), 0)
  }
}

function binary<Op>(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  aOuter: i32,
  aMid: i32,
  aInner: i32,
  bOuter: i32,
  bMid: i32,
  bInner: i32,
): void {
  for (let o = 0; o < outer; o++)
    for (let m = 0; m < mid; m++) {
      const pa = a + ((<usize>(o * aOuter + m * aMid)) << 2)
      const pb = b + ((<usize>(o * bOuter + m * bMid)) << 2)
      if (aInner === 0 && bInner === 0)
        fill(out, inner, f32x4.extract_lane(apply2<Op>(v128.load32_zero(pa), v128.load32_zero(pb)), 0))
      else if (aInner === 0) right<Op>(v128.load32_splat(pa), pb, out, inner)
      else if (bInner === 0) left<Op>(pa, v128.load32_splat(pb), out, inner)
      else both<Op>(pa, pb, out, inner)
      out += (<usize>inner) << 2
    }
}

export function add(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Add>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function subtract(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Subtract>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function multiply(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Multiply>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function divide(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Divide>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function maximum(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Maximum>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function minimum(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Minimum>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function greater(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Greater>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function equal(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Equal>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
/** The same for operands of 32-bit whole numbers; the result is float all the same. */
export function equalIndices(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<EqualIndices>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
/** a where b > 0, else 0. */
export function gate(
  a: usize,
  b: usize,
  out: usize,
  outer: i32,
  mid: i32,
  inner: i32,
  ao: i32,
  am: i32,
  ai: i32,
  bo: i32,
  bm: i32,
  bi: i32,
): void {
  binary<Gate>(a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
