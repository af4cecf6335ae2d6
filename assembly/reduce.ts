// Sums and maxima. The input is seen as [k0, r1, k2, r3, k4]: kept and reduced axes take turns, and the result is
// [k0, k2, k4]. Runs of 1024 elements are added in float32 lanes, runs in float64, so that rounding errors do not grow
// with the extent.
import { loadSome, total4 } from './lanes'

// What is added, as a class without state in which the loops are generic.
class Plain {
  of(a: v128, _b: v128): v128 {
    return a
  }
}
class Squares {
  of(a: v128, _b: v128): v128 {
    return f32x4.mul(a, a)
  }
}
class Products {
  of(a: v128, b: v128): v128 {
    return f32x4.mul(a, b)
  }
}

function term4<Term>(a: v128, b: v128): v128 {
  return changetype<Term>(0).of(a, b)
}

/** Σ over n elements of x, x² or x·y. */
function rowTotal<Term>(x: usize, y: usize, n: i32): f64 {
  let total: f64 = 0
  let i: i32 = 0
  while (i <= n - 16) {
    const end = min(n - 16, i + 1024 - 16)
    let s0 = f32x4.splat(0)
    let s1 = f32x4.splat(0)
    let s2 = f32x4.splat(0)
    let s3 = f32x4.splat(0)
    for (; i <= end; i += 16) {
      const p = x + ((<usize>i) << 2)
      const q = y + ((<usize>i) << 2)
      s0 = f32x4.add(s0, term4<Term>(v128.load(p), v128.load(q)))
      s1 = f32x4.add(s1, term4<Term>(v128.load(p, 16), v128.load(q, 16)))
      s2 = f32x4.add(s2, term4<Term>(v128.load(p, 32), v128.load(q, 32)))
      s3 = f32x4.add(s3, term4<Term>(v128.load(p, 48), v128.load(q, 48)))
    }
    total += total4(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
  }
  let s = f32x4.splat(0)
  for (; i <= n - 4; i += 4)
    s = f32x4.add(s, term4<Term>(v128.load(x + ((<usize>i) << 2)), v128.load(y + ((<usize>i) << 2))))
  if (i < n) {
    const p = (<usize>i) << 2
    s = f32x4.add(s, term4<Term>(loadSome(x + p, n - i, 0), loadSome(y + p, n - i, 0)))
  }
  return total + total4(s)
}

/** out [n] += Σ_r over `rows` rows of n elements, `stride` bytes apart; the first `begin` sets instead of adding. */
function addRows<Term>(x: usize, y: usize, out: usize, rows: i32, n: i32, begin: bool): void {
  const stride = (<usize>n) << 2
  let i: i32 = 0
  for (; i <= n - 16; i += 16) {
    let p = x + ((<usize>i) << 2)
    let q = y + ((<usize>i) << 2)
    const to = out + ((<usize>i) << 2)
    let s0 = begin ? f32x4.splat(0) : v128.load(to)
    let s1 = begin ? f32x4.splat(0) : v128.load(to, 16)
    let s2 = begin ? f32x4.splat(0) : v128.load(to, 32)
    let s3 = begin ? f32x4.splat(0) : v128.load(to, 48)
    for (let r = 0; r < rows; r++) {
      s0 = f32x4.add(s0, term4<Term>(v128.load(p), v128.load(q)))
      s1 = f32x4.add(s1, term4<Term>(v128.load(p, 16), v128.load(q, 16)))
      s2 = f32x4.add(s2, term4<Term>(v128.load(p, 32), v128.load(q, 32)))
      s3 = f32x4.add(s3, term4<Term>(v128.load(p, 48), v128.load(q, 48)))
      p += stride
      q += stride
    }
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
  }
  for (; i < n; i++) {
    let p = x + ((<usize>i) << 2)
    let q = y + ((<usize>i) << 2)
    const to = out + ((<usize>i) << 2)
    let s = begin ? f32x4.splat(0) : v128.load32_zero(to)
    for (let r = 0; r < rows; r++) {
      s = f32x4.add(s, term4<Term>(v128.load32_zero(p), v128.load32_zero(q)))
      p += stride
      q += stride
    }
    v128.store_lane<f32>(to, s, 0)
  }
}

/** `yOuter` is the stride of y along k0, in elements: 0 where y is the same for all of them. */
function reduce<Term>(x: usize, y: usize, out: usize, k0: i32, r1: i32, k2: i32, r3: i32, k4: i32, yOuter: i32): void {
  const block = (<usize>(r3 * k4)) << 2 // bytes of one [r3, k4]
  const plane = block * k2 //             bytes of one [k2, r3, k4]
  for (let i = 0; i < k0; i++) {
    for (let j = 0; j < k2; j++) {
      let p = x + <usize>j * block
      let q = y + <usize>j * block
      if (k4 === 1) {
        let total: f64 = 0
        for (let r = 0; r < r1; r++) {
          total += rowTotal<Term>(p, q, r3)
          p += plane
          q += plane
        }
        store<f32>(out, <f32>total)
      } else
        for (let r = 0; r < r1; r++) {
          addRows<Term>(p, q, out, r3, k4, r === 0)
          p += plane
          q += plane
        }
      out += (<usize>k4) << 2
    }
    x += plane * r1
    y += (<usize>yOuter) << 2
  }
}

/** Σ x. */
export function sum(x: usize, out: usize, k0: i32, r1: i32, k2: i32, r3: i32, k4: i32): void {
  reduce<Plain>(x, x, out, k0, r1, k2, r3, k4, r1 * k2 * r3 * k4)
}
/** Σ x². */
export function sumSquares(x: usize, out: usize, k0: i32, r1: i32, k2: i32, r3: i32, k4: i32): void {
  reduce<Squares>(x, x, out, k0, r1, k2, r3, k4, r1 * k2 * r3 * k4)
}
/** Σ x·y. */
export function sumProducts(
  x: usize,
  y: usize,
  out: usize,
  k0: i32,
  r1: i32,
  k2: i32,
  r3: i32,
  k4: i32,
  yOuter: i32,
): void {
  reduce<Products>(x, y, out, k0, r1, k2, r3, k4, yOuter)
}

/** The largest; NaN wins, so that it is not lost. */
export function max(x: usize, out: usize, k0: i32, r1: i32, k2: i32, r3: i32, k4: i32): void {
  const stride = (<usize>k4) << 2
  const block = stride * r3
  const plane = block * k2
  for (let i = 0; i < k0; i++) {
    for (let j = 0; j < k2; j++) {
      for (let c = 0; c < k4; c++) {
        let best: f32 = f32.NEGATIVE_INFINITY
        for (let r = 0; r < r1; r++) {
          const p = x + <usize>r * plane + <usize>j * block + ((<usize>c) << 2)
          if (k4 === 1) best = maxOf(p, r3, best)
          else
            for (let s = 0; s < r3; s++) {
              const v = load<f32>(p + <usize>s * stride)
              if (v > best || F32.isNaN(v)) best = v
            }
        }
        store<f32>(out, best)
        out += 4
      }
    }
    x += plane * r1
  }
}

function maxOf(x: usize, n: i32, best: f32): f32 {
  let m = f32x4.splat(best)
  let i: i32 = 0
  for (; i <= n - 4; i += 4) m = f32x4.max(m, v128.load(x + ((<usize>i) << 2)))
  if (i < n) m = f32x4.max(m, loadSome(x + ((<usize>i) << 2), n - i, best))
  m = f32x4.max(m, v128.shuffle<f32>(m, m, 2, 3, 2, 3))
  m = f32x4.max(m, v128.shuffle<f32>(m, m, 1, 1, 1, 1))
  return f32x4.extract_lane(m, 0)
}
