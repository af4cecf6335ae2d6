/** The definitions of docs/maths.md §1 and §2 on the b × d matrix, by the letter: what the code under test must equal. */

/** Gradients of samples, [b][d]. */
export type Matrix = readonly (readonly number[])[]

export const dot = (u: ArrayLike<number>, v: ArrayLike<number>): number => {
  let total = 0
  for (let j = 0; j < u.length; j++) total += u[j] * v[j]
  return total
}

/** ḡ, [d]. */
export const meanOf = (g: Matrix): number[] => g[0].map((_, j) => g.reduce((sum, row) => sum + row[j], 0) / g.length)

/** Var_j about the mean, [d]. */
export function variancesOf(g: Matrix, divisor = g.length - 1): number[] {
  const mean = meanOf(g)
  return mean.map((m, j) => g.reduce((sum, row) => sum + (row[j] - m) ** 2, 0) / divisor)
}

/** ‖Var‖₁. */
export const totalVariance = (g: Matrix, divisor?: number): number =>
  variancesOf(g, divisor).reduce((sum, value) => sum + value, 0)

/** σ² = E‖g_i − ∇F‖². */
export const sigmaSquared = (g: Matrix): number => totalVariance(g, g.length)

/** ⟨g_i, u⟩ as a matrix of one column, [b][1]. */
export const projectionsOn = (g: Matrix, u: ArrayLike<number>): number[][] => g.map((row) => [dot(row, u)])

/** r_i = g_i − (⟨g_i, u⟩/‖u‖²)u, [b][d]. */
export const residualsOf = (g: Matrix, u: ArrayLike<number>): number[][] => {
  const square = dot(u, u)
  return g.map((row) => row.map((value, j) => value - (dot(row, u) / square) * u[j]))
}

/** Σ‖g_i‖². */
export const sumOfSquaredNorms = (g: Matrix): number => g.reduce((sum, row) => sum + dot(row, row), 0)

/** Calls `visit` with each b-tuple of rows: i.i.d. sampling, each with probability N^−b. */
export function forTuples<T>(rows: readonly T[], b: number, visit: (batch: readonly T[]) => void): number {
  const batch = new Array<T>(b)
  let count = 0
  const fill = (k: number): void => {
    if (k === b) {
      count++
      visit(batch)
      return
    }
    for (const row of rows) {
      batch[k] = row
      fill(k + 1)
    }
  }
  fill(0)
  return count
}

/** Calls `visit` with each subset of b rows: sampling without replacement, all equally likely. */
export function forSubsets<T>(rows: readonly T[], b: number, visit: (batch: readonly T[]) => void): number {
  const batch = new Array<T>(b)
  let count = 0
  const fill = (k: number, from: number): void => {
    if (k === b) {
      count++
      visit(batch)
      return
    }
    for (let i = from; i <= rows.length - b + k; i++) {
      batch[k] = rows[i]
      fill(k + 1, i + 1)
    }
  }
  fill(0, 0)
  return count
}

/** E over all batches of `quantity`, exactly. */
export function expectation(
  g: Matrix,
  b: number,
  sampling: 'tuples' | 'subsets',
  quantity: (batch: Matrix) => number,
): number {
  let total = 0
  const count = (sampling === 'tuples' ? forTuples : forSubsets)(g, b, (batch) => {
    total += quantity(batch)
  })
  return total / count
}

/** E‖ḡ‖² over all batches. */
export const expectedSquare = (g: Matrix, b: number, sampling: 'tuples' | 'subsets'): number =>
  expectation(g, b, sampling, (batch) => {
    const mean = meanOf(batch)
    return dot(mean, mean)
  })
