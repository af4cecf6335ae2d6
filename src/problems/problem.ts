import type { Option } from '../choice.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Objective } from './objective.ts'

/** An objective with the finite sum of samples that it is minimised over. */
export interface Problem {
  readonly name: string
  readonly objective: Objective
  readonly train: Dataset
  readonly test?: Dataset
  /** Held out of the training set. */
  readonly validation?: Dataset
  /** The least value of F, where it is known. */
  readonly minimum?: number
}

/** What making a problem by name needs to know beside its options. */
export interface ProblemContext {
  readonly seed: number | string
}

/** How many samples a synthetic problem has. */
export const sizeOption = {
  type: 'integer',
  atLeast: 2,
  default: 1024,
  symbol: 'N',
  flag: 'problem-size',
  help: 'number of samples',
} as const satisfies Option
