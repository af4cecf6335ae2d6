import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cut, layOutChunks } from '../../src/training/cut.ts'

describe('cut', () => {
  const arguments_ = fc.tuple(
    fc.integer({ min: 1, max: 5000 }),
    fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 200 })),
    fc.integer({ min: 1, max: 16 }),
  )
  const always = (holds: (b: number, C: number, L: number, sizes: number[]) => boolean) =>
    fc.assert(
      fc.property(arguments_, ([b, C, L]) => holds(b, C, L, cut(b, C, L))),
      { seed: 1, numRuns: 2000 },
    )

  it('covers the batch with chunks of 1 … C samples that differ by at most one, the larger first', () => {
    always((b, C, _, sizes) => {
      const [most, least] = [sizes[0], sizes.at(-1)!]
      const ordered = sizes.every((n, k) => k === 0 || n <= sizes[k - 1])
      return sizes.reduce((a, n) => a + n, 0) === b && most <= C && least >= 1 && most - least <= 1 && ordered
    })
  })

  it('beyond L chunks, their number is a multiple of L, unless every chunk is a single sample', () => {
    always((b, _, L, sizes) => sizes.length <= L || sizes.length % L === 0 || sizes.length === b)
  })

  it('no more chunks than a multiple of L needs, or than there are pairs of 8 samples', () => {
    always((b, C, L, sizes) => {
      const least = Math.ceil(b / C)
      return sizes.length < Math.max(least + L, 2) || (sizes.length <= L && sizes.at(-1)! >= 8)
    })
  })

  it('a small batch: an even number of chunks of at least 8 samples where lanes are even, else one', () => {
    always((b, C, L, sizes) => {
      if (L % 2 === 1 || b > C || b > 8 * L) return true
      return b < 16 ? sizes.length === 1 : sizes.length % 2 === 0 && sizes.at(-1)! >= 8
    })
  })

  it('examples', () => {
    expect(cut(1, 64, 8)).toEqual([1])
    expect(cut(15, 64, 8)).toEqual([15])
    expect(cut(20, 64, 8)).toEqual([10, 10])
    expect(cut(33, 64, 8)).toEqual([9, 8, 8, 8])
    expect(cut(512, 64, 8)).toEqual(new Array(8).fill(64))
    expect(cut(513, 64, 8).length).toBe(16)
    expect(cut(60_000, 64, 8).length).toBe(944)
  })
})

describe('layOutChunks', () => {
  it('holds the chunks of cut, chunk k in lane k mod L, lane by lane and in order within each', () => {
    const arguments_ = fc.tuple(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
    )
    fc.assert(
      fc.property(arguments_, ([b, C, L]) => {
        const chunks = layOutChunks(b, C, L)
        let at = 0
        const expected = cut(b, C, L).map((size, k) => {
          at += size
          return { at: at - size, size, lane: k % L }
        })
        expect([...chunks].sort((x, y) => x.at - y.at)).toEqual(expected)
        for (let k = 1; k < chunks.length; k++) {
          const [previous, next] = [chunks[k - 1], chunks[k]]
          expect(next.lane > previous.lane || (next.lane === previous.lane && next.at > previous.at)).toBe(true)
        }
      }),
      { seed: 1, numRuns: 100 },
    )
  })
})
