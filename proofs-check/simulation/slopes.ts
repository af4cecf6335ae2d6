import { random } from '../../src/random.ts'

/** An estimate with its 95 % interval. */
export interface Slope {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** Slope of the least-squares line through (ln x, ln y), over the last `decades` decades of x. */
export function logLogSlope(x: ArrayLike<number>, y: ArrayLike<number>, decades = 2): number {
  const from = x[x.length - 1] / 10 ** decades
  const points: [number, number][] = []
  for (let k = 0; k < x.length; k++) if (x[k] >= from && y[k] > 0) points.push([Math.log(x[k]), Math.log(y[k])])
  const mean = (axis: 0 | 1) => points.reduce((sum, point) => sum + point[axis], 0) / points.length
  const [mx, my] = [mean(0), mean(1)]
  let [numerator, denominator] = [0, 0]
  for (const [px, py] of points) {
    numerator += (px - mx) * (py - my)
    denominator += (px - mx) ** 2
  }
  return numerator / denominator
}

/** The mean of the seeds' values with a bootstrap interval: percentiles of the means of resampled seeds. */
export function bootstrap(values: readonly number[], seed: number, resamples = 4000): Slope {
  const { integer } = random(seed, 'bootstrap')
  const mean = (pick: (k: number) => number) => {
    let sum = 0
    for (let k = 0; k < values.length; k++) sum += values[pick(k)]
    return sum / values.length
  }
  const means = Float64Array.from({ length: resamples }, () => mean(() => integer(values.length))).sort()
  return {
    value: mean((k) => k),
    low: means[Math.floor(0.025 * resamples)],
    high: means[Math.ceil(0.975 * resamples) - 1],
  }
}

/** The q-quantile of each column. */
export function quantile(rows: readonly ArrayLike<number>[], q: number): number[] {
  return Array.from({ length: rows[0].length }, (_, k) => {
    const column = rows.map((row) => row[k]).sort((a, b) => a - b)
    return column[Math.round(q * (column.length - 1))]
  })
}
