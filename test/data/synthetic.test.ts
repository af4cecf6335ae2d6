import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocateBatch, type Dataset } from '../../src/data/dataset.ts'
import { gaussianCloud, linearRegression, logarithmicSpectrum, logisticRegression } from '../../src/data/synthetic.ts'
import { ConfigurationError } from '../../src/errors.ts'

function all(dataset: Dataset) {
  const batch = allocateBatch(dataset, dataset.size, 'float64')
  dataset.read(
    Array.from({ length: dataset.size }, (_, k) => k),
    batch,
    0,
    0,
  )
  return batch
}

/** (1/N) XᵀX of x [N, d], row by row. */
function secondMoment(x: ArrayLike<number>, d: number): number[][] {
  const n = x.length / d
  return Array.from({ length: d }, (_, a) =>
    Array.from({ length: d }, (_, b) => {
      let sum = 0
      for (let i = 0; i < n; i++) sum += x[i * d + a]! * x[i * d + b]!
      return sum / n
    }),
  )
}

const dot = (x: ArrayLike<number>, at: number, w: Float64Array) =>
  w.reduce((sum, value, j) => sum + value * x[at + j]!, 0)
const range = (n: number) => Array.from({ length: n }, (_, k) => k)

describe('logarithmicSpectrum', () => {
  it('goes from 1 to 1/κ', () => {
    const spectrum = logarithmicSpectrum(3, 100)
    for (const [j, value] of [1, 0.1, 0.01].entries()) expect(spectrum[j]).toBeCloseTo(value, 14)
    expect([...logarithmicSpectrum(1, 7)]).toEqual([1])
    expect(() => logarithmicSpectrum(3, 0.5)).toThrow(ConfigurationError)
  })
})

describe('linearRegression', () => {
  it('interpolates without noise, and has the asked noise otherwise', () => {
    for (const noise of [0, 0.5]) {
      const { dataset, weights } = linearRegression({ seed: 1, size: 4000, dimension: 5, condition: 10, noise })
      const { x, y } = all(dataset)
      expect(weights.reduce((sum, w) => sum + w * w, 0)).toBeCloseTo(1, 12)
      const residuals = range(4000).map((i) => y![i]! - dot(x!, 5 * i, weights))
      const variance = residuals.reduce((sum, r) => sum + r * r, 0) / 4000
      if (noise === 0) expect(variance).toBe(0)
      else expect(Math.abs(variance / noise ** 2 - 1)).toBeLessThan(5 * Math.sqrt(2 / 4000))
    }
  })

  it('has the asked covariance along the axes', () => {
    const { dataset, spectrum } = linearRegression({ seed: 2, size: 8000, dimension: 4, condition: 50 })
    const moment = secondMoment(all(dataset).x!, 4)
    for (const a of range(4))
      for (const b of range(4)) {
        const scale = Math.sqrt(spectrum[a]! * spectrum[b]!)
        expect(Math.abs(moment[a]![b]! / scale - (a === b ? 1 : 0))).toBeLessThan(5 * Math.sqrt(2 / 8000))
      }
  })

  it('rotates without changing norms; the covariance is no longer diagonal', () => {
    const options = { seed: 3, size: 500, dimension: 6, condition: 100 }
    const [axes, rotated] = [false, true].map((r) => all(linearRegression({ ...options, rotated: r }).dataset).x!)
    for (const i of range(500)) {
      const norm = (x: ArrayLike<number>) => range(6).reduce((sum, j) => sum + x[6 * i + j]! ** 2, 0)
      expect(norm(rotated!) / norm(axes!)).toBeCloseTo(1, 12)
    }
    // Invariants of the second moment under rotation: trace M and trace M².
    const [m, r] = [secondMoment(axes!, 6), secondMoment(rotated!, 6)]
    const squares = (matrix: number[][]) => matrix.flat().reduce((sum, value) => sum + value * value, 0)
    expect(squares(r!) / squares(m!)).toBeCloseTo(1, 10)
    expect(Math.abs(r![0]![1]!)).toBeGreaterThan(0.01)
  })
})

describe('logisticRegression', () => {
  it('is separable with the margin when no label is flipped', () => {
    const { dataset, weights } = logisticRegression({
      seed: 1,
      size: 500,
      dimension: 4,
      condition: 100,
      margin: 0.3,
      labels: 'sign',
    })
    const { x, y } = all(dataset)
    for (const i of range(500)) expect(y![i]! * dot(x!, 4 * i, weights)).toBeGreaterThan(0.3 - 1e-12)
  })

  it('flips the asked share of labels and nothing else', () => {
    const options = { seed: 2, size: 4000, dimension: 3 }
    const clean = all(logisticRegression(options).dataset)
    const noisy = all(logisticRegression({ ...options, labelNoise: 0.2 }).dataset)
    expect(noisy.x).toEqual(clean.x)
    const share = range(4000).filter((i) => clean.y![i] !== noisy.y![i]).length / 4000
    expect(Math.abs(share - 0.2)).toBeLessThan(5 * Math.sqrt((0.2 * 0.8) / 4000))
    expect(logisticRegression(options).dataset.fields.y).toMatchObject({ dtype: 'index', classes: 2 })
  })
})

describe('gaussianCloud', () => {
  it('sums to exactly zero, in any order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        fc.integer(),
        (size, spectrum, rotated, seed) => {
          const x = all(gaussianCloud({ seed, size, spectrum, rotated }).dataset).xi!
          const d = spectrum.length
          for (const j of range(d)) {
            const column = range(size).map((i) => x[i * d + j]!)
            for (const order of [column, column.toReversed(), column.toSorted((a, b) => a - b)])
              expect(order.reduce((sum, value) => sum + value, 0)).toBe(0)
          }
        },
      ),
      { seed: 1, numRuns: 50 },
    )
  })

  it('has the asked spectrum, rotated or not, and reports its variance', () => {
    const spectrum = [4, 1, 0.25, 0]
    for (const rotated of [false, true]) {
      const { dataset, totalVariance } = gaussianCloud({ seed: 5, size: 8000, spectrum, rotated })
      const moment = secondMoment(all(dataset).xi!, 4)
      const trace = range(4).reduce((sum, j) => sum + moment[j]![j]!, 0)
      expect(totalVariance).toBeCloseTo(trace, 10)
      expect(Math.abs(trace / 5.25 - 1)).toBeLessThan(0.1)
      const squares = moment.flat().reduce((sum, value) => sum + value * value, 0)
      expect(Math.abs(squares / (16 + 1 + 0.0625) - 1)).toBeLessThan(0.15)
      if (!rotated) expect(moment[3]![3]).toBe(0)
    }
  })

  it('rotates uniformly: each principal axis is a uniform direction', () => {
    // With one nonzero eigenvalue every point lies on that axis. A uniform u has E u_j² = 1/3, Var u_j² = 4/45 for d = 3.
    const seeds = 2000
    for (const axis of range(3)) {
      const mean = [0, 0, 0]
      for (const seed of range(seeds)) {
        const spectrum = range(3).map((j) => (j === axis ? 1 : 0))
        const u = all(gaussianCloud({ seed, size: 2, spectrum, rotated: true }).dataset).xi!
        const squaredNorm = u[0]! ** 2 + u[1]! ** 2 + u[2]! ** 2
        for (const j of range(3)) mean[j]! += u[j]! ** 2 / squaredNorm / seeds
      }
      for (const j of range(3)) expect(Math.abs(mean[j]! - 1 / 3)).toBeLessThan(4.5 * Math.sqrt(4 / 45 / seeds))
    }
  })

  it('refuses what is out of range', () => {
    expect(() => gaussianCloud({ seed: 1, size: 0, spectrum: [1] })).toThrow(ConfigurationError)
    expect(() => gaussianCloud({ seed: 1, size: 5, spectrum: [-1] })).toThrow(ConfigurationError)
    expect(() => linearRegression({ seed: 1, size: 5, dimension: 2, noise: -1 })).toThrow(ConfigurationError)
    expect(() => logisticRegression({ seed: 1, size: 5, dimension: 2, labelNoise: 0.6 })).toThrow(ConfigurationError)
  })
})
