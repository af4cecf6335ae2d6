import { integer, integers, kernel, position } from '../kernel.ts'

/**
 * `batch` products C [m, n] = A [m, k] B [k, n]. Transposes and shared factors are in the strides: element (s, i, p) of A
 * lies at s·aBatch + i·aRow + p·aColumn, and B's alike; the results follow each other, row by row.
 */
export interface Product {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly aBatch: number
  readonly aRow: number
  readonly aColumn: number
  readonly bBatch: number
  readonly bRow: number
  readonly bColumn: number
}

/** Extents as the kernels take them, in this order. */
export const extentsOf = (p: Product): number[] => [
  p.m,
  p.n,
  p.k,
  p.aBatch,
  p.aRow,
  p.aColumn,
  p.bBatch,
  p.bRow,
  p.bColumn,
]

/** A thread for each element of the results. */
export const matmulKernel = kernel(
  'matmul',
  ['a', 'b'],
  integers('m', 'n', 'k', 'aBatch', 'aRow', 'aColumn', 'bBatch', 'bRow', 'bColumn'),
  `${integer('rest', `quotient(${position}, n)`)}
  ${integer('column', `${position} - rest * n`)}
  ${integer('batch', 'quotient(rest, m)')}
  ${integer('row', 'rest - batch * m')}
  ${integer('i', 'batch * aBatch + row * aRow')}
  ${integer('j', 'batch * bBatch + column * bColumn')}
  let total = 0.0;
  for (let p = 0; p < k; p++) {
    total += a[i] * b[j];
    i = i + aColumn;
    j = j + bRow;
  }
  return total;`,
)
