// A matrix turned over its diagonal, in blocks of 4 × 4.

/** y[r, c] = x[c, r] for r < rows, c < columns: x has rows `xStride` elements apart, y rows `yStride` apart. */
export function transpose4(x: usize, y: usize, rows: i32, columns: i32, xStride: i32, yStride: i32): void {
  const xs = (<usize>xStride) << 2
  const ys = (<usize>yStride) << 2
  let r: i32 = 0
  for (; r <= rows - 4; r += 4) {
    let from = x + ((<usize>r) << 2)
    let to = y + <usize>r * ys
    let c: i32 = 0
    for (; c <= columns - 4; c += 4) {
      const a = v128.load(from)
      const b = v128.load(from + xs)
      const d = v128.load(from + 2 * xs)
      const e = v128.load(from + 3 * xs)
      const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
      const de = v128.shuffle<f32>(d, e, 0, 4, 1, 5)
      const AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
      const DE = v128.shuffle<f32>(d, e, 2, 6, 3, 7)
      v128.store(to, v128.shuffle<f64>(ab, de, 0, 2))
      v128.store(to + ys, v128.shuffle<f64>(ab, de, 1, 3))
      v128.store(to + 2 * ys, v128.shuffle<f64>(AB, DE, 0, 2))
      v128.store(to + 3 * ys, v128.shuffle<f64>(AB, DE, 1, 3))
      from += 4 * xs
      to += 16
    }
    for (; c < columns; c++) {
      store<u32>(to, load<u32>(from))
      store<u32>(to + ys, load<u32>(from, 4))
      store<u32>(to + 2 * ys, load<u32>(from, 8))
      store<u32>(to + 3 * ys, load<u32>(from, 12))
      from += xs
      to += 4
    }
  }
  for (; r < rows; r++)
    for (let c = 0; c < columns; c++)
      store<u32>(y + <usize>r * ys + ((<usize>c) << 2), load<u32>(x + <usize>c * xs + ((<usize>r) << 2)))
}
