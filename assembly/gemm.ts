// Blocked matrix product (Goto and van de Geijn, doi 10.1145/1356052.1356053): a panel of B stays in the first cache while
// the panels of A, which stay in the second, pass it.
import { packPanel } from './gemm-pack'
import { PANEL_SLACK, panelHeight, tile4x8, tile5x8, tile6x8 } from './gemm-tiles'

const WIDTH: i32 = 8
const BLOCK_K: i32 = 256
const BLOCK_M: i32 = 180
const BLOCK_N: i32 = 2048
/** With no more rows than this, B is read where it lies: a copy would not be used often enough. */
const UNPACKED_M: i32 = 32
/** Many rows of B, a page apart, do not stay in the cache; then only a quarter as many rows justify it. */
const UNPACKED_K: i32 = 128
const SPILL: i32 = 6 * 8 * 4

function roundUp(n: i32, to: i32): i32 {
  return ((n + to - 1) / to) * to
}

/** Steps of a block along an extent, such that all blocks are about equally long. */
function evenly(extent: i32, most: i32): i32 {
  const blocks = max(1, (extent + most - 1) / most)
  return (extent + blocks - 1) / blocks
}

export function gemmWorkspace(m: i32, n: i32, k: i32): i32 {
  const depth = min(k, BLOCK_K)
  return SPILL + 64 + (min(m, BLOCK_M) + PANEL_SLACK) * depth * 4 + roundUp(min(n, BLOCK_N), WIDTH) * depth * 4
}

/** A tile at an edge: computed aside, then the part that exists is copied. */
function ragged(spill: usize, c: usize, row: i32, rows: i32, columns: i32, accumulate: bool): void {
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const at = c + i * row + (j << 2)
      const value = load<f32>(spill + (((i << 3) + j) << 2))
      store<f32>(at, accumulate ? load<f32>(at) + value : value)
    }
}

/** C [m, n] = op(A) op(B) for k ≥ 1. */
export function gemm(
  a: usize,
  b: usize,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
  transposeA: bool,
  transposeB: bool,
  workspace: usize,
): void {
  const depth = evenly(k, BLOCK_K)
  const spill = (workspace + 63) & ~63
  const packedA = spill + SPILL
  const packedB = packedA + (((min(m, BLOCK_M) + PANEL_SLACK) * depth) << 2)
  const rowA = (transposeA ? m : k) << 2
  const rowB = (transposeB ? k : n) << 2
  const rowC = n << 2
  const unpacked = !transposeB && m <= (k <= UNPACKED_K ? UNPACKED_M : UNPACKED_M / 4)
  for (let j0 = 0; j0 < n; j0 += BLOCK_N) {
    const columns = min(BLOCK_N, n - j0)
    for (let p0 = 0; p0 < k; p0 += depth) {
      const steps = min(depth, k - p0)
      const fromB = b + (transposeB ? j0 * rowB + (p0 << 2) : p0 * rowB + (j0 << 2))
      for (let j = unpacked ? columns & ~(WIDTH - 1) : 0; j < columns; j += WIDTH)
        packPanel(
          packedB + ((j * steps) << 2),
          fromB + (transposeB ? j * rowB : j << 2),
          rowB,
          WIDTH,
          columns - j,
          steps,
          !transposeB,
        )
      for (let i0 = 0; i0 < m; i0 += BLOCK_M) {
        const rows = min(BLOCK_M, m - i0)
        const fromA = a + (transposeA ? p0 * rowA + (i0 << 2) : i0 * rowA + (p0 << 2))
        for (let i = 0, height = 0; i < rows; i += height) {
          height = panelHeight(rows - i)
          packPanel(
            packedA + ((i * steps) << 2),
            fromA + (transposeA ? i << 2 : i * rowA),
            rowA,
            height,
            rows - i,
            steps,
            transposeA,
          )
        }
        const into = c + i0 * rowC + (j0 << 2)
        for (let j = 0; j < columns; j += WIDTH) {
          const whole = j + WIDTH <= columns
          const direct = unpacked && whole
          const panelB = direct ? fromB + (j << 2) : packedB + ((j * steps) << 2)
          const step = direct ? rowB : WIDTH << 2
          for (let i = 0, height = 0; i < rows; i += height) {
            height = panelHeight(rows - i)
            const inside = whole && i + height <= rows
            const at = into + i * rowC + (j << 2)
            const panelA = packedA + ((i * steps) << 2)
            const tile = inside ? at : spill
            const row = inside ? rowC : WIDTH << 2
            const end = panelA + ((height * steps) << 2)
            const add = inside && p0 > 0
            if (height === 6) tile6x8(panelA, panelB, step, tile, row, end, add)
            else if (height === 5) tile5x8(panelA, panelB, step, tile, row, end, add)
            else tile4x8(panelA, panelB, step, tile, row, end, add)
            if (!inside) ragged(spill, at, rowC, min(height, rows - i), min(WIDTH, columns - j), p0 > 0)
          }
        }
      }
    }
  }
}
