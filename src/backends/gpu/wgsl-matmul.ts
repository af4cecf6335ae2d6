import { extentsOf, type Product } from './kernels/matmul.ts'

/** A register-blocked product in WGSL: a workgroup makes a tile of C, a thread a block of the tile. */
export interface TiledProduct {
  readonly name: string
  readonly source: string
  /** Contents of the uniform buffer. */
  readonly extents: Uint32Array
  readonly groups: readonly [number, number, number]
}

/** Extents of a tile of C, the edge of a thread's block in it, and how much of k is staged at a time. */
interface Tile {
  readonly rows: number
  readonly columns: number
  readonly block: number
  readonly depth: number
  /** Time for an element, where a tile of 64 × 64 has 1: smaller tiles load more for each product. */
  readonly cost: number
}
const tiles: readonly Tile[] = [
  { rows: 64, columns: 64, block: 4, depth: 16, cost: 1 },
  { rows: 32, columns: 32, block: 4, depth: 16, cost: 1.3 },
  { rows: 16, columns: 64, block: 4, depth: 16, cost: 1.5 },
]
/** The same for gpu.js's kernel, which computes no element outside the matrix (docs/gpu.md has the measurements). */
const COST_WITHOUT_TILES = 3

/**
 * The tiled kernel for a product, or undefined where gpu.js's own is better: for matrices of few rows or columns, where
 * a tile would mostly be empty, and where the device cannot launch so many workgroups.
 */
export function tiledProduct(product: Product, mostGroups: number): TiledProduct | undefined {
  const { batch, m, n } = product
  const costs = tiles.map(({ rows, columns, cost }) => cost * up(m, rows) * up(n, columns))
  const least = Math.min(...costs)
  if (least > COST_WITHOUT_TILES * m * n) return undefined
  const tile = tiles[costs.indexOf(least)]!
  const groups = [up(n, tile.columns) / tile.columns, up(m, tile.rows) / tile.rows, batch] as const
  if (groups.some((count) => count > mostGroups)) return undefined
  // Neighbouring threads read along the axis that is contiguous, so there is a source for each layout.
  const alongKOfA = product.aColumn === 1
  const alongKOfB = product.bRow === 1 && product.bColumn !== 1
  return {
    name: `matmul ${tile.rows}×${tile.columns}${alongKOfA ? '' : ' Aᵀ'}${alongKOfB ? ' Bᵀ' : ''}`,
    source: tiledSource(tile, alongKOfA, alongKOfB),
    extents: Uint32Array.from([...extentsOf(product), 0, 0, 0]),
    groups,
  }
}

/** The next multiple. */
const up = (n: number, step: number): number => Math.ceil(n / step) * step
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

function tiledSource({ rows, columns, block, depth }: Tile, alongKOfA: boolean, alongKOfB: boolean): string {
  const [across, down] = [columns / block, rows / block]
  const vector = block === 4 ? 'vec4<f32>' : 'vec2<f32>'
  const components = ['x', 'y', 'z', 'w'].slice(0, block)
  const split = (along: boolean, extent: number) =>
    along ? `let p = t % ${depth}u; let r = t / ${depth}u;` : `let r = t % ${extent}u; let p = t / ${extent}u;`
  return `
struct Extents {
  m: u32, n: u32, k: u32, aBatch: u32, aRow: u32, aColumn: u32, bBatch: u32, bRow: u32, bColumn: u32,
}
@group(0) @binding(0) var<uniform> e: Extents;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
var<workgroup> tileA: array<f32, ${rows * depth}>;
var<workgroup> tileB: array<f32, ${columns * depth}>;

@compute @workgroup_size(${across}, ${down})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let top = group.y * ${rows}u;
  let left = group.x * ${columns}u;
  let firstA = group.z * e.aBatch;
  let firstB = group.z * e.bBatch;
  ${range(block)
    .map((i) => `var c${i} = ${vector}();`)
    .join(' ')}
  for (var start = 0u; start < e.k; start += ${depth}u) {
    for (var t = lane; t < ${rows * depth}u; t += ${across * down}u) {
      ${split(alongKOfA, rows)}
      var value = 0.0;
      if (top + r < e.m && start + p < e.k) {
        value = a[firstA + (top + r) * e.aRow + (start + p) * e.aColumn];
      }
      tileA[p * ${rows}u + r] = value;
    }
    for (var t = lane; t < ${columns * depth}u; t += ${across * down}u) {
      ${split(alongKOfB, columns)}
      var value = 0.0;
      if (left + r < e.n && start + p < e.k) {
        value = b[firstB + (start + p) * e.bRow + (left + r) * e.bColumn];
      }
      tileB[p * ${columns}u + r] = value;
    }
    workgroupBarrier();
    for (var p = 0u; p < ${depth}u; p++) {
      let x = p * ${rows}u + thread.y * ${block}u;
      let y = p * ${columns}u + thread.x * ${block}u;
      let row = ${vector}(${range(block)
        .map((j) => `tileB[y + ${j}u]`)
        .join(', ')});
      ${range(block)
        .map((i) => `c${i} += tileA[x + ${i}u] * row;`)
        .join('\n      ')}
    }
    workgroupBarrier();
  }
  let column = left + thread.x * ${block}u;
  var at = group.z * e.m * e.n + (top + thread.y * ${block}u) * e.n + column;
  ${range(block)
    .map(
      (i) => `if (top + thread.y * ${block}u + ${i}u < e.m) {
    ${components.map((name, j) => `if (column + ${j}u < e.n) { c[at + ${j}u] = c${i}.${name}; }`).join('\n    ')}
  }
  at += e.n;`,
    )
    .join('\n  ')}
}`
}
