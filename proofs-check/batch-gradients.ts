import type { Claim } from './claim.ts'
import { dot, expectedSquare, meanOf, sigmaSquared, sumOfSquaredNorms } from './dense.ts'
import { batchSize, descriptions, type ProblemDescription, populations, realise } from './instances.ts'

/** (N − b)/(N − 1), what sampling without replacement leaves of the variance. */
export const correction = (N: number, b: number): number => (N === 1 ? 0 : (N - b) / (N - 1))

/** E‖ḡ‖² by §3.1. */
function predicted(g: readonly (readonly number[])[], b: number, factor: number): number {
  const mean = meanOf(g)
  return dot(mean, mean) + (factor * sigmaSquared(g)) / b
}

export const batchGradients: Claim = {
  id: '3.1',
  title: 'The second moment of a batch gradient',
  statement:
    'E‖ḡ‖² = ‖∇F‖² + σ²/b when the b samples are drawn independently; without replacement the second term carries ' +
    '(N − b)/(N − 1). Every batch is enumerated.',
  kind: 'proved',
  async check({ subject, forAll, exists, example, pick }) {
    const drawn = [populations({ min: 1, max: 6 }), batchSize(4)] as const
    await forAll('independent draws: all N^b tuples', [...drawn], (t, g, b) => {
      t.size({ N: g.length, b, d: g[0].length })
      t.equal('E‖ḡ‖²', expectedSquare(g, b, 'tuples'), predicted(g, b, 1), sumOfSquaredNorms(g) / g.length)
    })
    await forAll('without replacement: all subsets', [...drawn], (t, g, draw) => {
      const N = g.length
      const b = Math.min(draw, N)
      t.size({ N, b, d: g[0].length })
      t.equal('E‖ḡ‖²', expectedSquare(g, b, 'subsets'), predicted(g, b, correction(N, b)), sumOfSquaredNorms(g) / N)
    })
    await forAll('the statistics of the package give the same prediction', [...drawn], (t, g, b) => {
      const population = subject.fromPerSampleGradients(g)
      const noise = subject.varianceL1(population, 'population')!
      const right = dot(population.mean, population.mean) + noise / b
      t.equal('E‖ḡ‖²', expectedSquare(g, b, 'tuples'), right, sumOfSquaredNorms(g) / g.length)
    })
    await forAll(
      'gradients of problems by the backward pass',
      [descriptions({ min: 2, max: 5 }), batchSize(3)],
      async (t, description: ProblemDescription, b) => {
        const g = await (await realise(description, subject.createExecutor)).gradients()
        t.size({ N: g.length, b, d: g[0].length })
        const scale = sumOfSquaredNorms(g) / g.length
        t.equal('E‖ḡ‖², independent', expectedSquare(g, b, 'tuples'), predicted(g, b, 1), scale)
        const few = Math.min(b, g.length)
        const right = predicted(g, few, correction(g.length, few))
        t.equal('E‖ḡ‖², without replacement', expectedSquare(g, few, 'subsets'), right, scale)
      },
      { runs: 300 },
    )
    await exists(
      'without the correction the second statement is wrong by half of itself',
      [populations({ min: 3, max: 5 })],
      (_, g) => {
        const b = g.length - 1
        return predicted(g, b, 1) > 1.5 * expectedSquare(g, b, 'subsets')
      },
    )
    await exists(
      'with divisor N − 1 for σ² the first statement is wrong',
      [populations({ min: 2, max: 4 })],
      (_, g) => {
        const mean = meanOf(g)
        const wrong = dot(mean, mean) + (sigmaSquared(g) * g.length) / (g.length - 1) / 2
        return Math.abs(wrong - expectedSquare(g, 2, 'tuples')) > 0.01 * wrong
      },
    )
    await example('the sampler draws what the expectations assume', (t) => {
      // χ² over the first two draws, in order: 20 outcomes without replacement, 25 with.
      const trials = pick(4000, 40_000)
      for (const replacement of [false, true]) {
        const counts = new Map<string, number>()
        for (let seed = 0; seed < trials; seed++) {
          const [a, b] = subject.createSampler({ size: 5, seed: `sampler/${seed}`, replacement }).next(2)
          const key = `${a} ${b}`
          counts.set(key, (counts.get(key) ?? 0) + 1)
        }
        const cells = replacement ? 25 : 20
        t.that(`batches of two samples, replacement ${replacement}: all occur`, counts.size === cells)
        let chi = 0
        for (const count of counts.values()) chi += (count - trials / cells) ** 2 / (trials / cells)
        // The mean of χ² is cells − 1, its deviation √(2(cells − 1)); 4.5 deviations above is no accident.
        const limit = cells - 1 + 4.5 * Math.sqrt(2 * (cells - 1))
        t.that(`χ² = ${chi} of the batches is at most ${limit}`, chi <= limit)
      }
    })
  },
}
