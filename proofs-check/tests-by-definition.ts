import type { Claim } from './claim.ts'
import {
  dot,
  type Matrix,
  meanOf,
  projectionsOn,
  residualsOf,
  sumOfSquaredNorms,
  totalVariance,
  variancesOf,
} from './dense.ts'
import { batchSize, directed, parameter } from './instances.ts'
import type { Subject } from './subject.ts'

/** What rounding of the left side is relative to, and the two sides: [variance, bound, scale]. */
type Sides = readonly [variance: number, bound: number, scale: number]

/** Variance and bound of each test, from the matrix: columns three and four of the table of §2. */
export function inequalities(g: Matrix, p: number, divisor: number) {
  const mean = meanOf(g)
  const signal = dot(mean, mean)
  const squares = sumOfSquaredNorms(g) / divisor
  const along: Sides = [totalVariance(projectionsOn(g, mean), divisor), p ** 2 * signal ** 2, squares * signal]
  const across: Sides = [totalVariance(residualsOf(g, mean), divisor), (2 * p) ** 2 * signal, squares]
  const each = variancesOf(g, divisor).map((v, j): Sides => [v, p ** 2 * mean[j] ** 2, squares])
  const larger = (a: Sides, b: Sides) => (b[0] / b[1] > a[0] / a[1] ? b : a)
  const norm: Sides = [totalVariance(g, divisor), p ** 2 * signal, squares]
  return {
    norm,
    innerProduct: along,
    orthogonality: across,
    augmented: larger(along, across),
    coordinate: each.reduce(larger),
  }
}

/** The five tests with the parameters that `inequalities` assumes. */
export const testsOf = (subject: Subject, p: number) => ({
  norm: subject.normTest({ eta: p }),
  innerProduct: subject.innerProductTest({ theta: p }),
  orthogonality: subject.orthogonalityTest({ nu: 2 * p }),
  augmented: subject.augmentedInnerProductTest({ theta: p, nu: 2 * p }),
  coordinate: subject.coordinateTest({ eta: p }),
})

export type TestName = keyof ReturnType<typeof testsOf>

export const testsByDefinition: Claim = {
  id: '2.tests',
  title: 'The tests are their inequalities',
  statement:
    'Statistic, threshold, verdict and T of the norm, inner product, orthogonality, augmented and coordinate-wise tests ' +
    'are those of the table of §2: with divisor b − 1 on a batch, with σ² and ∇F for the exact tests.',
  kind: 'proved',
  async check({ subject, forAll, exists, example }) {
    const inputs = [directed({ min: 2, max: 8 }), parameter, batchSize(64)] as const
    for (const kind of ['approximate', 'exact'] as const) {
      await forAll(`${kind}`, [...inputs], (t, g, p, asked) => {
        t.size({ b: g.length, d: g[0].length })
        const s = subject.fromPerSampleGradients(g)
        const right = inequalities(g, p, kind === 'exact' ? g.length : g.length - 1)
        for (const [name, test] of Object.entries(testsOf(subject, p)) as [
          TestName,
          ReturnType<typeof subject.normTest>,
        ][]) {
          const b = kind === 'exact' ? asked : g.length
          const result = kind === 'exact' ? subject.exact(test).evaluate(s, b) : test.evaluate(s)
          const [variance, bound, scale] = right[name]
          t.equal(`${name}: T`, result.suggestedBatchSize, variance / bound, scale / bound)
          t.equal(
            `${name}: statistic/threshold`,
            result.statistic! / result.threshold!,
            variance / bound / b,
            scale / bound / b,
          )
          // Of two inequalities with the same T, either may be the one that is named.
          if (name !== 'augmented' && name !== 'coordinate') t.equal(`${name}: threshold`, result.threshold!, bound)
          t.same(`${name}: verdict`, result.passed, result.statistic! <= result.threshold!)
        }
      })
    }
    await forAll('quantile, floor and one η each of the coordinate-wise test', [...inputs], (t, g, p, k) => {
      const floor = 2.5
      const quantile = k / 64
      const etas = g[0].map((_, j) => p * (j + 1))
      const mean = meanOf(g)
      const each = variancesOf(g)
        .map((v, j) => v / (etas[j] * Math.max(Math.abs(mean[j]), floor)) ** 2)
        .sort((a, b) => a - b)
      const { suggestedBatchSize } = subject
        .coordinateTest({ eta: etas, quantile, floor })
        .evaluate(subject.fromPerSampleGradients(g))
      const expected = each[Math.ceil(quantile * each.length) - 1]
      t.equal('T', suggestedBatchSize, expected, Math.max(expected, 1 / p ** 2) * 1e3)
    })
    await example('a batch by hand', (t) => {
      // g = (1,0), (0,1), (2,2): ḡ = (1,1), ‖Var‖₁ = (1+1+8 − 3·2)/2 = 2, ⟨g_i,ḡ⟩ = 1, 1, 4: variance 3, OrthVar = 2 − 3/2.
      const s = subject.fromPerSampleGradients([
        [1, 0],
        [0, 1],
        [2, 2],
      ])
      const T = (test: ReturnType<typeof subject.normTest>) => test.evaluate(s).suggestedBatchSize
      t.equal('norm, η = ½: 2/(¼·2)', T(subject.normTest({ eta: 0.5 })), 4)
      t.equal('inner product, ϑ = ½: 3/(¼·4)', T(subject.innerProductTest({ theta: 0.5 })), 3)
      t.equal('orthogonality, ν = ½: ½/(¼·2)', T(subject.orthogonalityTest({ nu: 0.5 })), 1)
      t.equal('augmented', T(subject.augmentedInnerProductTest({ theta: 0.5, nu: 0.5 })), 3)
      t.equal('coordinate, η = ½: 1/(¼·1)', T(subject.coordinateTest({ eta: 0.5 })), 4)
    })
    await exists('divisor b would give another verdict', [inputs[0], inputs[1]], (_, g, p) => {
      const [biased, bound] = inequalities(g, p, g.length).norm
      const passed = subject.normTest({ eta: p }).evaluate(subject.fromPerSampleGradients(g)).passed
      return passed !== biased / g.length <= bound
    })
  },
}
