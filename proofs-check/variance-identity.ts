import type { Claim } from './claim.ts'
import { dot, meanOf, projectionsOn, residualsOf, sumOfSquaredNorms, totalVariance, variancesOf } from './dense.ts'
import { descriptions, populations, realise } from './instances.ts'

export const varianceIdentity: Claim = {
  id: '2',
  title: 'The variances and their identity',
  statement:
    '‖Var‖₁ = OrthVar + Var⟨g_i, ḡ⟩/‖ḡ‖², and each of the three, computed from the sums that chunks deliver, equals its ' +
    'definition on the matrix of gradients.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    await forAll(
      'the identity, on the definitions and on the package',
      [populations({ min: 2, max: 8 }, { min: 1, max: 6 })],
      (t, g) => {
        t.size({ b: g.length, d: g[0].length })
        const mean = meanOf(g)
        const signal = dot(mean, mean)
        const scale = sumOfSquaredNorms(g) / (g.length - 1)
        if (!t.premise(signal > 1e-6 * scale)) return
        const along = totalVariance(projectionsOn(g, mean))
        const across = totalVariance(residualsOf(g, mean))
        t.equal('by definition', totalVariance(g), across + along / signal, scale)
        const s = subject.fromPerSampleGradients(g)
        const own = subject.orthogonalVariance(s)! + subject.innerProductVariance(s)! / signal
        t.equal('by the package', subject.varianceL1(s)!, own, scale)
      },
      { premise: 0.5 },
    )
    await forAll(
      'each variance equals its definition, with both divisors',
      [populations({ min: 2, max: 8 }, { min: 1, max: 6 })],
      (t, g) => {
        const mean = meanOf(g)
        const signal = dot(mean, mean)
        const s = subject.fromPerSampleGradients(g)
        for (const [divisor, count] of [
          ['sample', g.length - 1],
          ['population', g.length],
        ] as const) {
          const scale = sumOfSquaredNorms(g) / count
          t.equal(`‖Var‖₁ ${divisor}`, subject.varianceL1(s, divisor)!, totalVariance(g, count), scale)
          const along = totalVariance(projectionsOn(g, mean), count)
          t.equal(`Var⟨g_i, ḡ⟩ ${divisor}`, subject.innerProductVariance(s, divisor)!, along, scale * signal)
          const each = subject.coordinateVariances(s, divisor)!
          for (const [j, v] of variancesOf(g, count).entries()) t.equal(`Var_${j} ${divisor}`, each[j], v, scale)
          if (!(signal > 1e-6 * scale)) continue
          const across = totalVariance(residualsOf(g, mean), count)
          t.equal(`OrthVar ${divisor}`, subject.orthogonalVariance(s, divisor)!, across, scale)
        }
      },
    )
    await forAll('no variance is negative, and one sample has none', [populations({ min: 1, max: 6 })], (t, g) => {
      const s = subject.fromPerSampleGradients(g)
      const all = [
        subject.varianceL1(s),
        subject.innerProductVariance(s),
        subject.orthogonalVariance(s),
        subject.coordinateVariances(s)?.reduce((a, b) => Math.min(a, b)),
      ]
      for (const value of all)
        t.that('defined iff b ≥ 2, and then at least 0', g.length < 2 ? value === undefined : value! >= 0)
    })
    await forAll(
      'on problems, through the executor',
      [descriptions({ min: 2, max: 8 })],
      async (t, description) => {
        const { executor, gradients } = await realise(description, subject.createExecutor)
        const g = await gradients()
        t.size({ b: g.length, d: g[0].length })
        const { statistics } = await executor.batch(
          g.map((_, i) => i),
          0,
          'projections',
        )
        const signal = dot(statistics.mean, statistics.mean)
        const scale = sumOfSquaredNorms(g) / (g.length - 1)
        const right = subject.orthogonalVariance(statistics)! + subject.innerProductVariance(statistics)! / signal
        t.equal('identity', subject.varianceL1(statistics)!, right, scale)
        t.equal('‖Var‖₁', subject.varianceL1(statistics)!, totalVariance(g), scale)
      },
      { runs: 300 },
    )
    await exists(
      'projected tensor by tensor, as the official code does, the identity fails',
      [populations({ min: 2, max: 6 }, { min: 2, max: 4 })],
      (_, g) => {
        const mean = meanOf(g)
        const signal = dot(mean, mean)
        if (signal < 1e-3) return false
        const tensorwise = mean.reduce((sum, m, j) => sum + totalVariance(g.map((row) => [row[j] * m])), 0)
        const right = totalVariance(residualsOf(g, mean)) + tensorwise / signal
        return Math.abs(totalVariance(g) - right) > 0.01 * right
      },
    )
  },
}
