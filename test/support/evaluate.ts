import { type Shape, sizeOf } from '../../src/autodiff/shape.ts'
import { type DType, leaf, type NumericArray, type Value } from '../../src/autodiff/value.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'

/** Numbers in a shape: what a leaf of a test reads. */
export interface Literal {
  readonly shape: Shape
  readonly data: ArrayLike<number>
  readonly dtype?: DType
  readonly sampling?: 'shared' | 'each'
}

/** Numbers as a vector, or in a given shape. */
export const array = (data: ArrayLike<number>, shape: Shape = [data.length]): Literal => ({ data, shape })
export const indices = (data: ArrayLike<number>, shape: Shape = [data.length]): Literal => ({
  data,
  shape,
  dtype: 'index',
})

/** Leaves for the literals, called `0`, `1`, …, and the arrays that they read. */
export function bind(literals: readonly Literal[]) {
  const buffers: Record<string, NumericArray> = {}
  const leaves = literals.map(({ shape, data, dtype = 'float', sampling = 'shared' }, i) => {
    if (data.length !== sizeOf(shape)) throw new Error(`literal ${i}: ${data.length} numbers for [${shape}]`)
    buffers[i] = dtype === 'index' ? Int32Array.from(data) : Float64Array.from(data)
    return leaf({ buffer: String(i), offset: 0, shape, dtype, sampling })
  })
  return { leaves, buffers }
}

/** A function that computes the values anew from what the arrays hold when it is called. */
export function prepare(values: readonly Value[], buffers: Record<string, NumericArray>): () => Float64Array[] {
  const results = values.map((value) => new Float64Array(sizeOf(value.shape)))
  const named = Object.fromEntries(results.map((result, i) => [`result ${i}`, result]))
  const outputs = values.map((value, i) => ({ value, buffer: `result ${i}`, offset: 0 }))
  const plan = referenceBackend().compile({ stages: [outputs] }, { ...buffers, ...named })
  if (plan instanceof Promise) throw new Error('the reference backend is synchronous')
  return () => {
    void plan.run(0, 0)
    return results
  }
}

/** What `build` of the literals is, in float64 on the reference backend. */
export function evaluate(build: (...leaves: Value[]) => Value, ...literals: readonly Literal[]): number[] {
  const { leaves, buffers } = bind(literals)
  return [...prepare([build(...leaves)], buffers)()[0]]
}
