// Weight gradient of a convolution, and what the batch-size tests want to know of each sample's own, in one sweep:
// g_i[o, k] = Σ_t u_i[o, t] x_i[t + taps[k]] is formed sample by sample, which costs what the batched sum costs, and each of
// its tiles is squared, summed and added to the batch's while it is in the first cache (MATHS.md §7).
import { aligned, fillPlanes, fillTaps, planeExtent, SLACK } from './convolution-planes'
import { correlate4x8, correlate5x8, correlate6x8 } from './convolution-weight-tiles'
import { packRows4 } from './gemm-pack'
import { PANEL_SLACK, panelHeight } from './gemm-tiles'

/** Panels of eight output channels whose sums over K taps stay in the second cache while samples pass. */
function blockPanels(K: i32): i32 {
  return max(1, 131072 / 8 / K)
}

function panelsOf(O: i32): i32 {
  return (O + 7) / 8
}

const TILE: i32 = 6 * 32

/** Bytes of scratch that `conv2dWeight` of these extents needs. */
export function conv2dWeightWorkspace(
  B: i32,
  C: i32,
  H: i32,
  W: i32,
  O: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  P: i32,
  Q: i32,
): i32 {
  const K = C * kh * kw
  const planes = C * min(sh, kh) * min(sw, kw) * planeExtent(H, ph, sh) * planeExtent(W, pw, sw)
  const panels = min(panelsOf(O), blockPanels(K))
  return (
    64 +
    aligned((K + PANEL_SLACK) << 2) +
    TILE +
    aligned(B << 3) +
    aligned((panels * P * Q) << 5) +
    3 * aligned((panels * K) << 5) +
    aligned(planes << 2) +
    2 * SLACK
  )
}

/** Cotangents [O, PQ] of eight channels as a panel [PQ][8]; channels beyond `rows` are 0. */
function packCotangents(to: usize, u: usize, size: i32, rows: i32): void {
  packRows4(to, 32, u, size << 2, min(rows, 4), size)
  if (rows > 4) packRows4(to + 16, 32, u + ((4 * size) << 2), size << 2, rows - 4, size)
  if (rows < 8) for (let t = 0; t < size; t++) for (let o = rows; o < 8; o++) store<f32>(to + (t << 5) + (o << 2), 0)
}

/** to[o, k] = panels[o / 8][k][o mod 8]. */
function unpack(to: usize, panels: usize, K: i32, O: i32): void {
  for (let o = 0; o < O; o += 4) {
    let from = panels + (((o >> 3) * K) << 5) + ((o & 4) << 2)
    const rows = min(4, O - o)
    const row = K << 2
    const r0 = to + o * row
    const r1 = r0 + row
    const r2 = r1 + row
    const r3 = r2 + row
    let k = 0
    if (rows === 4)
      for (; k + 4 <= K; k += 4) {
        const a = v128.load(from)
        const b = v128.load(from, 32)
        const c = v128.load(from, 64)
        const d = v128.load(from, 96)
        const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
        const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
        const AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
        const CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
        const at = k << 2
        v128.store(r0 + at, v128.shuffle<f64>(ab, cd, 0, 2))
        v128.store(r1 + at, v128.shuffle<f64>(ab, cd, 1, 3))
        v128.store(r2 + at, v128.shuffle<f64>(AB, CD, 0, 2))
        v128.store(r3 + at, v128.shuffle<f64>(AB, CD, 1, 3))
        from += 128
      }
    for (; k < K; k++) {
      for (let i = 0; i < rows; i++) store<f32>(r0 + i * row + (k << 2), load<f32>(from + (i << 2)))
      from += 32
    }
  }
}

/** One tile of a sample's gradient joins the sums; returns the sum of its squares. */
function absorb(tile: usize, rows: i32, sums: usize, squares: usize, own: usize): f64 {
  // Twelve squares to a lane at most in float32, then float64.
  let s0 = f32x4.splat(0)
  let s1 = s0
  for (const end = tile + (rows << 5); tile < end; tile += 32) {
    const g0 = v128.load(tile)
    const g1 = v128.load(tile, 16)
    const q0 = f32x4.mul(g0, g0)
    const q1 = f32x4.mul(g1, g1)
    s0 = f32x4.add(s0, q0)
    s1 = f32x4.add(s1, q1)
    if (sums) {
      v128.store(sums, f32x4.add(v128.load(sums), g0))
      v128.store(sums, f32x4.add(v128.load(sums, 16), g1), 16)
      sums += 32
    }
    if (squares) {
      v128.store(squares, f32x4.add(v128.load(squares), q0))
      v128.store(squares, f32x4.add(v128.load(squares, 16), q1), 16)
      squares += 32
    }
    if (own) {
      v128.store(own, g0)
      v128.store(own, g1, 16)
      own += 32
    }
  }
  const s = f32x4.add(s0, s1)
  const pairs = f64x2.add(f64x2.promote_low_f32x4(s), f64x2.promote_low_f32x4(v128.shuffle<f64>(s, s, 1, 0)))
  return f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1)
}

function correlate(
  height: i32,
  x: usize,
  taps: usize,
  delta: usize,
  P: i32,
  Q: i32,
  skip: i32,
  to: usize,
  accumulate: bool,
): void {
  if (height === 6) correlate6x8(x, taps, delta, P, Q, skip, to, accumulate)
  else if (height === 5) correlate5x8(x, taps, delta, P, Q, skip, to, accumulate)
  else correlate4x8(x, taps, delta, P, Q, skip, to, accumulate)
}

/**
 * The transpose of `conv2d` in w, as the sum over samples and in per-sample statistics. Each pointer may be 0: not wanted.
 *
 * @param x [B, C, H, W]
 * @param u [B, O, P, Q]
 * @param dw [O, C, kh, kw]: Σ_i g_i
 * @param norms [B]: ‖g_i‖²
 * @param squares [O, C, kh, kw]: Σ_i g_i∘g_i
 * @param each [B, O, C, kh, kw]: g_i
 */
export function conv2dWeight(
  x: usize,
  u: usize,
  dw: usize,
  norms: usize,
  squares: usize,
  each: usize,
  B: i32,
  C: i32,
  H: i32,
  W: i32,
  O: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  P: i32,
  Q: i32,
  workspace: usize,
): void {
  const K = C * kh * kw
  const size = P * Q
  const phasesH = min(sh, kh)
  const phasesW = min(sw, kw)
  const rows = planeExtent(H, ph, sh)
  const columns = planeExtent(W, pw, sw)
  const most = min(panelsOf(O), blockPanels(K))
  const sumsBytes = aligned((most * K) << 5)
  const taps = (workspace + 63) & ~63
  const tile = taps + aligned((K + PANEL_SLACK) << 2)
  const totals = tile + TILE
  const deltas = totals + aligned(B << 3)
  const sumPanels = deltas + aligned((most * size) << 5)
  const squarePanels = sumPanels + sumsBytes
  const ownPanels = squarePanels + sumsBytes
  const planes = ownPanels + sumsBytes + SLACK

  fillTaps(taps, C, kh, kw, sh, sw, phasesH, phasesW, rows, columns)
  // A last tile of fewer taps repeats one.
  for (let k = K; k < K + PANEL_SLACK; k++) store<i32>(taps + (k << 2), load<i32>(taps))
  memory.fill(totals, 0, B << 3)
  memory.fill(planes - SLACK, 0, ((C * phasesH * phasesW * rows * columns) << 2) + 2 * SLACK)
  const statistics = norms !== 0 || squares !== 0 || each !== 0

  for (let o0 = 0; o0 < O; o0 += most * 8) {
    const channels = min(most * 8, O - o0)
    if (dw) memory.fill(sumPanels, 0, (panelsOf(channels) * K) << 5)
    if (squares) memory.fill(squarePanels, 0, (panelsOf(channels) * K) << 5)
    for (let b = 0; b < B; b++) {
      fillPlanes(planes, x + ((b * C * H * W) << 2), C, H, W, sh, sw, ph, pw, phasesH, phasesW, rows, columns)
      let total: f64 = 0
      for (let o = 0; o < channels; o += 8) {
        packCotangents(deltas, u + (((b * O + o0 + o) * size) << 2), size, min(8, channels - o))
        const panel = (o * K) << 2
        for (let k = 0, height = 0; k < K; k += height) {
          height = panelHeight(K - k)
          const at = panel + (k << 5)
          const whole = k + height <= K
          if (!statistics && whole)
            correlate(height, planes, taps + (k << 2), deltas, P, Q, (columns - Q) << 2, sumPanels + at, true)
          else {
            correlate(height, planes, taps + (k << 2), deltas, P, Q, (columns - Q) << 2, tile, false)
            total += absorb(
              tile,
              min(height, K - k),
              dw ? sumPanels + at : 0,
              squares ? squarePanels + at : 0,
              each ? ownPanels + at : 0,
            )
          }
        }
      }
      if (each) unpack(each + (((b * O + o0) * K) << 2), ownPanels, K, channels)
      store<f64>(totals + (b << 3), load<f64>(totals + (b << 3)) + total)
    }
    if (dw) unpack(dw + ((o0 * K) << 2), sumPanels, K, channels)
    if (squares) unpack(squares + ((o0 * K) << 2), squarePanels, K, channels)
  }
  if (norms) for (let b = 0; b < B; b++) store<f32>(norms + (b << 2), f32(load<f64>(totals + (b << 3))))
}
