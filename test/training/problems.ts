/** Small problems of every kind, for the statistics of their gradients. */
import fc from 'fast-check'
import * as ops from '../../src/autodiff/operations/index.ts'
import { sizeOf } from '../../src/autodiff/shape.ts'
import { constant } from '../../src/autodiff/value.ts'
import { arrayDataset, type Dataset } from '../../src/data/dataset.ts'
import * as nn from '../../src/nn/layers.ts'
import { gaussian, type ParameterSpec } from '../../src/nn/parameters.ts'
import type { Objective } from '../../src/problems/objective.ts'
import { indices as indicesOf, normal } from '../support/arrays.ts'

export const N = 40

export interface Problem {
  readonly objective: Objective
  readonly dataset: Dataset
}

/** Inputs x [N, ..shape] and what `y` is: labels below `classes`, or targets of a shape. */
export function samples(
  shape: readonly number[],
  y: number | readonly number[],
  seed: number,
  entries?: number,
): Dataset {
  const numbers = entries === undefined ? normal([N, ...shape], `${seed}x`) : indicesOf([N, ...shape], seed, entries)
  const target = typeof y === 'number' ? indicesOf([N], `${seed}y`, y) : normal([N, ...y], `${seed}y`)
  return arrayDataset({
    name: 'samples',
    fields: {
      x:
        entries === undefined
          ? { data: numbers.data as Float64Array, shape }
          : { data: Int32Array.from(numbers.data), shape, dtype: 'index', classes: entries },
      y:
        typeof y === 'number'
          ? { data: Int32Array.from(target.data), dtype: 'index', classes: y }
          : { data: target.data as Float64Array, shape: y },
    },
  })
}

/** The same, with numbers that differ from draw to draw, as augmented images do. */
export const perturbed = (dataset: Dataset): Dataset => ({
  ...dataset,
  read(wanted, into, at, firstDraw) {
    dataset.read(wanted, into, at, firstDraw)
    for (const [name, { shape, dtype }] of Object.entries(dataset.fields)) {
      if (dtype === 'index' || into[name] === undefined) continue
      const size = sizeOf(shape)
      for (let k = 0; k < wanted.length * size; k++)
        into[name][at * size + k] += Math.sin(firstDraw + Math.floor(k / size)) / 2
    }
  },
})

/** Cross-entropy of a network; all parameters are drawn, so that scales and shifts are not 1 and 0. */
export function classifier(layer: nn.Layer, dataset: Dataset): Problem {
  return {
    dataset,
    objective: {
      name: 'network',
      parameters: layer.parameters.map((spec) => ({ ...spec, initialise: gaussian(0.7) })),
      trace(parameter, field) {
        const scores = layer.apply(field('x'), parameter)
        return { losses: ops.softmaxCrossEntropy(scores, field('y')), scores }
      },
    },
  }
}

export const drawn = (name: string, shape: readonly number[]): ParameterSpec => ({
  name,
  shape,
  initialise: gaussian(1),
})
const small = fc.integer({ min: 1, max: 4 })
const seed = fc.integer({ min: 0, max: 1e6 })
const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }))
const meanOverTime = nn.activation('meanOverTime', (x) => ops.mean(x, [1]))

/** Problems whose statistics come out of the backward pass. */
export const fused: Record<string, fc.Arbitrary<Problem>> = {
  'linear and tanh': fc
    .tuple(small, small, fc.integer({ min: 2, max: 4 }), fc.boolean(), seed)
    .map(([n, m, classes, bias, s]) =>
      classifier(nn.sequential(nn.linear(n, m, { bias }), nn.tanh(), nn.linear(m, classes)), samples([n], classes, s)),
    ),
  'convolutions with stride and padding': fc
    .record({
      C: small,
      O: small,
      kernel: pair(1, 3),
      stride: pair(1, 3),
      padding: pair(0, 2),
      bias: fc.boolean(),
      seed,
    })
    .map(({ C, O, kernel, stride, padding, bias, seed }) => {
      const layer = nn.sequential(
        nn.conv2d(C, O, kernel, { stride, padding, bias }),
        nn.gelu(),
        nn.conv2d(O, 2, 2, { padding: 1 }),
        nn.globalAveragePool(),
      )
      return classifier(layer, samples([C, 5, 4], 2, seed))
    }),
  'convolution, max-pooling, linear': fc
    .tuple(small, pair(2, 3), seed)
    .map(([O, kernel, s]) =>
      classifier(
        nn.sequential(
          nn.conv2d(2, O, 3, { padding: 1 }),
          nn.relu(),
          nn.maxPool2d(kernel, { stride: 2, padding: 1 }),
          nn.averagePool2d(2, { stride: 1, padding: 1 }),
          nn.flatten(),
          nn.linear(
            O *
              ops.windowCount(ops.windowCount(6, kernel[0], 2, 1), 2, 1, 1) *
              ops.windowCount(ops.windowCount(6, kernel[1], 2, 1), 2, 1, 1),
            3,
          ),
        ),
        samples([2, 6, 6], 3, s),
      ),
    ),
  'group normalisation': fc
    .tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 }), seed)
    .map(([groups, per, s]) =>
      classifier(
        nn.sequential(
          nn.conv2d(1, groups * per, 3, { padding: 1, bias: false }),
          nn.groupNorm(groups, groups * per),
          nn.sigmoid(),
          nn.flatten(),
          nn.linear(groups * per * 9, 2),
        ),
        samples([1, 3, 3], 2, s),
      ),
    ),
  'layer normalisation': fc
    .tuple(fc.integer({ min: 2, max: 5 }), seed)
    .map(([n, s]) => classifier(nn.sequential(nn.layerNorm(n), nn.linear(n, 3), nn.layerNorm(3)), samples([n], 3, s))),
  'embedding of token sequences': fc
    .tuple(fc.integer({ min: 1, max: 5 }), small, fc.integer({ min: 1, max: 6 }), seed)
    .map(([entries, width, T, s]) =>
      classifier(
        nn.sequential(nn.embedding(entries, width), nn.tanh(), meanOverTime, nn.linear(width, 2)),
        samples([T], 2, s, entries),
      ),
    ),
  'embedding of one index': fc
    .tuple(small, small, seed)
    .map(([entries, width, s]) =>
      classifier(nn.sequential(nn.embedding(entries, width), nn.linear(width, 2)), samples([], 2, s, entries)),
    ),
  'linear over a sequence [B, T, I], layer normalisation over its features': fc
    .tuple(small, small, fc.integer({ min: 2, max: 4 }), seed)
    .map(([T, n, m, s]) =>
      classifier(
        nn.sequential(nn.linear(n, m), nn.layerNorm(m), nn.gelu('tanh'), nn.linear(m, 3), meanOverTime),
        samples([T, n], 3, s),
      ),
    ),
  'a quadratic, the parameter broadcast': fc.tuple(small, seed).map(([d, s]) => ({
    dataset: samples([d], [d], s),
    objective: {
      name: 'quadratic',
      parameters: [drawn('x', [d])],
      trace: (parameter, field) => {
        const error = ops.subtract(parameter('x'), field('x'))
        return { losses: ops.sum(ops.multiply(ops.square(error), ops.abs(field('y'))), [1]) }
      },
    },
  })),
  'a parameter laid along the batch once, then used at will (Rosenbrock)': seed.map((s) => ({
    dataset: samples([2], [1], s),
    objective: {
      name: 'Rosenbrock',
      parameters: [drawn('x', [2])],
      trace: (parameter, field) => {
        const noise = field('x')
        const x = ops.broadcastTo(parameter('x'), noise.shape)
        const column = (j: number) => ops.reshape(ops.slice(x, [0, j], [x.shape[0], j + 1]), [x.shape[0]])
        const [a, b] = [column(0), column(1)]
        const value = ops.add(
          ops.square(ops.subtract(1, a)),
          ops.multiply(ops.square(ops.subtract(b, ops.square(a))), 100),
        )
        return { losses: ops.add(value, ops.sum(ops.multiply(x, noise), [1])) }
      },
    },
  })),
  'a deterministic function, the same for every sample': seed.map((s) => ({
    dataset: samples([2], [1], s),
    objective: {
      name: 'deterministic',
      parameters: [drawn('x', [3])],
      trace: (parameter, field) => {
        const x = ops.broadcastTo(parameter('x'), [field('x').shape[0], 3])
        return { losses: ops.sum(ops.multiply(ops.square(x), ops.sin(x)), [1]) }
      },
    },
  })),
  'bias only, one number and one with extents of 1': fc.tuple(small, small, seed).map(([m, n, s]) => ({
    dataset: samples([m, n], [], s),
    objective: {
      name: 'bias',
      parameters: [drawn('b', []), drawn('row', [n]), drawn('column', [m, 1])],
      trace: (parameter, field) => {
        const total = ops.add(ops.add(ops.add(field('x'), parameter('row')), parameter('column')), parameter('b'))
        return { losses: ops.square(ops.subtract(ops.sum(ops.tanh(total), [1, 2]), field('y'))) }
      },
    },
  })),
  'parameters that the loss does not use': fc.tuple(small, seed).map(([d, s]) => ({
    dataset: samples([d], [d], s),
    objective: {
      name: 'unused',
      parameters: [drawn('first', [2, 3]), drawn('x', [d]), drawn('last', [])],
      trace: (parameter, field) => ({ losses: ops.meanSquaredError(ops.add(parameter('x'), field('x')), field('y')) }),
    },
  })),
}

/** Problems that need a pass for each sample, and the reason that is told. */
export const general: Record<string, [fc.Arbitrary<Problem>, RegExp]> = {
  'weight tying': [
    fc.tuple(small, seed).map(([n, s]) => ({
      dataset: samples([n], [n], s),
      objective: {
        name: 'tied',
        parameters: [drawn('encoder.weight', [n, n]), drawn('bias', [n])],
        trace: (parameter, field) => {
          const code = ops.tanh(ops.linear(field('x'), parameter('encoder.weight'), parameter('bias')))
          return {
            losses: ops.meanSquaredError(ops.linear(code, ops.transpose(parameter('encoder.weight'))), field('y')),
          }
        },
      },
    })),
    /^encoder\.weight is used 2 times$/,
  ],
  'a parameter that is reshaped first': [
    seed.map((s) => ({
      dataset: samples([3], [2], s),
      objective: {
        name: 'reshaped',
        parameters: [drawn('flat', [6])],
        trace: (parameter, field) => ({
          losses: ops.meanSquaredError(ops.linear(field('x'), ops.reshape(parameter('flat'), [2, 3])), field('y')),
        }),
      },
    })),
    /^flat is consumed by reshape/,
  ],
  'a parameter broadcast to a matrix that has no batch axis': [
    fc.tuple(fc.constantFrom(2, 3), seed).map(([T, s]) => ({
      dataset: samples([T, 2], [], s),
      objective: {
        name: 'matrix',
        parameters: [drawn('x', [2])],
        trace: (parameter, field) => {
          // [2] becomes [T, 2], and only then [B, T, 2].
          const matrix = ops.multiply(ops.broadcastTo(parameter('x'), [T, 2]), constant(3, [T, 2]))
          return { losses: ops.square(ops.sum(ops.sin(ops.multiply(matrix, field('x'))), [1, 2])) }
        },
      },
    })),
    /^x is consumed by broadcast/,
  ],
  'a parameter broadcast to a scaling of another': [
    fc.tuple(fc.constantFrom(2, 3), seed).map(([m, s]) => ({
      dataset: samples([2], [m], s),
      objective: {
        name: 'scaled weight',
        parameters: [drawn('scale', [2]), drawn('weight', [m, 2])],
        trace: (parameter, field) => {
          const weight = ops.broadcastTo(parameter('scale'), [m, 2])
          return { losses: ops.meanSquaredError(ops.linear(field('x'), ops.tanh(weight)), field('y')) }
        },
      },
    })),
    /^scale is consumed by broadcast/,
  ],
  'a product of two parameters': [
    seed.map((s) => ({
      dataset: samples([2], [3], s),
      objective: {
        name: 'product',
        parameters: [drawn('a', [2, 2]), drawn('b', [3, 2])],
        trace: (parameter, field) => {
          const weight = ops.matmul(parameter('b'), parameter('a'))
          return { losses: ops.meanSquaredError(ops.linear(field('x'), weight), field('y')) }
        },
      },
    })),
    /^a is consumed by matmul/,
  ],
}
