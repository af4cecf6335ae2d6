import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { constantRate, multistep, warmupCosine, warmupLinear } from '../../src/optim/schedules.ts'

const samples = (count: number) => ({ step: 0, samples: count })
const steps = (count: number) => ({ step: count, samples: 0 })

describe('schedules', () => {
  const options = { peak: 1, end: 0.1, warmup: 10, total: 110 }

  it('constant', () => {
    expect(constantRate(0.3)(samples(1e9))).toBe(0.3)
  })

  it('warm-up and cosine', () => {
    const schedule = warmupCosine(options)
    expect([0, 5, 10, 60, 110, 1000].map((count) => schedule(samples(count)))).toEqual([0, 0.5, 1, 0.55, 0.1, 0.1])
    expect(schedule(samples(35))).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 + Math.SQRT1_2), 12)
  })

  it('warm-up and linear decay, which falls', () => {
    const schedule = warmupLinear({ ...options, start: 0.2, unit: 'steps' })
    const expected = [0.2, 0.6, 1, 0.55, 0.1]
    for (const [k, count] of [0, 5, 10, 60, 110].entries()) expect(schedule(steps(count))).toBeCloseTo(expected[k], 12)
  })

  it('stay between their ends, rise during the warm-up and fall after it', () => {
    const rates = fc.record({
      peak: fc.double({ min: 1, max: 2, noNaN: true }),
      end: fc.double({ min: 0, max: 1, noNaN: true }),
      warmup: fc.nat(50),
      unit: fc.constantFrom('samples' as const, 'steps' as const),
    })
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 100 }), (given, decaying) => {
        const total = given.warmup + decaying
        for (const make of [warmupCosine, warmupLinear]) {
          const schedule = make({ ...given, total })
          const run = Array.from({ length: total + 3 }, (_, k) => schedule({ step: k, samples: k }))
          for (let k = 1; k < run.length; k++) {
            if (k <= given.warmup) expect(run[k]).toBeGreaterThanOrEqual(run[k - 1])
            else expect(run[k]).toBeLessThanOrEqual(run[k - 1] + 1e-15)
          }
          expect(run[given.warmup]).toBeCloseTo(given.peak, 12)
          expect(run[total]).toBe(given.end)
        }
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  it('multistep', () => {
    const schedule = multistep({ initial: 1, milestones: [10, 20], factor: 0.5 })
    expect([0, 9, 10, 19, 20, 99].map((count) => schedule(samples(count)))).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25])
  })

  it('record their configuration', () => {
    expect(warmupCosine({ peak: 1, total: 5 }).config).toEqual({
      name: 'warmupCosine',
      peak: 1,
      end: 0,
      warmup: 0,
      total: 5,
      start: 0,
      unit: 'samples',
    })
    expect(Object.isFrozen(constantRate(1))).toBe(true)
  })

  it('refuse options outside their domain', () => {
    expect(() => constantRate(Number.NaN)).toThrow(ConfigurationError)
    expect(() => warmupCosine({ peak: 1, warmup: 10, total: 10 })).toThrow(
      'warmupCosine: total must be above warmup (10), got 10',
    )
    expect(() => warmupLinear({ peak: -1, total: 10 })).toThrow('warmupLinear: peak')
    expect(() => warmupLinear({ peak: 1, total: 10, unit: 'epochs' as 'steps' })).toThrow(
      'unit must be one of "samples", "steps", got "epochs"',
    )
    expect(() => multistep({ initial: 1, milestones: [5, 5] })).toThrow('milestones must ascend, got [5, 5]')
    expect(() => multistep({ initial: 1, milestones: [0.5] })).toThrow('milestones[0] must be a whole number')
  })
})
