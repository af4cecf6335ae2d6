/** The definitions of docs/maths.md §1 and §2 on the b × d matrix, sample by sample: what the fast paths must equal. */
import fc from 'fast-check'

export type Matrix = readonly (readonly number[])[]

export const meanOf = (g: Matrix) => g[0].map((_, j) => g.reduce((sum, row) => sum + row[j], 0) / g.length)
export const dot = (u: ArrayLike<number>, v: ArrayLike<number>) =>
  Array.from(u).reduce((sum, value, j) => sum + value * v[j], 0)

/** Var_j about the mean, [d]. */
export function variances(g: Matrix, divisor = g.length - 1): number[] {
  const mean = meanOf(g)
  return mean.map((m, j) => g.reduce((sum, row) => sum + (row[j] - m) ** 2, 0) / divisor)
}

export const l1 = (u: readonly number[]) => u.reduce((sum, value) => sum + Math.abs(value), 0)

/** r_i = g_i − (⟨g_i, ḡ⟩/‖ḡ‖²)ḡ, [b][d]. */
export function residuals(g: Matrix): number[][] {
  const mean = meanOf(g)
  return g.map((row) => row.map((value, j) => value - (dot(row, mean) / dot(mean, mean)) * mean[j]))
}

export const projections = (g: Matrix) => g.map((row) => [dot(row, meanOf(g))])

/** Matrices of b samples by d coordinates with entries on a grid, so that no entry is denormal. */
export function matrices(samples: { min: number; max: number }, coordinates = { min: 1, max: 6 }) {
  const entry = fc.integer({ min: -4000, max: 4000 }).map((k) => k / 256)
  return fc
    .tuple(fc.integer(samples), fc.integer(coordinates))
    .chain(([b, d]) =>
      fc.array(fc.array(entry, { minLength: d, maxLength: d }), { minLength: b, maxLength: b }),
    ) as fc.Arbitrary<number[][]>
}

/** The same with ḡ away from 0: one coordinate has mean in [1, 2]. */
export function directed(samples: { min: number; max: number }, coordinates?: { min: number; max: number }) {
  return fc.tuple(matrices(samples, coordinates), fc.double({ min: 1, max: 2, noNaN: true })).map(([g, target]) => {
    const shift = target - meanOf(g)[0]
    return g.map((row) => row.map((value, j) => (j === 0 ? value + shift : value)))
  })
}

export const options = { seed: 1, numRuns: 200 }
