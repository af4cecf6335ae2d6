import type { PoolAttributes, StandardizeAttributes } from '../../autodiff/operations/index.ts'
import { sizeOf } from '../../autodiff/shape.ts'
import type { Value } from '../../autodiff/value.ts'
import type { KernelName } from './kernels.ts'
import { call, type Lower, type Lowering, type Step } from './step.ts'

/** A kernel that takes its inputs, the result and a few numbers, in this order. */
function direct(
  value: Value,
  { kernels }: Lowering,
  kernel: KernelName,
  numbers: readonly number[],
  pointwise: readonly Value[] = [],
): Step {
  const { inputs } = value
  return {
    name: value.operation.name,
    reads: inputs,
    writes: [value],
    pointwise,
    bind: ({ address }) => [call(kernels[kernel], ...inputs.map(address), address(value), ...numbers)],
  }
}

/** Rows of the last axis: [rows, n]. */
const rowsOf = ({ shape }: Value): [rows: number, n: number] => [sizeOf(shape.slice(0, -1)), shape.at(-1)!]

// Row by row, and the row's reductions are done before its first element is written.
export const softmax: Lower = (value, lowering) =>
  direct(value, lowering, value.operation.name as 'softmax' | 'logSoftmax', rowsOf(value), value.inputs)

export const softmaxCrossEntropy: Lower = (value, lowering) =>
  direct(value, lowering, 'softmaxCrossEntropy', rowsOf(value.inputs[0]!))

export const oneHot: Lower = (value, lowering) => direct(value, lowering, 'oneHot', rowsOf(value))

export const standardize: Lower = (value, lowering) => {
  const { block, epsilon } = value.attributes as StandardizeAttributes
  const kernel = value.operation.name as 'standardize' | 'standardizeGradient'
  return direct(value, lowering, kernel, [sizeOf(value.shape) / block, block, epsilon], value.inputs)
}

/** Planes, their extents, the windows and how many there are. */
export function poolExtents({ input, output, kernel, stride, padding }: PoolAttributes): number[] {
  return [sizeOf(input.slice(0, -2)), ...input.slice(-2), ...kernel, ...stride, ...padding, ...output.slice(-2)]
}

export const pool: Lower = (value, lowering) => {
  const name = value.operation.name as KernelName
  const extents = poolExtents(value.attributes as PoolAttributes)
  return direct(value, lowering, name, name === 'maxPool2dScatter' ? [...extents, 0] : extents)
}

export const embedding: Lower = (value, lowering) =>
  direct(value, lowering, 'embedding', [sizeOf(value.inputs[1]!.shape), value.shape.at(-1)!])

export const addRows: Lower = (value, lowering) => {
  const [entries, width] = value.shape as [number, number]
  return direct(value, lowering, 'addRows', [1, sizeOf(value.inputs[1]!.shape), width, entries])
}

export const addRowsEach: Lower = (value, lowering) => {
  const [B, entries, width] = value.shape as [number, number, number]
  return direct(value, lowering, 'addRows', [B, value.inputs[1]!.shape[1]!, width, entries])
}
