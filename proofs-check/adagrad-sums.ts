import fc from 'fast-check'
import { flattenState } from '../src/optim/transformation.ts'
import type { Claim } from './claim.ts'
import { dot } from './dense.ts'
import { populations } from './instances.ts'

/** The least and largest terms that still leave S_K finite and S_0 visible in it. */
const term = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.integer({ min: -60, max: 60 }).map((k) => 2 ** (k / 4)) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 4096 }).map((k) => k / 2 ** 20) },
)
const initial = fc.integer({ min: -40, max: 40 }).map((k) => 2 ** (k / 4))
const terms = fc.array(term, { maxLength: 60 })

/** Σ a_k/S_k, Σ a_k/√S_k and S_K. */
function sums(a: readonly number[], S0: number, lag = 0) {
  let [S, logarithmic, root] = [S0, 0, 0]
  for (const x of a) {
    const before = S
    S += x
    const denominator = lag === 0 ? S : before
    logarithmic += x / denominator
    root += x / Math.sqrt(denominator)
  }
  return { S, logarithmic, root }
}

export const adagradSums: Claim = {
  id: '3.8',
  title: 'The two AdaGrad sums',
  statement:
    'For a_k ≥ 0 and S_k = S_0 + Σ_{i≤k} a_i with S_0 > 0: Σ a_k/S_k ≤ ln(S_K/S_0) and Σ a_k/√S_k ≤ 2(√S_K − √S_0). The ' +
    'accumulators of AdaGrad and AdaGrad-Norm are such S_k.',
  kind: 'proved',
  async check({ subject, forAll, exists, example }) {
    await forAll(
      'both bounds',
      [terms, initial],
      (t, a, S0) => {
        t.size({ K: a.length })
        const { S, logarithmic, root } = sums(a, S0)
        // The right sides are differences of rounded numbers: their error is relative to the minuend.
        t.atMost('Σ a_k/S_k', logarithmic, Math.log(S / S0), 1 + Math.abs(Math.log(S)) + Math.abs(Math.log(S0)))
        t.atMost('Σ a_k/√S_k', root, 2 * (Math.sqrt(S) - Math.sqrt(S0)), Math.sqrt(S))
      },
      { runs: 5000 },
    )
    await forAll(
      'the accumulator of AdaGrad-Norm is S_k with a_k = ‖g_k‖²',
      [populations({ min: 1, max: 12 }, { min: 1, max: 4 }), initial],
      (t, gradients, S0) => {
        t.size({ K: gradients.length, d: gradients[0].length })
        const optimizer = subject.adagradNorm({ initialNorm: Math.sqrt(S0), learningRate: 0.1 })
        const x = new Float64Array(gradients[0].length)
        const state = optimizer.init(x.length)
        const accumulators: number[] = [Number(Object.values(flattenState(state))[0])]
        for (const g of gradients) {
          optimizer.update(x, Float64Array.from(g), state, 0.1)
          accumulators.push(Number(Object.values(flattenState(state))[0]))
        }
        t.equal('S_0 = b₀²', accumulators[0], S0)
        let [logarithmic, root] = [0, 0]
        for (const [k, g] of gradients.entries()) {
          const a = dot(g, g)
          t.equal('S_k − S_{k−1} = ‖g_k‖²', accumulators[k + 1], accumulators[k] + a)
          logarithmic += a / accumulators[k + 1]
          root += a / Math.sqrt(accumulators[k + 1])
        }
        const last = accumulators[gradients.length]
        t.atMost('Σ‖g_k‖²/v_k', logarithmic, Math.log(last / S0), 1 + Math.abs(Math.log(last)) + Math.abs(Math.log(S0)))
        t.atMost('Σ‖g_k‖²/√v_k', root, 2 * (Math.sqrt(last) - Math.sqrt(S0)), Math.sqrt(last))
      },
    )
    await forAll(
      'the accumulators of AdaGrad, coordinate by coordinate',
      [populations({ min: 1, max: 12 }, { min: 1, max: 4 }), initial],
      (t, gradients, S0) => {
        const d = gradients[0].length
        const optimizer = subject.adagrad({ initialAccumulator: S0, epsilon: 0, learningRate: 1 })
        const x = new Float64Array(d)
        const state = optimizer.init(d)
        for (const g of gradients) optimizer.update(x, Float64Array.from(g), state, 1)
        const v = Object.values(flattenState(state))[0] as Float64Array
        for (let j = 0; j < d; j++) {
          const a = gradients.map((g) => g[j] ** 2)
          const { S, logarithmic } = sums(a, S0)
          t.equal(`v_${j}`, v[j], S)
          t.atMost('Σ g²/v', logarithmic, Math.log(v[j] / S0), 1 + Math.abs(Math.log(S)) + Math.abs(Math.log(S0)))
        }
      },
    )
    await example(
      'many small terms attain both',
      (t) => {
        const a = Array.from({ length: 20_000 }, () => 1e-3)
        const { S, logarithmic, root } = sums(a, 1)
        t.size({ K: a.length })
        t.atMost('Σ a_k/S_k', logarithmic, Math.log(S))
        t.atMost('Σ a_k/√S_k', root, 2 * (Math.sqrt(S) - 1))
      },
      { role: 'tight', attains: 0.999 },
    )
    await exists('with S_{k−1} below the fraction the first bound fails', [terms, initial], (_, a, S0) => {
      const { S, logarithmic } = sums(a, S0, 1)
      return logarithmic > 2 * Math.log(S / S0)
    })
    await exists('with S_{k−1} below the fraction the second bound fails', [terms, initial], (_, a, S0) => {
      const { S, root } = sums(a, S0, 1)
      return root > 2 * 2 * (Math.sqrt(S) - Math.sqrt(S0))
    })
    await exists('as S_0 → 0 the first sum has no bound: each first term adds 1', [initial], (_, scale) => {
      const S0 = scale * 1e-30
      return sums([scale], S0).logarithmic > 0.999 && Math.log((scale + S0) / S0) > 60
    })
  },
}
