import { expectShape, formatShape, sizeOf } from '../shape.ts'
import { apply, expectBelow, type Operation, type PerSampleRule, rowwise, rowwiseIf, type Value } from '../value.ts'
import { equal, multiply } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { broadcastTo, reshape, sum } from './structure.ts'

export const lookUpOperation: Operation<null> = {
  name: 'embedding',
  shape([table, indices]) {
    expectShape(
      table!.shape.length === 2 && indices!.dtype === 'index',
      'embedding',
      () =>
        `table ${formatShape(table!.shape)} must be [entries, width] and the look-ups indices, got ${indices!.dtype}`,
    )
    expectBelow('embedding', indices!, table!.shape[0]!, `table ${formatShape(table!.shape)}`)
    return [...indices!.shape, table!.shape[1]!]
  },
  sampling: (inputs) => rowwiseIf(inputs[0]!.sampling === 'shared', inputs, 'embedding'),
  evaluate(out, [table, indices], { inputs }) {
    const width = inputs[0]!.shape[1]!
    for (let i = 0; i < indices!.length; i++)
      for (let j = 0; j < width; j++) out[i * width + j] = table![indices![i]! * width + j]!
  },
  vjp: ({ inputs: [table, indices] }, u) => [
    apply(addRowsOperation, [u, indices!], { entries: table!.shape[0]! }),
    null,
  ],
  // Row r of sample i's gradient is the sum of its cotangents with index r.
  perSample({ inputs: [table, indices] }, index, u): PerSampleRule | null {
    if (index !== 0 || indices!.sampling !== 'each') return null
    const [entries, width] = table!.shape as [number, number]
    const B = indices!.shape[0]!
    const T = sizeOf(indices!.shape.slice(1))
    const [rows, found] = [reshape(u, [B, T, width]), reshape(indices!, [B, T])]
    return {
      gradients: () => apply(addRowsEachOperation, [rows, found], { entries }),
      // ‖g_i‖² = Σ_{s,t} [same index] ⟨u_is, u_it⟩: T² products instead of entries × width numbers a sample
      norms() {
        const same = equal(broadcastTo(found, [B, T, T], [0, 1]), broadcastTo(found, [B, T, T], [0, 2]))
        return sum(multiply(same, matmul(rows, rows, { transposeB: true })), [1, 2])
      },
      projections: (direction) => sum(multiply(rows, apply(lookUpOperation, [direction, found], null)), [1, 2]),
    }
  },
}

/** Adds row t of u to row `indices[t]` of a table of zeros: the gradient of a look-up. */
export const addRowsOperation: Operation<{ readonly entries: number }> = {
  name: 'addRows',
  shape: ([u], { entries }) => [entries, u!.shape.at(-1)!],
  sampling: (inputs) => rowwiseIf(false, inputs, 'addRows'),
  evaluate(out, [u, indices], { shape }) {
    const width = shape[1]!
    out.fill(0)
    for (let i = 0; i < indices!.length; i++)
      for (let j = 0; j < width; j++) out[indices![i]! * width + j]! += u![i * width + j]!
  },
  vjp: ({ inputs: [, indices] }, v) => [apply(lookUpOperation, [v, indices!], null), null],
}

/** The same for each sample: u [B, T, width] and indices [B, T] give [B, entries, width]. */
export const addRowsEachOperation: Operation<{ readonly entries: number }> = {
  name: 'addRowsEach',
  shape: ([u], { entries }) => [u!.shape[0]!, entries, u!.shape[2]!],
  sampling: rowwise,
  evaluate(out, [u, indices], { shape, inputs }) {
    const [, entries, width] = shape as [number, number, number]
    const T = inputs[1]!.shape[1]!
    out.fill(0)
    for (let i = 0; i < indices!.length; i++) {
      const to = (Math.floor(i / T) * entries + indices![i]!) * width
      for (let j = 0; j < width; j++) out[to + j]! += u![i * width + j]!
    }
  },
  vjp: ({ operation }) => {
    throw new Error(`${operation.name}: derivatives of per-sample statistics are not provided`)
  },
}

/**
 * Rows of a table: y[..] = table[indices[..]].
 *
 * @param table [entries, width]
 * @param indices whole numbers below `entries`, any shape
 * @returns [.., width]
 */
export const embedding = (table: Value, indices: Value): Value => apply(lookUpOperation, [table, indices], null)
