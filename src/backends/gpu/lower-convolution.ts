import type { ConvolutionAttributes } from '../../autodiff/operations/index.ts'
import { sizeOf } from '../../autodiff/shape.ts'
import type { Value } from '../../autodiff/value.ts'
import { type ArrayId, type Expression, element, square } from './expression.ts'
import { foldKernel, type PatchExtents, patchScalars, unfoldKernel } from './kernels/convolution.ts'
import type { Lowered, Lowering, Row } from './lowering.ts'

// Convolutions are products with the matrix of patches, one a sample; so are their gradients, and sample i's weight
// gradient is δ_i U_iᵀ, formed for all samples side by side and reduced from there (MATHS.md §7).

/** Extents of the products that a convolution is made of. */
function patches(attributes: ConvolutionAttributes) {
  const [B, C, H, W] = attributes.input as [number, number, number, number]
  const [O, , kh, kw] = attributes.weight as [number, number, number, number]
  const [, , P, Q] = attributes.output as [number, number, number, number]
  const { stride, padding } = attributes
  const extents: PatchExtents = { C, H, W, kh, kw, P, Q, stride, padding }
  // A 1 × 1 window that visits every place: the input is its own matrix of patches.
  const trivial = kh * kw * stride[0] * stride[1] === 1 && padding[0] + padding[1] === 0
  return { B, O, K: C * kh * kw, places: P * Q, extents, trivial }
}

function unfold(x: Value, attributes: ConvolutionAttributes, at: Lowering): ArrayId {
  const { B, K, places, extents, trivial } = patches(attributes)
  return trivial ? at.array(x) : at.run(unfoldKernel, [at.array(x)], patchScalars(extents), B * K * places)
}

const conv2d: Row = (value, at) => {
  const [x, w] = value.inputs as [Value, Value]
  const attributes = value.attributes as ConvolutionAttributes
  const { B, O, K, places } = patches(attributes)
  const product = { batch: B, m: O, n: places, k: K, ...{ aBatch: 0, aRow: K, aColumn: 1 } }
  const columns = { bBatch: K * places, bRow: places, bColumn: 1 }
  return { array: at.matmul(at.array(w), unfold(x, attributes, at), { ...product, ...columns }) }
}

const conv2dInput: Row = (value, at) => {
  const [u, w] = value.inputs as [Value, Value]
  const attributes = value.attributes as ConvolutionAttributes
  const { B, O, K, places, extents, trivial } = patches(attributes)
  const product = { batch: B, m: K, n: places, k: O, ...{ aBatch: 0, aRow: 1, aColumn: K } }
  const columns = { bBatch: O * places, bRow: places, bColumn: 1 }
  const array = at.matmul(at.array(w), at.array(u), { ...product, ...columns })
  return { array: trivial ? array : at.run(foldKernel, [array], patchScalars(extents), sizeOf(value.shape)) }
}

/** Weight gradients sample by sample, δ_i U_iᵀ [B, O, K]: what the sum, the norms and the squares are taken of. */
function weightEach(value: Value, at: Lowering): ArrayId {
  const [x, u] = value.inputs as [Value, Value]
  const attributes = value.attributes as ConvolutionAttributes
  const { B, O, K, places } = patches(attributes)
  const product = { batch: B, m: O, n: K, k: places, ...{ aBatch: O * places, aRow: places, aColumn: 1 } }
  const columns = { bBatch: K * places, bRow: 1, bColumn: places }
  return at.matmul(at.array(u), unfold(x, attributes, at), { ...product, ...columns })
}

const weightSum =
  (of: (each: Expression) => Expression): Row =>
  (value, at) => {
    const { B, O, K } = patches(value.attributes as ConvolutionAttributes)
    return { array: at.reduce(of(element(weightEach(value, at))), 1, B, O * K) }
  }

function weightNorms(value: Value, at: Lowering): Lowered {
  const { B, O, K } = patches(value.attributes as ConvolutionAttributes)
  return { array: at.reduce(square(element(weightEach(value, at))), B, O * K, 1) }
}

export const convolutionRows: Readonly<Record<string, Row>> = {
  conv2d,
  conv2dInput,
  conv2dWeight: weightSum((each) => each),
  conv2dWeightEach: (value, at) => ({ array: weightEach(value, at) }),
  conv2dWeightNorms: weightNorms,
  conv2dWeightSquares: weightSum(square),
}
