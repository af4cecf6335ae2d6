import fc from 'fast-check'
import type { GradientStatistics } from '../src/statistics/gradient-statistics.ts'
import { cut } from '../src/training/cut.ts'
import type { Claim, Trial } from './claim.ts'
import { dot, expectation, type Matrix, meanOf, sigmaSquared, sumOfSquaredNorms, totalVariance } from './dense.ts'
import { descriptions, populations, realise } from './instances.ts'

export const mergeLaws: Claim = {
  id: '4',
  title: 'Statistics of disjoint samples merge exactly',
  statement:
    'b = Σb_j, ḡ = Σ b_jḡ_j/b, Σ‖g_i‖² and Σ g_i∘g_i add: a commutative monoid, so the result does not depend on how the ' +
    'batch was cut. Equivalently ‖Var‖₁ = (Σ(b_j − 1)V_j + Σ b_j‖ḡ_j − ḡ‖²)/(b − 1). ' +
    'The means ḡ_j alone yield V = Σ b_j‖ḡ_j − ḡ‖²/(m − 1), which is unbiased for σ² with independent draws.',
  kind: 'proved',
  async check({ subject, forAll, exists, example }) {
    const { fromPerSampleGradients: of, merge, empty } = subject
    const alike = (t: Trial, a: GradientStatistics, b: GradientStatistics, squares: number) => {
      t.same('b', a.batchSize, b.batchSize)
      const root = Math.sqrt(squares / a.batchSize)
      for (let j = 0; j < a.mean.length; j++) t.equal(`ḡ_${j}`, a.mean[j], b.mean[j], root)
      t.equal('Σ‖g_i‖²', a.sumSquaredNorms!, b.sumSquaredNorms!, squares)
      for (const [j, x] of a.sumSquares!.entries()) t.equal(`Σ g_i${j}²`, x, b.sumSquares![j], squares)
    }
    const inputs = [populations({ min: 3, max: 12 }, { min: 1, max: 4 }), fc.nat(1000), fc.nat(1000)] as const
    const split = (g: number[][], i: number, k: number) => {
      const first = 1 + (i % (g.length - 2))
      const second = first + 1 + (k % (g.length - first - 1))
      return [g.slice(0, first), g.slice(first, second), g.slice(second)].map((part) => of(part))
    }
    await forAll('associative', [...inputs], (t, g, i, k) => {
      t.size({ b: g.length, d: g[0].length })
      const [a, b, c] = split(g, i, k)
      alike(t, merge(merge(a, b), c), merge(a, merge(b, c)), sumOfSquaredNorms(g))
    })
    await forAll('commutative, to the last bit', [...inputs], (t, g, i, k) => {
      const [a, b] = split(g, i, k)
      t.same('merge', merge(a, b), merge(b, a))
    })
    await forAll('the empty set is neutral, to the last bit', [inputs[0]], (t, g) => {
      const s = of(g)
      t.same('empty on the left', merge(empty(g[0].length), s), s)
      t.same('empty on the right', merge(s, empty(g[0].length)), s)
    })
    await forAll('every partition gives the statistics of the whole', [...inputs], (t, g, i, k) => {
      // Part of sample n: a hash that makes parts of all sizes, single samples among them.
      const parts = new Map<number, number[][]>()
      for (const [n, row] of g.entries()) {
        const key = ((n + 1) * (i + 3)) % (1 + (k % 5))
        parts.set(key, [...(parts.get(key) ?? []), row])
      }
      const merged = [...parts.values()].map((part) => of(part) as GradientStatistics).reduce(merge)
      t.size({ parts: parts.size })
      alike(t, merged, of(g), sumOfSquaredNorms(g))
      const scale = sumOfSquaredNorms(g) / (g.length - 1)
      t.equal('‖Var‖₁', subject.varianceL1(merged)!, totalVariance(g), scale)
    })
    const workersOf = (parts: readonly Matrix[]) =>
      parts.map((part) => ({ batchSize: part.length, mean: meanOf(part) }))
    const sizes = fc.constantFrom<readonly number[]>([1, 1], [2, 2], [1, 2], [3, 1], [1, 1, 2])
    const workerParts = [populations({ min: 1, max: 3 }, { min: 1, max: 3 }), sizes] as const
    await forAll('V of the means of parts of any size is unbiased, all tuples', [...workerParts], (t, g, parts) => {
      const b = parts.reduce((sum, part) => sum + part)
      t.size({ N: g.length, b, m: parts.length })
      const scale = (b * sumOfSquaredNorms(g)) / g.length
      const cutUp = (batch: Matrix) => {
        const rest = batch.slice()
        return workersOf(parts.map((part) => rest.splice(0, part)))
      }
      const ofMeans = (batch: Matrix) => subject.varianceL1(subject.fromWorkerMeans(cutUp(batch)))!
      const ofNorms = (batch: Matrix) => {
        const norms = cutUp(batch).map(({ batchSize, mean }) => ({ batchSize, squaredNorm: dot(mean, mean) }))
        return subject.varianceL1(subject.fromWorkerNorms(norms, dot(meanOf(batch), meanOf(batch))))!
      }
      t.equal('E V = σ²', expectation(g, b, 'tuples', ofMeans), sigmaSquared(g), scale)
      t.equal('from lengths', expectation(g, b, 'tuples', ofNorms), sigmaSquared(g), scale)
    })
    await forAll('(b − 1)‖Var‖₁ = Σ(b_j − 1)V_j + (m − 1)V', [...inputs], (t, g, i, k) => {
      const first = 1 + (i % (g.length - 2))
      const second = first + 1 + (k % (g.length - first - 1))
      const parts = [g.slice(0, first), g.slice(first, second), g.slice(second)]
      const within = parts.reduce(
        (sum, part) => sum + (part.length > 1 ? (part.length - 1) * totalVariance(part) : 0),
        0,
      )
      const between = 2 * subject.varianceL1(subject.fromWorkerMeans(workersOf(parts)))!
      t.equal('‖Var‖₁', (g.length - 1) * totalVariance(g), within + between, 3 * sumOfSquaredNorms(g))
    })
    await forAll('the variance form: within plus between', [...inputs], (t, g, i, k) => {
      const parts = split(g, i, k)
      const mean = meanOf(g)
      let total = 0
      for (const part of parts) {
        const gap = Array.from(part.mean, (m, j) => m - mean[j])
        total += (part.batchSize - 1) * (subject.varianceL1(part) ?? 0) + part.batchSize * dot(gap, gap)
      }
      const scale = sumOfSquaredNorms(g) / (g.length - 1)
      const merged = parts.reduce<GradientStatistics>(merge, empty(g[0].length))
      t.equal('‖Var‖₁', subject.varianceL1(merged)!, total / (g.length - 1), scale)
    })
    await forAll('projections: lost by a merge, regained on the merged ḡ', [...inputs], (t, g, i, k) => {
      const parts = split(g, i, k)
      const merged = parts.reduce<GradientStatistics>(merge, empty(g[0].length))
      t.same('after the merge', merged.projections, undefined)
      let at = 0
      const chunks = parts.map(({ batchSize }) => {
        const chunk = Float64Array.from(g.slice(at, at + batchSize), (row) => dot(row, merged.mean))
        at += batchSize
        return chunk
      })
      const full = subject.withProjections(merged, ...chunks)
      // Where ḡ = 0 by cancellation, what is left of it projects as it happens to.
      const scale = sumOfSquaredNorms(g) ** 2 / (g.length * (g.length - 1))
      t.equal('Var⟨g_i, ḡ⟩', subject.innerProductVariance(full)!, subject.innerProductVariance(of(g))!, scale)
    })
    await forAll(
      'the executor: chunk size and lanes do not matter',
      [
        descriptions({ min: 2, max: 8 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
      ],
      async (t, description, b, chunkSize, lanes) => {
        const { executor: whole } = await realise(description, subject.createExecutor)
        const cutUp = await realise(description, (options) => subject.createExecutor({ ...options, chunkSize, lanes }))
        const indices = Array.from({ length: b }, (_, i) => (i * 7) % description.N)
        t.size({ b, chunk: chunkSize, lanes, d: whole.layout.size })
        const one = structuredClone((await whole.batch(indices, 0, 'coordinates')).statistics)
        const other = (await cutUp.executor.batch(indices, 0, 'coordinates')).statistics
        alike(t, one, other, one.sumSquaredNorms!)
        const p1 = (await whole.batch(indices, 0, 'projections')).statistics
        const p2 = (await cutUp.executor.batch(indices, 0, 'projections')).statistics
        for (let i = 0; i < b; i++) t.equal(`⟨g_${i}, ḡ⟩`, p1.projections![i], p2.projections![i], one.sumSquaredNorms!)
      },
      { runs: 200 },
    )
    await forAll(
      'the cut covers the batch, in chunks of at most C that differ by at most one',
      [fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 128 }), fc.integer({ min: 1, max: 16 })],
      (t, b, chunk, lanes) => {
        const sizes = cut(b, chunk, lanes)
        t.same(
          'sum',
          sizes.reduce((x, y) => x + y, 0),
          b,
        )
        t.that('at most C', Math.max(...sizes) <= chunk)
        t.that(
          'differ by at most one, none empty',
          Math.max(...sizes) - Math.min(...sizes) <= 1 && Math.min(...sizes) > 0,
        )
      },
      { runs: 3000 },
    )
    await exists('the mean of chunk means is another ḡ when chunks differ in size', [...inputs], (_, g, i, k) => {
      const parts = split(g, i, k)
      const equal = meanOf(parts.map((part) => Array.from(part.mean)))
      return equal.some((m, j) => Math.abs(m - meanOf(g)[j]) > 0.1 * (1 + Math.abs(m)))
    })
    await exists('the within-variance alone is another variance', [...inputs], (_, g, i, k) => {
      const within = split(g, i, k).reduce(
        (sum, part) => sum + (part.batchSize - 1) * (subject.varianceL1(part) ?? 0),
        0,
      )
      return within / (g.length - 1) < 0.5 * totalVariance(g)
    })
    await example('a merge by hand', (t) => {
      const merged = merge(of([[1], [3]]), of([[8]]))
      t.same('b, ḡ, Σ‖g‖²', [merged.batchSize, merged.mean[0], merged.sumSquaredNorms], [3, 4, 74])
      t.equal('‖Var‖₁ = (9 + 1 + 16)/2', subject.varianceL1(merged)!, 13)
    })
  },
}
