import type { Claim, Trial } from './claim.ts'
import { dot, expectedSquare, meanOf, sumOfSquaredNorms } from './dense.ts'
import { batchSize, descriptions, populations, realise, wideParameter } from './instances.ts'

export const normTestStrongGrowth: Claim = {
  id: '3.2',
  title: 'The exact norm test gives expected strong growth',
  statement:
    'If (1/b)σ² ≤ η²‖∇F‖² then E‖ḡ‖² ≤ (1 + η²)‖∇F‖². With independent draws the converse holds as well: where the test ' +
    'fails, so does the conclusion.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    const judge = (g: number[][], b: number, eta: number) =>
      subject.exact(subject.normTest({ eta })).evaluate(subject.fromPerSampleGradients(g), b)
    const signalOf = (g: number[][]) => dot(meanOf(g), meanOf(g))
    const conclude = (t: Trial, g: number[][], b: number, eta: number, draws: 'tuples' | 'subsets') => {
      const bound = (1 + eta ** 2) * signalOf(g)
      t.atMost('E‖ḡ‖²', expectedSquare(g, b, draws), bound, sumOfSquaredNorms(g) / g.length + bound)
    }
    const inputs = [populations({ min: 1, max: 6 }), batchSize(4), wideParameter] as const

    await forAll(
      'passed ⇒ E‖ḡ‖² ≤ (1 + η²)‖∇F‖², all tuples',
      [...inputs],
      (t, g, b, eta) => {
        t.size({ N: g.length, b, d: g[0].length })
        if (!t.premise(judge(g, b, eta).passed!)) return
        conclude(t, g, b, eta, 'tuples')
      },
      { runs: 3000, premise: 0.2 },
    )
    await forAll(
      'passed ⇒ the same without replacement, all subsets',
      [...inputs],
      (t, g, draw, eta) => {
        const b = Math.min(draw, g.length)
        if (!t.premise(judge(g, b, eta).passed!)) return
        conclude(t, g, b, eta, 'subsets')
      },
      { premise: 0.2 },
    )
    await forAll(
      'problems, gradients by the backward pass',
      [descriptions({ min: 2, max: 5 }), batchSize(3), wideParameter],
      async (t, description, b, eta) => {
        const g = await (await realise(description, subject.createExecutor)).gradients()
        t.size({ N: g.length, b, d: g[0].length })
        if (!t.premise(judge(g, b, eta).passed!)) return
        conclude(t, g, b, eta, 'tuples')
      },
      { runs: 300, premise: 0.1 },
    )
    await forAll(
      'failed ⇒ E‖ḡ‖² > (1 + η²)‖∇F‖², all tuples',
      [...inputs],
      (t, g, b, eta) => {
        const { statistic, threshold } = judge(g, b, eta)
        // Within rounding of equality either side may win.
        const slack = 1e-9 * (sumOfSquaredNorms(g) / g.length) * (1 + eta ** 2)
        if (!t.premise(statistic! > threshold! + slack)) return
        t.that('the conclusion fails', expectedSquare(g, b, 'tuples') > (1 + eta ** 2) * signalOf(g))
      },
      { role: 'necessary', premise: 0.2 },
    )
    await exists('one sample fewer than ⌈T⌉ is one too few', [...inputs], (_, g, __, eta) => {
      const least = Math.ceil(judge(g, 1, eta).suggestedBatchSize)
      if (!(least >= 2 && least <= 5)) return false
      const bound = (1 + eta ** 2) * signalOf(g)
      const slack = 1e-9 * sumOfSquaredNorms(g)
      return (
        expectedSquare(g, least - 1, 'tuples') > bound + slack && expectedSquare(g, least, 'tuples') <= bound + slack
      )
    })
    await forAll(
      'attained at η = √(σ²/(b‖∇F‖²))',
      [inputs[0], inputs[1]],
      (t, g, b) => {
        const { statistic, threshold } = judge(g, b, 1)
        if (!t.premise(statistic! > 1e-6 * threshold! && threshold! > 1e-6 * statistic!)) return
        const eta = Math.sqrt(statistic! / threshold!) * (1 + 1e-12)
        t.that('the test passes', judge(g, b, eta).passed!)
        conclude(t, g, b, eta, 'tuples')
      },
      { role: 'tight', attains: 0.9999, runs: 500, premise: 0.2 },
    )
  },
}
