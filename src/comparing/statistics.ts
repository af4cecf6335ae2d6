/** A mean over seeds, and how well it is known. */
export interface Estimate {
  readonly mean: number
  /** s/√n; null for one value. */
  readonly standardError: number | null
  readonly n: number
}

/** The mean of the finite values; undefined if there are none. */
export function estimate(values: readonly (number | null | undefined)[]): Estimate | undefined {
  const finite = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value))
  const n = finite.length
  if (n === 0) return undefined
  const mean = finite.reduce((sum, value) => sum + value, 0) / n
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const error = n > 1 ? Math.sqrt(squares / (n - 1) / n) : null
  // Equal values do not add up to quite n times one of them.
  return { mean, standardError: error !== null && error < 1e-12 * Math.abs(mean) ? 0 : error, n }
}

/** Quantiles 0.975 of Student's t, for 1 to 10 degrees of freedom. */
const table = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]

/** Half the width of a two-sided 95 % confidence interval, in standard errors of n values. */
export function studentWidth(n: number): number {
  const freedom = n - 1
  if (freedom < 1) return 0
  // Beyond the table the expansion in 1/ν is exact to three digits.
  const z = 1.959964
  return (
    table[freedom - 1] ?? z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
  )
}

/** The 95 % confidence interval of a mean; the mean itself below three values, of which nothing useful is known. */
export function interval({ mean, standardError, n }: Estimate): readonly [number, number] {
  const half = standardError === null || n < 3 ? 0 : studentWidth(n) * standardError
  return [mean - half, mean + half]
}
