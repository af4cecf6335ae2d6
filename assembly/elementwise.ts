// Elementwise operations. A result [outer, mid, inner] is contiguous; an operand is read by three strides (in elements),
// 0 where it is broadcast, the innermost 0 or 1. That covers scalars, rows, columns and channels without copies.

import { loadSome, storeSome } from './lanes'
import { cos4, erf4, exp4, log1p4, log4, sigmoid4, sin4, softplus4, tanh4 } from './maths'

// Codes are compile-time constants: every kernel below is specialised where it is exported.
enum Binary { Add, Subtract, Multiply, Divide, Maximum, Minimum, Greater, Equal, EqualIndices, Gate }

// @ts-expect-error: decorator
@inline
function binary4(op: i32, a: v128, b: v128): v128 {
  if (op == Binary.Add) return f32x4.add(a, b)
  if (op == Binary.Subtract) return f32x4.sub(a, b)
  if (op == Binary.Multiply) return f32x4.mul(a, b)
  if (op == Binary.Divide) return f32x4.div(a, b)
  if (op == Binary.Maximum) return f32x4.max(a, b)
  if (op == Binary.Minimum) return f32x4.min(a, b)
  if (op == Binary.Greater) return v128.and(f32x4.gt(a, b), f32x4.splat(1))
  if (op == Binary.Equal) return v128.and(f32x4.eq(a, b), f32x4.splat(1))
  if (op == Binary.EqualIndices) return v128.and(i32x4.eq(a, b), f32x4.splat(1))
  return v128.and(a, f32x4.gt(b, f32x4.splat(0))) // gate: a where b > 0
}

/** One run of n elements; a stride of 0 repeats the operand's single element. */
// @ts-expect-error: decorator
@inline
function run(op: i32, a: usize, b: usize, out: usize, n: i32, repeatA: bool, repeatB: bool): void {
  const a0 = repeatA ? v128.load32_splat(a) : f32x4.splat(0)
  const b0 = repeatB ? v128.load32_splat(b) : f32x4.splat(0)
  let i: i32 = 0
  for (; i <= n - 8; i += 8) {
    const p = <usize>i << 2
    v128.store(out + p, binary4(op, repeatA ? a0 : v128.load(a + p), repeatB ? b0 : v128.load(b + p)))
    v128.store(out + p, binary4(op, repeatA ? a0 : v128.load(a + p, 16), repeatB ? b0 : v128.load(b + p, 16)), 16)
  }
  for (; i <= n - 4; i += 4) {
    const p = <usize>i << 2
    v128.store(out + p, binary4(op, repeatA ? a0 : v128.load(a + p), repeatB ? b0 : v128.load(b + p)))
  }
  for (; i < n; i++) {
    const p = <usize>i << 2
    const y = binary4(op, repeatA ? a0 : v128.load32_zero(a + p), repeatB ? b0 : v128.load32_zero(b + p))
    v128.store_lane<f32>(out + p, y, 0)
  }
}

// @ts-expect-error: decorator
@inline
function binary(
  op: i32, a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32,
  aOuter: i32, aMid: i32, aInner: i32, bOuter: i32, bMid: i32, bInner: i32,
): void {
  for (let o = 0; o < outer; o++)
    for (let m = 0; m < mid; m++) {
      const pa = a + (<usize>(o * aOuter + m * aMid) << 2)
      const pb = b + (<usize>(o * bOuter + m * bMid) << 2)
      if (aInner == 0) run(op, pa, pb, out, inner, true, bInner == 0)
      else if (bInner == 0) run(op, pa, pb, out, inner, false, true)
      else run(op, pa, pb, out, inner, false, false)
      out += <usize>inner << 2
    }
}

export function add(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Add, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function subtract(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Subtract, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function multiply(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Multiply, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function divide(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Divide, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function maximum(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Maximum, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function minimum(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Minimum, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function greater(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Greater, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
export function equal(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Equal, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
/** The same for operands of 32-bit whole numbers; the result is float all the same. */
export function equalIndices(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.EqualIndices, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}
/** a where b > 0, else 0. */
export function gate(a: usize, b: usize, out: usize, outer: i32, mid: i32, inner: i32, ao: i32, am: i32, ai: i32, bo: i32, bm: i32, bi: i32): void {
  binary(Binary.Gate, a, b, out, outer, mid, inner, ao, am, ai, bo, bm, bi)
}

enum Unary { Negate, Abs, Sign, Relu, Square, Reciprocal, Sqrt, Exp, Log, Log1p, Sin, Cos, Tanh, Sigmoid, Softplus, Erf }

// @ts-expect-error: decorator
@inline
function unary4(op: i32, x: v128): v128 {
  if (op == Unary.Negate) return f32x4.neg(x)
  if (op == Unary.Abs) return f32x4.abs(x)
  if (op == Unary.Sign) {
    // ±1 with the sign of x where x is neither 0 nor NaN, x itself otherwise
    const one = v128.or(f32x4.splat(1), v128.and(x, i32x4.splat(0x80000000)))
    return v128.bitselect(one, x, f32x4.gt(f32x4.abs(x), f32x4.splat(0)))
  }
  if (op == Unary.Relu) return f32x4.max(x, f32x4.splat(0))
  if (op == Unary.Square) return f32x4.mul(x, x)
  if (op == Unary.Reciprocal) return f32x4.div(f32x4.splat(1), x)
  if (op == Unary.Sqrt) return f32x4.sqrt(x)
  if (op == Unary.Exp) return exp4(x)
  if (op == Unary.Log) return log4(x)
  if (op == Unary.Log1p) return log1p4(x)
  if (op == Unary.Sin) return sin4(x)
  if (op == Unary.Cos) return cos4(x)
  if (op == Unary.Tanh) return tanh4(x)
  if (op == Unary.Sigmoid) return sigmoid4(x)
  if (op == Unary.Softplus) return softplus4(x)
  return erf4(x)
}

// @ts-expect-error: decorator
@inline
function unary(op: i32, x: usize, out: usize, n: i32): void {
  let i: i32 = 0
  for (; i <= n - 4; i += 4) v128.store(out + (<usize>i << 2), unary4(op, v128.load(x + (<usize>i << 2))))
  // 1 in the lanes beyond the end: no function here is slow or undefined at 1.
  if (i < n) storeSome(out + (<usize>i << 2), unary4(op, loadSome(x + (<usize>i << 2), n - i, 1)), n - i)
}

export function negate(x: usize, out: usize, n: i32): void { unary(Unary.Negate, x, out, n) }
export function abs(x: usize, out: usize, n: i32): void { unary(Unary.Abs, x, out, n) }
export function sign(x: usize, out: usize, n: i32): void { unary(Unary.Sign, x, out, n) }
export function relu(x: usize, out: usize, n: i32): void { unary(Unary.Relu, x, out, n) }
export function square(x: usize, out: usize, n: i32): void { unary(Unary.Square, x, out, n) }
export function reciprocal(x: usize, out: usize, n: i32): void { unary(Unary.Reciprocal, x, out, n) }
export function sqrt(x: usize, out: usize, n: i32): void { unary(Unary.Sqrt, x, out, n) }
export function exp(x: usize, out: usize, n: i32): void { unary(Unary.Exp, x, out, n) }
export function log(x: usize, out: usize, n: i32): void { unary(Unary.Log, x, out, n) }
export function log1p(x: usize, out: usize, n: i32): void { unary(Unary.Log1p, x, out, n) }
export function sin(x: usize, out: usize, n: i32): void { unary(Unary.Sin, x, out, n) }
export function cos(x: usize, out: usize, n: i32): void { unary(Unary.Cos, x, out, n) }
export function tanh(x: usize, out: usize, n: i32): void { unary(Unary.Tanh, x, out, n) }
export function sigmoid(x: usize, out: usize, n: i32): void { unary(Unary.Sigmoid, x, out, n) }
export function softplus(x: usize, out: usize, n: i32): void { unary(Unary.Softplus, x, out, n) }
export function erf(x: usize, out: usize, n: i32): void { unary(Unary.Erf, x, out, n) }

/** x to the power of `halves`/2, by repeated multiplication of x or √x; the reciprocal for a negative power. */
export function powerOfHalves(x: usize, out: usize, n: i32, halves: i32): void {
  const whole = (halves & 1) == 0
  const count = abs32(whole ? halves >> 1 : halves)
  for (let i: i32 = 0; i < n; i += 4) {
    const p = <usize>i << 2
    const rest = n - i
    const base = rest < 4 ? loadSome(x + p, rest, 1) : v128.load(x + p)
    let factor = whole ? base : f32x4.sqrt(base)
    let y = f32x4.splat(1)
    for (let k = count; k > 0; k >>= 1) {
      if (k & 1) y = f32x4.mul(y, factor)
      factor = f32x4.mul(factor, factor)
    }
    if (halves < 0) y = f32x4.div(f32x4.splat(1), y)
    if (rest < 4) storeSome(out + p, y, rest)
    else v128.store(out + p, y)
  }
}

// @ts-expect-error: decorator
@inline
function abs32(x: i32): i32 {
  return x < 0 ? -x : x
}

/** a where c is a number other than 0, else b. */
export function where(c: usize, a: usize, b: usize, out: usize, n: i32): void {
  let i: i32 = 0
  for (; i <= n - 4; i += 4) {
    const p = <usize>i << 2
    const chosen = f32x4.gt(f32x4.abs(v128.load(c + p)), f32x4.splat(0))
    v128.store(out + p, v128.bitselect(v128.load(a + p), v128.load(b + p), chosen))
  }
  for (; i < n; i++) {
    const p = <usize>i << 2
    store<u32>(out + p, Mathf.abs(load<f32>(c + p)) > 0 ? load<u32>(a + p) : load<u32>(b + p))
  }
}
