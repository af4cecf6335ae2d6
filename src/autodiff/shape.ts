import { ShapeError } from '../errors.ts'

/** Extents of an array, outermost first; `[]` is a scalar. */
export type Shape = readonly number[]

export const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1)

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis])

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`

/** Throws `operation: message` unless the rule holds. */
export function expectShape(holds: boolean, operation: string, message: () => string): asserts holds {
  if (!holds) throw new ShapeError(`${operation}: ${message()}`)
}

/** The common shape of two operands, aligned at their last axes; an extent of 1 stretches (NumPy's rule). */
export function broadcastShapes(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const m = a[axis - rank + a.length] ?? 1
    const n = b[axis - rank + b.length] ?? 1
    expectShape(
      m === n || m === 1 || n === 1,
      operation,
      () => `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: ${m} against ${n} at axis ${axis}`,
    )
    return m === 1 ? n : m
  })
}

/** Axes counted from the end become ordinary ones; each must exist and occur once. Ascending order. */
export function normalizeAxes(operation: string, axes: readonly number[], rank: number): number[] {
  const normalized = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b)
  for (const [i, axis] of normalized.entries())
    expectShape(
      Number.isInteger(axis) && axis >= 0 && axis < rank && axis !== normalized[i - 1],
      operation,
      () => `axes ${formatShape(axes)} must be distinct and below the rank, which is ${rank}`,
    )
  return normalized
}
