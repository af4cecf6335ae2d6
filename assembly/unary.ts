// Elementwise functions of one operand, n elements.
import { loadSome, storeSome } from './lanes'
import { cos4, erf4, exp4, log1p4, log4, sigmoid4, sin4, softplus4, tanh4 } from './maths'

// A function is a class without state: the loop is generic in it, and each kernel below is one instance of it.
class Negate {
  of(x: v128): v128 {
    return f32x4.neg(x)
  }
}
class Abs {
  of(x: v128): v128 {
    return f32x4.abs(x)
  }
}
class Sign {
  of(x: v128): v128 {
    // ±1 with the sign of x where x is neither 0 nor NaN, x itself otherwise
    const one = v128.or(f32x4.splat(1), v128.and(x, i32x4.splat(0x80000000)))
    return v128.bitselect(one, x, f32x4.gt(f32x4.abs(x), f32x4.splat(0)))
  }
}
class Relu {
  of(x: v128): v128 {
    return f32x4.max(x, f32x4.splat(0))
  }
}
class Square {
  of(x: v128): v128 {
    return f32x4.mul(x, x)
  }
}
class Reciprocal {
  of(x: v128): v128 {
    return f32x4.div(f32x4.splat(1), x)
  }
}
class Sqrt {
  of(x: v128): v128 {
    return f32x4.sqrt(x)
  }
}
class Exp {
  of(x: v128): v128 {
    return exp4(x)
  }
}
class Log {
  of(x: v128): v128 {
    return log4(x)
  }
}
class Log1p {
  of(x: v128): v128 {
    return log1p4(x)
  }
}
class Sin {
  of(x: v128): v128 {
    return sin4(x)
  }
}
class Cos {
  of(x: v128): v128 {
    return cos4(x)
  }
}
class Tanh {
  of(x: v128): v128 {
    return tanh4(x)
  }
}
class Sigmoid {
  of(x: v128): v128 {
    return sigmoid4(x)
  }
}
class Softplus {
  of(x: v128): v128 {
    return softplus4(x)
  }
}
class Erf {
  of(x: v128): v128 {
    return erf4(x)
  }
}

function apply1<Op>(x: v128): v128 {
  return changetype<Op>(0).of(x)
}

function unary<Op>(x: usize, out: usize, n: i32): void {
  let i: i32 = 0
  // Two at a time: their long chains of operations overlap.
  for (; i <= n - 8; i += 8) {
    const p = (<usize>i) << 2
    const y = apply1<Op>(v128.load(x + p))
    const z = apply1<Op>(v128.load(x + p, 16))
    v128.store(out + p, y)
    v128.store(out + p, z, 16)
  }
  for (; i <= n - 4; i += 4) v128.store(out + ((<usize>i) << 2), apply1<Op>(v128.load(x + ((<usize>i) << 2))))
  // 1 in the lanes beyond the end: no function here is slow or undefined at 1.
  const rest = n - i
  const p = (<usize>i) << 2
  if (rest > 0) storeSome(out + p, apply1<Op>(loadSome(x + p, rest, 1)), rest)
}

export function negate(x: usize, out: usize, n: i32): void {
  unary<Negate>(x, out, n)
}
export function abs(x: usize, out: usize, n: i32): void {
  unary<Abs>(x, out, n)
}
export function sign(x: usize, out: usize, n: i32): void {
  unary<Sign>(x, out, n)
}
export function relu(x: usize, out: usize, n: i32): void {
  unary<Relu>(x, out, n)
}
export function square(x: usize, out: usize, n: i32): void {
  unary<Square>(x, out, n)
}
export function reciprocal(x: usize, out: usize, n: i32): void {
  unary<Reciprocal>(x, out, n)
}
export function sqrt(x: usize, out: usize, n: i32): void {
  unary<Sqrt>(x, out, n)
}
export function exp(x: usize, out: usize, n: i32): void {
  unary<Exp>(x, out, n)
}
export function log(x: usize, out: usize, n: i32): void {
  unary<Log>(x, out, n)
}
export function log1p(x: usize, out: usize, n: i32): void {
  unary<Log1p>(x, out, n)
}
export function sin(x: usize, out: usize, n: i32): void {
  unary<Sin>(x, out, n)
}
export function cos(x: usize, out: usize, n: i32): void {
  unary<Cos>(x, out, n)
}
export function tanh(x: usize, out: usize, n: i32): void {
  unary<Tanh>(x, out, n)
}
export function sigmoid(x: usize, out: usize, n: i32): void {
  unary<Sigmoid>(x, out, n)
}
export function softplus(x: usize, out: usize, n: i32): void {
  unary<Softplus>(x, out, n)
}
export function erf(x: usize, out: usize, n: i32): void {
  unary<Erf>(x, out, n)
}

/** x to the power of `halves`/2, by repeated multiplication of x or √x; the reciprocal for a negative power. */
export function powerOfHalves(x: usize, out: usize, n: i32, halves: i32): void {
  const whole = (halves & 1) === 0
  const count = abs32(whole ? halves >> 1 : halves)
  for (let i: i32 = 0; i < n; i += 4) {
    const p = (<usize>i) << 2
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

function abs32(x: i32): i32 {
  return x < 0 ? -x : x
}

/** x to any other power, one at a time in float64. */
export function power(x: usize, out: usize, n: i32, exponent: f64): void {
  for (let i = 0; i < n; i++) {
    const p = (<usize>i) << 2
    store<f32>(out + p, <f32>NativeMath.pow(<f64>load<f32>(x + p), exponent))
  }
}

/** a where c is a number other than 0, else b. */
export function where(c: usize, a: usize, b: usize, out: usize, n: i32): void {
  let i: i32 = 0
  for (; i <= n - 4; i += 4) {
    const p = (<usize>i) << 2
    const chosen = f32x4.gt(f32x4.abs(v128.load(c + p)), f32x4.splat(0))
    v128.store(out + p, v128.bitselect(v128.load(a + p), v128.load(b + p), chosen))
  }
  for (; i < n; i++) {
    const p = (<usize>i) << 2
    store<u32>(out + p, Mathf.abs(load<f32>(c + p)) > 0 ? load<u32>(a + p) : load<u32>(b + p))
  }
}
