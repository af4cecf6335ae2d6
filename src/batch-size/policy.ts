import type { GradientStatistics, StatisticsLevel } from '../statistics/gradient-statistics.ts'
import type { Config } from '../validate.ts'
import type { TestResult } from './batch-size-test.ts'

/** What every policy's state says; JSON, so that a checkpoint can hold it. */
export interface PolicyState {
  /** b of the coming step. */
  readonly batchSize: number
  /** What the coming step's scheduled learning rate is multiplied by: the product of all factors so far, 1 at the start. */
  readonly learningRateFactor: number
}

/** What a step showed. */
export interface Observation {
  /** Index of the step, 0 for the first. */
  readonly step: number
  /** Samples processed by the run so far, this step's included. */
  readonly samples: number
  /** Mean loss of the batch, before the step. */
  readonly loss: number
  /** Statistics of the batch, at the level that `levelFor` asked for or above. */
  readonly statistics: GradientStatistics
  /** Those of the whole training set at the same parameters, where `populationLevelFor` asked for them. */
  readonly population?: GradientStatistics
}

/** What a policy makes of a step. */
export interface PolicyUpdate<S extends PolicyState> {
  readonly state: S
  /** b of the next step; `state.batchSize`. */
  readonly batchSize: number
  /** κ, the next batch size divided by this one's. */
  readonly growth: number
  /** As in `state`: cumulative, on the *schedule's* learning rate. */
  readonly learningRateFactor: number
  /** The verdict on the step's batch, or null where none was asked for. */
  readonly test: TestResult | null
}

/**
 * A rule for the batch size, as a pure state machine: the caller keeps the state and nothing else is remembered.
 *
 * @example
 * let state = policy.start()
 * for (;;) {
 *   const statistics = measure(state.batchSize, policy.levelFor(state))
 *   ;({ state } = policy.next(state, { step, samples, loss, statistics }))
 * }
 */
export interface BatchPolicy<S extends PolicyState = PolicyState> {
  readonly name: string
  /** b of the first step. */
  readonly initial: number
  /** No step's batch is larger. */
  readonly cap: number
  /** The most that a step may have to measure. */
  readonly level: StatisticsLevel
  /** Steps that measure are computed in micro-batches of so many samples, kept apart; absent: in none. */
  readonly microBatch?: number
  /** The fully resolved options. */
  readonly config: Config
  start(): S
  /** What the coming step has to measure: `none` at the cap, between two tests, and for one sample. */
  levelFor(state: S): StatisticsLevel
  /** What the coming step has to measure on the whole training set, for exact tests on a finite sum; absent: nothing. */
  populationLevelFor?(state: S): StatisticsLevel
  next(state: S, observation: Observation): PolicyUpdate<S>
}

/** How the learning rate follows the batch size: not at all, or by √κ or κ on growth by κ. */
export type LearningRateCoupling = 'none' | 'sqrt' | 'linear'

/** The choices of `LearningRateCoupling`. */
export const COUPLINGS: readonly LearningRateCoupling[] = ['none', 'sqrt', 'linear']

/** The product of the factors of all growth from `initial` to `batchSize`: it telescopes. */
export function coupledFactor(coupling: LearningRateCoupling, initial: number, batchSize: number): number {
  const growth = batchSize / initial
  return coupling === 'none' ? 1 : coupling === 'sqrt' ? Math.sqrt(growth) : growth
}

/** The update from a state to the next. */
export function updated<S extends PolicyState>(previous: S, state: S, test: TestResult | null): PolicyUpdate<S> {
  const { batchSize, learningRateFactor } = state
  return { state, batchSize, growth: batchSize / previous.batchSize, learningRateFactor, test }
}
