import fc from 'fast-check'
import { DivergenceError } from '../src/errors.ts'
import type { Claim } from './claim.ts'
import { parameter, populations } from './instances.ts'
import { testsOf } from './tests-by-definition.ts'

export const edgeCases: Claim = {
  id: '2.edges',
  title: 'Edge cases are outcomes with a name, never NaN',
  statement:
    'b = 1: no verdict, and b is 2 by the next step. ḡ = 0 with variance: T = cap. ḡ = 0 without variance: passes. A ' +
    'non-finite loss or gradient: an error that names the step. No result and no batch size is ever NaN.',
  kind: 'proved',
  async check({ subject, forAll, example }) {
    const cap = 1000
    const step = (g: number[][], test: ReturnType<typeof subject.normTest>) => {
      const policy = subject.adaptive(test, { initial: g.length, max: cap })
      const statistics = subject.fromPerSampleGradients(g)
      return policy.next(policy.start(), { step: 0, samples: g.length, loss: 1, statistics })
    }
    await forAll('nothing is NaN, whatever the gradients', [populations({ min: 1, max: 6 }), parameter], (t, g, p) => {
      t.size({ b: g.length, d: g[0].length })
      for (const test of Object.values(testsOf(subject, p))) {
        const { statistic, threshold, suggestedBatchSize, verdict } = test.evaluate(subject.fromPerSampleGradients(g))
        for (const value of [statistic, threshold, suggestedBatchSize])
          t.that(`${test.name}: no NaN`, !Number.isNaN(value))
        t.that(`${test.name}: T ≥ 0`, suggestedBatchSize >= 0)
        t.that(
          `${test.name}: the verdict has a name`,
          ['passed', 'failed', 'too-few-samples', 'zero-gradient', 'zero-variance'].includes(verdict),
        )
        const { batchSize } = step(g, test)
        t.that(
          `${test.name}: b is whole, in [b, cap]`,
          Number.isInteger(batchSize) && batchSize >= g.length && batchSize <= cap,
        )
      }
    })
    await forAll(
      'one sample: no verdict, and the next batch has two',
      [populations({ min: 1, max: 1 }), parameter],
      (t, g, p) => {
        for (const test of Object.values(testsOf(subject, p))) {
          const update = step(g, test)
          t.same('verdict', [update.test!.verdict, update.test!.passed, update.batchSize], ['too-few-samples', null, 2])
        }
      },
    )
    const values = fc.array(
      fc.integer({ min: 1, max: 4096 }).map((k) => k / 256),
      { minLength: 1, maxLength: 4 },
    )
    await forAll('ḡ = 0 with variance: no batch is enough, the cap is next', [values, parameter], (t, row, p) => {
      const g = [row, row.map((x) => -x)]
      for (const test of Object.values(testsOf(subject, p))) {
        const result = test.evaluate(subject.fromPerSampleGradients(g))
        t.same(
          `${test.name}`,
          [result.verdict, result.passed, result.suggestedBatchSize],
          ['zero-gradient', false, Infinity],
        )
        const update = step(g, test)
        t.same(`${test.name}: next`, [update.batchSize, update.test!.suggestedBatchSize], [cap, cap])
      }
    })
    await forAll('equal gradients, zero ones among them: any batch is enough', [values, parameter], (t, row, p) => {
      for (const scale of [0, 1]) {
        const g = [row, row, row, row].map((r) => r.map((x) => scale * x))
        for (const test of Object.values(testsOf(subject, p))) {
          const { verdict, passed, suggestedBatchSize } = test.evaluate(subject.fromPerSampleGradients(g))
          t.same(`${test.name}`, [verdict, passed, suggestedBatchSize], ['zero-variance', true, 0])
          t.same(`${test.name}: next`, step(g, test).batchSize, 4)
        }
      }
    })
    await example('gradients whose squares overflow are refused, though their mean is finite', (t) => {
      const s = subject.fromPerSampleGradients([[1e200], [-1e200]])
      let refused = false
      try {
        subject.normTest({ eta: 1 }).evaluate(s)
      } catch (error) {
        refused = error instanceof DivergenceError
      }
      t.that('refused', refused)
    })
    await example('a loss or gradient that is not finite is refused', (t) => {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        for (const test of Object.values(testsOf(subject, 1))) {
          let refused = false
          try {
            test.evaluate(
              subject.fromPerSampleGradients([
                [1, bad],
                [1, 2],
              ]),
            )
          } catch (error) {
            refused = error instanceof DivergenceError
          }
          t.that(`${test.name}: gradient ${bad} is refused`, refused)
        }
        const policy = subject.adaptive(subject.normTest({ eta: 1 }), { initial: 2, max: cap })
        let message = ''
        try {
          const statistics = subject.fromPerSampleGradients([[1], [2]])
          policy.next(policy.start(), { step: 17, samples: 2, loss: bad, statistics })
        } catch (error) {
          message = error instanceof DivergenceError ? error.message : ''
        }
        t.that(`the error names the step: ${message}`, message.includes('step 17'))
      }
    })
  },
}
