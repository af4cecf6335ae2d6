import { expectShape, formatShape, normalizeAxes, type Shape, sameShape, sizeOf, stridesOf } from '../shape.ts'
import { apply, constant, constantOf, type Operation, type PerSampleRule, rowwiseIf, type Value } from '../value.ts'

/** Calls `visit(index in a, index in b)` for every element of `shape`, in row-major order of `shape`. */
export function walk(
  shape: Shape,
  stridesA: readonly number[],
  stridesB: readonly number[],
  visit: (a: number, b: number) => void,
) {
  const rank = shape.length
  const index = new Array<number>(rank).fill(0)
  let [a, b] = [0, 0]
  for (let count = sizeOf(shape); count > 0; count--) {
    visit(a, b)
    for (let axis = rank - 1; axis >= 0; axis--) {
      a += stridesA[axis]!
      b += stridesB[axis]!
      if (++index[axis]! < shape[axis]!) break
      a -= stridesA[axis]! * shape[axis]!
      b -= stridesB[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
}

/** Input axis i lies along axis `axes[i]` of the result; an extent of 1 stretches, the other axes are new. */
export interface BroadcastAttributes {
  readonly shape: Shape
  readonly axes: readonly number[]
}

/** Strides by which the result of a broadcast reads its input: 0 where an axis is new or stretched. */
export function broadcastStrides(input: Shape, { shape, axes }: BroadcastAttributes): number[] {
  const strides = new Array<number>(shape.length).fill(0)
  const own = stridesOf(input)
  for (const [i, axis] of axes.entries()) if (input[i] !== 1) strides[axis] = own[i]!
  return strides
}

export const broadcastOperation: Operation<BroadcastAttributes> = {
  name: 'broadcast',
  dtype: 'same',
  shape([x], { shape, axes }) {
    expectShape(
      axes.length === x!.shape.length &&
        axes.every((axis, i) => axis < shape.length && (i === 0 || axes[i - 1]! < axis)) &&
        axes.every((axis, i) => x!.shape[i] === shape[axis] || x!.shape[i] === 1),
      'broadcast',
      () => `input ${formatShape(x!.shape)} along axes ${formatShape(axes)} does not fit ${formatShape(shape)}`,
    )
    return shape
  },
  sampling: (inputs, { axes }, shape) =>
    rowwiseIf(axes[0] === 0 && inputs[0]!.shape[0] === shape[0], inputs, 'broadcast'),
  evaluate(out, [x], { attributes, inputs }) {
    const strides = broadcastStrides(inputs[0]!.shape, attributes)
    walk(attributes.shape, stridesOf(attributes.shape), strides, (to, from) => {
      out[to] = x![from]!
    })
  },
  // Every copy contributes: sum over the axes that are new or stretched.
  vjp: ({ inputs: [x], attributes: { shape, axes } }, u) => {
    const kept = axes.filter((axis, i) => x!.shape[i] === shape[axis])
    return [reshape(sum(u, without(shape.length, kept)), x!.shape)]
  },
  // A parameter that is copied along the batch axis: each row of the cotangent belongs to one sample.
  perSample({ inputs: [x], attributes: { shape, axes } }, _index, u): PerSampleRule | null {
    if (axes[0] === 0 || u.shape.length === 0) return null
    const kept = [0, ...axes.filter((axis, i) => x!.shape[i] === shape[axis])]
    const gradients = reshape(sum(u, without(shape.length, kept)), [shape[0]!, ...x!.shape])
    return { gradients: () => gradients }
  },
}

const without = (rank: number, axes: readonly number[]): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !axes.includes(axis))

/** Lays x along the given axes of `shape`; by default along the last ones (NumPy's rule). */
export function broadcastTo(x: Value, shape: Shape, axes?: readonly number[]): Value {
  const along = axes ?? x.shape.map((_, i) => i + shape.length - x.shape.length)
  if (sameShape(x.shape, shape) && along.every((axis, i) => axis === i)) return x
  const value = constantOf(x)
  return value === undefined ? apply(broadcastOperation, [x], { shape, axes: along }) : constant(value, shape)
}

export interface ReduceAttributes {
  readonly axes: readonly number[]
}

/** The shape that is left, and the strides by which the input is added to it. */
export function reduction(shape: Shape, axes: readonly number[]): { shape: Shape; strides: number[] } {
  const kept = without(shape.length, axes)
  const left = kept.map((axis) => shape[axis]!)
  const own = stridesOf(left)
  const strides = new Array<number>(shape.length).fill(0)
  for (const [i, axis] of kept.entries()) strides[axis] = own[i]!
  return { shape: left, strides }
}

/** The other way: copies along the axes that a reduction removed. */
export const expand = (u: Value, shape: Shape, axes: readonly number[]): Value =>
  broadcastTo(u, shape, without(shape.length, axes))

const sumOperation: Operation<ReduceAttributes> = {
  name: 'sum',
  shape: ([x], { axes }) => reduction(x!.shape, axes).shape,
  sampling: (inputs, { axes }) => rowwiseIf(!axes.includes(0), inputs, 'sum over the batch axis'),
  evaluate(out, [x], { inputs, attributes }) {
    const { shape } = inputs[0]!
    out.fill(0)
    walk(shape, reduction(shape, attributes.axes).strides, stridesOf(shape), (to, from) => {
      out[to]! += x![from]!
    })
  },
  vjp: ({ inputs: [x], attributes: { axes } }, u) => [expand(u, x!.shape, axes)],
}

/** Sum over some axes, or over all; they disappear. */
export function sum(x: Value, axes?: readonly number[]): Value {
  const along = normalizeAxes('sum', axes ?? x.shape.map((_, i) => i), x.shape.length)
  if (along.length === 0) return x
  const value = constantOf(x)
  if (value === undefined) return apply(sumOperation, [x], { axes: along })
  const { shape } = reduction(x.shape, along)
  return constant((value * sizeOf(x.shape)) / sizeOf(shape), shape)
}

const reshapeOperation: Operation<{ readonly shape: Shape }> = {
  name: 'reshape',
  dtype: 'same',
  shape([x], { shape }) {
    expectShape(
      sizeOf(x!.shape) === sizeOf(shape),
      'reshape',
      () =>
        `${formatShape(x!.shape)} has ${sizeOf(x!.shape)} elements, ${formatShape(shape)} would have ${sizeOf(shape)}`,
    )
    return shape
  },
  sampling: (inputs, _, shape) => rowwiseIf(inputs[0]!.shape[0] === shape[0], inputs, 'reshape across the batch axis'),
  evaluate: (out, [x]) => void out.set(x!),
  vjp: ({ inputs: [x] }, u) => [reshape(u, x!.shape)],
}

/** The same elements in the same order under another shape. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x
  const value = constantOf(x)
  return value === undefined ? apply(reshapeOperation, [x], { shape }) : constant(value, shape)
}

/** All axes from the second on, made one: [B, …] becomes [B, n]. */
export const flatten = (x: Value): Value => reshape(x, [x.shape[0] ?? 1, sizeOf(x.shape.slice(1))])

const transposeOperation: Operation<{ readonly permutation: readonly number[] }> = {
  name: 'transpose',
  dtype: 'same',
  shape([x], { permutation }) {
    expectShape(
      permutation.length === x!.shape.length && [...permutation].sort((a, b) => a - b).every((axis, i) => axis === i),
      'transpose',
      () => `${formatShape(permutation)} is no permutation of the axes of ${formatShape(x!.shape)}`,
    )
    return permutation.map((axis) => x!.shape[axis]!)
  },
  sampling: (inputs, { permutation }) => rowwiseIf(permutation[0] === 0, inputs, 'transpose of the batch axis'),
  evaluate(out, [x], { inputs, attributes, shape }) {
    const own = stridesOf(inputs[0]!.shape)
    const strides = attributes.permutation.map((axis) => own[axis]!)
    walk(shape, stridesOf(shape), strides, (to, from) => {
      out[to] = x![from]!
    })
  },
  vjp({ attributes: { permutation } }, u) {
    const inverse = permutation.map((_, axis) => permutation.indexOf(axis))
    return [transpose(u, inverse)]
  },
}

/** Axis i of the result is axis `permutation[i]` of x; by default the order of the axes is reversed. */
export const transpose = (x: Value, permutation: readonly number[] = x.shape.map((_, i) => x.shape.length - 1 - i)) =>
  apply(transposeOperation, [x], { permutation })

const sliceOperation: Operation<{ readonly start: Shape; readonly end: Shape }> = {
  name: 'slice',
  dtype: 'same',
  shape([x], { start, end }) {
    expectShape(
      start.length === x!.shape.length &&
        end.length === start.length &&
        start.every((from, i) => from >= 0 && from < end[i]! && end[i]! <= x!.shape[i]!),
      'slice',
      () => `from ${formatShape(start)} to ${formatShape(end)} does not lie within ${formatShape(x!.shape)}`,
    )
    return start.map((from, i) => end[i]! - from)
  },
  sampling: (inputs, { start, end }) =>
    rowwiseIf(start[0] === 0 && end[0] === inputs[0]!.shape[0], inputs, 'slice of the batch axis'),
  evaluate(out, [x], { inputs, attributes, shape }) {
    const strides = stridesOf(inputs[0]!.shape)
    const first = attributes.start.reduce((offset, from, i) => offset + from * strides[i]!, 0)
    walk(shape, stridesOf(shape), strides, (to, from) => {
      out[to] = x![first + from]!
    })
  },
  vjp: ({ inputs: [x], attributes: { start, end } }, u) => [
    pad(
      u,
      start,
      end.map((to, i) => x!.shape[i]! - to),
    ),
  ],
}

/** The block from `start` (inclusive) to `end` (exclusive), one bound an axis. */
export const slice = (x: Value, start: Shape, end: Shape): Value => apply(sliceOperation, [x], { start, end })

const padOperation: Operation<{ readonly before: Shape; readonly after: Shape }> = {
  name: 'pad',
  shape([x], { before, after }) {
    expectShape(
      before.length === x!.shape.length && after.length === before.length && [...before, ...after].every((n) => n >= 0),
      'pad',
      () => `${formatShape(before)} and ${formatShape(after)} must give each axis of ${formatShape(x!.shape)} a width`,
    )
    return x!.shape.map((extent, i) => before[i]! + extent + after[i]!)
  },
  sampling: (inputs, { before, after }) =>
    rowwiseIf(before[0] === 0 && after[0] === 0, inputs, 'pad of the batch axis'),
  evaluate(out, [x], { inputs, attributes, shape }) {
    const strides = stridesOf(shape)
    const first = attributes.before.reduce((offset, width, i) => offset + width * strides[i]!, 0)
    out.fill(0)
    walk(inputs[0]!.shape, strides, stridesOf(inputs[0]!.shape), (to, from) => {
      out[first + to] = x![from]!
    })
  },
  vjp: ({ inputs: [x], attributes: { before } }, u) => [
    slice(
      u,
      before,
      before.map((width, i) => width + x!.shape[i]!),
    ),
  ],
}

/** Zeros around x: `before[i]` and `after[i]` of them along axis i. */
export const pad = (x: Value, before: Shape, after: Shape): Value => apply(padOperation, [x], { before, after })
