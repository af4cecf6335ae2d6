// Pooling of planes [H, W] by windows kh × kw, stride sh × sw, padding ph × pw, to planes [P, Q].
// Windows of 2 × 2 side by side, by far the most common, have their own vector loops.

/** The address of the first of the largest elements of window (p, q): later ones win only if greater, or NaN. */
function winner(x: usize, H: i32, W: i32, kh: i32, kw: i32, top: i32, left: i32): usize {
  const firstRow = max(top, 0)
  const firstColumn = max(left, 0)
  const lastRow = min(top + kh, H)
  const lastColumn = min(left + kw, W)
  let best = x + ((<usize>(firstRow * W + firstColumn)) << 2)
  let value = load<f32>(best)
  for (let i = firstRow; i < lastRow; i++) {
    let at = x + ((<usize>(i * W + firstColumn)) << 2)
    for (let j = firstColumn; j < lastColumn; j++) {
      const v = load<f32>(at)
      if (v > value || F32.isNaN(v)) {
        value = v
        best = at
      }
      at += 4
    }
  }
  return best
}

/** Whether the 2 × 2 loops apply: they take four windows of a row at a time, the last four overlapping if need be. */
function twoByTwo(kh: i32, kw: i32, sh: i32, sw: i32, ph: i32, pw: i32, Q: i32): bool {
  return kh === 2 && kw === 2 && sh === 2 && sw === 2 && ph === 0 && pw === 0 && Q >= 4
}

// The elements of four windows, corner by corner: upper left, upper right, lower left, lower right.
function even(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 2, 4, 6)
}
function odd(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 1, 3, 5, 7)
}
/** b where it is greater, else a. */
function larger(a: v128, b: v128): v128 {
  return f32x4.pmax(a, b)
}
/** The largest of four, NaN where one of them is: `larger` keeps that of its first operand, and a mask of ones is another. */
function largest(a: v128, b: v128, c: v128, d: v128): v128 {
  const lost = v128.or(v128.or(f32x4.ne(b, b), f32x4.ne(c, c)), f32x4.ne(d, d))
  return v128.or(larger(larger(larger(a, b), c), d), lost)
}

export function maxPool2d(
  x: usize,
  out: usize,
  planes: i32,
  H: i32,
  W: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  P: i32,
  Q: i32,
): void {
  const row = (<usize>W) << 2
  const fast = twoByTwo(kh, kw, sh, sw, ph, pw, Q)
  for (let plane = 0; plane < planes; plane++) {
    for (let p = 0; p < P; p++) {
      if (fast) {
        const upper = x + <usize>(2 * p) * row
        for (let q = 0; q < Q; q += 4) {
          if (q > Q - 4) q = Q - 4
          const at = upper + ((<usize>q) << 3)
          const a = v128.load(at)
          const b = v128.load(at, 16)
          const c = v128.load(at + row)
          const d = v128.load(at + row, 16)
          v128.store(out + ((<usize>q) << 2), largest(even(a, b), odd(a, b), even(c, d), odd(c, d)))
        }
      } else
        for (let q = 0; q < Q; q++)
          store<f32>(out + ((<usize>q) << 2), load<f32>(winner(x, H, W, kh, kw, p * sh - ph, q * sw - pw)))
      out += (<usize>Q) << 2
    }
    x += <usize>H * row
  }
}

/**
 * The gradient: u [planes, P, Q] goes to the winners of x, 0 elsewhere. With `gated`, only to winners above 0: the
 * gradient of a pooled relu, where x is the relu's result.
 */
export function maxPool2dScatter(
  u: usize,
  x: usize,
  out: usize,
  planes: i32,
  H: i32,
  W: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  P: i32,
  Q: i32,
  gated: bool,
): void {
  const row = (<usize>W) << 2
  if (twoByTwo(kh, kw, sh, sw, ph, pw, Q)) {
    scatterTwoByTwo(u, x, out, planes, H, W, P, Q, gated)
    return
  }
  memory.fill(out, 0, <usize>planes * <usize>H * row)
  for (let plane = 0; plane < planes; plane++) {
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++) {
        const best = winner(x, H, W, kh, kw, p * sh - ph, q * sw - pw)
        if (!gated || load<f32>(best) > 0) {
          const to = best - x + out
          store<f32>(to, load<f32>(to) + load<f32>(u))
        }
        u += 4
      }
    x += <usize>H * row
    out += <usize>H * row
  }
}

function scatterTwoByTwo(
  u: usize,
  x: usize,
  out: usize,
  planes: i32,
  H: i32,
  W: i32,
  P: i32,
  Q: i32,
  gated: bool,
): void {
  const row = (<usize>W) << 2
  for (let plane = 0; plane < planes; plane++) {
    for (let p = 0; p < P; p++) {
      const upper = <usize>(2 * p) * row
      for (let q = 0; q < Q; q += 4) {
        if (q > Q - 4) q = Q - 4
        const at = upper + ((<usize>q) << 3)
        const a = v128.load(x + at)
        const b = v128.load(x + at, 16)
        const c = v128.load(x + at + row)
        const d = v128.load(x + at + row, 16)
        const x0 = even(a, b)
        const x1 = odd(a, b)
        const x2 = even(c, d)
        const x3 = odd(c, d)
        // A later corner takes over where it is greater than the best so far.
        const m1 = larger(x0, x1)
        const m2 = larger(m1, x2)
        const by1 = f32x4.gt(x1, x0)
        const by2 = f32x4.gt(x2, m1)
        const by3 = f32x4.gt(x3, m2)
        let w = v128.load(u + ((<usize>q) << 2))
        if (gated) w = v128.and(w, f32x4.gt(larger(m2, x3), f32x4.splat(0)))
        const to3 = v128.and(w, by3)
        const not3 = v128.andnot(w, by3)
        const to2 = v128.and(not3, by2)
        const not2 = v128.andnot(not3, by2)
        const to1 = v128.and(not2, by1)
        const to0 = v128.andnot(not2, by1)
        v128.store(out + at, v128.shuffle<f32>(to0, to1, 0, 4, 1, 5))
        v128.store(out + at, v128.shuffle<f32>(to0, to1, 2, 6, 3, 7), 16)
        v128.store(out + at + row, v128.shuffle<f32>(to2, to3, 0, 4, 1, 5))
        v128.store(out + at + row, v128.shuffle<f32>(to2, to3, 2, 6, 3, 7), 16)
      }
      // An odd last column belongs to no window.
      if (W & 1) {
        store<f32>(out + upper + row - 4, 0)
        store<f32>(out + upper + 2 * row - 4, 0)
      }
      u += (<usize>Q) << 2
    }
    if (2 * P < H) memory.fill(out + <usize>(2 * P) * row, 0, <usize>(H - 2 * P) * row)
    x += <usize>H * row
    out += <usize>H * row
  }
}

/** From v [planes, H, W] the elements at the winners of x. */
export function maxPool2dGather(
  v: usize,
  x: usize,
  out: usize,
  planes: i32,
  H: i32,
  W: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  P: i32,
  Q: i32,
): void {
  for (let plane = 0; plane < planes; plane++) {
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++) {
        store<f32>(out, load<f32>(winner(x, H, W, kh, kw, p * sh - ph, q * sw - pw) - x + v))
        out += 4
      }
    x += (<usize>(H * W)) << 2
    v += (<usize>(H * W)) << 2
  }
}

/** The mean of each window, zeros of the padding included. */
export function averagePool2d(
  x: usize,
  out: usize,
  planes: i32,
  H: i32,
  W: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  P: i32,
  Q: i32,
): void {
  const scale = <f32>1 / <f32>(kh * kw)
  for (let plane = 0; plane < planes; plane++) {
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++) {
        const bottom = min(p * sh - ph + kh, H)
        const left = max(q * sw - pw, 0)
        const right = min(q * sw - pw + kw, W)
        let total: f32 = 0
        for (let i = max(p * sh - ph, 0); i < bottom; i++)
          for (let j = left; j < right; j++) total += load<f32>(x + ((<usize>(i * W + j)) << 2))
        store<f32>(out, total * scale)
        out += 4
      }
    x += (<usize>(H * W)) << 2
  }
}

/** The gradient: each u/(kh kw) goes to all elements of its window. */
export function averagePool2dSpread(
  u: usize,
  out: usize,
  planes: i32,
  H: i32,
  W: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  P: i32,
  Q: i32,
): void {
  const scale = <f32>1 / <f32>(kh * kw)
  memory.fill(out, 0, <usize>planes * ((<usize>(H * W)) << 2))
  for (let plane = 0; plane < planes; plane++) {
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++) {
        const share = load<f32>(u) * scale
        const bottom = min(p * sh - ph + kh, H)
        const left = max(q * sw - pw, 0)
        const right = min(q * sw - pw + kw, W)
        for (let i = max(p * sh - ph, 0); i < bottom; i++)
          for (let j = left; j < right; j++) {
            const to = out + ((<usize>(i * W + j)) << 2)
            store<f32>(to, load<f32>(to) + share)
          }
        u += 4
      }
    out += (<usize>(H * W)) << 2
  }
}
