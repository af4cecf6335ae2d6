import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sizeOf } from '../../src/autodiff/shape.ts'
import type { Value } from '../../src/autodiff/value.ts'
import { wasmBackend } from '../../src/backends/wasm/index.ts'
import { normal } from '../support/arrays.ts'
import { gradientOf } from '../support/central-difference.ts'
import { bind, type Literal, prepare } from '../support/evaluate.ts'
import { operationCases } from '../support/operation-cases.ts'

// Every operation and its gradient, through plans of the wasm backend, beside the reference backend in float64.

const backends = await Promise.all([wasmBackend(), wasmBackend({ simd: 'auto' })])

/** Largest error of any result, relative to the largest number in it. */
function worstError(
  backend: (typeof backends)[number],
  build: (...leaves: Value[]) => Value | readonly Value[],
  inputs: readonly Literal[],
): number {
  const rounded = inputs.map((literal) =>
    literal.dtype === 'index' ? literal : { ...literal, data: Float32Array.from(literal.data) },
  )
  const { leaves, buffers } = bind(rounded)
  const built = build(...leaves)
  const values = (Array.isArray(built) ? built : [built]) as readonly Value[]
  const want = prepare(values, buffers)()
  const arrays = Object.fromEntries(
    Object.entries(buffers).map(([name, array]) => {
      const own = array instanceof Int32Array ? backend.allocateIndices(array.length) : backend.allocate(array.length)
      own.set(array)
      return [name, own]
    }),
  )
  const results = values.map(({ shape }) => backend.allocate(sizeOf(shape)))
  const named = Object.fromEntries(results.map((result, i) => [`result ${i}`, result]))
  const outputs = values.map((value, i) => ({ value, buffer: `result ${i}`, offset: 0 }))
  const plan = backend.compile({ stages: [outputs] }, { ...arrays, ...named })
  expect(plan.slow).toEqual([])
  plan.run(0, 0)
  let worst = 0
  for (const [k, exact] of want.entries()) {
    const scale = exact.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1e-3)
    for (const [i, x] of exact.entries()) {
      const error = Math.abs(results[k]![i]! - x) / scale
      if (!(error <= worst)) worst = error
    }
  }
  return worst
}

describe.each(backends.map((backend) => [backend.details.simd, backend] as const))('%s SIMD', (_, backend) => {
  test.each(Object.keys(operationCases))('%s and its gradient', (name) => {
    fc.assert(
      fc.property(operationCases[name]!, ({ inputs, build }) => {
        expect(worstError(backend, build, inputs)).toBeLessThan(2e-5)
        const { leaves } = bind(inputs)
        const cotangent = normal(build(...leaves).shape, 'cotangent')
        // Standardising two elements leaves a gradient near 0 of terms near 1.
        expect(worstError(backend, gradientOf(build, 1), [cotangent, ...inputs])).toBeLessThan(1e-4)
      }),
      { seed: 3, numRuns: 12 },
    )
  })
})
