import type { Claim } from './claim.ts'
import { dot, expectedSquare, meanOf, sumOfSquaredNorms } from './dense.ts'
import { batchSize, descriptions, populations, realise, wideParameter } from './instances.ts'

export const augmentedTestStrongGrowth: Claim = {
  id: '3.3',
  title: 'The exact augmented inner product test gives expected strong growth',
  statement:
    'If (1/b)Var⟨g_i,∇F⟩ ≤ ϑ²‖∇F‖⁴ and (1/b)E‖r_i‖² ≤ ν²‖∇F‖² then E‖ḡ‖² ≤ (1 + ϑ² + ν²)‖∇F‖². Neither condition ' +
    'suffices by itself.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    const signalOf = (g: number[][]) => dot(meanOf(g), meanOf(g))
    const judge = (g: number[][], b: number, theta: number, nu: number) =>
      subject.exact(subject.augmentedInnerProductTest({ theta, nu })).evaluate(subject.fromPerSampleGradients(g), b)
    const inputs = [populations({ min: 1, max: 6 }), batchSize(4), wideParameter, wideParameter] as const

    for (const sampling of ['tuples', 'subsets'] as const) {
      await forAll(
        `passed ⇒ E‖ḡ‖² ≤ (1 + ϑ² + ν²)‖∇F‖², all ${sampling}`,
        [...inputs],
        (t, g, draw, theta, nu) => {
          const b = sampling === 'subsets' ? Math.min(draw, g.length) : draw
          t.size({ N: g.length, b, d: g[0].length })
          if (!t.premise(judge(g, b, theta, nu).passed!)) return
          const bound = (1 + theta ** 2 + nu ** 2) * signalOf(g)
          t.atMost('E‖ḡ‖²', expectedSquare(g, b, sampling), bound, sumOfSquaredNorms(g) / g.length + bound)
        },
        { runs: 2000, premise: 0.15 },
      )
    }
    await forAll(
      'problems, gradients by the backward pass',
      [descriptions({ min: 2, max: 5 }), batchSize(3), wideParameter, wideParameter],
      async (t, description, b, theta, nu) => {
        const g = await (await realise(description, subject.createExecutor)).gradients()
        t.size({ N: g.length, b, d: g[0].length })
        if (!t.premise(judge(g, b, theta, nu).passed!)) return
        const bound = (1 + theta ** 2 + nu ** 2) * signalOf(g)
        t.atMost('E‖ḡ‖²', expectedSquare(g, b, 'tuples'), bound, sumOfSquaredNorms(g) / g.length + bound)
      },
      { runs: 300, premise: 0.1 },
    )
    await forAll(
      'both conditions violated ⇒ the conclusion fails',
      [...inputs],
      (t, g, b, theta, nu) => {
        const components = judge(g, b, theta, nu).components!
        // An inner product that fails by rounding alone is no violation.
        const signal = signalOf(g)
        const slack = [1e-9 * signal * sumOfSquaredNorms(g), 1e-9 * sumOfSquaredNorms(g) * (1 + nu ** 2)]
        const violated = components.every(({ statistic, threshold }, k) => statistic! > threshold! + slack[k])
        if (!t.premise(signal > 0 && violated)) return
        t.that('the conclusion fails', expectedSquare(g, b, 'tuples') > (1 + theta ** 2 + nu ** 2) * signal)
      },
      { role: 'necessary', premise: 0.05 },
    )
    const alone = [populations({ min: 2, max: 5 }), wideParameter] as const
    for (const [kept, test] of [
      ['inner product', (p: number) => subject.innerProductTest({ theta: p })],
      ['orthogonality', (p: number) => subject.orthogonalityTest({ nu: p })],
    ] as const) {
      await exists(`the ${kept} test alone passes and the conclusion fails`, [...alone], (_, g, p) => {
        const { passed } = subject.exact(test(p)).evaluate(subject.fromPerSampleGradients(g), 1)
        return passed! && signalOf(g) > 0 && expectedSquare(g, 1, 'tuples') > 1.1 * (1 + 2 * p ** 2) * signalOf(g)
      })
    }
    await forAll(
      'attained where both hold with equality',
      [inputs[0], inputs[1]],
      (t, g, b) => {
        const components = judge(g, b, 1, 1).components!
        const ratios = components.map(({ statistic, threshold }) => statistic! / threshold!)
        if (!t.premise(ratios.every((ratio) => ratio > 1e-6 && ratio < 1e6))) return
        const [theta, nu] = ratios.map((ratio) => Math.sqrt(ratio) * (1 + 1e-12))
        t.that('the test passes', judge(g, b, theta, nu).passed!)
        const bound = (1 + theta ** 2 + nu ** 2) * signalOf(g)
        t.atMost('E‖ḡ‖²', expectedSquare(g, b, 'tuples'), bound, sumOfSquaredNorms(g) / g.length + bound)
      },
      { role: 'tight', attains: 0.9999, runs: 500, premise: 0.1 },
    )
  },
}
