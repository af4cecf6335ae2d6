// Forward convolution y = x ⋆ w (+ bias, relu), sample by sample.
import { aligned, fillPlanes, fillTaps, planeExtent, SLACK } from './convolution-planes'
import { blockRows, channelHeight, layOut, slide, slideWorkspace } from './convolution-slide'
import { packPanel } from './gemm-pack'
import { PANEL_SLACK } from './gemm-tiles'

/** Bytes of the planes of one sample. */
function planesBytes(C: i32, phases: i32, rows: i32, columns: i32): i32 {
  return aligned((C * phases * rows * columns) << 2) + 2 * SLACK
}

/** Bytes of scratch that `conv2d` of these extents needs. */
export function conv2dWorkspace(
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
  const phases = min(sh, kh) * min(sw, kw)
  const planes = planesBytes(C, phases, planeExtent(H, ph, sh), planeExtent(W, pw, sw))
  const slots = O <= blockRows(K) ? 1 : B
  return (
    64 +
    aligned(K << 2) +
    aligned((O + PANEL_SLACK) << 2) +
    aligned(((O + PANEL_SLACK) * K) << 2) +
    slideWorkspace(K, P, Q) +
    slots * planes
  )
}

/**
 * y[b, o, p, q] = Σ x[b, c, p·sh + i − ph, q·sw + j − pw] w[o, c, i, j] + bias[o], then max(·, 0) where `relu`.
 *
 * @param x [B, C, H, W]
 * @param w [O, C, kh, kw]
 * @param y [B, O, P, Q]
 * @param bias [O], or 0 for none
 */
export function conv2d(
  x: usize,
  w: usize,
  y: usize,
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
  bias: usize,
  relu: bool,
  workspace: usize,
): void {
  const K = C * kh * kw
  const phasesH = min(sh, kh)
  const phasesW = min(sw, kw)
  const rows = planeExtent(H, ph, sh)
  const columns = planeExtent(W, pw, sw)
  const stride = planesBytes(C, phasesH * phasesW, rows, columns)
  const taps = (workspace + 63) & ~63
  const biases = taps + aligned(K << 2)
  const panels = biases + aligned((O + PANEL_SLACK) << 2)
  const lists = panels + aligned(((O + PANEL_SLACK) * K) << 2)
  const planes = lists + slideWorkspace(K, P, Q) + SLACK

  fillTaps(taps, C, kh, kw, sh, sw, phasesH, phasesW, rows, columns)
  memory.fill(biases, 0, (O + PANEL_SLACK) << 2)
  if (bias) memory.copy(biases, bias, O << 2)
  const block = blockRows(K)
  for (let first = 0; first < O; first += block) {
    const end = min(O, first + block)
    for (let o = first, height = 0; o < end; o += height) {
      height = channelHeight(end - o)
      packPanel(panels + ((o * K) << 2), w + ((o * K) << 2), K << 2, height, end - o, K, false)
    }
  }
  const across = layOut(lists, K, P, Q, columns)

  const slots = O <= block ? 1 : B
  // Without padding and stride, and with no vector that reads over an edge, the image is its own plane.
  const inPlace = ph === 0 && pw === 0 && sh === 1 && sw === 1 && across === 0
  const image = (C * H * W) << 2
  const result = (O * P * Q) << 2
  if (!inPlace) memory.fill(planes - SLACK, 0, slots * stride)
  for (let o = 0; o < O; o += block)
    for (let b = 0; b < B; b++) {
      const from = inPlace ? x + b * image : planes + (slots === 1 ? 0 : b * stride)
      if (!inPlace && o === 0) fillPlanes(from, x + b * image, C, H, W, sh, sw, ph, pw, phasesH, phasesW, rows, columns)
      const into = y + b * result + ((o * P * Q) << 2)
      slide(
        lists,
        from,
        taps,
        panels + ((o * K) << 2),
        biases + (o << 2),
        into,
        K,
        min(block, O - o),
        P,
        Q,
        across,
        sw === 1 ? kw : 1,
        relu,
      )
    }
}
