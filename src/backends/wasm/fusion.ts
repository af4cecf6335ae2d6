import type { PoolAttributes, ReduceAttributes } from '../../autodiff/operations/index.ts'
import { stridesOf } from '../../autodiff/shape.ts'
import type { Value } from '../../autodiff/value.ts'
import { operandOf } from './lower-elementwise.ts'
import { convolution, isWeightSweep, weightSweep } from './lower-products.ts'
import { poolExtents } from './lower-rows.ts'
import { reducedExtents } from './lower-structure.ts'
import { feedsOnly } from './schedule.ts'
import { call, type Lowering, type Step } from './step.ts'

/** Recognises a pattern by its last operation; 'elsewhere' where another value's step delivers this one too. */
export type Fuse = (value: Value, lowering: Lowering) => Step | 'elsewhere' | undefined

/** relu(conv(x, w) + bias), or a part of it: one kernel, whose last loop adds and cuts. */
const convolutionEpilogue: Fuse = (value, lowering) => {
  const { schedule } = lowering
  let last = value
  let relu = false
  if (value.operation.name === 'relu') {
    const [inner] = value.inputs
    if (!feedsOnly(schedule, inner!, value)) return undefined
    relu = true
    last = inner!
    if (inner!.operation.name === 'conv2d') return convolution(inner!, lowering, value, undefined, true)
  }
  if (last.operation.name !== 'add') return undefined
  for (const [product, added] of [last.inputs, last.inputs.toReversed()] as [Value, Value][]) {
    if (product.operation.name !== 'conv2d' || !feedsOnly(schedule, product, last)) continue
    const { source, strides } = operandOf(added, last, schedule)
    const O = product.shape[1]!
    const alongChannels = source.shape.length === 1 && source.shape[0] === O && strides[1] === (O === 1 ? 0 : 1)
    const elsewhere = strides.some((stride, axis) => axis !== 1 && stride !== 0)
    if (alongChannels && !elsewhere) return convolution(product, lowering, value, source, relu)
  }
  return undefined
}

/** gate(scatter(u, y), y): cotangents of a pooled relu go to the winners that are positive. */
const gatedScatter: Fuse = (value, { kernels, schedule }) => {
  const [scatter, y] = value.inputs
  if (value.operation.name !== 'gate' || scatter!.operation.name !== 'maxPool2dScatter') return undefined
  if (scatter!.inputs[1] !== y || !feedsOnly(schedule, scatter!, value)) return undefined
  const attributes = scatter!.attributes as PoolAttributes
  // Where windows overlap an input may receive from several; each passes the same gate.
  const extents = [...poolExtents(attributes), 1]
  const [u] = scatter!.inputs
  return {
    name: 'maxPool2dScatter + gate',
    reads: [u!, y!],
    writes: [value],
    bind: ({ address }) => [call(kernels.maxPool2dScatter, address(u!), address(y!), address(value), ...extents)],
  }
}

/** Σ x² and Σ a∘b without storing the terms: norms of gradients and projections. */
const sumOfProducts: Fuse = (value, { kernels, schedule }) => {
  const [terms] = value.inputs
  if (value.operation.name !== 'sum' || !feedsOnly(schedule, terms!, value)) return undefined
  const { axes } = value.attributes as ReduceAttributes
  const extents = reducedExtents(terms!.shape, axes)
  if (extents === undefined) return undefined
  if (terms!.operation.name === 'square') {
    const [x] = terms!.inputs
    return {
      name: 'sum(square)',
      reads: [x!],
      writes: [value],
      bind: ({ address }) => [call(kernels.sumSquares, address(x!), address(value), ...extents)],
    }
  }
  if (terms!.operation.name !== 'multiply') return undefined
  const own = stridesOf(terms!.shape)
  // The axes before the first that is summed: along them b may be the same for all.
  const outer = Math.min(...axes)
  const all = extents.slice(1).reduce((product, extent) => product * extent)
  for (const inputs of [terms!.inputs, terms!.inputs.toReversed()]) {
    const [a, b] = inputs.map((input) => operandOf(input, terms!, schedule))
    const matches = (strides: readonly number[], from: number) =>
      strides.every((stride, axis) => axis < from || terms!.shape[axis] === 1 || stride === own[axis])
    if (!matches(a!.strides, 0) || !matches(b!.strides, outer)) continue
    const shared = !matches(b!.strides, 0)
    if (shared && b!.strides.some((stride, axis) => axis < outer && stride !== 0)) continue
    return {
      name: 'sum(multiply)',
      reads: [a!.source, b!.source],
      writes: [value],
      bind: ({ address }) => [
        call(kernels.sumProducts, address(a!.source), address(b!.source), address(value), ...extents, shared ? 0 : all),
      ],
    }
  }
  return undefined
}

/** Everything that is asked of one convolution's weight gradients comes from one sweep over the samples. */
const oneSweep: Fuse = (value, lowering) => {
  if (!isWeightSweep(value) || lowering.kernels.conv2dWeight === undefined) return undefined
  const { consumersOf, stageOf, positionOf } = lowering.schedule
  const [x, u] = value.inputs
  const attributes = JSON.stringify(value.attributes)
  const together = consumersOf
    .get(x!)!
    .filter(
      (other) =>
        isWeightSweep(other) &&
        other.inputs[0] === x &&
        other.inputs[1] === u &&
        stageOf.get(other) === stageOf.get(value) &&
        JSON.stringify(other.attributes) === attributes,
    )
    .sort((a, b) => positionOf.get(a)! - positionOf.get(b)!)
  // All are there by the time the first is needed.
  return together[0] === value ? weightSweep(together, lowering) : 'elsewhere'
}

export const fusions: readonly Fuse[] = [convolutionEpilogue, gatedScatter, sumOfProducts, oneSweep]
