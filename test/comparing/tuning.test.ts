import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { targetPlot, tuningPlot } from '../../src/comparing/choice-plots.ts'
import { checkComparison } from '../../src/comparing/comparison.ts'
import { type RunResult, schemeRows } from '../../src/comparing/results.ts'
import type { RunState } from '../../src/comparing/runs.ts'
import { settingsOf } from '../../src/comparing/settings.ts'
import { tableCells, tuningCells, tuningCsv } from '../../src/comparing/table.ts'
import { checkTarget, isReached, targetWords } from '../../src/comparing/target.ts'
import { criterionWords, edgeNotes, isShown, trialsOf } from '../../src/comparing/tuning.ts'
import { roundCounter, widths } from '../../src/report/rounds.ts'
import type { Summary } from '../../src/running/execute.ts'

const input = {
  model: 'logistic',
  validation: 100,
  budget: { samples: 1000 },
  seeds: 2,
  tune: { learningRate: [0.01, 0.1, 1] },
  schemes: { a: { batchSize: 4 }, b: { batchSize: 8, tune: { learningRate: [0.5, 5] } }, fixed: { tune: {} } },
}

describe('settings to tune', () => {
  it('are laid out for each scheme with each seed, in folders of their own', () => {
    const { runs } = checkComparison(input)
    expect(runs).toHaveLength(2 * (3 + 2 + 1))
    expect(runs.slice(0, 6).map(({ folder }) => folder)).toEqual([
      'a/learningrate-0.01/seed-1',
      'a/learningrate-0.1/seed-1',
      'a/learningrate-1/seed-1',
      'b/learningrate-0.5/seed-1',
      'b/learningrate-5/seed-1',
      'fixed/seed-1',
    ])
    expect(runs[4]!.setting).toEqual({ label: 'learningRate = 5', values: { learningRate: 5 } })
    expect(runs[4]!.config).toMatchObject({ learningRate: { name: 'constant', value: 5 }, validation: 100 })
    expect(runs[5]!.setting).toBeUndefined()
  })

  it('are all combinations of several keys, also of values with options', () => {
    const cosine = { name: 'cosine', peak: 0.05, end: 0.005 }
    const { runs } = checkComparison({
      ...input,
      seeds: 1,
      tune: { learningRate: [0.1, cosine], optimizer: ['sgd', { name: 'adam', beta1: 0.8 }] },
      schemes: { a: {} },
    })
    expect(runs.map(({ setting }) => setting!.label)).toEqual([
      'learningRate = 0.1, optimizer = sgd',
      'learningRate = 0.1, optimizer = adam, beta1 0.8',
      'learningRate = cosine, peak 0.05, end 0.005, optimizer = sgd',
      'learningRate = cosine, peak 0.05, end 0.005, optimizer = adam, beta1 0.8',
    ])
    expect(runs[3]!.config).toMatchObject({ learningRate: cosine, optimizer: { name: 'adam', beta1: 0.8 } })
  })

  it.each<[string, object, string]>([
    [
      'without samples to choose by',
      { validation: undefined },
      'tune: settings are chosen by samples that are held out',
    ],
    [
      'of a problem without its F',
      { model: undefined, validation: undefined, problem: 'quadratic', evaluateTraining: false },
      'tune: problems are tuned by F',
    ],
    [
      'that are no list',
      { tune: { learningRate: 0.1 } },
      'tune.learningRate: expected a list of different values to try, got 0.1',
    ],
    [
      'that are twice the same',
      { tune: { learningRate: [1, 1] } },
      'tune.learningRate: expected a list of different values',
    ],
    ['of no key', { tune: [1] }, 'tune: expected lists of values by key, got [1]'],
    [
      'of an unknown key',
      { tune: { learningrate: [1, 2] } },
      'tune.learningrate: unknown key, did you mean learningRate?',
    ],
    [
      'of a wrong value',
      { tune: { learningRate: [1, -2] } },
      'tune.learningRate.value: expected a number of at least 0, got -2',
    ],
    [
      'of what they are compared on',
      { tune: { validation: [50, 100] } },
      'tune.validation: cannot be tuned; settings are compared on the same samples',
    ],
    ['of the seed', { tune: { seed: [1, 2] } }, 'tune.seed: cannot be tuned; each setting runs with all seeds'],
    [
      'that mean the same',
      { tune: { batchSize: [4, { name: 'constant', batchSize: 4 }] } },
      'tune: batchSize = 4 and batchSize = constant, batchSize 4 are the same; say it once',
    ],
    [
      'that are called the same',
      { tune: { optimizer: ['sgd', { name: 'sgd' }] } },
      'tune.optimizer: expected a list of different values',
    ],
    [
      'of a problem by accuracy',
      { model: undefined, validation: undefined, problem: 'quadratic', tuneBy: 'accuracy' },
      'tuneBy: problem quadratic has no accuracy',
    ],
    ['by something else', { tuneBy: 'speed' }, 'tuneBy: expected loss or accuracy, got "speed"'],
  ])('are refused %s', (_, change, message) => {
    expect(() => checkComparison({ ...input, ...change, schemes: { a: {} } })).toThrow(message)
  })
})

describe('what a scheme says itself', () => {
  const raw = { ...input, seeds: 1, tune: { learningRate: [0.1, 1], lanes: [4, 8] } }

  it('takes the place of what is tuned for all', () => {
    const { runs } = checkComparison({
      ...raw,
      schemes: { a: { learningRate: 0.5 }, b: { learningRate: 0.5, lanes: 2 } },
    })
    expect(runs.map(({ folder, config: { learningRate, lanes } }) => [folder, learningRate!.value, lanes])).toEqual([
      ['a/lanes-4/seed-1', 0.5, 4],
      ['a/lanes-8/seed-1', 0.5, 8],
      ['b/seed-1', 0.5, 2],
    ])
  })

  it('is not tuned by itself as well', () => {
    const schemes = { a: { learningRate: 0.5, tune: { learningRate: [1, 2] } } }
    expect(() => checkComparison({ ...raw, schemes })).toThrow(
      'schemes.a.tune.learningRate: cannot be tuned; the scheme',
    )
  })

  it('may be a problem beside models', () => {
    const { runs } = checkComparison({ ...raw, tune: {}, schemes: { a: {}, b: { problem: 'quadratic' } } })
    expect(runs.map(({ config }) => config.validation)).toEqual([100, undefined])
  })
})

it('settings whose values are alike have labels that tell them apart', () => {
  const test = { name: 'norm', eta: 0.5 }
  const values = [
    { name: 'adaptive', test, initial: 8 },
    { name: 'stages', stages: [[1, 2], 3] },
  ]
  expect(settingsOf({ batchSize: values }).map(({ label }) => label)).toEqual([
    'batchSize = adaptive, test (norm, eta 0.5), initial 8',
    'batchSize = stages, stages [[1, 2], 3]',
  ])
})

const comparison = checkComparison(input)
/** States of all runs, by a function from scheme, value and seed to what they came to. */
function statesBy(
  outcome: (scheme: string, value: unknown, seed: number) => number | 'diverged' | undefined,
): RunState[] {
  return comparison.runs.map((run) => {
    const came = outcome(run.scheme, run.setting?.values.learningRate, run.seed)
    const validation = { loss: came as number, accuracy: 1 - (came as number) / 10 }
    const summary =
      came === 'diverged' ? { outcome: 'diverged', reason: 'it did' } : { outcome: 'finished', validation }
    return { run, path: run.folder, ...(came !== undefined && { summary: summary as unknown as Summary }) }
  })
}
const chosen = (states: RunState[], by = comparison) =>
  trialsOf(by, states).flatMap((trial) => (trial.chosen ? [`${trial.scheme}: ${trial.setting.label}`] : []))

describe('the setting that is shown', () => {
  const plain = statesBy(
    (scheme, value, seed) => (scheme === 'a' ? Math.abs(Number(value) - 0.2) : 6 - Number(value)) + seed / 100,
  )

  it('has the least mean loss on what was held out, or the largest accuracy, for each scheme by itself', () => {
    expect(chosen(plain)).toEqual(['a: learningRate = 0.1', 'b: learningRate = 5'])
    expect(chosen(plain, { ...comparison, tuneBy: 'accuracy' })).toEqual(chosen(plain))
    expect(criterionWords(comparison)).toBe('validation loss')
    // That of a scheme with nothing to choose does not count.
    const first = { problem: { problem: 'quadratic', tune: {} }, ...input.schemes }
    expect(criterionWords(checkComparison({ ...input, schemes: first }))).toBe('validation loss')
    expect(trialsOf(comparison, plain)[1]!.criterion!.mean).toBeCloseTo(0.1 + 0.015, 14)
  })

  it('is none of which a run diverged or is missing, however good the others are', () => {
    const states = statesBy((_, value, seed) =>
      value === 0.1 ? (seed === 2 ? 'diverged' : 0) : value === 0.5 ? (seed === 1 ? undefined : 0) : 1,
    )
    expect(chosen(states)).toEqual(['a: learningRate = 0.01', 'b: learningRate = 5'])
    const broken = statesBy((_, value, seed) => (seed === 2 ? 'diverged' : value === 1 ? 2 : 3))
    expect(chosen(broken)).toEqual(['a: learningRate = 1', 'b: learningRate = 0.5'])
    expect(chosen(statesBy(() => 'diverged'))).toEqual([])
    const overflown = statesBy((_, value, seed) => (value === 0.1 ? (seed === 2 ? Number.POSITIVE_INFINITY : 0) : 1))
    expect(chosen(overflown)[0]).toBe('a: learningRate = 0.01')
    expect(trialsOf(comparison, overflown)[1]).toMatchObject({ finished: 1, planned: 2 })
  })

  it('decides which runs are shown; untuned schemes show all of theirs', () => {
    const trials = trialsOf(comparison, plain)
    expect(comparison.runs.filter((run) => isShown(trials, run)).map(({ folder }) => folder)).toEqual([
      'a/learningrate-0.1/seed-1',
      'b/learningrate-5/seed-1',
      'fixed/seed-1',
      'a/learningrate-0.1/seed-2',
      'b/learningrate-5/seed-2',
      'fixed/seed-2',
    ])
  })

  it('is none where all of them failed: then all runs stand for the scheme, and say why', () => {
    const states = statesBy((scheme, value) => (scheme === 'b' ? 'diverged' : Number(value ?? 1)))
    const results = states.map((state) => ({ ...state, config: undefined, curve: [], tests: [], evaluations: [] }))
    const [a, b, fixed] = schemeRows(comparison, results)
    expect(a).toMatchObject({ setting: { label: 'learningRate = 0.01' }, finished: 2, planned: 2 })
    expect(b).toMatchObject({ finished: 0, planned: 4, quantities: {} })
    expect(b!.notes).toEqual(
      [1, 2].flatMap((seed) => [0.5, 5].map((lr) => `learningRate = ${lr}, seed ${seed} diverged: it did`)),
    )
    expect([b!.setting, fixed!.setting]).toEqual([undefined, undefined])
    expect(tableCells([a!, b!, fixed!]).rows.map((cells) => cells.slice(0, 3))).toEqual([
      ['a', '0.01', '2'],
      ['b', '–', '0 of 4'],
      ['fixed', '–', '2'],
    ])
  })

  it('is said to be open while there are runs to be made', () => {
    const states = statesBy((_, value, seed) => (value !== 0.01 && seed === 2 ? undefined : 1))
    const results = states.map((state) => ({ ...state, config: undefined, curve: [], tests: [], evaluations: [] }))
    const [a, b, fixed] = schemeRows(comparison, results)
    expect(a!.notes[0]).toBe('2 runs of its settings not at their end: what is chosen may change')
    expect(b!.notes.slice(0, 2)).toEqual([
      'seed 2 has not run to its end',
      '2 runs of its settings not at their end: what is chosen may change',
    ])
    expect(fixed!.notes).toEqual(['seed 2 has not run to its end'])
  })

  it('is said to be at the edge where nothing beyond was tried', () => {
    const trials = trialsOf(comparison, plain)
    expect(edgeNotes(trials, 'a')).toEqual([])
    expect(edgeNotes(trials, 'b')).toEqual([
      'learningRate = 5 is the largest that was tried: there may be better beyond',
    ])
    expect(edgeNotes(trials, 'fixed')).toEqual([])
    expect(
      edgeNotes(
        trialsOf(
          comparison,
          statesBy((_, value) => Number(value)),
        ),
        'a',
      ),
    ).toEqual(['learningRate = 0.01 is the smallest that was tried: there may be better beyond'])
  })

  it('stands in tables and in a plot beside the others', () => {
    const trials = trialsOf(
      comparison,
      statesBy((_, value) => (value === 1 ? 'diverged' : Number(value))),
    )
    expect(tuningCells(trials, 'validation loss')).toEqual({
      header: ['scheme', 'learning rate', 'seeds', 'validation loss', ''],
      rows: [
        ['a', '0.01', '2', '0.01000', 'shown'],
        ['a', '0.1', '2', '0.1000', ''],
        ['a', '1', '0 of 2', '–', ''],
        ['b', '0.5', '2', '0.5000', 'shown'],
        ['b', '5', '2', '5', ''],
      ],
    })
    expect(tuningCsv(trials, 'validation loss').split('\n')[3]).toBe('a,1,0,2,,,false')
    const { spec } = tuningPlot(['a', 'b', 'fixed'], trials, 'validation loss')!
    const { hconcat } = spec as unknown as {
      hconcat: { data: { values: { scheme: string; x: number; mean: number }[] } }[]
    }
    expect(hconcat[0]!.data.values.map(({ scheme, x, mean }) => [scheme, x, mean])).toEqual([
      ['a', 0.01, 0.01],
      ['a', 0.1, 0.1],
      ['b', 0.5, 0.5],
      ['b', 5, 5],
    ])
  })
})

it('a band that reaches 0 goes to the foot of a logarithmic plot', () => {
  const trials = [0.01, 0.1, 1].map((value, k) => ({
    scheme: 'a',
    setting: { label: `learningRate = ${value}`, values: { learningRate: value } },
    criterion: { mean: 10 ** k, standardError: k === 0 ? 0.1 : 0.9 * 10 ** k, n: 3 },
    finished: 3,
    planned: 3,
    chosen: k === 0,
  }))
  const { spec } = tuningPlot(['a'], trials, 'validation loss')!
  const { hconcat } = spec as unknown as { hconcat: { data: { values: { low: number }[] } }[] }
  for (const { low } of hconcat[0]!.data.values) expect(low).toBeGreaterThan(0)
})

describe('a target', () => {
  it('is one bound on accuracy or loss', () => {
    const place = (path: readonly string[]) => path.join('.')
    expect(checkTarget(undefined, place)).toBeUndefined()
    expect(checkTarget({ accuracy: 0.95 }, place)).toEqual({ accuracy: 0.95 })
    for (const wrong of [0.9, {}, { accuracy: 95 }, { accuracy: 0.9, loss: 1 }, { loss: 'x' }, { speed: 1 }, null])
      expect(() => checkTarget(wrong, place)).toThrow('target: expected { accuracy: a share in (0, 1] } or { loss')
    expect(() => checkComparison({ ...input, target: { accuracy: 2 } })).toThrow('target: expected')
    expect(targetWords({ accuracy: 0.955 })).toBe('test accuracy of 95.5 %')
    expect(targetWords({ loss: 0.1 })).toBe('test loss of 0.1')
  })

  it('is reached from the bound on', () => {
    expect([0.94, 0.95, 0.96].map((accuracy) => isReached({ accuracy: 0.95 }, { loss: 9, accuracy }))).toEqual([
      false,
      true,
      true,
    ])
    expect([0.11, 0.1, 0.09].map((loss) => isReached({ loss: 0.1 }, { loss }))).toEqual([false, true, true])
    expect(isReached({ accuracy: 0.1 }, { loss: 0 })).toBe(false)
  })

  it('costs Σ⌈b/P⌉ rounds: samples at P = 1, steps from the largest batch on, and never more on a wider machine', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 30 }), (sizes) => {
        const count = roundCounter()
        let rounds: readonly number[] = []
        for (const batchSize of sizes) rounds = count({ batchSize })
        const samples = sizes.reduce((sum, b) => sum + b, 0)
        expect(rounds[0]).toBe(samples)
        for (const [k, P] of widths.entries()) {
          expect(rounds[k]).toBe(sizes.reduce((sum, b) => sum + Math.ceil(b / P), 0))
          if (k > 0) expect(rounds[k]).toBeLessThanOrEqual(rounds[k - 1]!)
          if (P >= Math.max(...sizes)) expect(rounds[k]).toBe(sizes.length)
        }
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  it('is drawn for the schemes all of whose runs got there', () => {
    const rounds = (factor: number) => widths.map((P) => factor * Math.ceil(1024 / P))
    const results = comparison.runs
      .filter(({ setting }) => setting === undefined || Number(setting.values.learningRate) >= 1)
      .map(
        (run): RunResult => ({
          run,
          path: run.folder,
          summary: { outcome: 'finished' } as Summary,
          config: undefined,
          curve: [],
          tests: [],
          evaluations: [],
          ...((run.scheme !== 'b' || run.seed === 1) && {
            reached: { samples: 1, steps: 1, rounds: rounds(run.seed ** 2) },
          }),
        }),
      )
    const { spec, caption } = targetPlot(['a', 'b', 'fixed'], results, { accuracy: 0.9 })!
    const { hconcat } = spec as unknown as {
      hconcat: { data: { values: { scheme: string; x: number; mean: number }[] } }[]
    }
    const points = hconcat[0]!.data.values
    expect(new Set(points.map(({ scheme }) => scheme))).toEqual(new Set(['a', 'fixed']))
    // The geometric mean over factors 1 and 4.
    expect(points.find(({ scheme, x }) => scheme === 'a' && x === 64)!.mean).toBeCloseTo(2 * 16, 10)
    expect(caption).toContain('Rounds until a test accuracy of 90 %')
    expect(targetPlot(['b'], results, { accuracy: 0.9 })).toBeUndefined()
  })

  it('was not reached by a scheme of which a run diverged before', () => {
    const aimed = checkComparison({ ...input, tune: {}, schemes: { fixed: {} }, target: { loss: 1 } })
    const rowOf = (second: object) =>
      schemeRows(
        aimed,
        aimed.runs.map((run, k): RunResult => {
          const reached = { samples: 100, steps: 10, rounds: widths.map(() => 10) }
          const result = { run, path: '', config: undefined, curve: [], tests: [], evaluations: [] }
          const first = { summary: { outcome: 'finished' } as Summary, reached }
          return { ...result, ...(k === 0 ? first : second) }
        }),
      )[0]!
    const diverged = { summary: { outcome: 'diverged', reason: 'x' } as Summary }
    expect(rowOf(diverged).quantities.samplesToTarget).toBeUndefined()
    expect(rowOf(diverged).notes).toContain('1 of 2 runs got to a test loss of 1')
    expect(rowOf({}).quantities.samplesToTarget).toMatchObject({ mean: 100, n: 1 })
    expect(rowOf({}).notes).toEqual(['seed 2 has not run to its end'])
  })

  it('is refused where nothing would be found', () => {
    const problem = { problem: 'quadratic', budget: { samples: 1000 }, schemes: { a: {} }, target: { loss: 1 } }
    expect(() => checkComparison(problem)).toThrow('target: problem quadratic has no test set')
    const steps = { ...input, budget: { steps: 10 }, target: { loss: 1 } }
    expect(() => checkComparison(steps)).toThrow('target: is looked for when runs are evaluated')
    expect(checkComparison({ ...steps, evaluateEvery: 4 }).runs).toHaveLength(12)
  })
})
