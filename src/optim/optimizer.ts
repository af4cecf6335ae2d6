import { ConfigurationError, ShapeError } from '../errors.ts'
import type { Config } from '../validate.ts'
import { constantRate, type Schedule } from './schedules.ts'
import {
  chain,
  type OptimizerState,
  type ParameterLayout,
  type ParameterVector,
  type Transformation,
} from './transformation.ts'

export type { OptimizerState, ParameterLayout } from './transformation.ts'

/**
 * A rule for the step x ← x − lr·direction, as a pair of functions over a state that the caller keeps.
 *
 * @example
 * const { init, update, learningRate } = adagrad({ learningRate: 8e-3 })
 * const state = init(parameters.length)
 * update(parameters, gradient, state, learningRate({ step: 0, samples: 0 }))
 */
export interface Optimizer {
  readonly name: string
  /** The fully resolved options, the schedule's included. */
  readonly config: Config
  /** The caller owns the counters, evaluates this and hands the value to `update`; so it can record and change it. */
  readonly learningRate: Schedule
  /** The state before the first step, for d parameters or for a layout of them. */
  init(parameters: ParameterLayout | number): OptimizerState
  /**
   * One step: parameters and state change in place, the gradient is only read. Nothing is allocated after the first step
   * with a state.
   *
   * @param parameters x, [d]
   * @param gradient ḡ, [d]
   * @throws ShapeError if their lengths differ
   */
  update(parameters: ParameterVector, gradient: ParameterVector, state: OptimizerState, learningRate: number): void
}

/**
 * An optimiser from transformations of the gradient.
 *
 * @param name for the record
 * @param learningRate a number or a schedule
 * @param transformations applied in order; none is plain gradient descent
 * @param config options for the record, where the transformations' own would say it less plainly
 * @example optimizer('signed', 0.01, [clipByGlobalNorm(1), mySign])
 */
export function optimizer(
  name: string,
  learningRate: number | Schedule,
  transformations: readonly Transformation[],
  config?: Config,
): Optimizer {
  const schedule = typeof learningRate === 'number' ? rate(name, learningRate) : learningRate
  const rule = chain(...transformations)
  // The direction is scratch, not state: it says nothing about the next step, so no checkpoint needs it.
  const scratch = new WeakMap<OptimizerState, Float64Array>()
  return Object.freeze({
    name,
    learningRate: schedule,
    config: Object.freeze({ learningRate: schedule.config ?? { name: 'custom' }, ...(config ?? rule.config) }),
    init: rule.init,
    update(parameters: ParameterVector, gradient: ParameterVector, state: OptimizerState, lr: number) {
      if (parameters.length !== gradient.length) {
        throw new ShapeError(`${name}: ${parameters.length} parameters, but the gradient has ${gradient.length}`)
      }
      let direction = scratch.get(state)
      if (direction?.length !== gradient.length) {
        direction = new Float64Array(gradient.length)
        scratch.set(state, direction)
      }
      direction.set(gradient)
      rule.update(direction, state, parameters)
      for (let j = 0; j < direction.length; j++) parameters[j] -= lr * direction[j]
    },
  })
}

function rate(name: string, value: number): Schedule {
  if (!(Number.isFinite(value) && value >= 0)) {
    throw new ConfigurationError(`${name}: learningRate must be a finite number of at least 0, got ${value}`)
  }
  return constantRate(value)
}
