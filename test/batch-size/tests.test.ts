import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BatchSizeTest, exact, leastBatchSize } from '../../src/batch-size/batch-size-test.ts'
import { coordinateTest } from '../../src/batch-size/coordinate-test.ts'
import { augmentedInnerProductTest, innerProductTest, normTest, orthogonalityTest } from '../../src/batch-size/tests.ts'
import { fromPerSampleGradients } from '../../src/statistics/gradient-statistics.ts'
import {
  directed,
  dot,
  l1,
  matrices,
  meanOf,
  options,
  projections,
  residuals,
  variances,
} from '../statistics/oracle.ts'
import { all } from './every-test.ts'

const parameter = fc.double({ min: 0.05, max: 3, noNaN: true })

const close = (a: number, b: number) => expect(a).toSatisfy((x: number) => Math.abs(x - b) <= 1e-9 * Math.max(1, b))

describe('suggested batch sizes are the formulas of docs/maths.md §2, sample by sample', () => {
  const cases: [string, (p: number) => BatchSizeTest, (g: number[][], p: number) => number][] = [
    ['norm', (eta) => normTest({ eta }), (g, eta) => l1(variances(g)) / (eta ** 2 * dot(meanOf(g), meanOf(g)))],
    [
      'inner product',
      (theta) => innerProductTest({ theta }),
      (g, theta) => l1(variances(projections(g))) / (theta ** 2 * dot(meanOf(g), meanOf(g)) ** 2),
    ],
    [
      'orthogonality',
      (nu) => orthogonalityTest({ nu }),
      (g, nu) => l1(variances(residuals(g))) / (nu ** 2 * dot(meanOf(g), meanOf(g))),
    ],
    [
      'augmented inner product',
      (p) => augmentedInnerProductTest({ theta: p, nu: 2 * p }),
      (g, p) => {
        const signal = dot(meanOf(g), meanOf(g))
        const along = l1(variances(projections(g))) / (p ** 2 * signal ** 2)
        return Math.max(along, l1(variances(residuals(g))) / (4 * p ** 2 * signal))
      },
    ],
  ]
  for (const [name, build, formula] of cases) {
    it(name, () => {
      fc.assert(
        fc.property(directed({ min: 2, max: 8 }), parameter, (g, p) => {
          const result = build(p).evaluate(fromPerSampleGradients(g))
          close(result.suggestedBatchSize, formula(g, p))
          expect(result.passed).toBe(result.statistic! <= result.threshold!)
          expect(result.passed).toBe(g.length >= Math.ceil(result.suggestedBatchSize))
        }),
        options,
      )
    })
  }

  it('coordinate-wise: maximum, quantile, floor, one η each', () => {
    // Every entry is at least 1 away from 0 in the mean, so that the oracle's quotient is well conditioned.
    const shifted = matrices({ min: 2, max: 8 }).map((g) => {
      const mean = meanOf(g)
      return g.map((row) => row.map((value, j) => value - mean[j] + (j % 2 ? 1 + j : -2 - j)))
    })
    fc.assert(
      fc.property(shifted, parameter, fc.double({ min: 0.01, max: 1, noNaN: true }), (g, p, quantile) => {
        const floor = 2.5
        const eta = g[0].map((_, j) => p * (j + 1))
        const mean = meanOf(g)
        const each = variances(g).map((v, j) => v / (eta[j] * Math.max(Math.abs(mean[j]), floor)) ** 2)
        const expected = each.sort((a, b) => a - b)[Math.ceil(quantile * each.length) - 1]
        const s = fromPerSampleGradients(g)
        close(coordinateTest({ eta, quantile, floor }).evaluate(s).suggestedBatchSize, expected)
        close(coordinateTest({ eta, floor }).evaluate(s).suggestedBatchSize, each[each.length - 1])
      }),
      options,
    )
    const refused = () => coordinateTest({ eta: [1, 2] }).evaluate(fromPerSampleGradients([[1], [2]]))
    expect(refused).toThrow('eta has 2 entries, the gradient 1 coordinates')
  })
})

describe('T is the least batch size that the same statistics accept (docs/maths.md §3.5)', () => {
  it('for every test', () => {
    fc.assert(
      fc.property(directed({ min: 2, max: 8 }), parameter, (g, p) => {
        const s = fromPerSampleGradients(g)
        for (const test of all(p)) {
          const least = Math.ceil(test.evaluate(s).suggestedBatchSize)
          if (!Number.isFinite(least)) continue
          expect(test.evaluate(s, { batchSize: Math.max(least, 1) }).passed).toBe(true)
          if (least > 1) expect(test.evaluate(s, { batchSize: least - 1 }).passed).toBe(false)
        }
      }),
      options,
    )
  })

  it('in floating point too, where variance/bound is a whole number up to rounding', () => {
    const bound = fc.double({ min: 1e-6, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(bound, fc.integer({ min: 1, max: 1_000_000_000 }), fc.integer({ min: -3, max: 3 }), (d, n, ulps) => {
        const variance = n * d * (1 + ulps * Number.EPSILON)
        const least = Math.ceil(leastBatchSize(variance, d))
        expect(variance / least).toBeLessThanOrEqual(d)
        if (least > 1) expect(variance / (least - 1)).toBeGreaterThan(d)
        expect(Math.abs(least - n)).toBeLessThanOrEqual(1)
      }),
      { ...options, numRuns: 5000 },
    )
  })

  it('a case where the quotient alone would be off by one', () => {
    let caught = 0
    for (let n = 1; n < 2000; n++) {
      for (const bound of [0.1, 0.3, 0.7, 1.1]) {
        const variance = n * bound * (1 + Number.EPSILON)
        if (Math.ceil(variance / bound) !== Math.ceil(leastBatchSize(variance, bound))) caught++
      }
    }
    expect(caught).toBeGreaterThan(0)
  })
})

describe('invariances (docs/maths.md §3.6)', () => {
  const rotate = (g: number[][], angle: number) =>
    g.map(([x, y, ...rest]) => [
      Math.cos(angle) * x - Math.sin(angle) * y,
      Math.sin(angle) * x + Math.cos(angle) * y,
      ...rest,
    ])
  const T = (test: BatchSizeTest, g: number[][]) => test.evaluate(fromPerSampleGradients(g)).suggestedBatchSize
  const same = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-8 * (1 + Math.abs(b)))

  it('T does not depend on the scale of the loss, the order of samples, or (2.1 to 2.4) a rotation', () => {
    const inputs = [
      directed({ min: 2, max: 8 }, { min: 2, max: 5 }),
      parameter,
      fc.double({ min: 0, max: 6, noNaN: true }),
    ] as const
    fc.assert(
      fc.property(...inputs, (g, p, angle) => {
        for (const test of all(p).slice(0, 4)) {
          const t = T(test, g)
          same(
            T(
              test,
              g.map((row) => row.map((value) => 0.37 * value)),
            ),
            t,
          )
          same(T(test, g.toReversed()), t)
          same(T(test, rotate(g, angle)), t)
        }
        // Powers of two scale without rounding, so even a coordinate whose gradient is almost 0 may be compared.
        const coordinate = all(p)[4]
        const halved = g.map((row) => row.map((value) => value / 2))
        expect(T(coordinate, halved)).toBe(T(coordinate, g))
      }),
      options,
    )
  })

  it('T falls as η, ϑ and ν grow', () => {
    fc.assert(
      fc.property(
        directed({ min: 2, max: 8 }),
        parameter,
        fc.double({ min: 1.01, max: 4, noNaN: true }),
        (g, p, more) => {
          const s = fromPerSampleGradients(g)
          const [tight, loose] = [all(p), all(p * more)]
          for (const [k, test] of tight.entries()) {
            const [a, b] = [test.evaluate(s).suggestedBatchSize, loose[k].evaluate(s).suggestedBatchSize]
            if (a > 0 && Number.isFinite(a)) expect(b).toBeLessThan(a)
          }
        },
      ),
      options,
    )
  })
})

describe('exact tests of a finite sum (docs/maths.md §3.2 to 3.4)', () => {
  it('imply the expected strong growth of ḡ over all batches', () => {
    const batch = fc.integer({ min: 1, max: 3 })
    const wide = fc.double({ min: 0.5, max: 30, noNaN: true })
    const applied = { norm: 0, augmented: 0, coordinate: 0 }
    fc.assert(
      fc.property(directed({ min: 2, max: 4 }, { min: 1, max: 3 }), wide, batch, (g, p, b) => {
        const population = fromPerSampleGradients(g)
        const signal = dot(population.mean, population.mean)
        let batches: number[][][] = [[]]
        for (let k = 0; k < b; k++) batches = batches.flatMap((start) => g.map((row) => [...start, row]))
        const means = batches.map(meanOf)
        const second = means.reduce((sum, mean) => sum + dot(mean, mean), 0) / means.length
        const slack = 1e-9 * (1 + population.sumSquaredNorms)
        if (exact(normTest({ eta: p })).evaluate(population, b).passed) {
          applied.norm++
          expect(second).toBeLessThanOrEqual((1 + p ** 2) * signal + slack)
        }
        if (exact(augmentedInnerProductTest({ theta: p, nu: p })).evaluate(population, b).passed) {
          applied.augmented++
          expect(second).toBeLessThanOrEqual((1 + 2 * p ** 2) * signal + slack)
        }
        if (exact(coordinateTest({ eta: p })).evaluate(population, b).passed) {
          applied.coordinate++
          expect(exact(normTest({ eta: p * (1 + 1e-9) })).evaluate(population, b).passed).toBe(true)
          for (const [j, partial] of population.mean.entries()) {
            const square = means.reduce((sum, mean) => sum + mean[j] ** 2, 0) / means.length
            expect(square).toBeLessThanOrEqual((1 + p ** 2) * partial ** 2 + slack)
          }
        }
      }),
      options,
    )
    // The implications are worth something only if their premises occur.
    for (const count of Object.values(applied)) expect(count).toBeGreaterThan(20)
  })

  it('use the divisor N and are defined for b = 1', () => {
    const population = fromPerSampleGradients([[1], [3]])
    // σ² = 1, ∇F = 2: passes iff 1/b ≤ 4η².
    const test = exact(normTest({ eta: 0.5 }))
    expect(test.evaluate(population, 1)).toEqual({
      name: 'exact norm',
      verdict: 'passed',
      statistic: 1,
      threshold: 1,
      passed: true,
      suggestedBatchSize: 1,
    })
    expect(exact(normTest({ eta: 0.25 })).evaluate(population, 3).suggestedBatchSize).toBe(4)
    expect(() => test.evaluate(population, 0)).toThrow('batchSize must be a whole number of at least 1, got 0')
  })
})
