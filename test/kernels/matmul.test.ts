import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { builds, type Kernels, noise, worst } from './load.ts'

// max |error| / Σ|a||b|; float32 sums of k terms err by at most about k·2⁻²⁴ and by much less in practice.
const tolerance = 1e-6

interface Extents {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/** C and Σ|a||b| in float64, by the definition. */
function naive(a: Float32Array, b: Float32Array, { batch, m, n, k, transposeA, transposeB }: Extents) {
  const c = new Float64Array(batch * m * n)
  const scale = new Float64Array(batch * m * n)
  for (let s = 0; s < batch; s++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++)
        for (let p = 0; p < k; p++) {
          const x = a[s * m * k + (transposeA ? p * m + i : i * k + p)]!
          const y = b[s * k * n + (transposeB ? j * k + p : p * n + j)]!
          c[(s * m + i) * n + j]! += x * y
          scale[(s * m + i) * n + j]! += Math.abs(x * y)
        }
  return { c, scale }
}

function check(kernels: Kernels, extents: Extents): void {
  const { batch, m, n, k, transposeA, transposeB } = extents
  kernels.reset()
  const a = kernels.place(noise(batch * m * k, 1))
  const b = kernels.place(noise(batch * k * n, 2))
  const c = kernels.place(batch * m * n)
  const flags = [Number(transposeA), Number(transposeB)]
  const workspace = kernels.scratch(kernels.call.matmulWorkspace!(batch, m, n, k, ...flags))
  kernels.call.matmul!(a.byteOffset, b.byteOffset, c.byteOffset, batch, m, n, k, ...flags, workspace)
  const want = naive(a, b, extents)
  expect(worst(c, want.c, want.scale)).toBeLessThan(tolerance)
  expect(kernels.intact()).toBe(true)
}

describe.each(builds.map((kernels) => [kernels.name, kernels] as const))('matmul, %s', (_, kernels) => {
  test('random extents and transposes', () => {
    const extent = fc.integer({ min: 1, max: 45 })
    fc.assert(
      fc.property(
        fc.record({
          batch: fc.integer({ min: 1, max: 3 }),
          m: extent,
          n: extent,
          k: extent,
          transposeA: fc.boolean(),
          transposeB: fc.boolean(),
        }),
        (extents) => check(kernels, extents),
      ),
      { seed: 1, numRuns: 300 },
    )
  })

  test('extents of several cache blocks, and skewed ones', () => {
    for (const [m, n, k] of [
      [401, 37, 259],
      [37, 70, 1025],
      [13, 2061, 40],
      [1, 500, 1024],
      [64, 10, 1568],
      [10, 1568, 64],
      [64, 1568, 10],
      [200, 100, 1],
      [1, 1, 2000],
      [33, 34, 600],
    ] as const)
      for (const transposeA of [false, true])
        for (const transposeB of [false, true]) check(kernels, { batch: 1, m, n, k, transposeA, transposeB })
  })

  test('an empty sum is 0', () => {
    check(kernels, { batch: 2, m: 3, n: 5, k: 0, transposeA: false, transposeB: false })
  })
})
