import type { Value } from '../../autodiff/value.ts'
import type { ArrayId, Expression } from './expression.ts'
import type { Kernel } from './kernel.ts'
import type { Product } from './kernels/matmul.ts'

/** What an operation is, once it is lowered: stored, or a formula that its only user absorbs. */
export type Lowered = { readonly array: ArrayId } | { readonly expression: Expression }

/** What the lowering of an operation has at hand. */
export interface Lowering {
  /** The value as an array, stored if it was not. */
  array(value: Value): ArrayId
  /** The value as a formula for its element i. */
  expression(value: Value): Expression
  /** Each element of `value` `inner` times, over and over, as a formula for `total` elements. */
  repeated(value: Value, inner: number, total: number): Expression
  /** Runs a kernel for `size` elements; the same kernel on the same arguments runs once. */
  run(kernel: Kernel, inputs: readonly ArrayId[], scalars: readonly number[], size: number, product?: Product): ArrayId
  store(expression: Expression, size: number): ArrayId
  matmul(a: ArrayId, b: ArrayId, product: Product): ArrayId
  /** Sums (or takes the largest over) the middle one of the axes [rows, extent, columns]. */
  reduce(expression: Expression, rows: number, extent: number, columns: number, by?: 'sum' | 'max'): ArrayId
}

/** How one operation is lowered. */
export type Row = (value: Value, at: Lowering) => Lowered
