import { describe, expect, it } from 'vitest'
import { exact } from '../../src/batch-size/batch-size-test.ts'
import { officialInnerProductTest, officialNormTest } from '../../src/batch-size/official-tests.ts'
import { augmentedInnerProductTest, normTest } from '../../src/batch-size/tests.ts'
import { fromPerSampleGradients, merge } from '../../src/statistics/gradient-statistics.ts'
import { perTensorFromPerSampleGradients } from '../../src/statistics/official.ts'

describe('the official code’s tests (docs/maths.md §6)', () => {
  const g = [
    [1, 2],
    [3, -1],
    [2, 0],
  ]

  it('agree with the default for one tensor', () => {
    const s = perTensorFromPerSampleGradients(g, [{ offset: 0, size: 2 }])
    const parameters = { theta: 0.5, nu: 0.5 }
    const { name: _, ...official } = officialInnerProductTest(parameters).evaluate(s)
    expect(augmentedInnerProductTest(parameters).evaluate(s)).toMatchObject(official)
    expect(officialInnerProductTest({ theta: 0.5 }).evaluate(s).components).toBeUndefined()
  })

  it('suggest larger batches when the variance is pooled over micro-batches that differ', () => {
    const microBatches = [
      g,
      [
        [5, 5],
        [5, 6],
        [6, 5],
      ],
    ].map(fromPerSampleGradients)
    const s = {
      ...microBatches.reduce<ReturnType<typeof merge>>(merge, { batchSize: 0, mean: new Float64Array(2) }),
      microBatches,
    }
    const [official, exactLaw] = [officialNormTest({ eta: 0.1 }), normTest({ eta: 0.1 })].map((test) =>
      test.evaluate(s),
    )
    expect(official.suggestedBatchSize).not.toBeCloseTo(exactLaw.suggestedBatchSize, 3)
    expect(official.threshold).toBe(exactLaw.threshold)
  })

  it('refuse ordinary statistics and have no exact form', () => {
    const s = fromPerSampleGradients(g)
    expect(() => officialNormTest({ eta: 1 }).evaluate(s)).toThrow('officialNormTest needs microBatches')
    expect(() => officialInnerProductTest({ theta: 1 }).evaluate(s)).toThrow('needs tensorProjections')
    expect(() => exact(officialNormTest({ eta: 1 })).evaluate(s, 2)).toThrow('no exact test')
  })

  it('never pass a zero gradient that varies', () => {
    const s = perTensorFromPerSampleGradients([[1], [-1]], [{ offset: 0, size: 1 }])
    expect(officialInnerProductTest({ theta: 1 }).evaluate(s).verdict).toBe('zero-gradient')
  })
})
