/**
 * For every operation, random inputs on which it is smooth: what the gradient checks run over. Fast kernels may be
 * compared with the reference over the same cases.
 */
import fc from 'fast-check'
import * as ops from '../../src/autodiff/operations/index.ts'
import type { Shape } from '../../src/autodiff/shape.ts'
import { apply, type Operation, type Value } from '../../src/autodiff/value.ts'
import { awayFromZero, distinct, indices, normal, uniform } from './arrays.ts'
import type { Literal } from './evaluate.ts'

export interface OperationCase {
  readonly inputs: readonly Literal[]
  readonly build: (...leaves: Value[]) => Value
}

const extent = fc.integer({ min: 1, max: 4 })
const seed = fc.integer({ min: 0, max: 1e6 })
/** Shapes of rank 0 to 4. */
const shapes = fc.array(extent, { maxLength: 4 })
/** Shapes with at least one axis. */
const solid = fc.array(extent, { minLength: 1, maxLength: 4 })
/** A shape, and two that broadcast to it: leading axes dropped, extents made 1. */
const broadcastPairs = fc
  .tuple(shapes, fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 }), extent, fc.boolean())
  .map(([shape, ones, drop, first]): [Shape, Shape] => {
    const part = (side: number) => shape.map((n, i) => (ones[2 * i + side] === 0 ? 1 : n))
    const [a, b] = [part(0), part(1)]
    return first ? [a.slice(drop - 1), b] : [a, b.slice(drop - 1)]
  })
/** A shape and some of its axes, or none given: all. */
const shapeAndAxes = solid.chain((shape) =>
  fc.tuple(fc.constant(shape), fc.option(fc.subarray(shape.map((_, i) => i)), { nil: undefined })),
)

type Fill = (shape: Shape, seed: number | string) => Literal
const positive: Fill = (shape, s) => uniform(shape, s, 0.5, 2)

type Cases = fc.Arbitrary<OperationCase>

const unary = (build: (x: Value) => Value, fill: Fill = normal): Cases =>
  fc.tuple(shapes, seed).map(([shape, s]) => ({ inputs: [fill(shape, s)], build }))

const binary = (build: (a: Value, b: Value) => Value, fillA: Fill = normal, fillB: Fill = fillA): Cases =>
  fc.tuple(broadcastPairs, seed).map(([[a, b], s]) => ({ inputs: [fillA(a, `${s}a`), fillB(b, `${s}b`)], build }))

/** Two operands of one shape without ties between them. */
const untied = (build: (a: Value, b: Value) => Value): Cases =>
  fc.tuple(shapes, seed).map(([shape, s]) => {
    const { data } = distinct([2, ...shape], s)
    const half = data.length / 2
    const part = (from: number): Literal => ({ shape, data: Array.from(data).slice(from, from + half) })
    return { inputs: [part(0), part(half)], build }
  })

const reduction = (build: (x: Value, axes?: readonly number[]) => Value, fill: Fill): Cases =>
  fc.tuple(shapeAndAxes, seed).map(([[shape, axes], s]) => ({
    inputs: [fill(shape, s)],
    build: (x) => build(x, axes),
  }))

const alongRows = (build: (x: Value) => Value): Cases =>
  fc.tuple(solid, seed).map(([shape, s]) => ({ inputs: [normal(shape, s)], build }))

const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }))

/** Extents of a convolution whose kernel fits: strides that leave a remainder and paddings beyond the kernel's half. */
export const convolutions = fc
  .record({
    B: fc.integer({ min: 1, max: 3 }),
    C: fc.integer({ min: 1, max: 3 }),
    O: fc.integer({ min: 1, max: 3 }),
    kernel: pair(1, 3),
    stride: pair(1, 3),
    padding: pair(0, 2),
    more: pair(0, 3),
    seed,
  })
  .map(({ B, C, O, kernel, stride, padding, more, seed }) => {
    const [H, W] = [0, 1].map((i) => Math.max(1, kernel[i] - 2 * padding[i]) + more[i])
    const [P, Q] = [H, W].map((n, i) => ops.windowCount(n, kernel[i], stride[i], padding[i]))
    const input = [B, C, H, W]
    const [weight, output] = [
      [O, C, ...kernel],
      [B, O, P, Q],
    ]
    return { stride, padding, input, weight, output, seed }
  })

type Operand = 'input' | 'weight' | 'output'
const convolution = (operation: Operation<ops.ConvolutionAttributes>, first: Operand, second: Operand): Cases =>
  convolutions.map((c) => ({
    inputs: [normal(c[first], `${c.seed}a`), normal(c[second], `${c.seed}b`)],
    build: (a, b) => apply(operation, [a, b], c),
  }))

/** Windows over planes; some with padding, overlap or gaps. */
export const pools = fc
  .record({
    B: fc.integer({ min: 1, max: 2 }),
    C: fc.integer({ min: 1, max: 2 }),
    kernel: pair(1, 3),
    stride: pair(1, 3),
    halves: pair(0, 1),
    more: pair(0, 4),
    seed,
  })
  .map(({ B, C, kernel, stride, halves, more, seed }) => {
    const padding: [number, number] = [halves[0] * (kernel[0] >> 1), halves[1] * (kernel[1] >> 1)]
    const [H, W] = [0, 1].map((i) => Math.max(1, kernel[i] - 2 * padding[i]) + more[i])
    const [P, Q] = [H, W].map((n, i) => ops.windowCount(n, kernel[i], stride[i], padding[i]))
    return { kernel, stride, padding, input: [B, C, H, W], output: [B, C, P, Q], seed }
  })

const matmuls = (build: (a: Value, b: Value, flags: ops.MatmulAttributes) => Value): Cases =>
  fc
    .record({
      lead: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
      m: extent,
      k: extent,
      n: extent,
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      shared: fc.boolean(),
      seed,
    })
    .map(({ lead, m, k, n, transposeA, transposeB, shared, seed }) => {
      const one = shared && lead.length > 0
      const flags = { transposeA: transposeA && !one, transposeB }
      const a = flags.transposeA ? [...lead, k, m] : [...lead, m, k]
      const last = transposeB ? [n, k] : [k, n]
      const b = one ? last : [...lead, ...last]
      return { inputs: [normal(a, `${seed}a`), normal(b, `${seed}b`)], build: (x, y) => build(x, y, flags) }
    })

const labelled = (build: (logits: Value, labels: Value) => Value): Cases =>
  fc.tuple(extent, extent, seed).map(([B, n, s]) => ({ inputs: [normal([B, n], s), indices([B], s, n)], build }))

const looksUp = fc
  .tuple(extent, extent, fc.array(extent, { maxLength: 2 }), seed)
  .map(([entries, width, shape, s]) => ({ entries, width, shape: [2, ...shape], seed: s }))
const lookUps = (build: (table: Value, found: Value) => Value): Cases =>
  looksUp.map(({ entries, width, shape, seed }) => ({
    inputs: [normal([entries, width], seed), indices(shape, seed, entries)],
    build,
  }))

const blocks = fc
  .tuple(extent, extent, fc.integer({ min: 2, max: 6 }), seed)
  .map(([B, runs, block, s]) => ({ shape: [B, runs * block], block, seed: s }))
const inBlocks = (build: (x: Value, block: number) => Value): Cases =>
  blocks.map(({ shape, block, seed }) => ({ inputs: [normal(shape, seed)], build: (x) => build(x, block) }))

const norms = fc
  .record({ B: extent, groups: extent, per: extent, plane: fc.array(fc.integer({ min: 2, max: 3 }), { maxLength: 2 }) })
  .chain((r) => fc.tuple(fc.constant(r), seed, fc.boolean()))
  .map(([{ B, groups, per, plane }, s, affine]) => ({ B, groups, C: groups * per, plane, seed: s, affine }))

/** By the exported name that they exercise. */
export const operationCases: Readonly<Record<string, fc.Arbitrary<OperationCase>>> = {
  add: binary(ops.add),
  subtract: binary(ops.subtract),
  multiply: binary(ops.multiply),
  divide: binary(ops.divide, normal, awayFromZero),
  maximum: untied(ops.maximum),
  minimum: untied(ops.minimum),
  greater: untied(ops.greater),
  equal: binary(ops.equal),
  gate: binary(ops.gate, normal, awayFromZero),
  where: fc.tuple(broadcastPairs, seed).map(([[a, b], s]) => ({
    inputs: [normal(a, `${s}a`), normal(b, `${s}b`), awayFromZero(a, `${s}c`)],
    build: (x, y, z) => ops.where(ops.greater(z, 0), x, y),
  })),
  negate: unary(ops.negate),
  exp: unary(ops.exp),
  log: unary(ops.log, positive),
  log1p: unary(ops.log1p, positive),
  sqrt: unary(ops.sqrt, positive),
  square: unary(ops.square),
  reciprocal: unary(ops.reciprocal, awayFromZero),
  sin: unary(ops.sin),
  cos: unary(ops.cos),
  tanh: unary(ops.tanh),
  sigmoid: unary(ops.sigmoid),
  erf: unary(ops.erf),
  abs: unary(ops.abs, awayFromZero),
  sign: unary(ops.sign, awayFromZero),
  relu: unary(ops.relu, awayFromZero),
  softplus: unary(ops.softplus),
  gelu: fc.tuple(shapes, seed, fc.constantFrom('none' as const, 'tanh' as const)).map(([shape, s, approximation]) => ({
    inputs: [normal(shape, s)],
    build: (x) => ops.gelu(x, approximation),
  })),
  power: fc.tuple(shapes, seed, fc.constantFrom(-1.5, -0.5, 0, 0.5, 1, 2, 3, 4.5)).map(([shape, s, exponent]) => ({
    inputs: [positive(shape, s)],
    build: (x) => ops.power(x, exponent),
  })),
  sum: reduction(ops.sum, normal),
  mean: reduction(ops.mean, normal),
  max: reduction(ops.max, distinct),
  broadcastTo: fc
    .tuple(shapes, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), seed)
    .map(([shape, ones, s]) => {
      // Axes 1 and later of the result take x, so that the first is always new.
      const target = [2, ...shape]
      const input = shape.map((n, i) => (ones[i] ? 1 : n))
      return { inputs: [normal(input, s)], build: (x) => ops.broadcastTo(x, target) }
    }),
  expand: fc.tuple(shapeAndAxes, seed).map(([[shape, some], s]) => {
    const axes = some ?? shape.map((_, i) => i)
    return { inputs: [normal(ops.reduction(shape, axes).shape, s)], build: (u) => ops.expand(u, shape, axes) }
  }),
  broadcastOperation: fc.tuple(extent, extent, seed).map(([m, n, s]) => ({
    inputs: [normal([m], s)],
    build: (x) => apply(ops.broadcastOperation, [x], { shape: [m, n], axes: [0] }),
  })),
  reshape: fc.tuple(solid, seed).map(([shape, s]) => ({
    inputs: [normal(shape, s)],
    build: (x) => ops.reshape(x, [...shape].reverse()),
  })),
  flatten: fc.tuple(shapes, seed).map(([shape, s]) => ({ inputs: [normal(shape, s)], build: ops.flatten })),
  transpose: fc.tuple(solid, seed).chain(([shape, s]) =>
    fc
      .shuffledSubarray(
        shape.map((_, i) => i),
        { minLength: shape.length },
      )
      .map((permutation) => ({ inputs: [normal(shape, s)], build: (x) => ops.transpose(x, permutation) })),
  ),
  slice: fc
    .tuple(solid, fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 8, maxLength: 8 }), seed)
    .map(([shape, bounds, s]) => {
      const start = shape.map((n, i) => bounds[i] % n)
      const end = shape.map((n, i) => start[i] + 1 + (bounds[4 + i] % (n - start[i])))
      return { inputs: [normal(shape, s)], build: (x) => ops.slice(x, start, end) }
    }),
  pad: fc
    .tuple(solid, fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 }), seed)
    .map(([shape, widths, s]) => {
      const sides = [widths.slice(0, shape.length), widths.slice(4, 4 + shape.length)]
      return { inputs: [normal(shape, s)], build: (x) => ops.pad(x, sides[0], sides[1]) }
    }),
  concat: fc
    .tuple(solid, fc.array(extent, { minLength: 1, maxLength: 3 }), extent, seed)
    .map(([shape, parts, at, s]) => {
      const axis = (at - 1) % shape.length
      return {
        inputs: parts.map((n, k) => normal(shape.with(axis, n), `${s}/${k}`)),
        build: (...values) => ops.concat(values, axis - shape.length),
      }
    }),
  matmul: matmuls(ops.matmul),
  matmulOperation: matmuls((a, b, flags) => apply(ops.matmulOperation, [a, b], flags)),
  linear: fc.tuple(solid, extent, extent, fc.boolean(), seed).map(([lead, n, m, bias, s]) => ({
    inputs: [normal([...lead, n], `${s}x`), normal([m, n], `${s}w`), ...(bias ? [normal([m], `${s}b`)] : [])],
    build: ops.linear,
  })),
  conv2d: fc.tuple(convolutions, fc.boolean()).map(([{ input, weight, stride, padding, seed }, bias]) => ({
    inputs: [normal(input, `${seed}x`), normal(weight, `${seed}w`), ...(bias ? [normal([weight[0]], seed)] : [])],
    build: (x, w, b) => ops.conv2d(x, w, { stride, padding, ...(b && { bias: b }) }),
  })),
  conv2dOperation: convolution(ops.conv2dOperation, 'input', 'weight'),
  conv2dInputOperation: convolution(ops.conv2dInputOperation, 'output', 'weight'),
  conv2dWeightOperation: convolution(ops.conv2dWeightOperation, 'input', 'output'),
  maxPool2d: pools.map(({ input, kernel, stride, padding, seed }) => ({
    inputs: [distinct(input, seed)],
    build: (x) => ops.maxPool2d(x, kernel, { stride, padding }),
  })),
  averagePool2d: pools.map(({ input, kernel, stride, padding, seed }) => ({
    inputs: [normal(input, seed)],
    build: (x) => ops.averagePool2d(x, kernel, { stride, padding }),
  })),
  maxPool2dOperation: pools.map((a) => ({
    inputs: [distinct(a.input, a.seed)],
    build: (x) => apply(ops.maxPool2dOperation, [x], a),
  })),
  maxPool2dScatterOperation: pools.map((a) => ({
    inputs: [normal(a.output, a.seed), distinct(a.input, a.seed)],
    build: (u, x) => apply(ops.maxPool2dScatterOperation, [u, x], a),
  })),
  maxPool2dGatherOperation: pools.map((a) => ({
    inputs: [normal(a.input, a.seed), distinct(a.input, a.seed)],
    build: (v, x) => apply(ops.maxPool2dGatherOperation, [v, x], a),
  })),
  averagePool2dOperation: pools.map((a) => ({
    inputs: [normal(a.input, a.seed)],
    build: (x) => apply(ops.averagePool2dOperation, [x], a),
  })),
  averagePool2dSpreadOperation: pools.map((a) => ({
    inputs: [normal(a.output, a.seed)],
    build: (u) => apply(ops.averagePool2dSpreadOperation, [u], a),
  })),
  softmax: alongRows(ops.softmax),
  softmaxOperation: alongRows((x) => apply(ops.softmaxOperation, [x], null)),
  logSoftmax: alongRows(ops.logSoftmax),
  softmaxCrossEntropy: labelled(ops.softmaxCrossEntropy),
  softmaxCrossEntropyOperation: labelled((x, labels) => apply(ops.softmaxCrossEntropyOperation, [x, labels], null)),
  meanSquaredError: fc.tuple(solid, seed).map(([shape, s]) => ({
    inputs: [normal(shape, `${s}x`), normal(shape, `${s}t`)],
    build: ops.meanSquaredError,
  })),
  embedding: lookUps(ops.embedding),
  lookUpOperation: lookUps((table, found) => apply(ops.lookUpOperation, [table, found], null)),
  addRowsOperation: looksUp.map(({ entries, width, shape, seed }) => ({
    inputs: [normal([...shape, width], seed), indices(shape, seed, entries)],
    build: (u, found) => apply(ops.addRowsOperation, [u, found], { entries }),
  })),
  standardize: inBlocks((x, block) => ops.standardize(x, block, 0.1)),
  standardizeOperation: inBlocks((x, block) => apply(ops.standardizeOperation, [x], { block, epsilon: 0.1 })),
  standardizeGradientOperation: blocks.map(({ shape, block, seed }) => ({
    inputs: [normal(shape, `${seed}x`), normal(shape, `${seed}u`)],
    build: (x, u) => apply(ops.standardizeGradientOperation, [x, u], { block, epsilon: 0.1 }),
  })),
  groupNorm: norms.map(({ B, groups, C, plane, seed, affine }) => ({
    inputs: [normal([B, C, ...plane], seed), ...(affine ? [normal([C], `${seed}w`), normal([C], `${seed}b`)] : [])],
    build: (x, scale, shift) => ops.groupNorm(x, groups, scale, shift, 0.1),
  })),
  layerNorm: fc.tuple(solid, extent, fc.boolean(), seed).map(([lead, D, affine, s]) => ({
    inputs: [normal([...lead, D], s), ...(affine ? [normal([D], `${s}w`), normal([D], `${s}b`)] : [])],
    build: (x, scale, shift) => ops.layerNorm(x, scale, shift, 0.1),
  })),
  batchNorm: norms.map(({ B, C, plane, seed, affine }) => ({
    inputs: [normal([B, C, ...plane], seed), ...(affine ? [normal([C], `${seed}w`), normal([C], `${seed}b`)] : [])],
    build: (x, scale, shift) => ops.batchNorm(x, scale, shift, 0.1),
  })),
}
