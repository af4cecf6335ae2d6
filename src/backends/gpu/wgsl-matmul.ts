import { extentsOf, type Product } from './kernels/matmul.ts'

/** A register-blocked product in WGSL: a workgroup makes a tile of C, a thread a block of the tile. */
export interface TiledProduct {
  readonly name: string
  readonly source: string
  /** Contents of the uniform buffer. */
  readonly extents: Uint32Array
  readonly groups: readonly [number, number, number]
}

/** Edge of a tile of C, edge of a thread's block, and how much of k is staged at a time. */
interface Tile {
  readonly edge: number
  readonly block: number
  readonly depth: number
}
// Chosen by measurement (docs/gpu.md): a tile that is mostly outside the matrix computes for nothing.
const tiles: readonly Tile[] = [
  { edge: 64, block: 4, depth: 16 },
  { edge: 32, block: 4, depth: 16 },
  { edge: 16, block: 2, depth: 16 },
]

/**
 * The tiled kernel for a product, or undefined where the device cannot launch so many workgroups: then gpu.js's own
 * kernel, which knows no tiles, computes the same.
 */
export function tiledProduct(product: Product, mostGroups: number): TiledProduct | undefined {
  const { batch, m, n } = product
  const tile = tiles.find(({ edge }) => Math.min(m, n) > edge / 2) ?? tiles.at(-1)!
  const groups = [Math.ceil(n / tile.edge), Math.ceil(m / tile.edge), batch] as const
  if (groups.some((count) => count > mostGroups)) return undefined
  // Neighbouring threads read along the axis that is contiguous, so there is a source for each layout.
  const alongKOfA = product.aColumn === 1
  const alongKOfB = product.bRow === 1 && product.bColumn !== 1
  return {
    name: `matmul ${tile.edge}×${tile.edge}${alongKOfA ? '' : ' Aᵀ'}${alongKOfB ? ' Bᵀ' : ''}`,
    source: tiledSource(tile, alongKOfA, alongKOfB),
    extents: Uint32Array.from([...extentsOf(product), 0, 0, 0]),
    groups,
  }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

function tiledSource({ edge, block, depth }: Tile, alongKOfA: boolean, alongKOfB: boolean): string {
  const across = edge / block
  const threads = across * across
  const vector = block === 4 ? 'vec4<f32>' : 'vec2<f32>'
  const components = ['x', 'y', 'z', 'w'].slice(0, block)
  const stage = (along: boolean, index: string) =>
    along
      ? `let p = ${index} % ${depth}u; let r = ${index} / ${depth}u;`
      : `let r = ${index} % ${edge}u; let p = ${index} / ${edge}u;`
  return `
struct Extents {
  m: u32, n: u32, k: u32, aBatch: u32, aRow: u32, aColumn: u32, bBatch: u32, bRow: u32, bColumn: u32,
}
@group(0) @binding(0) var<uniform> e: Extents;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
var<workgroup> tileA: array<f32, ${edge * depth}>;
var<workgroup> tileB: array<f32, ${edge * depth}>;

@compute @workgroup_size(${across}, ${across})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let top = group.y * ${edge}u;
  let left = group.x * ${edge}u;
  let firstA = group.z * e.aBatch;
  let firstB = group.z * e.bBatch;
  ${range(block)
    .map((i) => `var c${i} = ${vector}();`)
    .join(' ')}
  for (var start = 0u; start < e.k; start += ${depth}u) {
    for (var t = lane; t < ${edge * depth}u; t += ${threads}u) {
      ${stage(alongKOfA, 't')}
      var value = 0.0;
      if (top + r < e.m && start + p < e.k) {
        value = a[firstA + (top + r) * e.aRow + (start + p) * e.aColumn];
      }
      tileA[p * ${edge}u + r] = value;
    }
    for (var t = lane; t < ${edge * depth}u; t += ${threads}u) {
      ${stage(alongKOfB, 't')}
      var value = 0.0;
      if (left + r < e.n && start + p < e.k) {
        value = b[firstB + (start + p) * e.bRow + (left + r) * e.bColumn];
      }
      tileB[p * ${edge}u + r] = value;
    }
    workgroupBarrier();
    for (var p = 0u; p < ${depth}u; p++) {
      let x = p * ${edge}u + thread.y * ${block}u;
      let y = p * ${edge}u + thread.x * ${block}u;
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
