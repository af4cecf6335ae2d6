import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { makeScheme, makeTask } from '../../demo/experiment/build.ts'
import { rowOf } from '../../demo/experiment/choose.ts'
import { configurationOf, type Experiment, type Scheme } from '../../demo/experiment/experiment.ts'
import { anotherScheme, presetOf } from '../../demo/experiment/presets.ts'
import { needsDigits, taskFamily } from '../../demo/experiment/tasks.ts'
import { defaultPace, fromFragment, schemeFamilies, toFragment } from '../../demo/experiment/url.ts'
import { threadsOf } from '../../demo/training/backend.ts'
import { createRace } from '../../demo/training/race.ts'
import { testFamily } from '../../src/batch-size/tests.ts'
import type { Family, Option } from '../../src/choice.ts'

const view = { axis: 'samples', focus: 0, pace: Number.POSITIVE_INFINITY } as const

/** Values of an option as someone may type them. */
function values(option: Option): fc.Arbitrary<unknown> {
  switch (option.type) {
    case 'boolean':
      return fc.boolean()
    case 'string':
      return fc.constantFrom('64:1000,512', '8')
    case 'choice':
      return fc.constantFrom(...option.of)
    case 'integers':
      return fc.constant([100, 200])
    case 'family':
      return picks(option.family)
    default: {
      const low = option.atLeast ?? (option.above === undefined ? 0 : option.above + 1e-3)
      const high = option.atMost ?? (option.below === undefined ? low + 50 : option.below - 1e-3)
      return option.type === 'integer'
        ? fc.integer({ min: Math.ceil(low), max: Math.ceil(low) + 50 })
        : fc.double({ min: low, max: high, noNaN: true })
    }
  }
}

/** Anything that can be chosen from a family, with some of its options. */
const picks = (family: Family<unknown>): fc.Arbitrary<{ name: string }> =>
  fc.constantFrom(...family.choices).chain(({ name, options }) =>
    fc
      .record(Object.fromEntries(Object.entries(options).map(([key, option]) => [key, values(option)])), {
        requiredKeys: [],
      })
      .map((chosen) => ({ name, ...chosen })),
  )

const schemes = fc.record(
  Object.fromEntries(Object.entries(schemeFamilies).map(([key, family]) => [key, picks(family)])),
) as unknown as fc.Arbitrary<Scheme>

describe('the address', () => {
  it('holds the whole state, whatever is chosen', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...taskFamily.choices.map(({ name }) => name)),
        fc.array(schemes, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 0, max: 1e6 }),
        (task, raced, samples, seed) => {
          const experiment: Experiment = { ...presetOf(task), schemes: raced, samples, seed }
          const state = { experiment, view: { axis: 'steps', focus: raced.length - 1, pace: 3000 } as const }
          const { mistakes, ...read } = fromFragment(`#${toFragment(state)}`)
          expect(mistakes).toEqual([])
          expect(read).toEqual(state)
        },
      ),
      { numRuns: 150, seed: 7 },
    )
  })
  it('is short for what a task begins with', () => {
    const experiment = presetOf('mnist-cnn')
    expect(toFragment({ experiment, view })).toBe('task=mnist-cnn')
    expect(fromFragment('').experiment).toEqual(experiment)
  })
  it('says what it does not understand, and goes on with the rest', () => {
    const { experiment, mistakes } = fromFragment(
      '#task=quadratic&s1.batchSize=adaptive&s1.batchSize.test.eta=0.5&seed=-3',
    )
    expect(experiment.task.name).toBe('quadratic')
    expect(mistakes).toEqual(['seed=-3 must be at least 0'])
    const wrong = fromFragment(
      '#task=quadratic&s1.batchSize=adaptiv&s1.learningRate=constant&s1.learningRate.value=fast',
    )
    expect(wrong.mistakes).toHaveLength(2)
    expect(wrong.mistakes.join()).toMatch(/adaptiv.*adaptive/)
    expect(fromFragment('#task=nothing').mistakes).toEqual(['there is no problem nothing'])
  })
})

describe('the page offers what the catalogue has', () => {
  it('makes every preset of every task', () => {
    for (const { name } of taskFamily.choices) {
      const experiment = presetOf(name)
      if (!needsDigits(name)) expect(makeTask(experiment).train.size).toBeGreaterThan(1)
      for (const scheme of [...experiment.schemes, anotherScheme(experiment)]) makeScheme(experiment, scheme)
      expect(defaultPace(name)).toBeGreaterThan(0)
    }
  })
  it('offers every test with every option', () => {
    const adaptive = rowOf(schemeFamilies.batchSize, 'adaptive')
    expect(adaptive.options.test).toMatchObject({ type: 'family', family: testFamily })
    const experiment = presetOf('mnist-cnn')
    for (const { name } of testFamily.choices) {
      const [first] = experiment.schemes as [Scheme]
      const scheme = { ...first, batchSize: { name: 'adaptive', test: { name } } }
      expect(makeScheme(experiment, scheme).policy.config.test).toMatchObject({})
    }
  })
  it('refuses a value outside its option, and says what was expected', () => {
    const experiment = presetOf('mnist-cnn')
    const [first] = experiment.schemes as [Scheme]
    const scheme = { ...first, batchSize: { name: 'adaptive', test: { name: 'norm', eta: -1 } } }
    expect(() => makeScheme(experiment, scheme)).toThrow('test norm: eta must be a number above 0, got -1')
  })
  it('writes a configuration that the command understands', async () => {
    const { runSchema } = await import('../../src/config/schema.ts')
    for (const task of ['mnist-cnn', 'logistic', 'quadratic', 'rosenbrock']) {
      const experiment = presetOf(task)
      for (const scheme of experiment.schemes) runSchema().parse(configurationOf(experiment, scheme))
    }
  })
})

describe('threads of a scheme', () => {
  afterEach(() => void vi.unstubAllGlobals())
  const wasm = { name: 'wasm' }

  it('share the processors, with one left to the page', () => {
    vi.stubGlobal('crossOriginIsolated', true)
    vi.stubGlobal('navigator', { hardwareConcurrency: 8 })
    expect([1, 2, 4].map((schemes) => threadsOf(wasm, schemes, true))).toEqual([4, 3, 1])
    expect([threadsOf(wasm, 1, false), threadsOf({ ...wasm, threads: 2 }, 3, false)]).toEqual([1, 2])
    expect(threadsOf({ name: 'reference' }, 1, true)).toBe(1)
  })

  it('are one where the host or the browser lets them share no memory', () => {
    vi.stubGlobal('navigator', { hardwareConcurrency: 8 })
    vi.stubGlobal('crossOriginIsolated', false)
    expect(threadsOf({ ...wasm, threads: 2 }, 1, true)).toBe(1)
    vi.stubGlobal('crossOriginIsolated', true)
    vi.stubGlobal('SharedArrayBuffer', undefined)
    expect(threadsOf({ ...wasm, threads: 2 }, 1, true)).toBe(1)
  })
})

describe('a race', () => {
  it('whose schemes all fail is over, and no sample was processed', () => {
    const workers: Worker[] = []
    const createWorker = () => {
      const worker = { postMessage() {}, terminate() {} } as unknown as Worker
      workers.push(worker)
      return worker
    }
    const race = createRace({ experiment: presetOf('logistic'), digits: Uint8Array.of(), createWorker, changed() {} })
    race.start()
    for (const worker of workers) worker.onmessage!({ data: { kind: 'failed', message: 'no adapter' } } as MessageEvent)
    expect([race.running, race.finished, race.samples]).toEqual([false, true, 0])
    race.close()
  })
})
