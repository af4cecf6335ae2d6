import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSampler } from '../../src/data/sampler.ts'
import { ConfigurationError } from '../../src/errors.ts'

const drawn = (sampler: ReturnType<typeof createSampler>, batches: readonly number[]) =>
  batches.flatMap((b) => [...sampler.next(b)])

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
const options = fc.record({ size: fc.integer({ min: 1, max: 40 }), seed: fc.integer(), replacement: fc.boolean() })
const batches = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 10 })
const fixed = { seed: 1, numRuns: 100 }

describe('createSampler', () => {
  it('each epoch is a permutation, and epochs differ', () => {
    const sampler = createSampler({ size: 100, seed: 1 })
    const epochs = [0, 1, 2].map(() => [...sampler.next(100)])
    for (const epoch of epochs)
      expect(epoch.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, k) => k))
    expect(new Set(epochs.map(String)).size).toBe(3)
  })

  it('batch sizes do not matter for the order, and no batch is short', () => {
    fc.assert(
      fc.property(options, batches, (o, cut) => {
        const sampler = createSampler(o)
        for (const b of cut) expect(sampler.next(b).length).toBe(b)
        expect(sampler.draws).toBe(sum(cut))
        expect(drawn(createSampler(o), cut)).toEqual(drawn(createSampler(o), Array(sum(cut)).fill(1)))
      }),
      fixed,
    )
  })

  it('a resumed sampler gives what an uninterrupted one gives', () => {
    fc.assert(
      fc.property(options, batches, batches, (o, before, after) => {
        const sampler = createSampler(o)
        drawn(sampler, before)
        const state = JSON.parse(JSON.stringify(sampler.state()))
        const expected = drawn(sampler, after)
        const resumed = createSampler(o)
        resumed.seek(state)
        expect(drawn(resumed, after)).toEqual(expected)
        sampler.seek(state) // backwards
        expect(drawn(sampler, after)).toEqual(expected)
      }),
      fixed,
    )
  })

  it('resumes across blocks of draws with replacement', () => {
    const sampler = createSampler({ size: 10, seed: 2, replacement: true })
    const all = [...sampler.next(10_000)]
    sampler.seek({ draws: 8000 })
    expect([...sampler.next(2000)]).toEqual(all.slice(8000))
  })

  it('draws each sample equally often with replacement', () => {
    const counts = new Float64Array(10)
    for (const k of createSampler({ size: 10, seed: 3, replacement: true }).next(20_000)) counts[k]!++
    const chiSquared = sum([...counts].map((n) => (n - 2000) ** 2 / 2000))
    expect(chiSquared).toBeLessThan(9 + 4 * Math.sqrt(18))
    expect(chiSquared).toBeGreaterThan(0.5) // a permutation would give 0
  })

  it('shuffles without bias: every order of three samples equally often', () => {
    const counts = new Map<string, number>()
    const sampler = createSampler({ size: 3, seed: 4 })
    for (let epoch = 0; epoch < 6000; epoch++) {
      const order = sampler.next(3).join()
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    const chiSquared = sum([...counts.values()].map((n) => (n - 1000) ** 2 / 1000))
    expect(counts.size).toBe(6)
    expect(chiSquared).toBeLessThan(5 + 4 * Math.sqrt(10))
  })

  it('keeps its bits: the first draws of seed 1', () => {
    expect([...createSampler({ size: 10, seed: 1 }).next(12)]).toMatchInlineSnapshot(`
      [
        0,
        4,
        1,
        2,
        8,
        5,
        9,
        7,
        3,
        6,
        4,
        8,
      ]
    `)
    expect([...createSampler({ size: 10, seed: 1, replacement: true }).next(12)]).toMatchInlineSnapshot(`
      [
        5,
        2,
        2,
        2,
        5,
        4,
        1,
        0,
        7,
        0,
        2,
        7,
      ]
    `)
  })

  it('reuses its array', () => {
    const sampler = createSampler({ size: 10, seed: 1 })
    expect(sampler.next(4)).toBe(sampler.next(4))
  })

  it('refuses what is out of range', () => {
    const sampler = createSampler({ size: 10, seed: 1 })
    expect(() => createSampler({ size: 0, seed: 1 })).toThrow(ConfigurationError)
    expect(() => sampler.next(0)).toThrow(new ConfigurationError('sampler: batch size must be an integer ≥ 1, got 0'))
    expect(() => sampler.next(1.5)).toThrow(ConfigurationError)
    expect(() => sampler.seek({ draws: -1 })).toThrow(ConfigurationError)
  })
})
