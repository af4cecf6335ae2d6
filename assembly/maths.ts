// Elementary functions of four float32 at once. Only additions, multiplications and comparisons: the same bits on every
// machine and in both builds. Errors are a few units in the last place; test/kernels/maths.test.ts measures them.
// Reductions and polynomials follow Cephes (S. Moshier) unless another source is named.

function f(x: f32): v128 {
  return f32x4.splat(x)
}
/** a·b + c with two roundings, in both builds. */
function step(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), c)
}
function select(mask: v128, yes: v128, no: v128): v128 {
  return v128.bitselect(yes, no, mask)
}
/** 2ⁿ for lanes of whole numbers −126 ≤ n ≤ 127. */
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23)
}

/** eˣ = 2ⁿ eʳ with |r| ≤ ln 2 / 2; subnormal results included. */
export function exp4(x: v128): v128 {
  // Beyond these bounds the result is 0 or ∞ all the same; NaN passes through.
  const c = f32x4.max(f(-105), f32x4.min(f(89), x))
  const n = f32x4.nearest(f32x4.mul(c, f(Mathf.LOG2E)))
  let r = f32x4.sub(c, f32x4.mul(n, f(0.693359375)))
  r = f32x4.add(r, f32x4.mul(n, f(2.1219444e-4)))
  let p = step(f(1.98756915e-4), r, f(1.3981999507e-3))
  p = step(p, r, f(8.3334519073e-3))
  p = step(p, r, f(4.1665795894e-2))
  p = step(p, r, f(1.6666665459e-1))
  p = step(p, r, f(5.0000001201e-1))
  p = f32x4.add(step(f32x4.mul(r, r), p, r), f(1))
  // In two factors, since n may be 128 or below −126.
  const k = i32x4.trunc_sat_f32x4_s(n)
  const half = i32x4.shr_s(k, 1)
  return f32x4.mul(f32x4.mul(p, powerOfTwo(half)), powerOfTwo(i32x4.sub(k, half)))
}

/** ln x = e ln 2 + ln m with √½ ≤ m < √2. */
export function log4(x: v128): v128 {
  // Subnormal numbers are scaled up first.
  const tiny = f32x4.lt(x, f(1.17549435e-38))
  const scaled = select(tiny, f32x4.mul(x, f(8388608)), x)
  let e = i32x4.sub(i32x4.shr_s(scaled, 23), i32x4.splat(126))
  e = i32x4.sub(e, v128.and(tiny, i32x4.splat(23)))
  let m = v128.or(v128.and(scaled, i32x4.splat(0x007fffff)), f(0.5))
  const low = f32x4.lt(m, f(Mathf.SQRT1_2))
  e = i32x4.add(e, low) // the mask is −1
  m = f32x4.sub(f32x4.add(m, v128.and(low, m)), f(1))
  const exponent = f32x4.convert_i32x4_s(e)
  const z = f32x4.mul(m, m)
  let p = step(f(7.0376836292e-2), m, f(-1.151461031e-1))
  p = step(p, m, f(1.167699874e-1))
  p = step(p, m, f(-1.2420140846e-1))
  p = step(p, m, f(1.4249322787e-1))
  p = step(p, m, f(-1.6668057665e-1))
  p = step(p, m, f(2.0000714765e-1))
  p = step(p, m, f(-2.4999993993e-1))
  p = step(p, m, f(3.3333331174e-1))
  let y = f32x4.mul(f32x4.mul(p, m), z)
  y = step(exponent, f(-2.1219444e-4), y)
  y = step(f(-0.5), z, y)
  y = step(exponent, f(0.693359375), f32x4.add(m, y))
  y = select(f32x4.eq(x, f(f32.POSITIVE_INFINITY)), x, y)
  y = select(f32x4.eq(x, f(0)), f(-f32.POSITIVE_INFINITY), y)
  // Negative numbers and NaN have no logarithm.
  return select(f32x4.ge(x, f(0)), y, f(f32.NaN))
}

/** ln(1 + x): with u = 1 + x rounded, ln u + (x − (u − 1))/u makes good what the sum lost. */
export function log1p4(x: v128): v128 {
  const u = f32x4.add(x, f(1))
  const y = log4(u)
  const lost = f32x4.div(f32x4.sub(x, f32x4.sub(u, f(1))), u)
  // At −1 and ∞ the correction is 0/0; where u rounds to 1, x itself is the result and keeps its sign.
  const exact = v128.or(f32x4.eq(u, f(0)), f32x4.eq(u, f(f32.POSITIVE_INFINITY)))
  return select(f32x4.eq(u, f(1)), x, select(exact, y, f32x4.add(y, lost)))
}

/** tanh: an odd polynomial near 0, 1 − 2/(e^2|x| + 1) elsewhere. */
export function tanh4(x: v128): v128 {
  const a = f32x4.abs(x)
  const z = f32x4.mul(x, x)
  let p = step(f(-5.70498872745e-3), z, f(2.06390887954e-2))
  p = step(p, z, f(-5.37397155531e-2))
  p = step(p, z, f(1.33314422036e-1))
  p = step(p, z, f(-3.33332819422e-1))
  const near = step(f32x4.mul(p, z), x, x)
  const far = f32x4.sub(f(1), f32x4.div(f(2), f32x4.add(exp4(f32x4.add(a, a)), f(1))))
  // An odd function: the sign is that of x, of −0 too.
  return v128.or(select(f32x4.lt(a, f(0.625)), near, far), v128.and(x, i32x4.splat(0x80000000)))
}

/** 1/(1 + e^−x), from e^−|x| so that nothing overflows and small results keep their digits. */
export function sigmoid4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)))
  return f32x4.div(select(f32x4.lt(x, f(0)), e, f(1)), f32x4.add(e, f(1)))
}

/** ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|). */
export function softplus4(x: v128): v128 {
  return f32x4.add(f32x4.max(x, f(0)), log1p4(exp4(f32x4.neg(f32x4.abs(x)))))
}

/** erf by two polynomials, below and above 0.9277 (N. Juffa's minimax coefficients). */
export function erf4(x: v128): v128 {
  const t = f32x4.abs(x)
  const s = f32x4.mul(x, x)
  let far = step(f(-1.7285347e-5), t, f(3.83197126e-4))
  far = step(far, s, step(f(-3.88396438e-3), t, f(2.42546219e-2)))
  far = step(far, t, f(-1.06777877e-1))
  far = step(far, t, f(-6.34846687e-1))
  far = step(far, t, f(-1.28717512e-1))
  far = f32x4.sub(f32x4.mul(far, t), t)
  // Beyond 4 the result is 1, and the polynomial is not asked.
  far = f32x4.sub(f(1), v128.and(exp4(far), f32x4.lt(t, f(4))))
  let near = step(f(-5.96761703e-4), s, f(4.99119423e-3))
  near = step(near, s, f(-2.67681349e-2))
  near = step(near, s, f(1.12819925e-1))
  near = step(near, s, f(-3.76125336e-1))
  near = step(near, s, f(1.28379166e-1))
  near = step(near, x, x)
  const size = select(f32x4.gt(t, f(0.927734375)), far, near)
  const y = v128.or(size, v128.and(x, i32x4.splat(0x80000000)))
  return select(f32x4.eq(x, x), y, x)
}

/** sin (quadrant 0) or cos (quadrant 1): x = n π/2 + r, n + quadrant says which polynomial in r and which sign. */
function sine(x: v128, quadrant: i32): v128 {
  const n = f32x4.nearest(f32x4.mul(x, f(0.6366197723675814)))
  // In float64, where n π/2 keeps enough digits for |x| < 10⁵.
  const low = reduced(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(n))
  const high = reduced(
    f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3)),
    f64x2.promote_low_f32x4(v128.shuffle<f32>(n, n, 2, 3, 2, 3)),
  )
  const r = v128.shuffle<f64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
  const z = f32x4.mul(r, r)
  let s = step(f(-1.9515295891e-4), z, f(8.3321608736e-3))
  s = step(s, z, f(-1.6666654611e-1))
  s = step(f32x4.mul(s, z), r, r)
  let c = step(f(2.443315711809948e-5), z, f(-1.388731625493765e-3))
  c = step(c, z, f(4.166664568298827e-2))
  c = f32x4.add(step(f(-0.5), z, f32x4.mul(c, f32x4.mul(z, z))), f(1))
  const q = i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(quadrant))
  const odd = i32x4.ne(v128.and(q, i32x4.splat(1)), i32x4.splat(0))
  const sign = i32x4.shl(v128.and(q, i32x4.splat(2)), 30)
  return v128.xor(select(odd, c, s), sign)
}

/** x − n π/2, with π/2 in two parts: the first has 33 bits, so n times it is exact. */
function reduced(x: v128, n: v128): v128 {
  const first = f64x2.sub(x, f64x2.mul(n, f64x2.splat(1.5707963267341256)))
  return f64x2.sub(first, f64x2.mul(n, f64x2.splat(6.077100506506192e-11)))
}

/** Lane by lane, for arguments so large that their reduction needs hundreds of digits of π. */
function sineOfLarge(x: v128, cosine: bool): v128 {
  let y = f(0)
  y = f32x4.replace_lane(y, 0, <f32>(cosine ? Math.cos(f32x4.extract_lane(x, 0)) : Math.sin(f32x4.extract_lane(x, 0))))
  y = f32x4.replace_lane(y, 1, <f32>(cosine ? Math.cos(f32x4.extract_lane(x, 1)) : Math.sin(f32x4.extract_lane(x, 1))))
  y = f32x4.replace_lane(y, 2, <f32>(cosine ? Math.cos(f32x4.extract_lane(x, 2)) : Math.sin(f32x4.extract_lane(x, 2))))
  return f32x4.replace_lane(
    y,
    3,
    <f32>(cosine ? Math.cos(f32x4.extract_lane(x, 3)) : Math.sin(f32x4.extract_lane(x, 3))),
  )
}

function moderate(x: v128): bool {
  return i32x4.all_true(f32x4.lt(f32x4.abs(x), f(1e5)))
}

export function sin4(x: v128): v128 {
  return moderate(x) ? sine(x, 0) : sineOfLarge(x, false)
}

export function cos4(x: v128): v128 {
  return moderate(x) ? sine(x, 1) : sineOfLarge(x, true)
}
