import fc from 'fast-check'
import type { Claim } from './claim.ts'
import { dot, forTuples, meanOf, sumOfSquaredNorms } from './dense.ts'
import { descriptions, populations, realise } from './instances.ts'

export const statisticsOfBatches: Claim = {
  id: '1',
  title: 'What the backward pass measures is what the definitions say',
  statement:
    'ḡ = (1/b)Σ g_i with g_i the gradient of sample i’s own loss, never divided by b; Σ‖g_i‖², Σ g_i∘g_i and ⟨g_i, ḡ⟩ ' +
    'out of the fused backward pass equal those of the b × d matrix of gradients from batches of one.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    const batches = fc.array(fc.nat(100), { minLength: 1, maxLength: 40 })
    await forAll(
      'problems and networks, batches with repetitions, every level',
      [descriptions({ min: 2, max: 12 }, { min: 1, max: 6 }), batches],
      async (t, description, draws) => {
        const { executor, gradients } = await realise(description, subject.createExecutor)
        const all = await gradients()
        const indices = draws.map((draw) => draw % all.length)
        const g = indices.map((i) => all[i])
        t.size({ N: all.length, b: g.length, d: g[0].length })
        const expected = subject.fromPerSampleGradients(g)
        const scale = sumOfSquaredNorms(g)
        const root = Math.sqrt(scale / g.length)
        // Another batch first: nothing of it may be left.
        await executor.batch(
          indices.map((i) => (i + 1) % all.length),
          0,
          'projections',
        )
        // The arrays of a result are overwritten by the next call.
        const { statistics: own } = await executor.batch(indices, 0, 'projections')
        for (const [j, m] of meanOf(g).entries()) t.equal(`ḡ_${j}`, own.mean[j], m, root)
        t.equal('Σ‖g_i‖²', own.sumSquaredNorms!, scale, scale)
        for (const [i, row] of g.entries()) t.equal(`⟨g_${i}, ḡ⟩`, own.projections![i], dot(row, meanOf(g)), scale)
        const { statistics } = await executor.batch(indices, 0, 'coordinates')
        for (const [j, square] of expected.sumSquares.entries()) {
          t.equal(`Σ g_i${j}²`, statistics.sumSquares![j], square, scale)
        }
      },
      { runs: 400 },
    )
    await forAll(
      'statistics of a matrix, by the letter',
      [populations({ min: 1, max: 8 }, { min: 1, max: 6 })],
      (t, g) => {
        t.size({ b: g.length, d: g[0].length })
        const s = subject.fromPerSampleGradients(g)
        const scale = sumOfSquaredNorms(g)
        const mean = meanOf(g)
        t.same('b', s.batchSize, g.length)
        for (const [j, m] of mean.entries()) {
          t.equal(`ḡ_${j}`, s.mean[j], m, Math.sqrt(scale / g.length))
          t.equal(
            `Σ g_i${j}²`,
            s.sumSquares[j],
            dot(
              g.map((row) => row[j]),
              g.map((row) => row[j]),
            ),
            scale,
          )
        }
        t.equal('Σ‖g_i‖²', s.sumSquaredNorms, scale, scale)
        for (const [i, row] of g.entries()) t.equal(`⟨g_${i}, ḡ⟩`, s.projections[i], dot(row, mean), scale)
      },
    )
    await exists('a second moment of batch means is not Σ‖g_i‖²', [populations({ min: 2, max: 4 })], (_, g) => {
      let squares = 0
      const count = forTuples(g, 2, (batch) => {
        squares += dot(meanOf(batch), meanOf(batch))
      })
      return squares / count < 0.9 * (sumOfSquaredNorms(g) / g.length)
    })
  },
}
