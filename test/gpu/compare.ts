import { sizeOf } from '../../src/autodiff/shape.ts'
import type { NumericArray, Value } from '../../src/autodiff/value.ts'
import type { Backend, Graph } from '../../src/backends/backend.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { bind, type Literal } from '../support/evaluate.ts'

export type Build = (...leaves: Value[]) => Value | readonly Value[]

/** What `build` of the literals is, on a backend: each value's numbers. */
export async function compute(backend: Backend, build: Build, inputs: readonly Literal[]): Promise<NumericArray[]> {
  const rounded = inputs.map((literal) =>
    literal.dtype === 'index' ? literal : { ...literal, data: Float32Array.from(literal.data) },
  )
  const { leaves, buffers } = bind(rounded)
  const built = build(...leaves)
  const values = Array.isArray(built) ? (built as readonly Value[]) : [built as Value]
  const results = values.map(({ shape }) => backend.allocate(sizeOf(shape)))
  const named = Object.fromEntries(results.map((result, i) => [`result ${i}`, result]))
  const graph: Graph = { stages: [values.map((value, i) => ({ value, buffer: `result ${i}`, offset: 0 }))] }
  const plan = await backend.compile(graph, { ...buffers, ...named })
  await plan.run(0, 0)
  return results
}

/** Largest error of any result against float64, relative to the largest number in it. */
export async function worstError(backend: Backend, build: Build, inputs: readonly Literal[]): Promise<number> {
  const [found, want] = [await compute(backend, build, inputs), await compute(referenceBackend(), build, inputs)]
  return Math.max(...want.map((exact, k) => relativeError(found[k]!, exact)))
}

/** Largest error, relative to the largest number that is expected; infinite where one is no number and the other is. */
export function relativeError(found: ArrayLike<number>, exact: ArrayLike<number>): number {
  let [scale, worst] = [1e-3, 0]
  for (let i = 0; i < exact.length; i++) scale = Math.max(scale, Math.abs(exact[i]!))
  for (let i = 0; i < exact.length; i++) {
    const error = Math.abs(found[i]! - exact[i]!) / scale
    if (!(error <= worst)) worst = Number.isNaN(error) ? Infinity : error
  }
  return worst
}
