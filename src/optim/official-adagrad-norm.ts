import { ConfigurationError } from '../errors.ts'
import { decay, nonNegative } from '../validate.ts'
import { type Optimizer, optimizer } from './optimizer.ts'
import type { Schedule } from './schedules.ts'
import { type ParameterLayout, type Transformation, transformation } from './transformation.ts'

/** Columns of the table in the state, one row a parameter array. */
const COLUMNS = 4

type State = {
  /** Accumulators: one a row of a matrix or kernel, one an entry of a vector; arrays follow each other. */
  sum: Float64Array
  /** [arrays][offset, rows, entries a row, 1 for a matrix or kernel and 0 for a vector]: x's geometry. */
  arrays: Float64Array
  /** ‖row‖² of the last matrix or kernel, as far as the longest needs. */
  rowNorms: Float64Array
}

/**
 * The official code's `Adagradnorm`, deviations included, for comparisons on purpose (docs/maths.md §6, 4).
 *
 * Where AdaGrad-Norm has one scalar, it has an accumulator v_r for each output row r of a matrix or convolution kernel,
 * v_r ← v_r + ‖g_r‖², and for each entry k of a vector, v_k ← v_k + q_k + g_k². Here q are the squared row norms of the
 * matrix before it, averaged over groups if they are a multiple of the vector's length, and 0 if there is none or they
 * are not. x ← x − α(g/(√v + 1e-10) + λg): weight decay multiplies the gradient. Momentum is m ← μm + (1 − μ)g.
 *
 * @param options.learningRate α, 1 by default
 * @param options.initialAccumulator v₀, 0.01 by default
 * @param options.momentum μ, 0 by default
 * @param options.weightDecay λ, 0 by default
 * @param options.learningRateDecay divides α by 1 + k·decay at step k; 0 by default
 * @throws ConfigurationError for an option outside its domain, and from `init` without a layout of arrays
 * @see github.com/timlautk/AdAdaGrad at cc126fb, `adagradnorm.py`
 */
export function officialAdagradNorm(
  options: {
    readonly learningRate?: number | Schedule
    readonly initialAccumulator?: number
    readonly momentum?: number
    readonly weightDecay?: number
    readonly learningRateDecay?: number
  } = {},
): Optimizer {
  const name = 'officialAdagradNorm'
  const config = {
    initialAccumulator: nonNegative(name, 'initialAccumulator', options.initialAccumulator ?? 1e-2),
    momentum: decay(name, 'momentum', options.momentum ?? 0),
    weightDecay: nonNegative(name, 'weightDecay', options.weightDecay ?? 0),
    learningRateDecay: nonNegative(name, 'learningRateDecay', options.learningRateDecay ?? 0),
  }
  return optimizer(name, options.learningRate ?? 1, [scaleByRows(config)], config)
}

function scaleByRows(config: {
  readonly initialAccumulator: number
  readonly momentum: number
  readonly weightDecay: number
  readonly learningRateDecay: number
}): Transformation<State & { buffer: Float64Array; steps: number }> {
  const { initialAccumulator, momentum, weightDecay, learningRateDecay } = config
  return transformation({
    name: 'scaleByRows',
    config,
    init(parameters) {
      const { arrays, accumulators, longest } = geometry(parameters)
      return {
        sum: new Float64Array(accumulators).fill(initialAccumulator),
        arrays,
        rowNorms: new Float64Array(longest),
        buffer: new Float64Array(momentum > 0 && typeof parameters !== 'number' ? parameters.size : 0),
        steps: 0,
      }
    },
    update(direction, state) {
      const { sum, arrays, buffer } = state
      accumulate(direction, state)
      const decayed = 1 / (1 + state.steps * learningRateDecay)
      state.steps++
      let accumulator = 0
      for (let t = 0; t < arrays.length; t += COLUMNS) {
        let j = arrays[t]
        for (let row = 0; row < arrays[t + 1]; row++) {
          const deviation = Math.sqrt(sum[accumulator++]) + 1e-10
          for (const end = j + arrays[t + 2]; j < end; j++) {
            const g = direction[j]
            let numerator = g
            if (momentum > 0) {
              buffer[j] = momentum * buffer[j] + (1 - momentum) * g
              numerator = buffer[j]
            }
            direction[j] = decayed * (numerator / deviation + weightDecay * g)
          }
        }
      }
    },
  })
}

/** Adds this step's squares to the accumulators. */
function accumulate(gradient: Float64Array, { sum, arrays, rowNorms }: State): void {
  let accumulator = 0
  // How many row norms the last matrix of *this* step left behind; the official loop's variable dies with the step.
  let remembered = 0
  for (let t = 0; t < arrays.length; t += COLUMNS) {
    const [offset, rows, columns, isMatrix] = [arrays[t], arrays[t + 1], arrays[t + 2], arrays[t + 3]]
    if (isMatrix === 1) remembered = rows
    const group = isMatrix === 0 && remembered % rows === 0 ? remembered / rows : 0
    for (let row = 0; row < rows; row++) {
      let square = 0
      for (let j = offset + row * columns; j < offset + (row + 1) * columns; j++) square += gradient[j] * gradient[j]
      if (isMatrix === 1) rowNorms[row] = square
      let mixed = 0
      for (let k = 0; k < group; k++) mixed += rowNorms[row * group + k] / group
      sum[accumulator++] += mixed + square
    }
  }
}

function geometry(parameters: ParameterLayout | number) {
  if (typeof parameters === 'number') {
    throw new ConfigurationError(
      `officialAdagradNorm: expected a layout of parameter arrays, got only their number (${parameters})`,
    )
  }
  let accumulators = 0
  let longest = 0
  const table = parameters.slots.flatMap(({ name, shape, offset, size }) => {
    if (shape.length !== 1 && shape.length !== 2 && shape.length !== 4) {
      throw new ConfigurationError(
        `officialAdagradNorm: expected vectors, matrices and convolution kernels, got ${name} [${shape.join(', ')}]`,
      )
    }
    const isMatrix = shape.length > 1
    const [rows] = shape
    accumulators += rows
    if (isMatrix) longest = Math.max(longest, rows)
    return [offset, rows, size / rows, isMatrix ? 1 : 0]
  })
  return { arrays: Float64Array.from(table), accumulators, longest }
}
