import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arrayDataset, type Dataset } from '../../src/data/dataset.ts'
import { loadDigits } from '../../src/data/files.ts'
import { holdOut } from '../../src/data/hold-out.ts'
import { ConfigurationError } from '../../src/errors.ts'

/** Samples whose only number is their index, and their labels. */
const labelled = (labels: readonly number[]) =>
  arrayDataset({
    name: 'toy',
    fields: {
      x: { data: Float64Array.from(labels, (_, i) => i), shape: [1] },
      y: { data: Int32Array.from(labels), dtype: 'index', classes: 1 + Math.max(...labels) },
    },
  })

const indicesOf = ({ size }: Dataset) => [...Array(size).keys()]

function labelsOf(data: Dataset): number[] {
  const y = new Int32Array(data.size)
  data.read(indicesOf(data), { y }, 0, 0)
  return [...y]
}

function contents(data: Dataset): { x: number[]; y: number[] } {
  const x = new Float64Array(data.size)
  data.read(indicesOf(data), { x }, 0, 0)
  return { x: [...x], y: data.fields.y ? labelsOf(data) : [] }
}

describe('holding out', () => {
  it('cuts in two without loss, order kept, each class within one of its share, the last of each class', () => {
    fc.assert(
      fc.property(
        fc
          .array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 60 })
          .chain((labels) => fc.tuple(fc.constant(labels), fc.integer({ min: 1, max: labels.length - 1 }))),
        ([labels, count]) => {
          const { train, validation } = holdOut(labelled(labels), count)
          const [kept, held] = [contents(train), contents(validation)]
          expect(validation.size).toBe(count)
          expect([...kept.x, ...held.x].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i))
          for (const part of [kept, held]) {
            expect(part.x).toEqual(part.x.toSorted((a, b) => a - b))
            expect(part.y).toEqual(part.x.map((i) => labels[i]))
          }
          for (const c of new Set(labels)) {
            const share = (count * labels.filter((label) => label === c).length) / labels.length
            const number = held.y.filter((label) => label === c).length
            expect(Math.abs(number - share)).toBeLessThan(1)
            const last = (part: typeof kept) => Math.max(-1, ...part.x.filter((_, k) => part.y[k] === c))
            if (number > 0) expect(last(held)).toBeGreaterThan(last(kept))
          }
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  it('takes the last samples where there are no labels', () => {
    const data = arrayDataset({ name: 'plain', fields: { x: { data: Float64Array.of(0, 1, 2, 3, 4), shape: [1] } } })
    const { train, validation } = holdOut(data, 2)
    expect(contents(train).x).toEqual([0, 1, 2])
    expect(contents(validation).x).toEqual([3, 4])
  })

  it('holds out of the digits what their classes are worth', async () => {
    const { train } = await loadDigits()
    const y = labelsOf(holdOut(train, 1000).validation)
    const all = labelsOf(train)
    for (let c = 0; c < 10; c++) {
      const [held, share] = [y, all].map((labels) => labels.filter((label) => label === c).length) as [number, number]
      expect(Math.abs(held - share / 8)).toBeLessThan(1)
    }
  })

  it.each([0, 1.5, 3, -1, Number.NaN])('refuses %s of three samples', (count) => {
    expect(() => holdOut(labelled([0, 1, 1]), count)).toThrow(ConfigurationError)
    expect(() => holdOut(labelled([0, 1, 1]), count)).toThrow('in [1, 3), since toy has 3 samples')
  })
})
