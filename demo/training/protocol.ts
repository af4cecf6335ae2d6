import type { Evaluation } from '../../src/training/batch.ts'
import type { TrainingRecord } from '../../src/training/run.ts'
import type { Experiment } from '../experiment/experiment.ts'

/** What the page tells a training worker. */
export type ToWorker =
  | {
      readonly kind: 'start'
      readonly experiment: Experiment
      /** Which of its schemes. */
      readonly scheme: number
      /** For the wasm backend. */
      readonly kernels?: WebAssembly.Module
      /** digits.bin, for the tasks that learn it. */
      readonly digits?: Uint8Array
    }
  /** Instead of training: work out the landscape of a problem with two parameters, which all schemes share. */
  | { readonly kind: 'survey'; readonly experiment: Experiment; readonly kernels?: WebAssembly.Module }
  /** Make steps until so many samples are processed. */
  | { readonly kind: 'until'; readonly samples: number }
  | { readonly kind: 'step' }
  /** Whether someone looks at this scheme's gradients or guesses. */
  | { readonly kind: 'watched'; readonly watched: boolean }
  | { readonly kind: 'guess'; readonly pixels: Float32Array }

/** Columns of a row of numbers that a step leaves; NaN where a step has none: `objective` is the loss on the test set. */
export const COLUMNS = [
  'step',
  'samples',
  'batchSize',
  'loss',
  'gradientNorm',
  'statistic',
  'threshold',
  'objective',
  'accuracy',
  'x1',
  'x2',
] as const
export type Column = (typeof COLUMNS)[number]

/** A batch's own gradients in two dimensions, at the parameters before its step. */
export interface Cloud {
  /** x, [2]. */
  readonly x: readonly [number, number]
  /** g_i of the first samples of the batch, [n, 2]. */
  readonly gradients: Float64Array
  /** ḡ of the whole batch. */
  readonly mean: readonly [number, number]
  readonly batchSize: number
  /** Sample covariance of the whole batch's g_i: Var₁, Var₂, Cov; NaN for one sample. */
  readonly covariance: readonly [number, number, number]
}

/** F on a grid over a part of the plane. */
export interface Landscape {
  readonly from: readonly [number, number]
  readonly to: readonly [number, number]
  readonly columns: number
  readonly rows: number
  /** Row by row, from `from` on, [rows, columns]. */
  readonly values: Float64Array
}

/** Fingerprints of the bits so far; equal ones mean equal runs. */
export interface Fingerprint {
  readonly parameters: string
  readonly records: string
}

/** What a training worker tells the page. */
export type FromWorker =
  | {
      readonly kind: 'ready'
      readonly parameters: number
      readonly details: Readonly<Record<string, string | number | boolean>>
      readonly start?: readonly [number, number]
    }
  | {
      readonly kind: 'progress'
      /** [n, COLUMNS.length] */
      readonly rows: Float64Array
      /** The last one that was made. */
      readonly evaluation?: Evaluation
      readonly last: TrainingRecord
      readonly finished: boolean
      readonly cloud?: Cloud
      /** Scores of the shown digits as probabilities, [shown, 10]. */
      readonly guesses?: Float32Array
      readonly fingerprint?: Fingerprint
    }
  | { readonly kind: 'landscape'; readonly landscape: Landscape }
  | { readonly kind: 'guess'; readonly probabilities: Float32Array }
  | { readonly kind: 'failed'; readonly message: string }
