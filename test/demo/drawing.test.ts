import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { short, thousands, ticks } from '../../demo/drawing/canvas.ts'
import { demandOf, PICTURED } from '../../demo/drawing/regions.ts'
import { texOf, texWithNumbers } from '../../demo/experiment/formula.ts'
import { bytesOf, fingerprintOf } from '../../demo/training/fingerprint.ts'
import { cellsOf, createHistory, createPath } from '../../demo/training/history.ts'
import { asDigit } from '../../demo/view/pad.ts'
import { policyFamily } from '../../src/batch-size/policies.ts'
import { testFamily } from '../../src/batch-size/tests.ts'
import { optimizerFamily } from '../../src/optim/optimizers.ts'
import { problemFamily } from '../../src/problems/choices.ts'
import { fromPerSampleGradients } from '../../src/statistics/gradient-statistics.ts'

const gradients = fc.array(
  fc.tuple(fc.double({ min: -4, max: 4, noNaN: true }), fc.double({ min: -4, max: 4, noNaN: true })),
  { minLength: 2, maxLength: 40 },
)

/** Mean and sample covariance by their definitions. */
function momentsOf(all: readonly (readonly [number, number])[]) {
  const b = all.length
  const mean = [0, 1].map((j) => all.reduce((sum, g) => sum + g[j]!, 0) / b) as [number, number]
  const moment = (j: number, k: number) =>
    all.reduce((sum, g) => sum + (g[j]! - mean[j]!) * (g[k]! - mean[k]!), 0) / (b - 1)
  return { mean, batchSize: b, covariance: [moment(0, 0), moment(1, 1), moment(0, 1)] as const }
}

describe('the picture of a test', () => {
  for (const row of testFamily.choices.filter(({ name }) => PICTURED.includes(name)))
    it(`of ${row.name} is green exactly where the test passes`, () => {
      fc.assert(
        fc.property(gradients, fc.double({ min: 0.1, max: 3, noNaN: true }), (all, parameter) => {
          const options = Object.fromEntries(
            Object.entries(row.options).map(([key, option]) => [
              key,
              ['eta', 'theta', 'nu'].includes(key) ? parameter : 'default' in option ? option.default : undefined,
            ]),
          )
          const { passed, statistic, threshold } = row.make(options).evaluate(fromPerSampleGradients(all))
          // On the very edge rounding decides.
          fc.pre(Math.abs(statistic! - threshold!) > 1e-9 * (statistic! + threshold! + 1e-6))
          const moments = momentsOf(all)
          fc.pre(Math.hypot(...moments.mean) > 0)
          expect(demandOf({ name: row.name, ...options }, moments)?.passed).toBe(passed)
        }),
        { numRuns: 200, seed: 3 },
      )
    })
  it('is there for every test but those that imitate the official code', () => {
    const missing = testFamily.choices.map(({ name }) => name).filter((name) => !PICTURED.includes(name))
    expect(missing.filter((name) => !name.startsWith('official'))).toEqual([])
  })
  it('has no verdict on one sample', () => {
    expect(
      demandOf({ name: 'norm', eta: 1 }, { mean: [1, 0], batchSize: 1, covariance: [NaN, NaN, NaN] }),
    ).toBeUndefined()
  })
})

describe('formulas', () => {
  it('become TeX', () => {
    expect(texOf('(1/b)·‖Var‖₁ ≤ η²‖ḡ‖²').replaceAll(' ', '')).toBe(
      '\\tfrac1b\\,\\lVert\\operatorname{Var}\\rVert_{1}\\le\\eta^{2}\\lVert\\barg\\rVert^{2}',
    )
    expect(texOf('x ← x − α g/(√v + ε)').replaceAll(' ', '')).toBe('x\\getsx-\\alphag/(\\sqrt{v}+\\varepsilon)')
    expect(texWithNumbers('a ≤ b', 2, 1)).toContain('\\not\\le')
  })
  it('of the whole catalogue are typeset without an error', async () => {
    const katex = (await import('katex')).default
    const rows = [testFamily, policyFamily, optimizerFamily, problemFamily].flatMap(({ choices }) => [...choices])
    expect(rows.length).toBeGreaterThan(15)
    for (const { formula } of rows as { formula?: string }[])
      if (formula)
        expect(() => katex.renderToString(texOf(formula), { throwOnError: true, strict: 'error' })).not.toThrow()
  })
})

describe('what a chart keeps', () => {
  it('is bounded, whatever is added', () => {
    const history = createHistory(1e6)
    for (let step = 1; step <= 50_000; step++) history.add(step, 20 * step, { loss: 1 / step, batchSize: 20 })
    expect(history.cells.samples.loss).toHaveLength(cellsOf('samples', 1e6).length)
    expect(history.cells.steps.loss).toHaveLength(cellsOf('steps', 1e6).length)
    const path = createPath()
    for (let k = 0; k < 100_000; k++) path.add(k, -k)
    expect(path.points.length).toBeLessThanOrEqual(6000)
    expect(path.points[0]).toBe(0)
  })
  it('has the mean of a cell, and the last value of what holds until it changes', () => {
    const history = createHistory(500)
    history.add(1, 1, { loss: 4, batchSize: 1 })
    history.add(2, 2, { loss: 2, batchSize: 1 })
    expect(history.cells.samples.loss.slice(0, 3)).toEqual([4, 4, 2])
    const coarse = createHistory(5000)
    coarse.add(1, 4, { loss: 4, batchSize: 4 })
    coarse.add(2, 9, { loss: 2, batchSize: 5 })
    expect([coarse.cells.samples.loss[1], coarse.cells.samples.batchSize[1]]).toEqual([3, 5])
  })
})

describe('the time of a machine', () => {
  it('is counted in rounds, by the samples of every step', () => {
    const history = createHistory(1e6)
    let samples = 0
    for (const [k, b] of [8, 8, 100, 1000].entries()) {
      samples += b
      // What is drawn of the last batch is not what was processed, where the budget cuts it.
      history.add(k + 1, samples, { batchSize: 5000, accuracy: k / 10 })
    }
    expect(history.position).toEqual({
      samples: 1116,
      'rounds-4': 2 + 2 + 25 + 250,
      'rounds-16': 1 + 1 + 7 + 63,
      'rounds-64': 1 + 1 + 2 + 16,
      'rounds-256': 1 + 1 + 1 + 4,
      'rounds-1024': 4,
      steps: 4,
    })
    for (const axis of ['rounds-4', 'rounds-64', 'steps'] as const) {
      const at = cellsOf(axis, 1e6)
      const drawn = history.cells[axis].accuracy.flatMap((y, k) =>
        y === null ? [] : [[Math.round(at[k]!), y] as const],
      )
      expect(drawn.at(-1)![1]).toBe(0.3)
      expect(Math.abs(drawn.at(-1)![0] / history.position[axis] - 1)).toBeLessThan(0.02)
    }
  })
})

describe('a drawn digit', () => {
  it('is fitted into 20×20 and centred by mass, as MNIST has them', () => {
    // A thick bar in a corner of the pad.
    const image = asDigit((x, y) => (x >= 10 && x < 20 && y >= 5 && y < 65 ? 1 : 0), 168, 168)!
    const mass = image.reduce((a, b) => a + b, 0)
    const centre = image.reduce((sum, value, i) => sum + value * (Math.floor(i / 28) + 0.5), 0) / mass
    expect(centre).toBeCloseTo(14, 1)
    const rows = [...Array(28).keys()].filter((r) => image.subarray(28 * r, 28 * r + 28).some((v) => v > 0.3))
    expect(rows.length).toBeGreaterThanOrEqual(19)
    expect(rows.length).toBeLessThanOrEqual(21)
    expect(Math.max(...image)).toBeLessThanOrEqual(1)
    expect(asDigit(() => 0, 10, 10)).toBeUndefined()
  })
})

describe('small things', () => {
  it('numbers and ticks', () => {
    expect([short(0.01234), short(1e-5), short(123456), short(-2)]).toEqual(
      ['0.0123', '1e-5', '1.23e5', '−2'].map((t) => t.replace('-', '−')),
    )
    expect([thousands(950), thousands(1200), thousands(2.5e6)]).toEqual(['950', '1.2k', '2.5M'])
    expect(ticks(0, 10)).toEqual([0, 2, 4, 6, 8, 10])
  })
  it('fingerprints tell one bit', () => {
    const a = Float32Array.from({ length: 1000 }, (_, i) => i)
    const b = a.slice()
    expect(fingerprintOf(b)).toBe(fingerprintOf(a))
    new Uint8Array(b.buffer)[777] ^= 1
    expect(fingerprintOf(b)).not.toBe(fingerprintOf(a))
    const record = {
      step: 1,
      samples: 8,
      batchSize: 8,
      learningRate: 0.1,
      loss: 1,
      gradientNorm: 1,
      test: null,
      seconds: 1,
    }
    expect(bytesOf(record)).toEqual(bytesOf({ ...record, seconds: 2 }))
  })
})
