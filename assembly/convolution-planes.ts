// The padded image in the order in which convolutions with stride 1 want it. For a stride s > 1 the rows and columns are
// dealt out to s·s planes, so that neighbouring patches always start at neighbouring places:
// plane (c, i, j) [rows, columns] holds x[c, r·sh + i − ph, q·sw + j − pw].

/** Bytes of slack before and behind the planes that vector loads at their edges may touch. */
export const SLACK: i32 = 64

/** Bytes rounded up to whole cache lines. */
export function aligned(bytes: i32): i32 {
  return (bytes + 63) & ~63
}

/** Extent of a plane along one axis. */
export function planeExtent(extent: i32, padding: i32, stride: i32): i32 {
  return (extent + 2 * padding + stride - 1) / stride
}

/** Fills the planes of one image [C, H, W]; what is padding must be 0 already, and stays so. */
export function fillPlanes(
  to: usize,
  from: usize,
  C: i32,
  H: i32,
  W: i32,
  sh: i32,
  sw: i32,
  ph: i32,
  pw: i32,
  phasesH: i32,
  phasesW: i32,
  rows: i32,
  columns: i32,
): void {
  const plane = (rows * columns) << 2
  for (let c = 0; c < C; c++) {
    for (let h = 0; h < H; h++) {
      const i = (h + ph) % sh
      const source = from + ((h * W) << 2)
      if (i >= phasesH) continue
      const row = to + i * phasesW * plane + ((((h + ph) / sh) * columns) << 2)
      if (sw === 1) copyRow(row + (pw << 2), source, W)
      else
        for (let j = 0; j < phasesW; j++) {
          // The first column w ≥ 0 of the image with (w + pw) mod sw = j.
          const first = (((j - pw) % sw) + sw) % sw
          let at = row + j * plane + (((first + pw) / sw) << 2)
          let w = first
          if (sw === 2)
            for (; w + 8 <= W; w += 8) {
              const place = source + (w << 2)
              v128.store(at, v128.shuffle<f32>(v128.load(place), v128.load(place, 16), 0, 2, 4, 6))
              at += 16
            }
          for (; w < W; w += sw) {
            store<f32>(at, load<f32>(source + (w << 2)))
            at += 4
          }
        }
    }
    to += phasesH * phasesW * plane
    from += (H * W) << 2
  }
}

function copyRow(to: usize, from: usize, length: i32): void {
  for (; length >= 4; length -= 4) {
    v128.store(to, v128.load(from))
    to += 16
    from += 16
  }
  for (; length > 0; length--) {
    store<f32>(to, load<f32>(from))
    to += 4
    from += 4
  }
}

/** Table of the distances of the taps (c, i, j) in the planes, in bytes. */
export function fillTaps(
  to: usize,
  C: i32,
  kh: i32,
  kw: i32,
  sh: i32,
  sw: i32,
  phasesH: i32,
  phasesW: i32,
  rows: i32,
  columns: i32,
): void {
  for (let c = 0; c < C; c++)
    for (let i = 0; i < kh; i++)
      for (let j = 0; j < kw; j++) {
        const plane = (c * phasesH + (i % sh)) * phasesW + (j % sw)
        store<i32>(to, ((plane * rows + i / sh) * columns + j / sw) << 2)
        to += 4
      }
}
