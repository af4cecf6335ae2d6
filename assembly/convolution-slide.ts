// What the forward convolution and the input gradient have in common: weight panels slide over planes with stride 1.
//
// The positions of the output, [P, Q] laid flat, are taken in vectors of four. Most lie within one row of the planes and
// are read there. Those that cross from one row to the next are gathered for each tap into vectors of their own.
import { aligned } from './convolution-planes'
import { slide3Taps4x8, slide5Taps4x8 } from './convolution-run-tiles'
import { convolve4x8, convolve5x8, convolve6x8 } from './convolution-tiles'
import { panelHeight } from './gemm-tiles'

const SPILL: i32 = 6 * 32

/** Vectors that do not lie within one row. */
function crossing(P: i32, Q: i32): i32 {
  let count = 0
  for (let t = 0; t < P * Q; t += 4) if ((t % Q) + 4 > Q) count++
  return count
}

/** Bytes that `layOut` fills, for K taps and P·Q positions. */
export function slideWorkspace(K: i32, P: i32, Q: i32): i32 {
  const across = crossing(P, Q)
  return (
    64 + SPILL + aligned(K << 2) + aligned(((P * Q + 3) / 4) << 3) + aligned(across << 5) + aligned((K * across) << 4)
  )
}

// Layout: spill tile · distances of the gathered taps [K] · vectors { source, position } · lanes · gathered [K][across][4].
function gatheredTaps(workspace: usize): usize {
  return workspace + SPILL
}

function vectors(workspace: usize, K: i32): usize {
  return gatheredTaps(workspace) + aligned(K << 2)
}

function lanes(workspace: usize, K: i32, P: i32, Q: i32): usize {
  return vectors(workspace, K) + aligned(((P * Q + 3) / 4) << 3)
}

function gathered(workspace: usize, K: i32, P: i32, Q: i32, across: i32): usize {
  return lanes(workspace, K, P, Q) + aligned(across << 5)
}

/**
 * Prepares the lists: vectors within a row first (source: bytes from the planes' start), then the gathered ones.
 *
 * @param columns extent of a row of the planes
 * @returns how many vectors are gathered
 */
export function layOut(workspace: usize, K: i32, P: i32, Q: i32, columns: i32): i32 {
  const across = crossing(P, Q)
  const size = P * Q
  let within = vectors(workspace, K)
  let beyond = within + (((size + 3) / 4 - across) << 3)
  let lane = lanes(workspace, K, P, Q)
  let index = 0
  for (let t = 0; t < size; t += 4) {
    if ((t % Q) + 4 <= Q) {
      store<i32>(within, ((t / Q) * columns + (t % Q)) << 2)
      store<i32>(within, t, 4)
      within += 8
    } else {
      store<i32>(beyond, index << 4)
      store<i32>(beyond, t, 4)
      beyond += 8
      index++
      // Two loads and a selection serve while the vector touches two rows: { first, second, how many lanes of the first }.
      // Otherwise the last number is −1 and the distances of the four lanes follow.
      const place = ((t / Q) * columns + (t % Q)) << 2
      const first = Q - (t % Q)
      const next = ((t / Q + 1) * columns - first) << 2
      if (t + first >= size) {
        store<i32>(lane, place)
        store<i32>(lane, place, 4)
        store<i32>(lane, 4, 8)
      } else if (first + Q >= 4 || t + first + Q >= size) {
        store<i32>(lane, place)
        store<i32>(lane, next, 4)
        store<i32>(lane, first, 8)
      } else {
        store<i32>(lane, -1, 8)
        for (let l = 0; l < 4; l++) {
          const s = min(t + l, size - 1)
          store<i32>(lane + 16 + (l << 2), ((s / Q) * columns + (s % Q)) << 2)
        }
      }
      lane += 32
    }
  }
  for (let k = 0; k < K; k++) store<i32>(gatheredTaps(workspace) + (k << 2), (k * across) << 4)
  return across
}

/** Collects the vectors that cross rows, for every tap. */
function gather(workspace: usize, planes: usize, taps: usize, K: i32, P: i32, Q: i32, across: i32): void {
  const list = lanes(workspace, K, P, Q)
  const into = gathered(workspace, K, P, Q, across)
  const step = across << 4
  for (let v = 0; v < across; v++) {
    const lane = list + (v << 5)
    const count = load<i32>(lane, 8)
    let to = into + (v << 4)
    if (count >= 0) {
      const first = planes + load<i32>(lane)
      const second = planes + load<i32>(lane, 4)
      const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count))
      for (let k = 0; k < K; k++) {
        const at = load<i32>(taps + (k << 2))
        v128.store(to, v128.bitselect(v128.load(first + at), v128.load(second + at), mask))
        to += step
      }
    } else
      for (let k = 0; k < K; k++) {
        const at = planes + load<i32>(taps + (k << 2))
        for (let l = 0; l < 16; l += 4) store<f32>(to + l, load<f32>(at + load<i32>(lane + 16 + l)))
        to += step
      }
  }
}

/** Copies the part of a spilt tile that exists. */
function ragged(spill: usize, y: usize, row: i32, rows: i32, position: i32, size: i32): void {
  for (let r = 0; r < rows; r++)
    for (let l = 0; l < min(4, size - position); l++)
      store<f32>(y + r * row + ((position + l) << 2), load<f32>(spill + (r << 5) + (l << 2)))
}

/** Channels of the next panel of weights when `rows` are left. */
export function channelHeight(rows: i32): i32 {
  return ASC_FEATURE_RELAXED_SIMD ? panelHeight(rows) : 4
}

/** One register block; `run` is how many consecutive taps are one place apart. */
function convolve(
  height: i32,
  run: i32,
  a: usize,
  taps: usize,
  K: i32,
  x0: usize,
  x1: usize,
  y0: usize,
  y1: usize,
  row: i32,
  bias: usize,
  relu: bool,
): void {
  const end = a + ((height * K) << 2)
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (height === 6) convolve6x8(a, end, taps, x0, x1, y0, y1, row, bias, relu)
    else if (height === 5) convolve5x8(a, end, taps, x0, x1, y0, y1, row, bias, relu)
    else convolve4x8(a, end, taps, x0, x1, y0, y1, row, bias, relu)
  } else if (run === 3) slide3Taps4x8(a, end, taps, x0, x1, y0, y1, row, bias, relu)
  else if (run === 5) slide5Taps4x8(a, end, taps, x0, x1, y0, y1, row, bias, relu)
  else convolve4x8(a, end, taps, x0, x1, y0, y1, row, bias, relu)
}

/**
 * y[o, t] = bias[o] + Σ_k w[o, k] x[t + taps[k]] for one sample.
 *
 * @param panels weights as panels [K][height] of `channelHeight`
 * @param bias as many values as the panels have rows
 * @param y [O, P, Q]
 * @param across what `layOut` returned
 * @param run how many consecutive taps lie one place apart in the planes
 */
export function slide(
  workspace: usize,
  planes: usize,
  taps: usize,
  panels: usize,
  bias: usize,
  y: usize,
  K: i32,
  O: i32,
  P: i32,
  Q: i32,
  across: i32,
  run: i32,
  relu: bool,
): void {
  const size = P * Q
  const row = size << 2
  const total = (size + 3) / 4
  if (across > 0) gather(workspace, planes, taps, K, P, Q, across)
  const list = vectors(workspace, K)
  for (let o = 0, height = 0; o < O; o += height) {
    height = channelHeight(O - o)
    const panel = panels + ((o * K) << 2)
    const into = y + o * row
    const rows = min(height, O - o)
    for (let part = 0; part < 2; part++) {
      const from = part === 0 ? 0 : total - across
      const to = part === 0 ? total - across : total
      const base = part === 0 ? planes : gathered(workspace, K, P, Q, across)
      const apart = part === 0 ? run : 1
      const distances = part === 0 ? taps : gatheredTaps(workspace)
      for (let v = from; v < to; v += 2) {
        const first = list + (v << 3)
        const second = v + 1 < to ? first + 8 : first
        const x0 = base + load<i32>(first)
        const x1 = base + load<i32>(second)
        const t0 = load<i32>(first, 4)
        const t1 = load<i32>(second, 4)
        const inside = rows === height && max(t0, t1) + 4 <= size
        const y0 = inside ? into + (t0 << 2) : workspace
        const y1 = inside ? into + (t1 << 2) : workspace + 16
        convolve(height, apart, panel, distances, K, x0, x1, y0, y1, inside ? row : 32, bias + (o << 2), relu)
        if (!inside) {
          ragged(workspace, into, row, rows, t0, size)
          ragged(workspace + 16, into, row, rows, t1, size)
        }
      }
    }
  }
}

/** Output channels whose weights of K taps each stay in the second cache while samples pass. */
export function blockRows(K: i32): i32 {
  return max(12, (131072 / K / 12) * 12)
}
