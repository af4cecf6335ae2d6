import fc from 'fast-check'
import { perTensorFromPerSampleGradients } from '../src/statistics/official.ts'
import type { Claim } from './claim.ts'
import {
  expectation,
  meanOf,
  projectionsOn,
  residualsOf,
  sigmaSquared,
  sumOfSquaredNorms,
  totalVariance,
} from './dense.ts'
import { directed, populations } from './instances.ts'

export const officialDeviations: Claim = {
  id: '6',
  title: 'What the official code’s deviations amount to',
  statement:
    'Pooling m micro-batches of b as it does inflates E‖Var‖₁ to σ²(1 + (m − 1)/(m·b)). With one parameter tensor its inner ' +
    'product and orthogonality variances are those of §2; with several they are not.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    await forAll(
      'the inflation of the pooled variance, all tuples',
      [populations({ min: 2, max: 3 }, { min: 1, max: 2 }), fc.constantFrom([2, 2], [2, 3], [3, 2])],
      (t, g, [m, b]) => {
        t.size({ N: g.length, m, b })
        const pooled = expectation(g, m * b, 'tuples', (batch) => {
          const micro = Array.from({ length: m }, (_, k) =>
            subject.fromPerSampleGradients(batch.slice(k * b, (k + 1) * b)),
          )
          return subject.officialPooledVariance(micro)!
        })
        const scale = sumOfSquaredNorms(g) / g.length
        t.equal('E', pooled, sigmaSquared(g) * (1 + (m - 1) / (m * b)), scale)
      },
      { runs: 300 },
    )
    await forAll('with one tensor they agree with §2', [directed({ min: 2, max: 8 })], (t, g) => {
      const s = perTensorFromPerSampleGradients(g, [{ offset: 0, size: g[0].length }])
      const mean = meanOf(g)
      const squares = sumOfSquaredNorms(g)
      t.equal(
        'inner product',
        subject.officialInnerProductVariance(s)!,
        totalVariance(projectionsOn(g, mean)),
        squares ** 2,
      )
      t.equal('orthogonality', subject.officialOrthogonalVariance(s)!, totalVariance(residualsOf(g, mean)), squares)
    })
    await exists('with two tensors they do not', [directed({ min: 2, max: 8 }, { min: 2, max: 5 })], (_, g) => {
      const layout = [
        { offset: 0, size: 1 },
        { offset: 1, size: g[0].length - 1 },
      ]
      const s = perTensorFromPerSampleGradients(g, layout)
      const mean = meanOf(g)
      const along = totalVariance(projectionsOn(g, mean))
      const across = totalVariance(residualsOf(g, mean))
      return (
        Math.abs(subject.officialInnerProductVariance(s)! - along) > 0.2 * along &&
        Math.abs(subject.officialOrthogonalVariance(s)! - across) > 0.2 * across
      )
    })
  },
}
