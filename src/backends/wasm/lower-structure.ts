import { type BroadcastAttributes, broadcastStrides, type ReduceAttributes } from '../../autodiff/operations/index.ts'
import { type Shape, sizeOf, stridesOf } from '../../autodiff/shape.ts'
import type { Value } from '../../autodiff/value.ts'
import { call, collapse, type Lower, type Lowering, padded, type Step } from './step.ts'

/** Elements of `shape` from x to the result, each by its own strides and from its own first element. */
function moved(
  value: Value,
  { kernels }: Lowering,
  shape: Shape,
  from: readonly number[],
  to: readonly number[],
  first: { readonly from?: number; readonly to?: number; readonly clear?: boolean } = {},
): Step | undefined {
  const layout = padded(collapse(shape, from, to), 5)
  if (layout === undefined) return undefined
  const [x] = value.inputs
  return {
    name: value.operation.name,
    reads: [x!],
    writes: [value],
    bind({ address }) {
      const [source, target] = [address(x!) + 4 * (first.from ?? 0), address(value) + 4 * (first.to ?? 0)]
      const copy = call(kernels.copyStrided, source, target, ...layout.shape, ...layout.strides.flat())
      return first.clear ? [call(kernels.fill, address(value), sizeOf(value.shape), 0), copy] : [copy]
    },
  }
}

export const broadcast: Lower = (value, lowering) =>
  moved(
    value,
    lowering,
    value.shape,
    broadcastStrides(value.inputs[0]!.shape, value.attributes as BroadcastAttributes),
    stridesOf(value.shape),
  )

export const transpose: Lower = (value, lowering) => {
  const own = stridesOf(value.inputs[0]!.shape)
  const { permutation } = value.attributes as { permutation: readonly number[] }
  const strides = permutation.map((axis) => own[axis]!)
  return moved(value, lowering, value.shape, strides, stridesOf(value.shape))
}

export const slice: Lower = (value, lowering) => {
  const strides = stridesOf(value.inputs[0]!.shape)
  const from = offsetOf((value.attributes as { start: Shape }).start, strides)
  return moved(value, lowering, value.shape, strides, stridesOf(value.shape), { from })
}

export const pad: Lower = (value, lowering) => {
  const strides = stridesOf(value.shape)
  const to = offsetOf((value.attributes as { before: Shape }).before, strides)
  const { shape } = value.inputs[0]!
  return moved(value, lowering, shape, stridesOf(shape), strides, { to, clear: true })
}

const offsetOf = (index: Shape, strides: readonly number[]): number =>
  index.reduce((offset, i, axis) => offset + i * strides[axis]!, 0)

/** A copy of what is an alias elsewhere, where a later stage needs what a leaf holds now. */
export const copied =
  (offset: number): Lower =>
  (value, { kernels }) => ({
    name: `copy (${value.operation.name})`,
    reads: [value.inputs[0]!],
    writes: [value],
    bind: ({ address }) => [
      call(kernels.copy, address(value.inputs[0]!) + 4 * offset, address(value), 4 * sizeOf(value.shape)),
    ],
  })

/** Kept and reduced axes in turns: [k0, r1, k2, r3, k4]; undefined where five do not do. */
export function reducedExtents(shape: Shape, axes: readonly number[]): number[] | undefined {
  const extents: number[] = [1]
  for (const [axis, extent] of shape.entries()) {
    if (extent === 1) continue
    const reduced = axes.includes(axis)
    // Kept axes stand at even positions.
    if (reduced === (extents.length % 2 === 0)) extents[extents.length - 1]! *= extent
    else extents.push(extent)
  }
  if (extents.length > 5) return undefined
  // The inner loops are the fast ones: what there is to reduce goes there.
  const [k0, r1 = 1, k2 = 1, r3, k4 = 1] = extents as [number, ...number[]]
  return r3 === undefined ? [k0, 1, 1, r1, k2] : [k0, r1, k2, r3, k4]
}

export const reduce: Lower = (value, { kernels }) => {
  const [x] = value.inputs
  const extents = reducedExtents(x!.shape, (value.attributes as ReduceAttributes).axes)
  if (extents === undefined) return undefined
  const kernel = kernels[value.operation.name as 'sum' | 'max']
  return {
    name: value.operation.name,
    reads: [x!],
    writes: [value],
    bind: ({ address }) => [call(kernel, address(x!), address(value), ...extents)],
  }
}
