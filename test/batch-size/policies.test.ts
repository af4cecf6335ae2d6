import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adaScale } from '../../src/batch-size/ada-scale.ts'
import { adaDamp, adaptive, cabs, noiseScale } from '../../src/batch-size/adaptive.ts'
import type { BatchPolicy, PolicyState } from '../../src/batch-size/policy.ts'
import { constant, geometric, linearRamp, stages } from '../../src/batch-size/scheduled.ts'
import { normTest } from '../../src/batch-size/tests.ts'
import { nextBatchSize } from '../../src/batch-size/update.ts'
import { ConfigurationError, DivergenceError } from '../../src/errors.ts'
import type { GradientStatistics } from '../../src/statistics/gradient-statistics.ts'

/** Statistics of b samples with ‖ḡ‖² = 1 and ‖Var‖₁ = variance: the norm test with η = 1 suggests T = variance. */
function noisy(batchSize: number, variance: number): GradientStatistics {
  return { batchSize, mean: Float64Array.of(1), sumSquaredNorms: batchSize + Math.max(0, batchSize - 1) * variance }
}

/** Drives a policy through steps of given variance and returns all its updates. */
function drive<S extends PolicyState>(
  policy: BatchPolicy<S>,
  variances: readonly number[],
  losses?: readonly number[],
) {
  let state = policy.start()
  let samples = 0
  return variances.map((variance, step) => {
    const level = policy.levelFor(state)
    samples += state.batchSize
    const measured = noisy(state.batchSize, variance)
    const statistics = level === 'none' ? { batchSize: measured.batchSize, mean: measured.mean } : measured
    const update = policy.next(state, { step, samples, loss: losses?.[step] ?? 1, statistics })
    // A checkpoint is JSON: the state has to survive it.
    state = JSON.parse(JSON.stringify(update.state)) as S
    expect(state).toEqual(update.state)
    expect([update.batchSize, update.learningRateFactor]).toEqual([state.batchSize, state.learningRateFactor])
    return { ...update, level }
  })
}

const sizes = (updates: readonly { batchSize: number }[]) => updates.map(({ batchSize }) => batchSize)
const test1 = normTest({ eta: 1 })

describe('nextBatchSize', () => {
  it('never falls, never passes the cap, never grows by more than the factor', () => {
    const limits = fc.record({
      maxGrowth: fc.double({ min: 1.01, max: 8, noNaN: true }),
      hysteresis: fc.double({ min: 0, max: 2, noNaN: true }),
    })
    const suggestion = fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(5000), suggestion, limits, (b, room, t, rest) => {
        const cap = b + room
        const next = nextBatchSize(b, t, { cap, ...rest })
        expect(Number.isSafeInteger(next)).toBe(true)
        expect(next).toBeGreaterThanOrEqual(b)
        expect(next).toBeLessThanOrEqual(cap)
        expect(next).toBeLessThanOrEqual(Math.max(b + 1, b * rest.maxGrowth))
        if (next > b && b > 1) expect(next).toBeGreaterThan(b * (1 + rest.hysteresis))
        // Without the two dampers it is the formula.
        const plain = nextBatchSize(b, t, { cap, maxGrowth: Number.POSITIVE_INFINITY, hysteresis: 0 })
        expect(plain).toBe(Math.min(Math.max(b, Math.ceil(t)), cap))
      }),
      { seed: 1, numRuns: 1000 },
    )
  })
})

describe('adaptive', () => {
  it('follows ⌈T⌉ up and stops testing at the cap', () => {
    const updates = drive(adaptive(test1, { initial: 8, max: 64 }), [4, 9.5, 3, 500, 1e9])
    expect(sizes(updates)).toEqual([8, 10, 10, 64, 64])
    expect(updates.map(({ level }) => level)).toEqual(['norms', 'norms', 'norms', 'norms', 'none'])
    expect(updates.map(({ test }) => test?.verdict ?? null)).toEqual(['passed', 'failed', 'passed', 'failed', null])
    expect(updates[1]).toMatchObject({ growth: 1.25, learningRateFactor: 1 })
  })

  it('never falls and never passes the cap, whatever comes', () => {
    const variance = fc.oneof(fc.double({ min: 0, max: 1e5, noNaN: true }), fc.constant(0))
    const dampers = fc.record({
      interval: fc.integer({ min: 1, max: 4 }),
      maxGrowth: fc.double({ min: 1.1, max: 4, noNaN: true }),
      hysteresis: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(
        fc.array(variance, { maxLength: 12 }),
        fc.integer({ min: 1, max: 9 }),
        dampers,
        (vs, initial, rest) => {
          const run = [initial, ...sizes(drive(adaptive(test1, { initial, max: 1000, ...rest }), vs))]
          for (let k = 1; k < run.length; k++) {
            expect(run[k]).toBeGreaterThanOrEqual(run[k - 1])
            expect(run[k]).toBeLessThanOrEqual(1000)
          }
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })

  it('grows from 1 to 2 without a verdict, and without measuring what one sample cannot show', () => {
    const updates = drive(adaptive(test1, { initial: 1, max: 64, interval: 3, hysteresis: 5 }), [7, 7])
    expect(updates[0]).toMatchObject({
      level: 'none',
      batchSize: 2,
      test: { verdict: 'too-few-samples', passed: null },
    })
    expect(sizes(drive(adaptive(test1, { initial: 1, max: 1 }), [7, 7]))).toEqual([1, 1])
  })

  it('takes a zero gradient to the cap, with a finite suggestion for the record', () => {
    const policy = adaptive(test1, { initial: 2, max: 64 })
    const statistics = { batchSize: 2, mean: Float64Array.of(0), sumSquaredNorms: 2 }
    const update = policy.next(policy.start(), { step: 0, samples: 2, loss: 1, statistics })
    expect(update).toMatchObject({ batchSize: 64, test: { verdict: 'zero-gradient', suggestedBatchSize: 64 } })
  })

  it('tests every interval-th step, the first included', () => {
    const updates = drive(adaptive(test1, { initial: 4, max: 64, interval: 2 }), [5, 10, 11, 12])
    expect(sizes(updates)).toEqual([5, 5, 11, 11])
    expect(updates.map(({ level }) => level)).toEqual(['norms', 'none', 'norms', 'none'])
  })

  it('bounds growth and ignores small gains', () => {
    expect(sizes(drive(adaptive(test1, { initial: 4, max: 1000, maxGrowth: 2 }), [900, 900, 900]))).toEqual([8, 16, 32])
    expect(sizes(drive(adaptive(test1, { initial: 10, max: 1000, hysteresis: 0.5 }), [15, 16, 24]))).toEqual([
      10, 16, 16,
    ])
  })

  it('couples the learning rate to growth', () => {
    for (const [learningRateCoupling, factors] of [
      ['none', [1, 1]],
      ['sqrt', [2, 4]],
      ['linear', [4, 16]],
    ] as const) {
      const updates = drive(adaptive(test1, { initial: 4, max: 64, learningRateCoupling }), [16, 64])
      expect(updates.map(({ learningRateFactor }) => learningRateFactor)).toEqual(factors)
      expect(updates.map(({ growth }) => growth)).toEqual([4, 4])
    }
  })

  it('with metricOnly judges every step, at the cap too, and changes nothing', () => {
    const updates = drive(adaptive(test1, { initial: 8, max: 8, metricOnly: true }), [100, 200])
    expect(sizes(updates)).toEqual([8, 8])
    expect(updates.map(({ test }) => test!.suggestedBatchSize)).toEqual([100, 200])
  })

  it('is not moved by a short last batch', () => {
    const policy = adaptive(test1, { initial: 32, max: 64 })
    const observe = (b: number) => ({ step: 0, samples: b, loss: 1, statistics: noisy(b, 5) })
    expect(policy.next(policy.start(), observe(3)).batchSize).toBe(32)
    expect(policy.next(policy.start(), observe(1)).batchSize).toBe(32)
  })

  it('stops at a loss that is not finite, naming the step', () => {
    const policy = adaptive(test1, { initial: 2, max: 4 })
    const observation = { step: 7, samples: 2, loss: Number.NaN, statistics: noisy(2, 1) }
    expect(() => policy.next(policy.start(), observation)).toThrow(DivergenceError)
    expect(() => policy.next(policy.start(), observation)).toThrow('the loss of step 7 is NaN')
  })

  it('records every option', () => {
    const policy = adaptive(test1, { initial: 8, max: 64 })
    expect({ name: policy.name, level: policy.level, ...policy.config }).toEqual({
      name: 'adaptive',
      level: 'norms',
      test: { name: 'norm', eta: 1 },
      exact: false,
      initial: 8,
      max: 64,
      interval: 1,
      maxGrowth: null,
      hysteresis: 0,
      learningRateCoupling: 'none',
      metricOnly: false,
    })
    expect(Object.isFrozen(policy)).toBe(true)
  })

  it('refuses options outside their domain, saying what was given', () => {
    const attempt = (options: object) => () => adaptive(test1, { initial: 8, max: 64, ...options })
    expect(attempt({ max: 4 })).toThrow(ConfigurationError)
    expect(attempt({ max: 4 })).toThrow('adaptive: max must be at least initial (8), got 4')
    expect(attempt({ initial: 0 })).toThrow('adaptive: initial must be a whole number of at least 1, got 0')
    expect(attempt({ initial: 1.5 })).toThrow('got 1.5')
    expect(attempt({ interval: 0 })).toThrow('interval must be')
    expect(attempt({ maxGrowth: 1 })).toThrow('adaptive: maxGrowth must be above 1, got 1')
    expect(attempt({ hysteresis: -1 })).toThrow('hysteresis must be')
    expect(attempt({ learningRateCoupling: 'cubic' })).toThrow(
      'learningRateCoupling must be one of "none", "sqrt", "linear", got "cubic"',
    )
  })
})

describe('scheduled policies', () => {
  const quiet = (count: number) => Array.from({ length: count }, () => 0)

  it('constant', () => {
    expect(sizes(drive(constant(32), quiet(3)))).toEqual([32, 32, 32])
    expect(constant(32)).toMatchObject({ initial: 32, cap: 32, level: 'none' })
    expect(() => constant(0)).toThrow('constant: batchSize must be a whole number of at least 1, got 0')
  })

  it('stages in samples change when the total is reached, in steps after so many steps', () => {
    const inSamples = stages([{ batchSize: 4, samples: 6 }, { batchSize: 8, samples: 10 }, { batchSize: 3 }])
    expect([4, ...sizes(drive(inSamples, quiet(4)))]).toEqual([4, 4, 8, 3, 3])
    expect(inSamples.cap).toBe(8)
    const inSteps = stages(
      [
        { batchSize: 1, steps: 2 },
        { batchSize: 2, steps: 1 },
      ],
      { learningRateCoupling: 'sqrt' },
    )
    const updates = drive(inSteps, quiet(4))
    expect([1, ...sizes(updates)]).toEqual([1, 1, 2, 2, 2])
    expect(updates[3].learningRateFactor).toBe(Math.SQRT2)
  })

  it('stages refuse what is not a list of stages', () => {
    expect(() => stages([])).toThrow('at least one stage')
    expect(() => stages([{ batchSize: 1 }, { batchSize: 2 }])).toThrow('stage 0 has no length')
    expect(() =>
      stages([
        { batchSize: 1, steps: 1 },
        { batchSize: 2, samples: 5 },
      ]),
    ).toThrow('stage 1 is in samples')
    expect(() => stages([{ batchSize: 0, steps: 1 }])).toThrow("stage 0's batchSize must be")
    expect(() => stages([{ batchSize: 1, samples: 0 }])).toThrow("stage 0's samples must be")
  })

  it('linear ramp', () => {
    const ramp = linearRamp({ initial: 256, increment: 256, max: 1000 })
    expect([256, ...sizes(drive(ramp, quiet(4)))]).toEqual([256, 512, 768, 1000, 1000])
    expect(() => linearRamp({ initial: 8, increment: 0, max: 9 })).toThrow('increment')
    expect(() => linearRamp({ initial: 8, increment: 1, max: 7 })).toThrow('max must be at least initial (8), got 7')
  })

  it('geometric in steps and samples', () => {
    const bySteps = geometric({ initial: 8, factor: 1.5, every: { steps: 2 }, max: 20 })
    expect([8, ...sizes(drive(bySteps, quiet(6)))]).toEqual([8, 8, 12, 12, 18, 18, 20])
    const bySamples = geometric({
      initial: 2,
      factor: 2,
      every: { samples: 4 },
      max: 1000,
      learningRateCoupling: 'linear',
    })
    const updates = drive(bySamples, quiet(3))
    expect([2, ...sizes(updates)]).toEqual([2, 2, 4, 8])
    expect(updates[2]).toMatchObject({ growth: 2, learningRateFactor: 4 })
    expect(() => geometric({ initial: 8, factor: 1, every: { steps: 1 }, max: 9 })).toThrow('factor')
    expect(() => geometric({ initial: 8, factor: 2, every: { samples: 0.5 }, max: 9 })).toThrow('every.samples')
  })
})

describe('neighbouring controllers', () => {
  const limits = { initial: 4, max: 100 }

  it('CABS is α·‖Var‖₁/F', () => {
    expect(sizes(drive(cabs({ ...limits, alpha: 0.5 }), [10, 30, 8], [1, 1, 0.1]))).toEqual([5, 15, 40])
    expect(sizes(drive(cabs({ ...limits, alpha: 1 }), [10], [0]))).toEqual([100])
    expect(sizes(drive(cabs({ initial: 1, max: 9, alpha: 1 }), [10]))).toEqual([2])
    expect(() => cabs({ ...limits, alpha: 0 })).toThrow('cabs: alpha')
  })

  it('AdaDamp is b₀·F₀/F_k and measures nothing', () => {
    const updates = drive(adaDamp(limits), [0, 0, 0, 0], [2, 1, 4, 0.25])
    expect(sizes(updates)).toEqual([4, 8, 8, 32])
    // b = T is enough.
    expect(updates[0].test).toMatchObject({ verdict: 'passed', statistic: 4, threshold: 4, passed: true })
    expect(updates.every(({ level }) => level === 'none')).toBe(true)
  })

  it('noise scale averages before it divides', () => {
    // b = 4, ‖ḡ‖² = 1: noise 2 and signal 1 − 2/4.
    expect(sizes(drive(noiseScale({ ...limits, multiple: 2 }), [2]))).toEqual([8])
    const [first, second] = drive(noiseScale({ ...limits, smoothing: 0.5 }), [2, 1])
    expect(first.test!.suggestedBatchSize).toBe(4)
    // Averages: noise (2 + 1)/2, signal (0.5 + 0.75)/2.
    expect(second.test!.suggestedBatchSize).toBeCloseTo(1.5 / 0.625, 12)
  })

  it('AdaScale multiplies the learning rate by its gain', () => {
    const policy = adaScale(geometric({ initial: 4, factor: 4, every: { steps: 1 }, max: 16 }), { smoothing: 0 })
    expect(policy.level).toBe('norms')
    const [first, second] = drive(policy, [2, 4])
    // σ² = 2/4 and μ² = 1 − 2/4 give (½ + ½)/(½/4 + ½) at S = 4.
    expect(first).toMatchObject({ batchSize: 16, learningRateFactor: 1.6, test: null })
    // σ² = 4/4 and μ² = 1 − 4/16.
    expect(second.learningRateFactor).toBeCloseTo(1.75 / (0.25 + 0.75), 12)
    expect(drive(adaScale(constant(1)), [1])[0]).toMatchObject({ level: 'none', learningRateFactor: 1 })
  })
})
