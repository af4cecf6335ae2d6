import type { FloatArray } from '../autodiff/value.ts'
import type { Backend, Plan } from './backend.ts'

/** float64 += float32: `into[i] += from[i]`, or `into[0] += Σ from[i]`, over the first `length` elements of `from`. */
export interface Accumulation {
  readonly kind: 'each' | 'total'
  readonly into: Float64Array
  readonly from: FloatArray
  readonly length: number
}

/** Threads that compute beside the calling one, over the same memory. */
export interface Crew {
  /** How many threads there are beside the calling one. */
  readonly helpers: number
  /** A backend whose plans use working space of that helper's own. Plans are laid out here and run there. */
  backendOf(helper: number): Backend
  /** Hands a stage to a helper, which runs what it is handed in order, each followed by its accumulations. */
  start(helper: number, plan: Plan, stage: number, slot: number, then: readonly Accumulation[]): void
  /** How many of the stages that were handed to a helper are done. */
  done(helper: number): number
  /**
   * Resolves when some helper has finished something since the last call, or soon after.
   *
   * @throws AdadagradError when a helper failed or died: nothing will come from it any more
   */
  progress(): Promise<void>
  close(): Promise<void>
}
