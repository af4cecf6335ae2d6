// Rows of a table [entries, width] by index, and the gradient of that. Indices are i32 below `entries`.

/** out [count, width] = table[indices]. */
export function embedding(table: usize, indices: usize, out: usize, count: i32, width: i32): void {
  const bytes = (<usize>width) << 2
  for (let i = 0; i < count; i++)
    memory.copy(out + <usize>i * bytes, table + <usize>load<i32>(indices + ((<usize>i) << 2)) * bytes, bytes)
}

/** For each of B samples out [entries, width] = Σ_t u[t] at row indices[t]; u [B, T, width], indices [B, T]. */
export function addRows(u: usize, indices: usize, out: usize, B: i32, T: i32, width: i32, entries: i32): void {
  const bytes = (<usize>width) << 2
  memory.fill(out, 0, <usize>B * <usize>entries * bytes)
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      const to = out + <usize>load<i32>(indices) * bytes
      let j: i32 = 0
      for (; j <= width - 4; j += 4) {
        const p = to + ((<usize>j) << 2)
        v128.store(p, f32x4.add(v128.load(p), v128.load(u + ((<usize>j) << 2))))
      }
      for (; j < width; j++) {
        const p = to + ((<usize>j) << 2)
        store<f32>(p, load<f32>(p) + load<f32>(u + ((<usize>j) << 2)))
      }
      u += bytes
      indices += 4
    }
    out += <usize>entries * bytes
  }
}
