import { ConfigurationError, DivergenceError } from '../errors.ts'
import type { StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { type Config, nonNegative, oneOf, whole } from '../validate.ts'
import type { TestResult } from './batch-size-test.ts'
import {
  type BatchPolicy,
  COUPLINGS,
  coupledFactor,
  type LearningRateCoupling,
  type Observation,
  type PolicyState,
  updated,
} from './policy.ts'
import { boundsOf, type GrowthOptions } from './scheduled.ts'
import { nextBatchSize } from './update.ts'

/** Options of every policy that measures before it grows. */
export interface ControllerOptions extends GrowthOptions {
  /** Judge every `interval`-th step, beginning with the first; 1 by default. */
  readonly interval?: number
  /** Largest quotient of two successive batch sizes, above 1; Infinity by default. */
  readonly maxGrowth?: number
  /** Grow only by more than this fraction of b; 0 by default. */
  readonly hysteresis?: number
  /** Judge and record, at the cap too, but leave the batch size at `initial`; false by default. */
  readonly metricOnly?: boolean
}

/** State of a controller. */
export interface ControllerState extends PolicyState {
  /** Steps made, which decides when the next one is judged. */
  readonly steps: number
  /** What the controller remembers beside: running averages, a first loss. */
  readonly memory: Memory
}

/** Named numbers. */
export type Memory = Readonly<Record<string, number>>

/** A controller's judgement of a step: T is `test.suggestedBatchSize`. */
export interface Judgement {
  readonly test: TestResult
  readonly memory?: Memory
}

/** What tells one controller from another. */
interface Rule {
  readonly name: string
  readonly level: StatisticsLevel
  /** Measure the whole training set in place of the batch. */
  readonly exact?: boolean
  readonly microBatch?: number | undefined
  /** The rule's own options, resolved. */
  readonly config: Config
  judge(observation: Observation, memory: Memory, state: ControllerState): Judgement
}

/**
 * A policy that judges steps and grows to what the judgement suggests.
 *
 * It sees to what all of them share: the interval, that nothing is measured at the cap or for one sample, the one update
 * (`nextBatchSize`), and the learning rate's coupling.
 *
 * @throws ConfigurationError for an option outside its domain
 */
export function controller(rule: Rule, options: ControllerOptions): BatchPolicy<ControllerState> {
  const { name, exact = false } = rule
  const level = exact ? 'none' : rule.level
  const { initial, cap } = boundsOf(name, options)
  const { metricOnly = false, maxGrowth = Number.POSITIVE_INFINITY } = options
  const interval = whole(name, 'interval', options.interval ?? 1, 1)
  const hysteresis = nonNegative(name, 'hysteresis', options.hysteresis ?? 0)
  const coupling: LearningRateCoupling = oneOf(
    name,
    'learningRateCoupling',
    options.learningRateCoupling ?? 'none',
    COUPLINGS,
  )
  if (!(maxGrowth > 1)) throw new ConfigurationError(`${name}: maxGrowth must be above 1, got ${maxGrowth}`)

  const due = ({ steps, batchSize }: ControllerState) => steps % interval === 0 && (metricOnly || batchSize < cap)

  return Object.freeze({
    name,
    initial,
    cap,
    level,
    ...(rule.microBatch !== undefined && { microBatch: rule.microBatch }),
    config: Object.freeze({
      ...rule.config,
      initial,
      max: cap,
      interval,
      // JSON has no Infinity.
      maxGrowth: maxGrowth === Number.POSITIVE_INFINITY ? null : maxGrowth,
      hysteresis,
      learningRateCoupling: coupling,
      metricOnly,
    }),
    start: () => ({ batchSize: initial, learningRateFactor: 1, steps: 0, memory: {} }),
    levelFor: (state: ControllerState) => (due(state) && state.batchSize > 1 ? level : 'none'),
    ...(exact && { populationLevelFor: (state: ControllerState) => (due(state) ? rule.level : 'none') }),
    next(state: ControllerState, observation: Observation) {
      const { step, loss } = observation
      if (!Number.isFinite(loss)) throw new DivergenceError(`${name}: the loss of step ${step} is ${loss}`)
      const steps = state.steps + 1
      if (!due(state)) return updated(state, { ...state, steps }, null)
      const { test, memory = state.memory } = rule.judge(observation, state.memory, state)
      const batchSize = metricOnly
        ? state.batchSize
        : nextBatchSize(state.batchSize, test.suggestedBatchSize, { cap, maxGrowth, hysteresis })
      const learningRateFactor = coupledFactor(coupling, initial, batchSize)
      return updated(state, { batchSize, learningRateFactor, steps, memory }, withFiniteSuggestion(test, cap))
    },
  })
}

/** "No batch is enough" is the cap to a policy (docs/maths.md §2), and JSON has no Infinity for the record. */
function withFiniteSuggestion(test: TestResult, cap: number): TestResult {
  const bounded = test.suggestedBatchSize === Number.POSITIVE_INFINITY ? { ...test, suggestedBatchSize: cap } : test
  if (!bounded.components) return bounded
  return { ...bounded, components: bounded.components.map((component) => withFiniteSuggestion(component, cap)) }
}
