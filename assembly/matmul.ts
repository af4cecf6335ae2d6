// Matrix products of the autodiff operation `matmul`: which of the ways suits the extents.
import { gemm, gemmWorkspace } from './gemm'
import { dots } from './gemm-dots'

/** Up to this many rows or columns, A Bᵀ is done as dot products of rows. */
const SKINNY: i32 = 32

function byDots(m: i32, n: i32, transposeA: bool, transposeB: bool): bool {
  return transposeB && !transposeA && (m <= SKINNY || n <= SKINNY)
}

/** Bytes of scratch that `matmul` of these extents needs. */
export function matmulWorkspace(batch: i32, m: i32, n: i32, k: i32, transposeA: bool, transposeB: bool): i32 {
  if (batch === 0 || byDots(m, n, transposeA, transposeB)) return 0
  return gemmWorkspace(m, n, k)
}

/**
 * C [batch, m, n] = op(A) op(B), one product for each place of the batch, all contiguous and row-major.
 *
 * op(A) is [m, k], stored [k, m] where `transposeA`; op(B) is [k, n], stored [n, k] where `transposeB`.
 */
export function matmul(
  a: usize,
  b: usize,
  c: usize,
  batch: i32,
  m: i32,
  n: i32,
  k: i32,
  transposeA: bool,
  transposeB: bool,
  workspace: usize,
): void {
  if (k === 0) {
    memory.fill(c, 0, (batch * m * n) << 2)
    return
  }
  const skinny = byDots(m, n, transposeA, transposeB)
  for (let i = 0; i < batch; i++) {
    if (skinny) dots(a, b, c, m, n, k)
    else gemm(a, b, c, m, n, k, transposeA, transposeB, workspace)
    a += (m * k) << 2
    b += (k * n) << 2
    c += (m * n) << 2
  }
}
