import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { matmul, slice, square, sum } from '../../src/autodiff/operations/index.ts'
import type { Backend } from '../../src/backends/backend.ts'
import { loadGpuJs } from '../../src/backends/gpu/gpujs.ts'
import type { GpuBackend } from '../../src/backends/gpu/index.ts'
import { lower } from '../../src/backends/gpu/lower.ts'
import { processorEngine } from '../../src/backends/gpu/web-gl.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { normal, uniform } from '../support/arrays.ts'
import { closeAll, describeOnAdapter, open } from './adapter.ts'
import { compute, relativeError } from './compare.ts'

// Matrix products of odd shapes and long sums. Errors are measured against Σ|a||b|: elements cancel.

afterAll(closeAll)

const extent = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(15, 16, 17, 31, 33, 63, 64, 65, 100))
const products = fc
  .record({
    lead: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 1 }),
    m: extent,
    k: fc.oneof(extent, fc.constantFrom(1, 16, 17, 1100)),
    n: extent,
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    seed: fc.integer({ min: 0, max: 1e6 }),
  })
  // The software adapters of the tests are slow.
  .filter(({ m, k, n }) => m * k * n < 400_000)

async function productError(backend: Backend, { lead, m, k, n, transposeA, transposeB, seed }: Case): Promise<number> {
  const a = normal([...lead, ...(transposeA ? [k, m] : [m, k])], `${seed}a`)
  const b = normal([...lead, ...(transposeB ? [n, k] : [k, n])], `${seed}b`)
  const options = { transposeA, transposeB }
  const [found] = await compute(backend, (x, y) => matmul(x!, y!, options), [a, b])
  const [exact] = await compute(referenceBackend(), (x, y) => matmul(x!, y!, options), [a, b])
  const magnitudes = [a, b].map((literal) => ({ ...literal, data: Array.from(literal.data, Math.abs) }))
  const [scale] = await compute(referenceBackend(), (x, y) => matmul(x!, y!, options), magnitudes)
  return Math.max(...Array.from(exact!, (x, i) => Math.abs(found![i]! - x) / scale![i]!))
}
type Case = typeof products extends fc.Arbitrary<infer T> ? T : never

describeOnAdapter('products on the GPU', () => {
  test.each(['tiled', 'gpu.js'] as const)(
    '%s',
    async (kind) => {
      const backend = await open({ matmul: kind })
      expect(backend.details.matmul).toBe(kind)
      await fc.assert(
        fc.asyncProperty(products, async (product) => {
          // Rounding: k terms, each with an error of at most 2⁻²⁴ of the partial sum.
          expect(await productError(backend, product)).toBeLessThan((product.k + 4) * 2 ** -24)
        }),
        {
          seed: 11,
          numRuns: 25,
          examples: [[{ lead: [], m: 3, k: 70_001, n: 1, transposeA: true, transposeB: true, seed: 1 }]],
        },
      )
    },
    180_000,
  )

  test('a sum of 1,001 to 100,003 terms keeps its digits', async () => {
    const backend = await open()
    for (const n of [1001, 4099, 100_003]) {
      const x = uniform([n], n, 0.5, 1.5)
      const build = (v: Parameters<typeof sum>[0]) => [sum(v), sum(square(v))]
      const [found, exact] = [await compute(backend, build, [x]), await compute(referenceBackend(), build, [x])]
      for (const [i, [want]] of exact.entries()) expect(Math.abs(found[i]![0]! / want! - 1)).toBeLessThan(1e-6)
    }
  })

  test('more than 2²⁴ elements: every one is found, and summed once', async () => {
    const backend = await open()
    const n = 2 ** 24 + 77
    const data = new Float32Array(n).fill(2 ** -10)
    for (let i = n - 5; i < n; i++) data[i] = i - n
    const build = (v: Parameters<typeof sum>[0]) => [sum(v), slice(v, [n - 5], [n]), slice(square(v), [n - 5], [n])]
    const found = await compute(backend, build, [{ shape: [n], data }])
    expect(found[0]![0]! / ((n - 5) * 2 ** -10 - 15) - 1).toBeLessThan(1e-6)
    expect([...found[1]!]).toEqual([-5, -4, -3, -2, -1])
    expect([...found[2]!]).toEqual([25, 16, 9, 4, 1])
  })
})

describe("the kernels in gpu.js's own modes", () => {
  test.each(['cpu', 'webasm'] as const)('%s', async (mode) => {
    const engine = processorEngine(await loadGpuJs(), mode)
    const backend: Pick<GpuBackend, 'compile' | 'allocate'> = {
      allocate: (length) => new Float32Array(length),
      compile: (graph, buffers) => engine.compile(lower(graph), buffers),
    }
    await fc.assert(
      fc.asyncProperty(products, async (product) => {
        expect(await productError(backend as Backend, product)).toBeLessThan((product.k + 4) * 2 ** -24)
      }),
      { seed: 12, numRuns: 8 },
    )
    await engine.dispose()
    expect(relativeError([1], [1])).toBe(0)
  })
})
