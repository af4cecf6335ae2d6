import { type BroadcastAttributes, broadcastStrides } from '../../autodiff/operations/index.ts'
import { sizeOf, stridesOf } from '../../autodiff/shape.ts'
import { constant, constantOf, type Value } from '../../autodiff/value.ts'
import type { KernelName } from './kernels.ts'
import type { Schedule } from './schedule.ts'
import { call, collapse, type Lower, padded } from './step.ts'

/** Where an operand is read from, and by which strides along the axes of the result. */
export interface Operand {
  readonly source: Value
  readonly strides: readonly number[]
}

/** An operand that is only a copy of something smaller is read there: broadcasts and constants are never stored. */
export function operandOf(value: Value, consumer: Value, { stageOf }: Schedule): Operand {
  const number = constantOf(value)
  if (number !== undefined) return { source: constant(number), strides: value.shape.map(() => 0) }
  // What an earlier stage broadcast may have been overwritten since; its copy has not.
  if (value.operation.name !== 'broadcast' || stageOf.get(value) !== stageOf.get(consumer))
    return { source: value, strides: stridesOf(value.shape) }
  const [source] = value.inputs
  return { source: source!, strides: broadcastStrides(source!.shape, value.attributes as BroadcastAttributes) }
}

/** Two operands, each read by its own strides: scalars, rows, columns and channels cost nothing to broadcast. */
export const binary: Lower = (value, { kernels, schedule }) => {
  const indices = value.inputs.some(({ dtype }) => dtype === 'index')
  if (indices && value.operation.name !== 'equal') return undefined
  const kernel = kernels[(indices ? 'equalIndices' : value.operation.name) as KernelName]
  let operands = value.inputs.map((input) => operandOf(input, value, schedule))
  let layout = layoutOf(value, operands)
  if (layout === undefined) {
    operands = value.inputs.map((source) => ({ source, strides: stridesOf(source.shape) }))
    layout = layoutOf(value, operands)!
  }
  const [a, b] = operands.map(({ source }) => source) as [Value, Value]
  const [[outer, mid, inner], [stridesA, stridesB]] = [layout.shape, layout.strides] as [number[], [number[], number[]]]
  return {
    name: value.operation.name,
    reads: [a, b],
    writes: [value],
    pointwise: [a, b].filter(({ shape }) => sizeOf(shape) === sizeOf(value.shape)),
    bind: ({ address }) => [
      call(kernel, address(a), address(b), address(value), outer!, mid!, inner!, ...stridesA, ...stridesB),
    ],
  }
}

function layoutOf(value: Value, operands: readonly Operand[]) {
  const layout = padded(collapse(value.shape, ...operands.map(({ strides }) => strides)), 3)
  return layout?.strides.every((own) => own[2] === 0 || own[2] === 1) ? layout : undefined
}

/** x and its result, n elements. */
export const unary: Lower = (value, { kernels }) => {
  const kernel = kernels[value.operation.name as KernelName]
  const [x] = value.inputs
  return {
    name: value.operation.name,
    reads: [x!],
    writes: [value],
    pointwise: [x!],
    bind: ({ address }) => [call(kernel, address(x!), address(value), sizeOf(value.shape))],
  }
}

/** Whole and half powers by multiplication, others one by one. */
export const power: Lower = (value, { kernels }) => {
  const { exponent } = value.attributes as { exponent: number }
  const halves = 2 * exponent
  const quick = Number.isInteger(halves) && Math.abs(halves) <= 64
  const [x] = value.inputs
  return {
    name: 'power',
    reads: [x!],
    writes: [value],
    pointwise: [x!],
    bind: ({ address }) => [
      quick
        ? call(kernels.powerOfHalves, address(x!), address(value), sizeOf(value.shape), halves)
        : call(kernels.power, address(x!), address(value), sizeOf(value.shape), exponent),
    ],
  }
}

export const where: Lower = (value, { kernels }) => {
  if (value.inputs.some(({ dtype }) => dtype === 'index')) return undefined
  const [condition, a, b] = value.inputs as [Value, Value, Value]
  return {
    name: 'where',
    reads: [condition, a, b],
    writes: [value],
    pointwise: [condition, a, b],
    bind: ({ address }) => [
      call(kernels.where, address(condition), address(a), address(b), address(value), sizeOf(value.shape)),
    ],
  }
}
