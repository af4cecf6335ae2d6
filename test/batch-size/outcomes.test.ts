import { describe, expect, it } from 'vitest'
import { batchSizeTest } from '../../src/batch-size/batch-size-test.ts'
import { coordinateTest } from '../../src/batch-size/coordinate-test.ts'
import { augmentedInnerProductTest, innerProductTest, normTest } from '../../src/batch-size/tests.ts'
import { ConfigurationError, DivergenceError } from '../../src/errors.ts'
import { fromPerSampleGradients } from '../../src/statistics/gradient-statistics.ts'
import { all } from './every-test.ts'

describe('edge cases are outcomes with a name', () => {
  it('one sample: no verdict, 2 are suggested', () => {
    for (const test of all(1)) {
      const bare = { batchSize: 1, mean: Float64Array.of(1) }
      expect(test.evaluate(bare)).toEqual({
        name: test.name,
        verdict: 'too-few-samples',
        statistic: null,
        threshold: null,
        passed: null,
        suggestedBatchSize: 2,
      })
    }
  })

  it('ḡ = 0 with variance: fails at any size', () => {
    const s = fromPerSampleGradients([
      [1, 2],
      [-1, -2],
    ])
    for (const test of all(1).slice(0, 5)) {
      const result = test.evaluate(s)
      expect(result).toMatchObject({
        verdict: 'zero-gradient',
        passed: false,
        suggestedBatchSize: Infinity,
        threshold: 0,
      })
      expect(result.statistic).toBeGreaterThan(0)
      expect(test.evaluate(s, { batchSize: 2 ** 40 }).passed).toBe(false)
    }
  })

  it('no variance: passes at any size, with ḡ = 0 too', () => {
    for (const g of [
      [0, 0],
      [3, 4],
    ] as const) {
      for (const test of all(1)) {
        const result = test.evaluate(fromPerSampleGradients([g, g]))
        expect(result).toMatchObject({ verdict: 'zero-variance', passed: true, statistic: 0, suggestedBatchSize: 0 })
      }
    }
  })

  it('one coordinate with ḡ_j = 0 decides the plain maximum; a quantile or a floor frees it', () => {
    const s = fromPerSampleGradients([
      [1, 10, 20],
      [-1, 12, 22],
    ])
    expect(coordinateTest({ eta: 1 }).evaluate(s).verdict).toBe('zero-gradient')
    expect(coordinateTest({ eta: 1, quantile: 0.6 }).evaluate(s)).toMatchObject({ verdict: 'passed' })
    expect(coordinateTest({ eta: 1, floor: 0.1 }).evaluate(s).suggestedBatchSize).toBeCloseTo(200, 9)
    expect(coordinateTest({ eta: 1, quantile: 0.6, floor: 0.1 }).parameters).toEqual({
      eta: 1,
      quantile: 0.6,
      floor: 0.1,
    })
  })

  it('what is not finite stops with an error', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const test of all(1)) {
        expect(() =>
          test.evaluate(
            fromPerSampleGradients([
              [value, 1],
              [1, 2],
            ]),
          ),
        ).toThrow(DivergenceError)
      }
    }
  })

  it('statistics below the level are refused by name', () => {
    const bare = { batchSize: 2, mean: Float64Array.of(1) }
    for (const test of all(1)) expect(() => test.evaluate(bare)).toThrow(ConfigurationError)
  })
})

describe('the record', () => {
  it('has a name, a level and resolved parameters, frozen and JSON', () => {
    expect(all(0.5).map(({ name, level, parameters }) => ({ name, level, parameters }))).toEqual([
      { name: 'norm', level: 'norms', parameters: { eta: 0.5 } },
      { name: 'inner-product', level: 'projections', parameters: { theta: 0.5 } },
      { name: 'orthogonality', level: 'projections', parameters: { nu: 0.5 } },
      { name: 'augmented-inner-product', level: 'projections', parameters: { theta: 0.5, nu: 0.5 } },
      { name: 'coordinate', level: 'coordinates', parameters: { eta: 0.5, quantile: 1, floor: 0 } },
      { name: 'coordinate', level: 'coordinates', parameters: { eta: 0.5, quantile: 0.5, floor: 0.001 } },
    ])
    for (const test of all(0.5)) {
      expect(Object.isFrozen(test) && Object.isFrozen(test.parameters)).toBe(true)
      expect(JSON.parse(JSON.stringify(test.parameters))).toEqual(test.parameters)
    }
  })

  it('the augmented test shows both components and reports the one that decides', () => {
    const s = fromPerSampleGradients([
      [1, 5],
      [1, -5],
      [1.5, 0],
    ])
    const result = augmentedInnerProductTest({ theta: 1, nu: 1 }).evaluate(s)
    expect(result.components!.map(({ name }) => name)).toEqual(['inner-product', 'orthogonality'])
    expect(result).toEqual({ ...result.components![1], name: 'augmented-inner-product', components: result.components })
  })

  it('parameters outside their domain are refused, saying what was given', () => {
    for (const eta of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => normTest({ eta })).toThrow(`normTest: eta must be a finite number above 0, got ${eta}`)
    }
    expect(() => innerProductTest({ theta: 0 })).toThrow(ConfigurationError)
    expect(() => augmentedInnerProductTest({ theta: 1, nu: 0 })).toThrow('augmentedInnerProductTest: nu')
    expect(() => coordinateTest({ eta: [1, 0] })).toThrow('eta[1] must be')
    expect(() => coordinateTest({ eta: 1, quantile: 0 })).toThrow('quantile must be in (0, 1], got 0')
    expect(() => coordinateTest({ eta: 1, floor: -1 })).toThrow('floor must be')
  })

  it('a test of your own', () => {
    const always = batchSizeTest({
      name: 'always-32',
      level: 'none',
      parameters: {},
      measure: () => [{ name: 'always-32', variance: 32, bound: 1 }],
    })
    expect(always.evaluate({ batchSize: 8, mean: new Float64Array(1) })).toMatchObject({
      passed: false,
      suggestedBatchSize: 32,
    })
  })
})
