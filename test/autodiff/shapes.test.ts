import { describe, expect, it } from 'vitest'
import { grad, pullback } from '../../src/autodiff/grad.ts'
import * as ops from '../../src/autodiff/operations/index.ts'
import type { Shape } from '../../src/autodiff/shape.ts'
import { constant, leaf, type Value } from '../../src/autodiff/value.ts'
import { ShapeError } from '../../src/errors.ts'
import type * as nn from '../../src/nn/layers.ts'
import { logisticRegression, mnistCnn } from '../../src/nn/models.ts'

const float = (...shape: number[]): Value => leaf({ buffer: 'x', offset: 0, shape, dtype: 'float', sampling: 'shared' })
const index = (...shape: number[]): Value => leaf({ buffer: 'i', offset: 0, shape, dtype: 'index', sampling: 'shared' })

/** What is traced, and the whole message: operation, shapes and the broken rule. */
const broken: Record<string, readonly (readonly [() => unknown, string])[]> = {
  broadcasting: [
    [() => ops.add(float(2, 3), float(4)), 'add: shapes [2, 3] and [4] do not broadcast: 3 against 4 at axis 1'],
    [
      () => ops.divide(float(2, 1), float(3, 2)),
      'divide: shapes [2, 1] and [3, 2] do not broadcast: 2 against 3 at axis 0',
    ],
    [() => ops.where(float(2), float(3), 0), 'where: shapes [2] and [3] do not broadcast: 2 against 3 at axis 0'],
    [() => ops.broadcastTo(float(2, 3), [2]), 'broadcast: input [2, 3] along axes [-1, 0] does not fit [2]'],
    [() => ops.broadcastTo(float(3), [3, 2]), 'broadcast: input [3] along axes [1] does not fit [3, 2]'],
    [
      () => ops.broadcastTo(float(2, 3), [3, 2, 4], [1, 0]),
      'broadcast: input [2, 3] along axes [1, 0] does not fit [3, 2, 4]',
    ],
    [() => ops.broadcastTo(float(3), [3, 2], [2]), 'broadcast: input [3] along axes [2] does not fit [3, 2]'],
  ],
  structure: [
    [() => ops.reshape(float(2, 3), [4]), 'reshape: [2, 3] has 6 elements, [4] would have 4'],
    [() => ops.transpose(float(2, 3), [0, 0]), 'transpose: [0, 0] is no permutation of the axes of [2, 3]'],
    [() => ops.transpose(float(2, 3), [0]), 'transpose: [0] is no permutation of the axes of [2, 3]'],
    [() => ops.slice(float(4), [2], [5]), 'slice: from [2] to [5] does not lie within [4]'],
    [() => ops.slice(float(4), [2], [2]), 'slice: from [2] to [2] does not lie within [4]'],
    [() => ops.slice(float(4, 4), [0], [2]), 'slice: from [0] to [2] does not lie within [4, 4]'],
    [() => ops.pad(float(4), [-1], [0]), 'pad: [-1] and [0] must give each axis of [4] a width'],
    [() => ops.concat([float(2, 3), float(2, 4)], 0), 'concat: [2, 3] and [2, 4] may differ only at axis 0'],
  ],
  axes: [
    [() => ops.sum(float(2, 3), [2]), 'sum: axes [2] must be distinct and below the rank, which is 2'],
    [() => ops.mean(float(2, 3), [1, -1]), 'sum: axes [1, -1] must be distinct and below the rank, which is 2'],
    [() => ops.max(float(2), [0.5]), 'max: axes [0.5] must be distinct and below the rank, which is 1'],
    [() => ops.concat([float(2)], -2), 'concat: axes [-2] must be distinct and below the rank, which is 1'],
  ],
  matmul: [
    [() => ops.matmul(float(2, 3), float(4, 5)), 'matmul: [2, 3] by [4, 5]: inner extents 3 and 4 must be equal'],
    [
      () => ops.matmul(float(2, 3), float(4, 5), { transposeA: true, transposeB: true }),
      'matmul: [2, 3]ᵀ by [4, 5]ᵀ: inner extents 2 and 5 must be equal',
    ],
    [
      () => ops.matmul(float(7, 2, 3), float(6, 3, 5)),
      'matmul: [7, 2, 3] by [6, 3, 5]: both need the same leading axes before the last two, or the second none',
    ],
    [
      () => ops.matmul(float(7, 2, 3), float(2, 5), { transposeA: true }),
      'matmul: [7, 2, 3]ᵀ by [2, 5]: both need the same leading axes before the last two, or the second none',
    ],
    [
      () => ops.matmul(float(3), float(3, 5)),
      'matmul: [3] by [3, 5]: both need the same leading axes before the last two, or the second none',
    ],
    [() => ops.linear(float(8, 3), float(10, 4)), 'linear: input [8, 3] has 3 features, weight [10, 4] expects 4'],
    [
      () => ops.linear(float(8, 4), float(10, 4), float(4)),
      'linear: bias [4] must be [10], a number for each output of [10, 4]',
    ],
  ],
  conv2d: [
    [
      () => ops.conv2d(float(1, 3, 8, 8), float(16, 1, 5, 5)),
      'conv2d: input has 3 channels, weight [16, 1, 5, 5] expects 1',
    ],
    [
      () => ops.conv2d(float(3, 8, 8), float(16, 3, 5, 5)),
      'conv2d: input [3, 8, 8] and weight [16, 3, 5, 5] need 4 axes each',
    ],
    [
      () => ops.conv2d(float(1, 1, 4, 4), float(1, 1, 7, 3), { padding: 1 }),
      'conv2d: kernel 7 × 3 does not fit the input 4 × 4 with padding [1, 1]',
    ],
    [
      () => ops.conv2d(float(1, 1, 4, 4), float(1, 1, 3, 3), { stride: 0 }),
      'conv2d: kernel [3, 3], stride [0, 0] and padding [0, 0] must be whole numbers of at least 1, 1 and 0',
    ],
    [
      () => ops.conv2d(float(1, 1, 4, 4), float(1, 1, 3, 3), { padding: [0.5, 0] }),
      'conv2d: kernel [3, 3], stride [1, 1] and padding [0.5, 0] must be whole numbers of at least 1, 1 and 0',
    ],
    [
      () => ops.conv2d(float(1, 1, 4, 4), float(6, 1, 3, 3), { bias: float(1) }),
      'conv2d: bias [1] must be [6], a number for each output channel of [6, 1, 3, 3]',
    ],
  ],
  pooling: [
    [() => ops.maxPool2d(float(2, 4, 4), 2), 'maxPool2d: input [2, 4, 4] needs 4 axes, [B, C, H, W]'],
    [() => ops.averagePool2d(float(1, 1, 4, 2), 3), 'averagePool2d: kernel [3, 3] does not fit the input 4 × 2'],
    [
      () => ops.maxPool2d(float(1, 1, 4, 4), 2, { padding: 2 }),
      'maxPool2d: padding [2, 2] must be at most half of the kernel [2, 2]',
    ],
    [
      () => ops.averagePool2d(float(1, 1, 4, 4), 2, { stride: -1 }),
      'averagePool2d: kernel [2, 2], stride [-1, -1] and padding [0, 0] must be whole numbers of at least 1, 1 and 0',
    ],
  ],
  normalisation: [
    [() => ops.groupNorm(float(2, 6, 3), 4), 'groupNorm: 4 groups do not divide the 6 channels of [2, 6, 3]'],
    [() => ops.groupNorm(float(2, 6, 3), -2), 'groupNorm: -2 groups do not divide the 6 channels of [2, 6, 3]'],
    [() => ops.groupNorm(float(2, 3), 1.5), 'groupNorm: 1.5 groups do not divide the 3 channels of [2, 3]'],
    [() => ops.groupNorm(float(2, 6, 3), 2, float(3)), 'groupNorm: scale and shift must be [6] for [2, 6, 3], got [3]'],
    [
      () => ops.layerNorm(float(2, 6), float(6), float(2)),
      'layerNorm: scale and shift must be [6] for [2, 6], got [2]',
    ],
    [() => ops.layerNorm(float(6)), 'layerNorm: input [6] needs a batch axis and a feature axis'],
    [() => ops.batchNorm(float(6)), 'batchNorm: input [6] needs a batch axis and channels'],
    [() => ops.standardize(float(2, 6), 4), 'standardize: blocks of 4 elements do not divide the samples of [2, 6]'],
  ],
  losses: [
    [
      () => ops.softmaxCrossEntropy(float(8, 10), index(7)),
      'softmaxCrossEntropy: logits [8, 10] and index labels [7] must be [B, classes] and indices [B]',
    ],
    [
      () => ops.softmaxCrossEntropy(float(8, 10), float(8)),
      'softmaxCrossEntropy: logits [8, 10] and float labels [8] must be [B, classes] and indices [B]',
    ],
    [() => ops.meanSquaredError(float(8, 1), float(8)), 'meanSquaredError: shapes [8, 1] and [8] must be equal'],
    [() => ops.oneHot(float(8), 10), 'oneHot: labels must be indices, got float'],
    [() => ops.softmax(float()), 'softmax: a scalar has no last axis'],
    [() => ops.logSoftmax(float()), 'softmax: a scalar has no last axis'],
  ],
  embedding: [
    [
      () => ops.embedding(float(5, 2), float(3)),
      'embedding: table [5, 2] must be [entries, width] and the look-ups indices, got float',
    ],
    [
      () => ops.embedding(float(5), index(3)),
      'embedding: table [5] must be [entries, width] and the look-ups indices, got index',
    ],
  ],
  gradients: [
    [() => grad(float(3), []), 'grad: the loss must be a scalar, got [3]'],
    [() => pullback([[ops.tanh(float(3)), constant(1, [4])]]), 'gradient of tanh: shapes [3] and [4] must be equal'],
  ],
  models: [
    [
      () => trace(logisticRegression().layer, [2, 3, 32, 32]),
      'linear: input [2, 3072] has 3072 features, weight [10, 784] expects 784',
    ],
    [() => trace(mnistCnn().layer, [2, 3, 32, 32]), 'conv2d: input has 3 channels, weight [16, 1, 5, 5] expects 1'],
  ],
}

/** The layer applied to an input of that shape. */
const trace = (layer: nn.Layer, shape: Shape) => {
  const leaves = new Map(layer.parameters.map((spec) => [spec.name, float(...spec.shape)]))
  return layer.apply(float(...shape), (name) => leaves.get(name)!)
}

describe('broken shapes are refused while tracing, with operation, shapes and rule', () => {
  for (const [group, cases] of Object.entries(broken))
    it(group, () => {
      for (const [build, message] of cases) {
        let thrown: unknown
        try {
          build()
        } catch (error) {
          thrown = error
        }
        expect(thrown, message).toBeInstanceOf(ShapeError)
        expect((thrown as Error).message).toBe(message)
      }
    })
})

describe('shapes of results', () => {
  it('reductions drop axes, counted from the end too', () => {
    expect(ops.sum(float(2, 3, 4), [-1]).shape).toEqual([2, 3])
    expect(ops.mean(float(2, 3, 4), [0, 2]).shape).toEqual([3])
    expect(ops.max(float(2, 3, 4)).shape).toEqual([])
    expect(ops.sum(float(2, 3), []).shape).toEqual([2, 3])
  })

  it('windows: floor((n + 2 padding − kernel)/stride) + 1', () => {
    const shape = ops.conv2d(float(2, 3, 32, 31), float(8, 3, 3, 5), { stride: [2, 3], padding: [1, 2] }).shape
    expect(shape).toEqual([2, 8, 16, 11])
    expect(ops.maxPool2d(float(2, 3, 7, 7), 3, { stride: 2, padding: 1 }).shape).toEqual([2, 3, 4, 4])
    expect(ops.averagePool2d(float(2, 3, 7, 7), 2).shape).toEqual([2, 3, 3, 3])
  })

  it('one matrix is shared by a stack; linear acts on the last axis', () => {
    expect(ops.matmul(float(6, 5, 2, 3), float(3, 4)).shape).toEqual([6, 5, 2, 4])
    expect(ops.linear(float(6, 5, 3), float(4, 3), float(4)).shape).toEqual([6, 5, 4])
    expect(ops.embedding(float(10, 3), index(6, 5)).shape).toEqual([6, 5, 3])
    expect(ops.flatten(float()).shape).toEqual([1, 1])
  })

  it('elements that are only moved keep their kind', () => {
    const moved = [ops.reshape(index(4), [2, 2]), ops.transpose(index(2, 2)), ops.slice(index(4), [0], [2])]
    expect([...moved, ops.broadcastTo(index(4), [2, 4])].map(({ dtype }) => dtype)).toEqual(new Array(4).fill('index'))
  })
})
