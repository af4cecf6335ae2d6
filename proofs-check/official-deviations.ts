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
    'product and orthogonality variances are those of §2; with several they are not. Its Adagradnorm keeps a sum for each ' +
    'output row.',
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
    const gradients = fc.array(
      fc.array(
        fc.integer({ min: -64, max: 64 }).map((k) => k / 8),
        { minLength: 9, maxLength: 9 },
      ),
      {
        minLength: 1,
        maxLength: 6,
      },
    )
    await forAll('its Adagradnorm: a sum for each output row, and the rows’ norms in the bias', [gradients], (t, g) => {
      // weight [3, 2] and bias [3] of a linear layer; v₀ = 0.01, ε = 1e-10.
      const slots = [
        { name: 'weight', shape: [3, 2], offset: 0, size: 6 },
        { name: 'bias', shape: [3], offset: 6, size: 3 },
      ]
      const optimizer = subject.officialAdagradNorm({ learningRate: 1 })
      const x = new Float64Array(9)
      const state = optimizer.init({ slots, size: 9 })
      const expected = new Float64Array(9)
      const [rows, entries] = [new Float64Array(3).fill(0.01), new Float64Array(3).fill(0.01)]
      for (const each of g) {
        optimizer.update(x, Float64Array.from(each), state, 1)
        for (let r = 0; r < 3; r++) {
          const square = each[2 * r] ** 2 + each[2 * r + 1] ** 2
          rows[r] += square
          entries[r] += square + each[6 + r] ** 2
          for (const j of [2 * r, 2 * r + 1]) expected[j] -= each[j] / (Math.sqrt(rows[r]) + 1e-10)
          expected[6 + r] -= each[6 + r] / (Math.sqrt(entries[r]) + 1e-10)
        }
      }
      for (let j = 0; j < 9; j++) t.equal(`x_${j}`, x[j], expected[j], 10)
    })
    await exists('which is not AdaGrad-Norm', [gradients], (_, g) => {
      const slots = [{ name: 'weight', shape: [3, 3], offset: 0, size: 9 }]
      const [own, norm] = [subject.officialAdagradNorm({ learningRate: 1 }), subject.adagradNorm()].map((optimizer) => {
        const x = new Float64Array(9)
        const state = optimizer.init({ slots, size: 9 })
        for (const each of g) optimizer.update(x, Float64Array.from(each), state, 1)
        return x
      })
      return own.some((value, j) => Math.abs(value - norm[j]) > 0.1)
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
