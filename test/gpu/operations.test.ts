import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { normal } from '../support/arrays.ts'
import { gradientOf } from '../support/central-difference.ts'
import { bind } from '../support/evaluate.ts'
import { operationCases } from '../support/operation-cases.ts'
import { closeAll, describeOnAdapter, open } from './adapter.ts'
import { worstError } from './compare.ts'

// Every operation and its gradient on the device, beside the reference backend in float64.

afterAll(closeAll)

describeOnAdapter('operations on the GPU', () => {
  test.each(Object.keys(operationCases))('%s and its gradient', async (name) => {
    const backend = await open()
    await fc.assert(
      fc.asyncProperty(operationCases[name]!, async ({ inputs, build }) => {
        expect(await worstError(backend, build, inputs)).toBeLessThan(2e-5)
        const { leaves } = bind(inputs)
        const cotangent = normal(build(...leaves).shape, 'cotangent')
        // Standardising two elements leaves a gradient near 0 of terms near 1.
        expect(await worstError(backend, gradientOf(build, 1), [cotangent, ...inputs])).toBeLessThan(1e-4)
      }),
      { seed: 3, numRuns: 4 },
    )
  })
})
