// Moving elements without arithmetic: 32 bits each, floats and indices alike.
import { transpose4 } from './transpose'

/** out [n] = value. */
export function fill(out: usize, n: i32, value: f32): void {
  const v = f32x4.splat(value)
  let i: i32 = 0
  for (; i <= n - 4; i += 4) v128.store(out + ((<usize>i) << 2), v)
  for (; i < n; i++) store<f32>(out + ((<usize>i) << 2), value)
}

export function copy(from: usize, to: usize, bytes: i32): void {
  memory.copy(to, from, bytes)
}

/**
 * Elements [n0, n1, n2, n3, n4], read by strides x0..x4 and written by strides y0..y4 (in elements): broadcast,
 * transpose, slice and pad. The inner two axes are treated as a matrix, the outer three as a stack of them.
 */
export function copyStrided(
  x: usize,
  y: usize,
  n0: i32,
  n1: i32,
  n2: i32,
  n3: i32,
  n4: i32,
  x0: i32,
  x1: i32,
  x2: i32,
  x3: i32,
  x4: i32,
  y0: i32,
  y1: i32,
  y2: i32,
  y3: i32,
  y4: i32,
): void {
  for (let i = 0; i < n0; i++)
    for (let j = 0; j < n1; j++)
      for (let k = 0; k < n2; k++)
        matrix(
          x + ((<usize>(i * x0 + j * x1 + k * x2)) << 2),
          y + ((<usize>(i * y0 + j * y1 + k * y2)) << 2),
          n3,
          n4,
          x3,
          x4,
          y3,
          y4,
        )
}

/** rows × columns elements; contiguous runs are copied, repeated or transposed in blocks where the strides allow it. */
function matrix(x: usize, y: usize, rows: i32, columns: i32, xr: i32, xc: i32, yr: i32, yc: i32): void {
  if (yc === 1 && xr === 1 && xc !== 1) {
    transpose4(x, y, rows, columns, xc, yr)
    return
  }
  for (let r = 0; r < rows; r++) {
    const from = x + ((<usize>(r * xr)) << 2)
    const to = y + ((<usize>(r * yr)) << 2)
    if (xc === 1 && yc === 1) memory.copy(to, from, columns << 2)
    else if (xc === 0 && yc === 1) fill(to, columns, load<f32>(from))
    else
      for (let c = 0; c < columns; c++)
        store<u32>(to + ((<usize>(c * yc)) << 2), load<u32>(from + ((<usize>(c * xc)) << 2)))
  }
}
