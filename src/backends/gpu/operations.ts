import type {
  BroadcastAttributes,
  MatmulAttributes,
  PoolAttributes,
  ReduceAttributes,
  StandardizeAttributes,
} from '../../autodiff/operations/index.ts'
import { broadcastStrides, matmulExtents } from '../../autodiff/operations/index.ts'
import { type Shape, sizeOf, stridesOf } from '../../autodiff/shape.ts'
import type { Value } from '../../autodiff/value.ts'
import { type ArrayId, combine, type Expression, element, MOST_ARRAYS, number, repeated, square } from './expression.ts'
import type { Product } from './kernels/matmul.ts'
import { poolKernels } from './kernels/pooling.ts'
import { addRowsKernel, crossEntropyKernel, logSumExpKernel, lookUpKernel, oneHotKernel } from './kernels/rows.ts'
import { collapse, padKernel, type Strided, stridedKernel } from './kernels/structure.ts'
import { convolutionRows } from './lower-convolution.ts'
import type { Lowered, Lowering, Row } from './lowering.ts'

/** Formulas of the element-wise operations: `$0` is the first operand. */
const formulas: Readonly<Record<string, string>> = {
  add: '($0 + $1)',
  subtract: '($0 - $1)',
  multiply: '($0 * $1)',
  divide: '($0 / $1)',
  maximum: 'larger($0, $1)',
  minimum: 'smaller($0, $1)',
  greater: 'greater($0, $1)',
  equal: 'isSame($0, $1)',
  gate: 'gate($0, $1)',
  where: 'choose($0, $1, $2)',
  negate: '(0.0 - $0)',
  exp: 'expOf($0)',
  log: 'logOf($0)',
  log1p: 'log1pOf($0)',
  sqrt: 'Math.sqrt($0)',
  reciprocal: '(1.0 / $0)',
  sin: 'turned($0, 0.0)',
  cos: 'turned($0, 1.0)',
  tanh: 'tanhOf($0)',
  sigmoid: 'sigmoid($0)',
  softplus: '(relu($0) + log1pOf(expOf(0.0 - Math.abs($0))))',
  erf: 'erfOf($0)',
  abs: 'Math.abs($0)',
  sign: 'signOf($0)',
  relu: 'relu($0)',
}

const elementwise =
  (template: string): Row =>
  ({ inputs }, at) => {
    const expression = combine(template, ...inputs.map((input) => at.expression(input)))
    if (expression.arrays.length <= MOST_ARRAYS) return { expression }
    return { expression: combine(template, ...inputs.map((input) => element(at.array(input)))) }
  }

/** The same elements in the same order. */
const same: Row = ({ inputs: [x] }, at) => ({ expression: at.expression(x!) })

function power(value: Value, at: Lowering): Lowered {
  const { exponent } = value.attributes as { exponent: number }
  const x = at.expression(value.inputs[0]!)
  if (exponent === -0.5) return { expression: combine('(1.0 / Math.sqrt($0))', x) }
  const odd = Number.isInteger(exponent) ? Math.abs(exponent % 2) : -1
  return { expression: combine('powerOf($0, $1, $2)', x, number(exponent), number(odd)) }
}

function copyStrided(x: ArrayId, { extents, strides }: Strided, offset: number, size: number, at: Lowering): Lowered {
  return { array: at.run(stridedKernel(extents.length), [x], [offset, ...extents, ...strides], size) }
}

function broadcast(value: Value, at: Lowering): Lowered {
  const [x] = value.inputs as [Value]
  const { shape } = value
  const strided = collapse(shape, broadcastStrides(x.shape, value.attributes as BroadcastAttributes))
  const { extents, strides } = strided
  const kept = strides.map((stride, axis) => ({ stride, axis })).filter(({ stride }) => stride !== 0)
  // One run of the input, repeated: an index that the user of the broadcast computes itself.
  if (kept.length === 0) return { expression: at.repeated(x, sizeOf(shape), sizeOf(shape)) }
  if (kept.length === 1 && kept[0]!.stride === 1) {
    const inner = sizeOf(extents.slice(kept[0]!.axis + 1))
    return { expression: at.repeated(x, inner, sizeOf(shape)) }
  }
  return copyStrided(at.array(x), strided, 0, sizeOf(shape), at)
}

/** Neighbouring axes that all stay, or all go, are one; the innermost that goes is reduced first. */
const reduction =
  (by: 'sum' | 'max'): Row =>
  (value, at) => {
    const [x] = value.inputs as [Value]
    const { axes } = value.attributes as ReduceAttributes
    const groups: { extent: number; goes: boolean }[] = []
    for (const [axis, extent] of x.shape.entries()) {
      const goes = axes.includes(axis)
      const last = groups.at(-1)
      if (last?.goes === goes) last.extent *= extent
      else groups.push({ extent, goes })
    }
    let form: Expression = at.expression(x)
    let array: ArrayId | undefined
    for (let g = groups.length - 1; g >= 0; g--) {
      if (!groups[g]!.goes) continue
      const extents = (list: typeof groups) => list.reduce((size, { extent }) => size * extent, 1)
      const columns = extents(groups.slice(g + 1).filter(({ goes }) => !goes))
      array = at.reduce(form, extents(groups.slice(0, g)), groups[g]!.extent, columns, by)
      form = element(array)
    }
    return array === undefined ? { expression: form } : { array }
  }

function matmul(value: Value, at: Lowering): Lowered {
  const [a, b] = value.inputs as [Value, Value]
  const attributes = value.attributes as MatmulAttributes
  const { batch, m, k, n } = matmulExtents(a.shape, b.shape, attributes)
  const product: Product = {
    batch,
    m,
    n,
    k,
    aBatch: m * k,
    aRow: attributes.transposeA ? 1 : k,
    aColumn: attributes.transposeA ? m : 1,
    bBatch: k * n,
    bRow: attributes.transposeB ? 1 : n,
    bColumn: attributes.transposeB ? k : 1,
  }
  return { array: at.matmul(at.array(a), at.array(b), product) }
}

function pool(value: Value, at: Lowering): Lowered {
  const { input, output, kernel, stride, padding } = value.attributes as PoolAttributes
  const extents = [...input.slice(-2), ...kernel, ...output.slice(-2), ...stride, ...padding]
  const inputs = value.inputs.map((operand) => at.array(operand))
  return { array: at.run(poolKernels[value.operation.name]!, inputs, extents, sizeOf(value.shape)) }
}

/** A number for each run of `size` elements, beside those elements. */
const spread = (array: ArrayId, size: number, total: number): Expression => repeated(array, size, total / size, total)

function logSumExp(x: Value, at: Lowering): ArrayId {
  const n = x.shape.at(-1)!
  return at.run(logSumExpKernel, [at.array(x)], [n], sizeOf(x.shape) / n)
}

const normalised =
  (template: string): Row =>
  ({ inputs: [x] }, at) => {
    const total = spread(logSumExp(x!, at), x!.shape.at(-1)!, sizeOf(x!.shape))
    return { expression: combine(template, element(at.array(x!)), total) }
  }

function crossEntropy({ inputs: [x, labels] }: Value, at: Lowering): Lowered {
  const [B, classes] = x!.shape as [number, number]
  const inputs = [at.array(x!), logSumExp(x!, at), at.array(labels!)]
  return { array: at.run(crossEntropyKernel, inputs, [classes], B) }
}

/** The centred x of each block and the scale 1/√(variance + ε), as formulas. */
function standardized(x: ArrayId, total: number, { block, epsilon }: StandardizeAttributes, at: Lowering) {
  const blocks = total / block
  const mean = (form: Expression) =>
    combine('($0 * $1)', spread(at.reduce(form, blocks, block, 1), block, total), number(1 / block))
  const centered = combine('($0 - $1)', element(x), mean(element(x)))
  const scale = combine('(1.0 / Math.sqrt($0 + $1))', mean(square(centered)), number(epsilon))
  return { y: combine('($0 * $1)', centered, scale), scale, mean }
}

function standardize(value: Value, at: Lowering): Lowered {
  const x = at.array(value.inputs[0]!)
  return { expression: standardized(x, sizeOf(value.shape), value.attributes as StandardizeAttributes, at).y }
}

function standardizeGradient(value: Value, at: Lowering): Lowered {
  const [x, u] = value.inputs.map((input) => at.array(input)) as [ArrayId, ArrayId]
  const size = sizeOf(value.shape)
  const { y, scale, mean } = standardized(x, size, value.attributes as StandardizeAttributes, at)
  // Stored, since three formulas read it.
  const standard = element(at.store(y, size))
  const projected = combine(
    '($0 - $1 - $2 * $3)',
    element(u),
    mean(element(u)),
    standard,
    mean(combine('($0 * $1)', element(u), standard)),
  )
  return { array: at.store(combine('($0 * $1)', scale, projected), size) }
}

function addRows({ inputs: [u, indices], shape }: Value, at: Lowering): Lowered {
  const [entries, width] = shape.slice(-2) as [number, number]
  const samples = shape.length === 3 ? shape[0]! : 1
  const inputs = [at.array(u!), at.array(indices!)]
  return { array: at.run(addRowsKernel, inputs, [entries, width, sizeOf(indices!.shape) / samples], sizeOf(shape)) }
}

function transpose(value: Value, at: Lowering): Lowered {
  const [x] = value.inputs as [Value]
  const own = stridesOf(x.shape)
  const strides = (value.attributes as { permutation: Shape }).permutation.map((axis) => own[axis]!)
  const strided = collapse(value.shape, strides)
  if (strided.strides.length === 1 && strided.strides[0] === 1) return same(value, at)
  return copyStrided(at.array(x), strided, 0, sizeOf(value.shape), at)
}

function slice(value: Value, at: Lowering): Lowered {
  const [x] = value.inputs as [Value]
  const strides = stridesOf(x.shape)
  const { start } = value.attributes as { start: Shape }
  const offset = start.reduce((sum, from, axis) => sum + from * strides[axis]!, 0)
  return copyStrided(at.array(x), collapse(value.shape, strides), offset, sizeOf(value.shape), at)
}

function pad(value: Value, at: Lowering): Lowered {
  const [x] = value.inputs as [Value]
  const { before } = value.attributes as { before: Shape }
  if (x.shape.length === 0) return same(value, at)
  const scalars = [...value.shape, ...x.shape, ...before]
  return { array: at.run(padKernel(x.shape.length), [at.array(x)], scalars, sizeOf(value.shape)) }
}

/** How each operation runs on the device. What is not here has no kernel, and compiling a graph with it says so. */
export const lowerings: Readonly<Record<string, Row>> = {
  ...Object.fromEntries(Object.entries(formulas).map(([name, template]) => [name, elementwise(template)])),
  square: ({ inputs: [x] }, at) => ({ expression: square(at.expression(x!)) }),
  power,
  stopGradient: same,
  reshape: same,
  broadcast,
  transpose,
  slice,
  pad,
  sum: reduction('sum'),
  max: reduction('max'),
  matmul,
  ...convolutionRows,
  ...Object.fromEntries(Object.keys(poolKernels).map((name) => [name, pool])),
  softmax: normalised('expOf($0 - $1)'),
  logSoftmax: normalised('($0 - $1)'),
  softmaxCrossEntropy: crossEntropy,
  oneHot: ({ inputs: [labels], shape }, at) => ({
    array: at.run(oneHotKernel, [at.array(labels!)], [shape.at(-1)!], sizeOf(shape)),
  }),
  standardize,
  standardizeGradient,
  embedding: ({ inputs: [table, indices], shape }, at) => ({
    array: at.run(lookUpKernel, [at.array(table!), at.array(indices!)], [shape.at(-1)!], sizeOf(shape)),
  }),
  addRows,
  addRowsEach: addRows,
}
