// Copies of matrix parts in the order in which the register blocks read them: panel [k][h], h = 4, 5, 6 or 8 rows wide.
// A panel is filled in groups of four rows and a rest. Where rows are missing at an edge the last one stands in for them:
// what it yields is never stored.

/** Four rows that are contiguous along k, transposed in squares of 4 × 4. */
export function packRows4(to: usize, step: i32, from: usize, row: i32, rows: i32, k: i32): void {
  let s0 = from
  let s1 = from + row * min(1, rows - 1)
  let s2 = from + row * min(2, rows - 1)
  let s3 = from + row * min(3, rows - 1)
  for (; k >= 4; k -= 4) {
    const a = v128.load(s0)
    const b = v128.load(s1)
    const c = v128.load(s2)
    const d = v128.load(s3)
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
    const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
    const AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
    const CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
    v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2))
    to += step
    v128.store(to, v128.shuffle<f64>(ab, cd, 1, 3))
    to += step
    v128.store(to, v128.shuffle<f64>(AB, CD, 0, 2))
    to += step
    v128.store(to, v128.shuffle<f64>(AB, CD, 1, 3))
    to += step
    s0 += 16
    s1 += 16
    s2 += 16
    s3 += 16
  }
  for (; k > 0; k--) {
    store<f32>(to, load<f32>(s0))
    store<f32>(to, load<f32>(s1), 4)
    store<f32>(to, load<f32>(s2), 8)
    store<f32>(to, load<f32>(s3), 12)
    to += step
    s0 += 4
    s1 += 4
    s2 += 4
    s3 += 4
  }
}

/** One or two rows that are contiguous along k. */
function packRows2(to: usize, step: i32, from: usize, row: i32, two: bool, rows: i32, k: i32): void {
  let second = from + row * min(1, rows - 1)
  for (; k > 0; k--) {
    store<f32>(to, load<f32>(from))
    if (two) {
      store<f32>(to, load<f32>(second), 4)
      second += 4
    }
    to += step
    from += 4
  }
}

/** `width` (4, 2 or 1) rows that are contiguous across the panel. */
function packColumns(to: usize, step: i32, from: usize, row: i32, width: i32, rows: i32, k: i32): void {
  if (width === 4 && rows >= 4) {
    for (; k > 0; k--) {
      v128.store(to, v128.load(from))
      to += step
      from += row
    }
  } else
    for (; k > 0; k--) {
      for (let i = 0; i < width; i++) store<f32>(to + (i << 2), load<f32>(from + (min(i, rows - 1) << 2)))
      to += step
      from += row
    }
}

/**
 * One panel [k][height] of a matrix whose element (r, p) is at from + r·row + p·4, or, where `across`, at from + r·4 + p·row.
 *
 * @param height 4, 5, 6 or 8
 * @param rows how many of the panel's rows exist
 * @param backwards whether `to` is the last step of the panel and the others come before it
 */
export function packPanel(
  to: usize,
  from: usize,
  row: i32,
  height: i32,
  rows: i32,
  k: i32,
  across: bool,
  backwards: bool = false,
): void {
  const step = backwards ? -(height << 2) : height << 2
  for (let r = 0; r < height; r += 4) {
    const at = min(r, rows - 1)
    const left = rows - at
    const width = min(4, height - r)
    if (across) packColumns(to + (r << 2), step, from + (at << 2), row, width, left, k)
    else if (width === 4) packRows4(to + (r << 2), step, from + at * row, row, left, k)
    else packRows2(to + (r << 2), step, from + at * row, row, width === 2, left, k)
  }
}
