import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError, ShapeError } from '../../src/errors.ts'
import {
  empty,
  field,
  fromPerSampleGradients,
  type GradientStatistics,
  merge,
  needs,
  withProjections,
} from '../../src/statistics/gradient-statistics.ts'
import { dot, matrices, meanOf, options } from './oracle.ts'

/** Equal up to rounding, field by field. */
function expectClose(a: GradientStatistics, b: GradientStatistics) {
  expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort())
  expect(a.batchSize).toBe(b.batchSize)
  const scale = 1 + (b.sumSquaredNorms ?? 0)
  expect(Math.abs((a.sumSquaredNorms ?? 0) - (b.sumSquaredNorms ?? 0)) / scale).toBeLessThan(1e-13)
  for (const [j, value] of b.mean.entries()) expect(Math.abs(a.mean[j] - value)).toBeLessThan(1e-11)
  for (const [j, value] of (b.sumSquares ?? new Float64Array()).entries()) {
    expect(Math.abs(a.sumSquares![j] - value) / scale).toBeLessThan(1e-13)
  }
}

const withoutProjections = ({ projections: _, ...rest }: GradientStatistics): GradientStatistics => rest
const measure = (g: number[][]) => withoutProjections(fromPerSampleGradients(g))

describe('fromPerSampleGradients', () => {
  it('agrees with the definitions', () => {
    fc.assert(
      fc.property(matrices({ min: 1, max: 9 }), (g) => {
        const s = fromPerSampleGradients(g)
        expect(s.batchSize).toBe(g.length)
        expect([...s.mean]).toEqual(meanOf(g))
        expect(s.sumSquaredNorms).toBeCloseTo(
          g.reduce((sum, row) => sum + dot(row, row), 0),
          6,
        )
        expect(s.projections.length).toBe(g.length)
        for (const [i, row] of g.entries()) expect(s.projections[i]).toBeCloseTo(dot(row, s.mean), 8)
        // Σ_i ⟨g_i, ḡ⟩ = b‖ḡ‖², and the coordinates add up to the norms.
        expect(s.projections.reduce((a, b) => a + b)).toBeCloseTo(g.length * dot(s.mean, s.mean), 6)
        expect(s.sumSquares.reduce((a, b) => a + b)).toBeCloseTo(s.sumSquaredNorms, 6)
      }),
      options,
    )
  })

  it('refuses no samples and ragged samples, saying which', () => {
    expect(() => fromPerSampleGradients([])).toThrow(ShapeError)
    expect(() => fromPerSampleGradients([[1, 2], [1]])).toThrow('sample 1 has 1 coordinates, sample 0 has 2')
  })
})

describe('merge (docs/maths.md §4)', () => {
  it('gives what the whole batch gives, however it is cut', () => {
    const cut = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(matrices({ min: 1, max: 12 }), cut, (g, sizes) => {
        const chunks: number[][][] = []
        for (let start = 0, k = 0; start < g.length; k++) {
          const size = sizes[k % sizes.length]
          chunks.push(g.slice(start, start + size))
          start += size
        }
        const parts = chunks.map(measure)
        const whole = measure(g)
        expectClose(parts.reduce(merge, empty(g[0].length)), whole)
        expectClose(parts.reduceRight(merge), whole)
      }),
      options,
    )
  })

  it('commutes to the bit and has a neutral element', () => {
    const pair = fc.integer({ min: 1, max: 5 }).chain((d) => {
      const side = matrices({ min: 1, max: 5 }, { min: d, max: d })
      return fc.tuple(side, side)
    })
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(merge(measure(a), measure(b))).toEqual(merge(measure(b), measure(a)))
        const s = fromPerSampleGradients(a)
        expect(merge(empty(a[0].length), s)).toEqual(s)
        expect(merge(s, empty(a[0].length))).toEqual(s)
      }),
      options,
    )
  })

  it('keeps only what both sides measured, and never projections', () => {
    const s = fromPerSampleGradients([[1, 2]])
    const { sumSquares: _, ...norms } = s
    expect(Object.keys(merge(s, s)).sort()).toEqual(['batchSize', 'mean', 'sumSquaredNorms', 'sumSquares'])
    expect(Object.keys(merge(s, norms)).sort()).toEqual(['batchSize', 'mean', 'sumSquaredNorms'])
  })

  it('refuses gradients of two models', () => {
    expect(() => merge(empty(2), empty(3))).toThrow(ShapeError)
  })
})

describe('withProjections', () => {
  it('joins the chunks of a second sweep', () => {
    const g = [
      [1, 0],
      [0, 1],
      [2, 2],
    ]
    const whole = fromPerSampleGradients(g)
    const swept = withProjections(measure(g), whole.projections.slice(0, 1), whole.projections.slice(1))
    expect(swept).toEqual(whole)
    expect(() => withProjections(measure(g), new Float64Array(2))).toThrow('2 projections for a batch of 3 samples')
  })
})

describe('levels', () => {
  it('combine', () => {
    expect(needs()).toEqual({ norms: false, coordinates: false, projections: false })
    expect(needs('none', 'norms')).toEqual({ norms: true, coordinates: false, projections: false })
    expect(needs('coordinates', 'projections')).toEqual({ norms: true, coordinates: true, projections: true })
  })

  it('name what is missing', () => {
    const attempt = () => field({ batchSize: 2, mean: new Float64Array(1) }, 'projections', 'inner-product')
    expect(attempt).toThrow(ConfigurationError)
    expect(attempt).toThrow("inner-product needs projections: measure at level 'projections'")
  })
})
