import { choice } from '../choice.ts'
import { square } from '../elementary.ts'
import { ConfigurationError, ShapeError } from '../errors.ts'
import { coordinateVariances } from '../statistics/derived.ts'
import { nonNegative, positive } from '../validate.ts'
import { type BatchSizeTest, batchSizeTest } from './batch-size-test.ts'

/**
 * Coordinate-wise norm test: (1/b)·Var_j ≤ η_j²ḡ_j² for every coordinate j (docs/maths.md §2.5).
 *
 * T = max_j Var_j/(η_j²ḡ_j²). One coordinate whose gradient is near 0 decides it, so two relaxations stand beside the
 * maximum: hold it for a share of the coordinates only, and put a floor under |ḡ_j|. The result's statistic and threshold
 * are those of the coordinate that decides; where that one has ḡ_j = 0, the verdict is `zero-gradient`.
 *
 * @param options.eta η > 0 for all coordinates, or η_j of each, [d]
 * @param options.quantile share of the coordinates that must pass, in (0, 1]; 1 is the plain maximum
 * @param options.floor least |ḡ_j| that is assumed, in units of the gradient (so T then depends on the scale of the loss)
 * @throws ConfigurationError for an option outside its domain
 * @throws ShapeError on evaluation, if η_j are given for another number of coordinates
 * @example coordinateTest({ eta: 1, quantile: 0.9 })
 * @see Lau, Liu, Kolar, arXiv 2402.11215
 */
export function coordinateTest(options: {
  readonly eta: number | ArrayLike<number>
  readonly quantile?: number
  readonly floor?: number
}): BatchSizeTest {
  const { quantile = 1 } = options
  const floor = nonNegative('coordinateTest', 'floor', options.floor ?? 0)
  if (!(quantile > 0 && quantile <= 1)) {
    throw new ConfigurationError(`coordinateTest: quantile must be in (0, 1], got ${quantile}`)
  }
  const eta =
    typeof options.eta === 'number'
      ? positive('coordinateTest', 'eta', options.eta)
      : Array.from(options.eta, (value, j) => positive('coordinateTest', `eta[${j}]`, value))

  return batchSizeTest({
    name: 'coordinate',
    level: 'coordinates',
    parameters: { eta, quantile, floor },
    measure({ mean, ...rest }, divisor) {
      const d = mean.length
      if (typeof eta !== 'number' && eta.length !== d) {
        throw new ShapeError(`coordinateTest: eta has ${eta.length} entries, the gradient ${d} coordinates`)
      }
      const variances = coordinateVariances({ mean, ...rest }, divisor)!
      const boundOf = (j: number) =>
        square((typeof eta === 'number' ? eta : eta[j]) * Math.max(Math.abs(mean[j]), floor))
      const suggestions = new Float64Array(d)
      for (let j = 0; j < d; j++) suggestions[j] = variances[j] === 0 ? 0 : variances[j] / boundOf(j)
      const j = quantile === 1 ? largest(suggestions) : indexOfRank(suggestions, Math.ceil(quantile * d) - 1)
      return [{ name: 'coordinate', variance: variances[j], bound: boundOf(j) }]
    },
  })
}

/** The index of the largest value, or of the first NaN, which the verdict then refuses. */
function largest(values: Float64Array): number {
  let at = 0
  for (let j = 0; j < values.length; j++) {
    if (Number.isNaN(values[j])) return j
    if (values[j] > values[at]) at = j
  }
  return at
}

/** The index of the value of the given rank, 0 being the smallest. */
function indexOfRank(values: Float64Array, rank: number): number {
  const at = largest(values)
  return Number.isNaN(values[at]) ? at : values.indexOf(select(values.slice(), rank))
}

/** Hoare's quickselect: the value of the given rank, in linear expected time; reorders the values. */
function select(values: Float64Array, rank: number): number {
  let [low, high] = [0, values.length - 1]
  while (low < high) {
    const pivot = values[(low + high) >> 1]
    let [i, j] = [low, high]
    while (i <= j) {
      while (values[i] < pivot) i++
      while (values[j] > pivot) j--
      if (i > j) break
      const swapped = values[i]
      values[i++] = values[j]
      values[j--] = swapped
    }
    if (rank <= j) high = j
    else if (rank >= i) low = i
    else break
  }
  return values[rank]
}

export const coordinateTestChoice = choice({
  name: 'coordinate',
  summary: 'the norm test on every coordinate, or on a share of them',
  formula: '(1/b)·Var_j ≤ η²ḡ_j² for every j',
  plainly:
    'Every parameter by itself: the error of its part of ḡ may be at most η times as large as that part. The strictest parameter decides, or a quantile of them.',
  options: {
    eta: { type: 'number', above: 0, default: 1, symbol: 'η', help: 'tolerated ratio of noise to signal' },
    quantile: { type: 'number', above: 0, atMost: 1, default: 1, help: 'share of the coordinates that must pass' },
    floor: { type: 'number', atLeast: 0, default: 0, help: 'least |ḡ_j| that is assumed' },
  },
  make: coordinateTest,
})
