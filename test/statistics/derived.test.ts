import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  coordinateVariances,
  innerProductVariance,
  orthogonalVariance,
  varianceL1,
} from '../../src/statistics/derived.ts'
import { fromPerSampleGradients, merge } from '../../src/statistics/gradient-statistics.ts'
import { directed, dot, l1, matrices, meanOf, options, projections, residuals, variances } from './oracle.ts'

/** |a − b| within rounding of sums whose terms are of size `scale`. */
const near = (a: number, b: number, scale: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-12 * (1 + scale))

describe('variances agree with the definitions, sample by sample', () => {
  it('‖Var‖₁ and Var_j', () => {
    fc.assert(
      fc.property(matrices({ min: 2, max: 9 }), (g) => {
        const s = fromPerSampleGradients(g)
        near(varianceL1(s)!, l1(variances(g)), s.sumSquaredNorms)
        near(varianceL1(s, 'population')!, l1(variances(g, g.length)), s.sumSquaredNorms)
        for (const [j, value] of variances(g).entries()) near(coordinateVariances(s)![j], value, s.sumSquaredNorms)
      }),
      options,
    )
  })

  it('Var⟨g_i, ḡ⟩, OrthVar, and the identity that joins them', () => {
    fc.assert(
      fc.property(directed({ min: 2, max: 9 }), (g) => {
        const s = fromPerSampleGradients(g)
        const signal = dot(meanOf(g), meanOf(g))
        const [total, along, across] = [varianceL1(s)!, innerProductVariance(s)!, orthogonalVariance(s)!]
        near(along, l1(variances(projections(g))), s.sumSquaredNorms * signal)
        near(across, l1(variances(residuals(g))), s.sumSquaredNorms)
        near(total, across + along / signal, s.sumSquaredNorms)
      }),
      options,
    )
  })

  it('‖Var‖₁ pools as (Σ(b_j − 1)V_j + Σ b_j‖ḡ_j − ḡ‖²)/(b − 1) (docs/maths.md §4)', () => {
    fc.assert(
      fc.property(matrices({ min: 4, max: 9 }), fc.integer({ min: 2, max: 7 }), (g, at) => {
        const cut = Math.min(at, g.length - 2)
        const parts = [g.slice(0, cut), g.slice(cut)]
        const mean = meanOf(g)
        const pooled = parts.reduce((sum, part) => {
          const difference = meanOf(part).map((m, j) => m - mean[j])
          return sum + (part.length - 1) * l1(variances(part)) + part.length * dot(difference, difference)
        }, 0)
        const merged = parts.map(fromPerSampleGradients).reduce<Parameters<typeof merge>[0]>(merge, {
          batchSize: 0,
          mean: new Float64Array(mean.length),
        })
        near(varianceL1(merged)!, pooled / (g.length - 1), merged.sumSquaredNorms!)
      }),
      options,
    )
  })
})

describe('edges', () => {
  it('one sample has no sample variance, but a population of one has variance 0', () => {
    const s = fromPerSampleGradients([[3, 4]])
    for (const variance of [varianceL1, innerProductVariance, orthogonalVariance, coordinateVariances]) {
      expect(variance(s)).toBeUndefined()
    }
    expect(varianceL1(s, 'population')).toBe(0)
  })

  it('rounding never makes a variance negative', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 50 }), fc.double({ min: 0.1, max: 1, noNaN: true }), (b, value) => {
        const s = fromPerSampleGradients(Array.from({ length: b }, () => [value, value / 3]))
        expect(varianceL1(s)).toBeGreaterThanOrEqual(0)
        expect(orthogonalVariance(s)).toBeGreaterThanOrEqual(0)
        for (const variance of coordinateVariances(s)!) expect(variance).toBeGreaterThanOrEqual(0)
      }),
      options,
    )
  })

  it('projections far from 0 keep their digits', () => {
    // ⟨g_i, ḡ⟩ = 1e12 ± 1e3: Σp² − b·p̄² would keep no digit of the variance 1e6.
    const s = {
      batchSize: 3,
      mean: new Float64Array([1e6]),
      projections: Float64Array.of(1e12 - 1e3, 1e12, 1e12 + 1e3),
    }
    expect(innerProductVariance(s)).toBe(1e6)
  })

  it('with ḡ = 0 nothing is taken out', () => {
    const s = fromPerSampleGradients([
      [1, 2],
      [-1, -2],
    ])
    expect(orthogonalVariance(s)).toBe(varianceL1(s))
    expect(varianceL1(s)).toBe(10)
  })

  it('a missing field is named', () => {
    const bare = { batchSize: 2, mean: new Float64Array(1) }
    expect(() => varianceL1(bare)).toThrow("measure at level 'norms'")
    expect(() => coordinateVariances(bare)).toThrow("measure at level 'coordinates'")
  })
})

describe('what the variance means (docs/maths.md §3.1)', () => {
  it('E‖ḡ‖² = ‖∇F‖² + σ²/b over all b-tuples, times (N − b)/(N − 1) over all subsets', () => {
    fc.assert(
      fc.property(matrices({ min: 3, max: 5 }, { min: 1, max: 3 }), (g) => {
        const population = fromPerSampleGradients(g)
        const sigma2 = varianceL1(population, 'population')!
        const signal = dot(population.mean, population.mean)
        const pairs = g.flatMap((a, i) => g.map((b, k) => ({ distinct: i !== k, mean: meanOf([a, b]) })))
        const average = (of: typeof pairs) => of.reduce((sum, { mean }) => sum + dot(mean, mean), 0) / of.length
        near(average(pairs), signal + sigma2 / 2, population.sumSquaredNorms)
        const without = average(pairs.filter(({ distinct }) => distinct))
        near(without, signal + ((sigma2 / 2) * (g.length - 2)) / (g.length - 1), population.sumSquaredNorms)
      }),
      options,
    )
  })
})
