import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { random } from '../../src/random.ts'
import { innerProductVariance, orthogonalVariance, varianceL1 } from '../../src/statistics/derived.ts'
import { fromPerSampleGradients } from '../../src/statistics/gradient-statistics.ts'
import {
  officialInnerProductVariance,
  officialOrthogonalVariance,
  officialPooledVariance,
  perTensorFromPerSampleGradients,
} from '../../src/statistics/official.ts'
import { directed, l1, options, projections, residuals, variances } from './oracle.ts'

/** Two tensors, ḡ away from 0 in both, as a pair of matrices with the same samples. */
const twoTensors = fc
  .integer({ min: 2, max: 7 })
  .chain((b) => fc.tuple(directed({ min: b, max: b }), directed({ min: b, max: b })))

const join = (a: number[][], b: number[][]) => ({
  gradients: a.map((row, i) => [...row, ...b[i]]),
  layout: [
    { offset: 0, size: a[0].length },
    { offset: a[0].length, size: b[0].length },
  ],
})

describe('deviations 1 and 2 (docs/maths.md §6)', () => {
  it('are the sums of the per-tensor quantities', () => {
    fc.assert(
      fc.property(twoTensors, ([a, b]) => {
        const { gradients, layout } = join(a, b)
        const s = perTensorFromPerSampleGradients(gradients, layout)
        const along = l1(variances(projections(a))) + l1(variances(projections(b)))
        const across = l1(variances(residuals(a))) + l1(variances(residuals(b)))
        expect(officialInnerProductVariance(s)! / (1 + along)).toBeCloseTo(along / (1 + along), 9)
        expect(officialOrthogonalVariance(s)! / (1 + s.sumSquaredNorms!)).toBeCloseTo(
          across / (1 + s.sumSquaredNorms!),
          9,
        )
      }),
      options,
    )
  })

  it('are the exact ones for a single tensor, and differ for two', () => {
    const g = [
      [1, 2],
      [3, -1],
      [2, 0],
    ]
    const one = perTensorFromPerSampleGradients(g, [{ offset: 0, size: 2 }])
    expect(officialInnerProductVariance(one)).toBe(innerProductVariance(one))
    expect(officialOrthogonalVariance(one)).toBe(orthogonalVariance(one))
    const two = perTensorFromPerSampleGradients(g, [
      { offset: 0, size: 1 },
      { offset: 1, size: 1 },
    ])
    // ⟨g_i, ḡ⟩ = 2·(1, 3, 2) + ⅓·(2, −1, 0): separately 4·1 + (1/9)·(7/3), together smaller by the covariance.
    expect(officialInnerProductVariance(two)).toBeCloseTo(4 + 7 / 27, 12)
    expect(innerProductVariance(two)).toBeCloseTo(4 + 7 / 27 + 2 * 2 * (1 / 3) * -1.5, 12)
    // A scalar tensor has nothing orthogonal to its mean.
    expect(officialOrthogonalVariance(two)).toBeCloseTo(0, 12)
  })

  it('have no NaN where a tensor has ḡ = 0, and no value for one sample', () => {
    const layout = [
      { offset: 0, size: 1 },
      { offset: 1, size: 1 },
    ]
    const dead = perTensorFromPerSampleGradients(
      [
        [1, 1],
        [3, -1],
      ],
      layout,
    )
    expect(officialOrthogonalVariance(dead)).toBe(2)
    const one = perTensorFromPerSampleGradients([[1, 1]], layout)
    expect(officialInnerProductVariance(one)).toBeUndefined()
    expect(officialOrthogonalVariance(one)).toBeUndefined()
    expect(() => officialInnerProductVariance({ ...dead, tensorProjections: [] })).toThrow('projections of 0 tensors')
  })
})

describe('deviation 3', () => {
  it('is the mean of the within-variances plus the population variance between the means', () => {
    const micro = [
      [[1], [3]],
      [[6], [10]],
    ]
    // Within 2 and 8; means 2 and 8 about 5.
    expect(officialPooledVariance(micro.map(fromPerSampleGradients))).toBe(5 + 9)
    expect(varianceL1(fromPerSampleGradients(micro.flat()))).toBeCloseTo((2 + 8 + 2 * 9 * 2) / 3, 12)
  })

  it('is inflated by 1 + (m − 1)/(m·b_micro) in expectation', () => {
    const draw = random(1, 'micro-batches')
    const [m, b, trials] = [4, 2, 20_000]
    let mean = 0
    for (let trial = 0; trial < trials; trial++) {
      const micro = Array.from({ length: m }, () =>
        fromPerSampleGradients(Array.from({ length: b }, () => [draw.normal()])),
      )
      mean += officialPooledVariance(micro)! / trials
    }
    expect(Math.abs(mean - (1 + (m - 1) / (m * b)))).toBeLessThan(0.02)
  })

  it('wants micro-batches of one size', () => {
    const sizes = [
      [[1], [2]],
      [[1], [2], [3]],
    ].map(fromPerSampleGradients)
    expect(() => officialPooledVariance(sizes)).toThrow('micro-batches of one size, got sizes 2, 3')
    expect(officialPooledVariance([[[1]], [[2]]].map(fromPerSampleGradients))).toBeUndefined()
  })
})
