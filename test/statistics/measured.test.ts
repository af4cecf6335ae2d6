import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { augmentedInnerProductTest, innerProductTest, normTest, orthogonalityTest } from '../../src/batch-size/tests.ts'
import { ConfigurationError, DivergenceError, ShapeError } from '../../src/errors.ts'
import { squaredNorm } from '../../src/statistics/derived.ts'
import { gatherer } from '../../src/statistics/gather.ts'
import { fromPerSampleGradients, type GradientStatistics, merge } from '../../src/statistics/gradient-statistics.ts'
import { fromMeasured, type Measured } from '../../src/statistics/measured.ts'
import { directed, dot, matrices, meanOf, options } from './oracle.ts'

/** As another program would write it. */
const asJson = (statistics: GradientStatistics): Measured =>
  JSON.parse(
    JSON.stringify(statistics, (_, value) => (ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value)),
  )

describe('fromMeasured', () => {
  it('takes what JSON brings, to the bit', () => {
    fc.assert(
      fc.property(directed({ min: 1, max: 8 }), (g) => {
        const s = fromPerSampleGradients(g)
        expect(fromMeasured(asJson(s))).toEqual(s)
        const { projections: _, sumSquares: __, ...norms } = s
        expect(fromMeasured(asJson(norms))).toEqual(norms)
        expect(fromMeasured({ batchSize: s.batchSize, mean: s.mean })).toEqual({ batchSize: s.batchSize, mean: s.mean })
      }),
      options,
    )
  })

  it('decides every test but the coordinate-wise one from ‖ḡ‖² alone', () => {
    const tests = [
      normTest({ eta: 0.5 }),
      innerProductTest({ theta: 0.5 }),
      orthogonalityTest({ nu: 1 }),
      augmentedInnerProductTest({ theta: 0.9, nu: 5.8 }),
    ]
    fc.assert(
      fc.property(directed({ min: 2, max: 8 }), (g) => {
        const { batchSize, mean, sumSquaredNorms, projections } = fromPerSampleGradients(g)
        const whole = { batchSize, mean, sumSquaredNorms, projections }
        const short = fromMeasured({ batchSize, squaredNorm: squaredNorm(mean), sumSquaredNorms, projections })
        for (const test of tests) {
          const [a, b] = [test.evaluate(short), test.evaluate(whole)]
          const scale = sumSquaredNorms / b.threshold! / batchSize
          expect(Math.abs(a.suggestedBatchSize - b.suggestedBatchSize)).toBeLessThan(1e-9 * (1 + scale * batchSize))
        }
      }),
      options,
    )
  })

  it('merges the micro-batches of another program to the whole batch', () => {
    fc.assert(
      fc.property(directed({ min: 2, max: 12 }), fc.integer({ min: 1, max: 11 }), (g, cut) => {
        const at = Math.min(cut, g.length - 1)
        const micro = [g.slice(0, at), g.slice(at)].map((part) => {
          const mean = meanOf(part)
          return { batchSize: part.length, mean, sumSquaredNorms: part.reduce((sum, row) => sum + dot(row, row), 0) }
        })
        const merged = micro.map(fromMeasured).reduce(merge)
        const whole = fromPerSampleGradients(g)
        const [a, b] = [merged, whole].map((s) => normTest({ eta: 1 }).evaluate(s).suggestedBatchSize)
        expect(Math.abs(a - b)).toBeLessThan(1e-9 * (1 + whole.sumSquaredNorms))
      }),
      options,
    )
  })

  it('notices gradients divided by b, means in place of sums, and numbers of another batch', () => {
    const g = [
      [1, 0.5],
      [1, -0.5],
      [1.5, 0],
      [0.5, 0],
    ]
    const s = fromPerSampleGradients(g)
    const { mean, projections } = s
    const scaled = fromPerSampleGradients(g.map((row) => row.map((value) => value / 4)))
    expect(() => fromMeasured({ ...s, mean, sumSquaredNorms: s.sumSquaredNorms / 4, sumSquares: [1] })).toThrow(
      ShapeError,
    )
    for (const sumSquaredNorms of [s.sumSquaredNorms / 4, scaled.sumSquaredNorms])
      expect(() => fromMeasured({ batchSize: 4, mean, sumSquaredNorms })).toThrow(
        'which no gradients yield; expected the sum over the samples, of gradients that are not divided by b',
      )
    expect(() => fromMeasured({ batchSize: 4, mean, projections: scaled.projections })).toThrow('should be equal')
    expect(() => fromMeasured({ ...s, sumSquaredNorms: 2 * s.sumSquaredNorms })).toThrow('Σ_j Σ g_ij²')
    expect(() => fromMeasured({ batchSize: 4, mean, projections: projections.slice(1) })).toThrow(
      'projections has 3 entries for 4 samples',
    )
  })

  it('takes float32 as it comes', () => {
    fc.assert(
      fc.property(matrices({ min: 2, max: 8 }), (g) => {
        const { batchSize, mean, sumSquaredNorms, sumSquares, projections } = fromPerSampleGradients(g)
        fromMeasured({
          batchSize,
          mean: Float32Array.from(mean),
          sumSquaredNorms: Math.fround(sumSquaredNorms),
          sumSquares: Float32Array.from(sumSquares),
          projections: Float32Array.from(projections),
        })
      }),
      options,
    )
  })

  it('says what is missing, unknown, or not finite', () => {
    const wrong = (given: object) => () => fromMeasured(given as Measured)
    expect(wrong({ batchSize: 4 })).toThrow('expected mean, ḡ, or squaredNorm, ‖ḡ‖²; got neither')
    expect(wrong({ batchSize: 4, mean: [1], squaredNorm: 1 })).toThrow(ConfigurationError)
    expect(wrong({ batchSize: 4, mean: [1], sumSquaredNorm: 9 })).toThrow('unknown field sumSquaredNorm; there are')
    expect(wrong({ batchSize: 4.5, mean: [1] })).toThrow('batchSize must be a whole number of at least 1, got 4.5')
    expect(wrong({ batchSize: 4, mean: 1 })).toThrow('mean must be an array of numbers, got number')
    expect(wrong({ batchSize: 4, mean: [1, null] })).toThrow(DivergenceError)
    expect(wrong({ batchSize: 4, mean: [1, null] })).toThrow('mean[1] is null, expected a finite number')
    expect(wrong({ batchSize: 4, squaredNorm: 1, sumSquares: [4] })).toThrow('sumSquares goes with mean')
    expect(wrong({ batchSize: 4, mean: [] })).toThrow('mean is empty')
    expect(wrong({ batchSize: 4, mean: [1], projections: null })).toThrow(
      'projections must be an array of numbers, got null',
    )
    for (const nothing of [null, 7, [1]])
      expect(() => fromMeasured(nothing as never)).toThrow('expected an object with')
    expect(wrong({ batchSize: 2, squaredNorm: 0.5, sumSquaredNorms: 2, projections: [5, -4] })).toThrow(
      'Σ⟨g_i, ḡ⟩² = 41 is more than ‖ḡ‖²Σ‖g_i‖² = 1',
    )
    expect(wrong({ batchSize: 4, squaredNorm: -1 })).toThrow(
      'squaredNorm must be a finite number of at least 0, got -1',
    )
    expect(wrong({ batchSize: 4, squaredNorm: 1, sumSquaredNorms: Number.NaN })).toThrow('sumSquaredNorms is NaN')
  })
})

describe('gatherer', () => {
  it('gathers what the b × d matrix says, one by one or in rows', () => {
    fc.assert(
      fc.property(matrices({ min: 1, max: 9 }), (g) => {
        const { projections: _, sumSquaredNorms, ...expected } = fromPerSampleGradients(g)
        const batch = gatherer(g[0].length)
        batch.add(Float64Array.from(g.flat()))
        expect(batch.batchSize).toBe(g.length)
        const { sumSquaredNorms: gathered, ...rest } = batch.take()
        expect(rest).toEqual(expected)
        expect(Math.abs(gathered! - sumSquaredNorms)).toBeLessThan(1e-12 * (1 + sumSquaredNorms))
        for (const row of g) batch.add(row)
        expect(batch.take()).toEqual({ ...rest, sumSquaredNorms: gathered })
        expect(batch.take().batchSize).toBe(0)
      }),
      options,
    )
  })

  it('refuses what is not whole samples', () => {
    expect(() => gatherer(3).add([1, 2, 3, 4])).toThrow('4 numbers, expected [3] or [n, 3]')
    expect(() => gatherer(3).add([])).toThrow(ShapeError)
    expect(() => gatherer(0)).toThrow(ConfigurationError)
  })
})
