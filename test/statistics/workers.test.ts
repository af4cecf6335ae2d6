import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normTest } from '../../src/batch-size/tests.ts'
import { ConfigurationError, ShapeError } from '../../src/errors.ts'
import {
  coordinateVariances,
  innerProductVariance,
  orthogonalVariance,
  squaredNorm,
  varianceL1,
} from '../../src/statistics/derived.ts'
import { fromPerSampleGradients, type GradientStatistics, merge } from '../../src/statistics/gradient-statistics.ts'
import { noiseScaleOfTwo, simpleNoiseScale } from '../../src/statistics/neighbours.ts'
import { fromWorkerMeans, fromWorkerNorms } from '../../src/statistics/workers.ts'
import { directed, dot, l1, type Matrix, matrices, meanOf, options, variances } from './oracle.ts'

/** A batch cut into parts of at least one sample. */
const parts = fc
  .tuple(directed({ min: 2, max: 12 }), fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 12, maxLength: 12 }))
  .map(([g, sizes]) => {
    const cut: number[][][] = []
    for (let start = 0, k = 0; start < g.length; start += sizes[k++]) cut.push(g.slice(start, start + sizes[k]))
    return cut.length > 1 ? cut : [g.slice(0, 1), g.slice(1)]
  })

const means = (cut: readonly Matrix[]) => cut.map((g) => ({ batchSize: g.length, mean: meanOf(g) }))
const norms = (cut: readonly Matrix[]) =>
  cut.map((g) => ({ batchSize: g.length, squaredNorm: dot(meanOf(g), meanOf(g)) }))

/** Every way of drawing b of N samples independently. */
function* tuples(N: number, b: number): Generator<number[]> {
  for (let code = 0; code < N ** b; code++) yield Array.from({ length: b }, (_, i) => Math.floor(code / N ** i) % N)
}

describe('statistics from the mean gradients of workers (docs/maths.md §4)', () => {
  it('are unbiased for σ² and for every coordinate, over all batches, with parts of any size', () => {
    const inputs = fc.tuple(
      matrices({ min: 1, max: 3 }, { min: 1, max: 3 }),
      fc.constantFrom<number[][]>([1, 1], [2, 2], [1, 2], [1, 1, 2], [3, 1], [2, 1, 2]),
    )
    fc.assert(
      fc.property(inputs, ([population, sizes]) => {
        const [N, d] = [population.length, population[0].length]
        const b = sizes.reduce((x, y) => x + y)
        const expected = variances(population, N)
        let [total, count] = [0, 0]
        const coordinates = new Float64Array(d)
        for (const tuple of tuples(N, b)) {
          const drawn = tuple.map((i) => population[i])
          const cut = sizes.map((size) => drawn.splice(0, size))
          const s = fromWorkerMeans(means(cut))
          total += varianceL1(s)!
          for (const [j, value] of coordinateVariances(s)!.entries()) coordinates[j] += value
          count++
        }
        const scale = 1 + population.reduce((sum, row) => sum + dot(row, row), 0)
        expect(Math.abs(total / count - l1(expected)) / scale).toBeLessThan(1e-11)
        for (const [j, value] of expected.entries())
          expect(Math.abs(coordinates[j] / count - value) / scale).toBeLessThan(1e-11)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('are what the merge law adds to the variances within: (b − 1)‖Var‖₁ = Σ(b_k − 1)V_k + (m − 1)V', () => {
    fc.assert(
      fc.property(parts, (cut) => {
        const each = cut.map((g) => fromPerSampleGradients(g))
        const all = each.map(({ projections: _, ...rest }): GradientStatistics => rest).reduce(merge)
        const b = all.batchSize
        const within = each.reduce((sum, s) => sum + (s.batchSize - 1) * (varianceL1(s) ?? 0), 0)
        const between = (cut.length - 1) * varianceL1(fromWorkerMeans(means(cut)))!
        expect(Math.abs((b - 1) * varianceL1(all)! - within - between) / (1 + all.sumSquaredNorms!)).toBeLessThan(1e-12)
      }),
      options,
    )
  })

  it('keep b and ḡ, scale every variance of the means alike, and are the batch itself for parts of one sample', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 5 }), (cut, size) => {
        const all = fromPerSampleGradients(cut.flat())
        const s = fromWorkerMeans(means(cut))
        expect(s.batchSize).toBe(all.batchSize)
        for (const [j, value] of all.mean.entries()) expect(s.mean[j]).toBeCloseTo(value, 10)
        const ofMeans = fromPerSampleGradients(cut.map(meanOf))
        const equal = fromWorkerMeans(cut.map((g) => ({ batchSize: size, mean: meanOf(g) })))
        const scale = 1 + size * ofMeans.sumSquaredNorms
        for (const variance of [varianceL1, orthogonalVariance])
          expect(Math.abs(variance(equal)! - size * variance(ofMeans)!) / scale).toBeLessThan(1e-11)
        expect(
          Math.abs(innerProductVariance(equal)! - size * innerProductVariance(ofMeans)!) / scale ** 2,
        ).toBeLessThan(1e-11)
        for (const [j, value] of coordinateVariances(ofMeans)!.entries())
          expect(Math.abs(coordinateVariances(equal)![j] - size * value) / scale).toBeLessThan(1e-11)
      }),
      options,
    )
  })

  it('from lengths alone they are the same, and the same as from two batch sizes', () => {
    fc.assert(
      fc.property(parts, (cut) => {
        const s = fromWorkerMeans(means(cut))
        const short = fromWorkerNorms(norms(cut), squaredNorm(s.mean))
        const scale = 1 + cut.reduce((sum, g) => sum + g.length * dot(meanOf(g), meanOf(g)), 0)
        expect(Math.abs(varianceL1(short)! - varianceL1(s)!) / (scale * cut.length)).toBeLessThan(1e-11)
        expect(short.batchSize).toBe(s.batchSize)
        const [a, b] = [simpleNoiseScale(short)!, simpleNoiseScale(s)!]
        expect(Math.abs(a.signal - b.signal) / scale).toBeLessThan(1e-10)
      }),
      options,
    )
    const equal = fc.tuple(directed({ min: 4, max: 4 }), fc.integer({ min: 1, max: 9 }))
    fc.assert(
      fc.property(equal, ([g, size]) => {
        const workers = g.map((mean) => ({ batchSize: size, squaredNorm: dot(mean, mean) }))
        const joint = dot(meanOf(g), meanOf(g))
        const average = workers.reduce((sum, worker) => sum + worker.squaredNorm / 4, 0)
        const two = noiseScaleOfTwo(
          { batchSize: size, squaredNorm: average },
          { batchSize: 4 * size, squaredNorm: joint },
        )
        expect(Math.abs(varianceL1(fromWorkerNorms(workers, joint))! - two.noise) / (1 + size * average)).toBeLessThan(
          1e-11,
        )
      }),
      options,
    )
  })

  it('decide a norm test: 8 · Var of the means against η²‖ḡ‖²', () => {
    const workers = [1, 3].map((mean) => ({ batchSize: 8, mean: [mean] }))
    // ḡ = 2, V = 8·2 = 16, T = 16/(0.25·4)
    expect(normTest({ eta: 0.5 }).evaluate(fromWorkerMeans(workers)).suggestedBatchSize).toBeCloseTo(16, 12)
  })

  it('refuse one worker, ragged gradients, sums in place of means, and lengths in a merge', () => {
    expect(() => fromWorkerMeans([{ batchSize: 8, mean: [1] }])).toThrow('at least two workers or micro-batches, got 1')
    const ragged = [
      { batchSize: 8, mean: [1] },
      { batchSize: 8, mean: [1, 2] },
    ]
    expect(() => fromWorkerMeans(ragged)).toThrow(ShapeError)
    expect(() => fromWorkerMeans(ragged)).toThrow('worker 1 has 2 coordinates, worker 0 has 1')
    const workers = [1, 1].map((square) => ({ batchSize: 8, squaredNorm: square }))
    expect(() => fromWorkerNorms(workers, 4)).toThrow('expected ḡ to be the mean over workers, not the sum')
    expect(() => fromWorkerNorms([{ batchSize: 0, squaredNorm: 1 }, workers[0]], 1)).toThrow("worker 0's batchSize")
    expect(() => fromWorkerNorms([{ batchSize: 1, squaredNorm: Number.NaN }, workers[0]], 1)).toThrow(
      ConfigurationError,
    )
    const short = fromWorkerNorms(workers, 0.5)
    expect(() => merge(short, short)).toThrow('only ‖ḡ‖ is known')
  })
})
