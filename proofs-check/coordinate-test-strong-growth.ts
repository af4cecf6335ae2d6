import type { Claim } from './claim.ts'
import { expectation, meanOf, sumOfSquaredNorms } from './dense.ts'
import { batchSize, descriptions, populations, realise, wideParameter } from './instances.ts'

export const coordinateTestStrongGrowth: Claim = {
  id: '3.4',
  title: 'The exact coordinate-wise test gives strong growth in every coordinate',
  statement:
    'If (1/b)Var_j ≤ η_j²(∂_jF)² for every j then E ḡ_j² ≤ (1 + η_j²)(∂_jF)² for every j, and conversely with independent ' +
    'draws. With one η it implies the norm test; the norm test does not imply it.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    const judge = (g: number[][], b: number, eta: number | number[]) =>
      subject.exact(subject.coordinateTest({ eta })).evaluate(subject.fromPerSampleGradients(g), b)
    const squares = (g: number[][], b: number, sampling: 'tuples' | 'subsets') =>
      g[0].map((_, j) => expectation(g, b, sampling, (batch) => meanOf(batch)[j] ** 2))
    const columnScale = (g: number[][], j: number) => g.reduce((sum, row) => sum + row[j] ** 2, 0) / g.length
    /** η_j that grow with j, so that a test that ignores j is found out. */
    const each = (g: number[][], eta: number) => g[0].map((_, j) => eta * 2 ** (j - 1))
    const inputs = [populations({ min: 1, max: 5 }, { min: 1, max: 3 }), batchSize(3), wideParameter] as const

    for (const sampling of ['tuples', 'subsets'] as const) {
      await forAll(
        `passed ⇒ E ḡ_j² ≤ (1 + η_j²)(∂_jF)² for every j, all ${sampling}`,
        [...inputs],
        (t, g, draw, eta) => {
          const b = sampling === 'subsets' ? Math.min(draw, g.length) : draw
          t.size({ N: g.length, b, d: g[0].length })
          const etas = each(g, eta)
          if (!t.premise(judge(g, b, etas).passed!)) return
          const mean = meanOf(g)
          for (const [j, square] of squares(g, b, sampling).entries()) {
            const bound = (1 + etas[j] ** 2) * mean[j] ** 2
            t.atMost(`E ḡ_${j}²`, square, bound, columnScale(g, j) + bound)
          }
        },
        { runs: 2000, premise: 0.1 },
      )
    }
    await forAll(
      'problems, gradients by the backward pass',
      [descriptions({ min: 2, max: 4 }, { min: 1, max: 2 }), batchSize(3), wideParameter],
      async (t, description, b, factor) => {
        const g = await (await realise(description, subject.createExecutor)).gradients()
        t.size({ N: g.length, b, d: g[0].length })
        // In many dimensions some coordinate is always near 0: the least η that passes makes the premise occur.
        const { statistic, threshold } = judge(g, b, 1)
        const eta = factor * Math.sqrt(statistic! / threshold!)
        if (!t.premise(eta > 0 && eta < 1e6 && judge(g, b, eta).passed!)) return
        const mean = meanOf(g)
        for (const [j, square] of squares(g, b, 'tuples').entries()) {
          const bound = (1 + eta ** 2) * mean[j] ** 2
          t.atMost(`E ḡ_${j}²`, square, bound, columnScale(g, j) + bound)
        }
      },
      { runs: 300, premise: 0.1 },
    )
    await forAll(
      'failed ⇒ some coordinate breaks its bound',
      [...inputs],
      (t, g, b, eta) => {
        const etas = each(g, eta)
        const { statistic, threshold } = judge(g, b, etas)
        const slack = 1e-9 * sumOfSquaredNorms(g) * (1 + Math.max(...etas) ** 2)
        if (!t.premise(statistic! > threshold! + slack)) return
        const mean = meanOf(g)
        const broken = squares(g, b, 'tuples').some((square, j) => square > (1 + etas[j] ** 2) * mean[j] ** 2)
        t.that('a coordinate breaks its bound', broken)
      },
      { role: 'necessary', premise: 0.2 },
    )
    await forAll(
      'with one η it implies the norm test',
      [...inputs],
      (t, g, b, eta) => {
        if (!t.premise(judge(g, b, eta).passed!)) return
        const population = subject.fromPerSampleGradients(g)
        const { statistic, threshold } = subject.exact(subject.normTest({ eta })).evaluate(population, b)
        t.atMost('(1/b)σ²', statistic!, threshold!, sumOfSquaredNorms(g) / g.length + threshold!)
      },
      { runs: 2000, premise: 0.1 },
    )
    await exists(
      'the norm test passes, the coordinate-wise one fails and so does its conclusion',
      [...inputs],
      (_, g, b, eta) => {
        const population = subject.fromPerSampleGradients(g)
        const { passed } = subject.exact(subject.normTest({ eta })).evaluate(population, b)
        if (!passed || judge(g, b, eta).passed) return false
        const mean = meanOf(g)
        return squares(g, b, 'tuples').some((square, j) => square > 1.1 * (1 + eta ** 2) * mean[j] ** 2)
      },
    )
    await forAll(
      'attained in the coordinate that decides',
      [inputs[0], inputs[1]],
      (t, g, b) => {
        const { statistic, threshold } = judge(g, b, 1)
        if (!t.premise(statistic! > 1e-6 * threshold! && threshold! > 1e-6 * statistic!)) return
        const eta = Math.sqrt(statistic! / threshold!) * (1 + 1e-12)
        t.that('the test passes', judge(g, b, eta).passed!)
        const mean = meanOf(g)
        for (const [j, square] of squares(g, b, 'tuples').entries()) {
          const bound = (1 + eta ** 2) * mean[j] ** 2
          t.atMost(`E ḡ_${j}²`, square, bound, columnScale(g, j) + bound)
        }
      },
      { role: 'tight', attains: 0.9999, runs: 500, premise: 0.1 },
    )
  },
}
