import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as ops from '../../src/autodiff/operations/index.ts'
import { type Shape, sizeOf } from '../../src/autodiff/shape.ts'
import { apply, type Value } from '../../src/autodiff/value.ts'
import { normal } from '../support/arrays.ts'
import { expectClose } from '../support/close.ts'
import { array, evaluate, indices, type Literal } from '../support/evaluate.ts'
import { convolutions, pools } from '../support/operation-cases.ts'

const options = { seed: 1, numRuns: 50 }

/** Every position of an array of that shape, in order. */
function positions(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (all, extent) => all.flatMap((position) => Array.from({ length: extent }, (_, i) => [...position, i])),
    [[]],
  )
}

/** The element at a position; 0 outside. */
const at = ({ shape, data }: Literal, position: readonly number[]): number =>
  shape.some((extent, i) => position[i] < 0 || position[i] >= extent)
    ? 0
    : data[shape.reduce((index, extent, i) => index * extent + position[i], 0)]

describe('operations that move elements, position by position', () => {
  const x = normal([2, 3, 4], 1)
  it('transpose', () => {
    for (const permutation of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 0, 2],
    ])
      expect(evaluate((v) => ops.transpose(v, permutation), x)).toEqual(
        positions(permutation.map((axis) => x.shape[axis])).map((p) =>
          at(
            x,
            [0, 1, 2].map((axis) => p[permutation.indexOf(axis)]),
          ),
        ),
      )
  })
  it('slice and pad', () => {
    expect(evaluate((v) => ops.slice(v, [1, 0, 2], [2, 2, 4]), x)).toEqual(
      positions([1, 2, 2]).map(([i, j, k]) => at(x, [i + 1, j, k + 2])),
    )
    expect(evaluate((v) => ops.pad(v, [0, 1, 2], [1, 0, 1]), x)).toEqual(
      positions([3, 4, 7]).map(([i, j, k]) => at(x, [i, j - 1, k - 2])),
    )
  })
  it('concat', () => {
    const y = normal([2, 1, 4], 2)
    expect(evaluate((a, b) => ops.concat([a, b], 1), x, y)).toEqual(
      positions([2, 4, 4]).map(([i, j, k]) => (j < 3 ? at(x, [i, j, k]) : at(y, [i, j - 3, k]))),
    )
  })
  it('broadcast, by the last axes and by given ones', () => {
    const row = normal([3, 1], 3)
    expect(evaluate((v) => ops.broadcastTo(v, [2, 3, 4]), row)).toEqual(
      positions([2, 3, 4]).map(([, j]) => at(row, [j, 0])),
    )
    expect(evaluate((v) => ops.broadcastTo(v, [3, 2, 4], [0, 2]), row)).toEqual(
      positions([3, 2, 4]).map(([i]) => at(row, [i, 0])),
    )
  })
  it('sum, mean and max over axes', () => {
    const left = positions([2, 4]).map(([i, k]) => [0, 1, 2].map((j) => at(x, [i, j, k])))
    const total = (row: readonly number[]) => row.reduce((a, b) => a + b)
    expectClose(
      evaluate((v) => ops.sum(v, [1]), x),
      left.map(total),
      1e-15,
    )
    expectClose(
      evaluate((v) => ops.mean(v, [-2]), x),
      left.map((row) => total(row) / 3),
      1e-15,
    )
    expect(evaluate((v) => ops.max(v, [1]), x)).toEqual(left.map((row) => Math.max(...row)))
    expect(evaluate((v) => ops.max(v), x)).toEqual([Math.max(...Array.from(x.data))])
  })
  it('oneHot and addRows', () => {
    expect(evaluate((i) => ops.oneHot(i, 3), indices([2, 0]))).toEqual([0, 0, 1, 1, 0, 0])
    const add = (u: Value, i: Value) => apply(ops.addRowsOperation, [u, i], { entries: 3 })
    expect(evaluate(add, array([1, 2, 3, 4, 5, 6], [3, 2]), indices([2, 0, 2]))).toEqual([3, 4, 0, 0, 6, 8])
  })
})

describe('matmul', () => {
  it('is the sum of outer products of columns and rows, transposed or not, stacked or shared', () => {
    const [a, b] = [normal([2, 3, 4], 1), normal([2, 4, 5], 2)]
    const expected = positions([2, 3, 5]).map(([s, i, j]) =>
      [3, 2, 1, 0].reduce((total, p) => total + at(a, [s, i, p]) * at(b, [s, p, j]), 0),
    )
    const flip = (v: Value) => ops.transpose(v, [0, 2, 1])
    expectClose(
      evaluate((x, y) => ops.matmul(x, y), a, b),
      expected,
      1e-14,
    )
    for (const transposeA of [false, true])
      for (const transposeB of [false, true]) {
        const product = (x: Value, y: Value) =>
          ops.matmul(transposeA ? flip(x) : x, transposeB ? flip(y) : y, { transposeA, transposeB })
        expectClose(evaluate(product, a, b), expected, 1e-14)
      }
    const shared = normal([4, 5], 3)
    const copied = (x: Value, y: Value) => ops.matmul(x, ops.broadcastTo(y, [2, 4, 5]))
    expectClose(
      evaluate((x, y) => ops.matmul(x, y), a, shared),
      evaluate(copied, a, shared),
      1e-14,
    )
  })
})

/** x [B, C, H, W] unfolded by coordinates: rows (b, p, q), columns (c, i, j); 0 beyond the border. */
function unfold(x: Literal, kernel: Shape, stride: Shape, padding: Shape, output: Shape): number[][] {
  const [B, C] = x.shape
  return positions([B, ...output.slice(2)]).map(([b, p, q]) =>
    positions([C, ...kernel]).map(([c, i, j]) =>
      at(x, [b, c, p * stride[0] + i - padding[0], q * stride[1] + j - padding[1]]),
    ),
  )
}

describe('convolution', () => {
  it('is the product of the unfolded input with the weight as a matrix', () => {
    fc.assert(
      fc.property(convolutions, ({ input, weight, output, stride, padding, seed }) => {
        const [x, w] = [normal(input, `${seed}x`), normal(weight, `${seed}w`)]
        const rows = unfold(x, weight.slice(2), stride, padding, output)
        const [O, size] = [weight[0], sizeOf(weight.slice(1))]
        const matrix = array(rows.flat(), [rows.length, size])
        const product = (columns: Value, v: Value) => {
          const y = ops.matmul(columns, ops.reshape(v, [O, size]), { transposeB: true })
          return ops.transpose(ops.reshape(y, [output[0], output[2], output[3], O]), [0, 3, 1, 2])
        }
        const found = evaluate((a, b) => ops.conv2d(a, b, { stride, padding }), x, w)
        expectClose(found, evaluate(product, matrix, w), 1e-13)
      }),
      options,
    )
  })

  it('⟨U, conv(X, W)⟩ = ⟨conv2dInput(U, W), X⟩ = ⟨conv2dWeight(X, U), W⟩', () => {
    fc.assert(
      fc.property(convolutions, (c) => {
        const [x, w, u] = [normal(c.input, 'x'), normal(c.weight, 'w'), normal(c.output, 'u')]
        const pairing = (a: Literal, b: readonly number[]) => Array.from(a.data).reduce((s, t, i) => s + t * b[i], 0)
        const y = pairing(
          u,
          evaluate((p, q) => apply(ops.conv2dOperation, [p, q], c), x, w),
        )
        const scale = 1e-13 * (1 + Math.abs(y) + sizeOf(c.output))
        const toInput = evaluate((p, q) => apply(ops.conv2dInputOperation, [p, q], c), u, w)
        const toWeight = evaluate((p, q) => apply(ops.conv2dWeightOperation, [p, q], c), x, u)
        expect(Math.abs(pairing(x, toInput) - y)).toBeLessThan(scale)
        expect(Math.abs(pairing(w, toWeight) - y)).toBeLessThan(scale)
      }),
      options,
    )
  })

  it('per-sample weight gradients add up to the batch gradient; norms and squares are theirs', () => {
    fc.assert(
      fc.property(convolutions, (c) => {
        const [x, u] = [normal(c.input, 'x'), normal(c.output, 'u')]
        const each = (a: Value, b: Value) => apply(ops.conv2dWeightEachOperation, [a, b], c)
        const reduced = (reduce: (g: Value) => Value) => evaluate((a, b) => reduce(each(a, b)), x, u)
        const direct = (operation: typeof ops.conv2dWeightOperation) =>
          evaluate((a, b) => apply(operation, [a, b], c), x, u)
        expectClose(
          reduced((g) => ops.sum(g, [0])),
          direct(ops.conv2dWeightOperation),
          1e-12,
        )
        expectClose(
          reduced((g) => ops.sum(ops.square(g), [0])),
          direct(ops.conv2dWeightSquaresOperation),
          1e-12,
        )
        expectClose(
          reduced((g) => ops.sum(ops.square(g), [1, 2, 3, 4])),
          direct(ops.conv2dWeightNormsOperation),
          1e-12,
        )
      }),
      options,
    )
  })
})

describe('pooling', () => {
  it('is the largest, or the mean, of each unfolded window', () => {
    fc.assert(
      fc.property(pools, ({ input, output, kernel, stride, padding, seed }) => {
        const x = normal(input, seed)
        // Channels as samples, so that a row holds one window; for the maximum, the border counts as −∞.
        const planes = { shape: [input[0] * input[1], 1, input[2], input[3]], data: x.data }
        const inside = { shape: planes.shape, data: Array.from(x.data, () => 1) }
        const windows = unfold(planes, kernel, stride, padding, output)
        const there = unfold(inside, kernel, stride, padding, output)
        const largest = windows.map((row, i) => Math.max(...row.map((v, j) => (there[i][j] ? v : -Infinity))))
        expect(evaluate((v) => ops.maxPool2d(v, kernel, { stride, padding }), x)).toEqual(largest)
        const means = windows.map((row) => row.reduce((a, b) => a + b) / row.length)
        expectClose(
          evaluate((v) => ops.averagePool2d(v, kernel, { stride, padding }), x),
          means,
          1e-14,
        )
      }),
      options,
    )
  })
})
