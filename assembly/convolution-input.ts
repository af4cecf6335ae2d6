// Input gradient of a convolution. Input places whose coordinates agree modulo the stride meet the same taps, so each such
// phase (r, s) is a convolution with stride 1 of the cotangent by part of the weights, flipped:
//   dx[c, r + sh·a, s + sw·b] = Σ_o Σ_{i, j} u[o, a + (r + ph − i)/sh, b + (s + pw − j)/sw] w[o, c, i, j]
// over the i and j for which the divisions leave no remainder.
import { aligned, fillPlanes, SLACK } from './convolution-planes'
import { blockRows, channelHeight, layOut, slide, slideWorkspace } from './convolution-slide'
import { packPanel } from './gemm-pack'
import { PANEL_SLACK } from './gemm-tiles'

function margin(kernel: i32, padding: i32, stride: i32): i32 {
  return max(0, kernel - 1 - padding) / stride
}

/** Rows of a padded plane of the cotangent that some tap of some place meets. */
function extent(input: i32, output: i32, kernel: i32, stride: i32, padding: i32): i32 {
  return margin(kernel, padding, stride) + max(output, (input - 1 + padding) / stride + 1)
}

/** Places r, r + stride, … below `input`. */
function places(input: i32, r: i32, stride: i32): i32 {
  return (input - r + stride - 1) / stride
}

/** How many i < kernel have (r + padding − i) mod stride = 0. */
function tapsOf(kernel: i32, r: i32, stride: i32, padding: i32): i32 {
  return (kernel - ((r + padding) % stride) + stride - 1) / stride
}

function planesBytes(O: i32, rows: i32, columns: i32): i32 {
  return aligned((O * rows * columns) << 2) + 2 * SLACK
}

/** Bytes of scratch that `conv2dInput` of these extents needs. */
export function conv2dInputWorkspace(
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
  const K = O * ((kh + sh - 1) / sh) * ((kw + sw - 1) / sw)
  const planes = planesBytes(O, extent(H, P, kh, sh, ph), extent(W, Q, kw, sw, pw))
  let lists = 0
  for (let r = 0; r < min(sh, H); r++)
    for (let s = 0; s < min(sw, W); s++) lists = max(lists, slideWorkspace(K, places(H, r, sh), places(W, s, sw)))
  const phase = sh * sw === 1 ? 0 : aligned((C * places(H, 0, sh) * places(W, 0, sw)) << 2)
  return (
    64 +
    aligned(K << 2) +
    aligned((C + PANEL_SLACK) << 2) +
    aligned(((C + PANEL_SLACK) * K) << 2) +
    lists +
    phase +
    B * planes
  )
}

/**
 * The weights of one phase as panels [k][c], and the distances of the taps k = (o, i, j): i and j run backwards, so that the
 * distances run forwards.
 */
function packPhase(
  panels: usize,
  taps: usize,
  w: usize,
  C: i32,
  O: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  fromI: i32,
  fromJ: i32,
  centre: i32,
  rows: i32,
  columns: i32,
  block: i32,
): void {
  const lastI = fromI + ((kh - 1 - fromI) / sh) * sh
  const lastJ = fromJ + ((kw - 1 - fromJ) / sw) * sw
  for (let o = 0; o < O; o++)
    for (let i = lastI; i >= 0; i -= sh)
      for (let j = lastJ; j >= 0; j -= sw) {
        store<i32>(taps, ((o * rows - (i - fromI) / sh) * columns - (j - fromJ) / sw + centre) << 2)
        taps += 4
      }
  const size = kh * kw
  for (let c = 0, height = 0; c < C; c += height) {
    const left = min(C - c, block - (c % block))
    height = channelHeight(left)
    const step = height << 2
    for (let o = 0; o < O; o++) {
      const from = w + (((o * C + c) * size) << 2)
      if (sh === 1 && sw === 1) {
        // The whole kernel of each channel lies together: one transposition, written from the end.
        packPanel(panels + (size - 1) * step, from, size << 2, height, left, size, false, true)
        panels += size * step
      } else
        for (let i = lastI; i >= 0; i -= sh)
          for (let j = lastJ; j >= 0; j -= sw) {
            const tap = from + ((i * kw + j) << 2)
            for (let h = 0; h < height; h++)
              store<f32>(panels + (h << 2), load<f32>(tap + ((min(h, left - 1) * size) << 2)))
            panels += step
          }
    }
  }
}

/** dx[:, r::sh, s::sw] = from [C, rows, columns]. */
function scatter(dx: usize, from: usize, C: i32, H: i32, W: i32, sh: i32, sw: i32, r: i32, s: i32): void {
  for (let c = 0; c < C; c++)
    for (let h = r; h < H; h += sh)
      for (let w = s; w < W; w += sw) {
        store<f32>(dx + (((c * H + h) * W + w) << 2), from ? load<f32>(from) : 0)
        if (from) from += 4
      }
}

/**
 * dx = Σ of u over the outputs that each input place took part in: the transpose of `conv2d` in x.
 *
 * @param u [B, O, P, Q]
 * @param w [O, C, kh, kw]
 * @param dx [B, C, H, W]
 */
export function conv2dInput(
  u: usize,
  w: usize,
  dx: usize,
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
  const most = O * ((kh + sh - 1) / sh) * ((kw + sw - 1) / sw)
  const rows = extent(H, P, kh, sh, ph)
  const columns = extent(W, Q, kw, sw, pw)
  const top = margin(kh, ph, sh)
  const left = margin(kw, pw, sw)
  const stride = planesBytes(O, rows, columns)
  const taps = (workspace + 63) & ~63
  const zeros = taps + aligned(most << 2)
  const panels = zeros + aligned((C + PANEL_SLACK) << 2)
  const aside = panels + aligned(((C + PANEL_SLACK) * most) << 2)
  const apart = sh * sw > 1
  const phase = apart ? aligned((C * places(H, 0, sh) * places(W, 0, sw)) << 2) : 0
  const planes = aside + phase + SLACK
  const lists = planes - SLACK + B * stride
  const image = (C * H * W) << 2

  memory.fill(zeros, 0, (C + PANEL_SLACK) << 2)
  // One set of planes serves sample after sample, unless each is needed more than once.
  const shared = !apart && C <= blockRows(most)
  memory.fill(planes - SLACK, 0, (shared ? 1 : B) * stride)
  const cotangent = (O * P * Q) << 2
  if (!shared)
    for (let b = 0; b < B; b++)
      fillPlanes(planes + b * stride, u + b * cotangent, O, P, Q, 1, 1, top, left, 1, 1, rows, columns)
  for (let r = 0; r < min(sh, H); r++)
    for (let s = 0; s < min(sw, W); s++) {
      const K = O * tapsOf(kh, r, sh, ph) * tapsOf(kw, s, sw, pw)
      if (K === 0) {
        for (let b = 0; b < B; b++) scatter(dx + b * image, 0, C, H, W, sh, sw, r, s)
        continue
      }
      const block = apart ? C : blockRows(K)
      const centre = (top + (r + ph) / sh) * columns + left + (s + pw) / sw
      packPhase(panels, taps, w, C, O, kh, kw, sh, sw, (r + ph) % sh, (s + pw) % sw, centre, rows, columns, block)
      const height = places(H, r, sh)
      const width = places(W, s, sw)
      const across = layOut(lists, K, height, width, columns)
      for (let c = 0; c < C; c += block)
        for (let b = 0; b < B; b++) {
          const from = shared ? planes : planes + b * stride
          if (shared) fillPlanes(planes, u + b * cotangent, O, P, Q, 1, 1, top, left, 1, 1, rows, columns)
          const into = apart ? aside : dx + b * image + ((c * H * W) << 2)
          slide(
            lists,
            from,
            taps,
            panels + ((c * K) << 2),
            zeros,
            into,
            K,
            min(block, C - c),
            height,
            width,
            across,
            sw === 1 ? kw : 1,
            false,
          )
          if (apart) scatter(dx + b * image, aside, C, H, W, sh, sw, r, s)
        }
    }
}
