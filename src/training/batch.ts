import type { GradientStatistics, StatisticsLevel } from '../statistics/gradient-statistics.ts'

/** What one batch says at the current parameters. */
export interface BatchResult {
  /** Mean loss of the batch. */
  readonly loss: number
  readonly statistics: GradientStatistics
  /** ⟨g_i, ḡ⟩ by parameter array, [P][b], with level `projections`: what per-tensor formulas need. */
  readonly tensorProjections?: readonly Float64Array[]
}

export interface Evaluation {
  readonly loss: number
  /** Share of samples whose largest score is at the label; absent where the objective has no scores. */
  readonly accuracy?: number
}

/**
 * Loss, mean gradient and statistics of a batch. The arrays of the result are overwritten by the next call, which has to
 * wait for this one.
 *
 * @param indices samples of the training set
 * @param firstDraw ordinal of the first of them among all draws of the run
 */
export type ComputeBatch = (
  indices: ArrayLike<number>,
  firstDraw: number,
  level: StatisticsLevel,
) => Promise<BatchResult>
