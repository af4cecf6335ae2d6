import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { random } from '../../src/random.ts'
import { squaredNorm, varianceL1 } from '../../src/statistics/derived.ts'
import { fromPerSampleGradients } from '../../src/statistics/gradient-statistics.ts'
import {
  adaDampBatchSize,
  adaScaleGain,
  cabsBatchSize,
  cockpit,
  noiseScaleOfTwo,
  simpleNoiseScale,
} from '../../src/statistics/neighbours.ts'
import { directed, dot, l1, meanOf, options, projections, residuals, variances } from './oracle.ts'

describe('cockpit', () => {
  it('agrees with the definitions', () => {
    fc.assert(
      fc.property(directed({ min: 2, max: 8 }), (g) => {
        const s = cockpit(fromPerSampleGradients(g))!
        const signal = dot(meanOf(g), meanOf(g))
        expect(s.norm ** 2).toBeCloseTo(l1(variances(g)) / (g.length * signal), 6)
        expect(s.innerProduct ** 2).toBeCloseTo(l1(variances(projections(g))) / (g.length * signal ** 2), 6)
        expect(s.orthogonality ** 2).toBeCloseTo(l1(variances(residuals(g))) / (g.length * signal), 6)
      }),
      options,
    )
  })

  it('is never NaN', () => {
    expect(cockpit(fromPerSampleGradients([[1]]))).toBeUndefined()
    const boundless = { norm: Infinity, innerProduct: Infinity, orthogonality: Infinity }
    expect(cockpit(fromPerSampleGradients([[1], [-1]]))).toEqual(boundless)
    expect(cockpit(fromPerSampleGradients([[0], [0]]))).toEqual({ norm: 0, innerProduct: 0, orthogonality: 0 })
  })
})

describe('simple noise scale', () => {
  it('estimates σ² and ‖∇F‖² without bias, from one batch and from two', () => {
    const draw = random(1, 'noise scale')
    const trials = 4000
    // ∇F = (1, 2), σ² = 2·3² = 18.
    const batch = (b: number) =>
      Array.from({ length: b }, () => [1 + 3 * draw.normal(), 2 + 3 * draw.normal()] as number[])
    const totals = { noise: 0, signal: 0, noiseOfTwo: 0, signalOfTwo: 0 }
    for (let trial = 0; trial < trials; trial++) {
      const [small, large] = [fromPerSampleGradients(batch(4)), fromPerSampleGradients(batch(16))]
      const one = simpleNoiseScale(large)!
      const two = noiseScaleOfTwo(
        { batchSize: 4, squaredNorm: squaredNorm(small.mean) },
        { batchSize: 16, squaredNorm: squaredNorm(large.mean) },
      )
      totals.noise += one.noise / trials
      totals.signal += one.signal / trials
      totals.noiseOfTwo += two.noise / trials
      totals.signalOfTwo += two.signal / trials
    }
    expect(Math.abs(totals.noise - 18)).toBeLessThan(0.3)
    expect(Math.abs(totals.signal - 5)).toBeLessThan(0.3)
    expect(Math.abs(totals.noiseOfTwo - 18)).toBeLessThan(1.5)
    expect(Math.abs(totals.signalOfTwo - 5)).toBeLessThan(0.3)
  })

  it('is Infinity where the noise hides the signal, and 0 without noise', () => {
    expect(simpleNoiseScale(fromPerSampleGradients([[1], [-1]]))).toEqual({ noise: 2, signal: -1, scale: Infinity })
    expect(simpleNoiseScale(fromPerSampleGradients([[2], [2]]))).toEqual({ noise: 0, signal: 4, scale: 0 })
    expect(() => noiseScaleOfTwo({ batchSize: 4, squaredNorm: 1 }, { batchSize: 4, squaredNorm: 1 })).toThrow('4 twice')
  })
})

describe('CABS, AdaScale, AdaDamp', () => {
  it('CABS is α·tr Σ/F', () => {
    const s = fromPerSampleGradients([[1], [3]])
    expect(cabsBatchSize(s, 0.5, 10)).toBe((10 * varianceL1(s)!) / 0.5)
    expect(cabsBatchSize(s, 0, 10)).toBe(Infinity)
    expect(cabsBatchSize(fromPerSampleGradients([[1]]), 1, 1)).toBeUndefined()
  })

  it('AdaScale lies between no gain and the scale', () => {
    const amount = fc.double({ min: 0, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(amount, amount, fc.double({ min: 1, max: 1e4, noNaN: true }), (noise, signal, scale) => {
        const gain = adaScaleGain(noise, signal, scale)
        expect(gain).toBeGreaterThanOrEqual(1 - 1e-12)
        expect(gain).toBeLessThanOrEqual(scale * (1 + 1e-12))
      }),
      options,
    )
    expect(adaScaleGain(1, 0, 8)).toBe(8)
    expect(adaScaleGain(0, 1, 8)).toBe(1)
    expect(adaScaleGain(0, 0, 8)).toBe(1)
  })

  it('AdaDamp follows the loss down', () => {
    expect(adaDampBatchSize(8, 2, 0.5)).toBe(32)
    expect(adaDampBatchSize(8, 3, 2, 1)).toBe(16)
    expect(adaDampBatchSize(8, 2, 0)).toBe(Infinity)
  })
})
