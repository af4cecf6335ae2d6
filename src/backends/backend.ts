import type { FloatArray, NumericArray, Value } from '../autodiff/value.ts'

/**
 * What a backend computes: values in stages, each delivered to a place in a named array.
 *
 * Stage s + 1 may use everything that earlier stages computed, and arrays that the host has written in between (the mean
 * gradient, along which projections are taken). Leaves name the arrays that they read.
 */
export interface Graph {
  readonly stages: readonly (readonly Output[])[]
}

/** `value`, laid flat into the array called `buffer` from element `offset` on. */
export interface Output {
  readonly value: Value
  readonly buffer: string
  readonly offset: number
}

/** The arrays that leaves and outputs name. All come from `Backend.allocate`. */
export type Buffers = Readonly<Record<string, NumericArray>>

/** A graph laid out over storage, ready to run any number of times without allocating. */
export interface Plan {
  /**
   * Runs one stage on what the arrays hold now.
   *
   * @param stage position in `Graph.stages`
   * @param slot where intermediate values are kept, 0, 1, …; a later stage continues the slot of an earlier one. Slots
   *   belong to the backend, are made at their first use and are shared by all of its plans, so that a change of chunk
   *   size costs no memory: what a plan left in a slot holds until another plan runs its first stage there.
   */
  run(stage: number, slot: number): void | Promise<void>
  /** Bytes of intermediate storage for one slot. */
  readonly slotBytes: number
}

/** Where the arithmetic happens. */
export interface Backend {
  readonly name: 'reference' | 'wasm' | 'gpu'
  /** What was detected and chosen, for the record of a run: SIMD flavour, adapter, … */
  readonly details: Readonly<Record<string, string | number | boolean>>
  /** An array of the backend's float type that both the host and the plans reach. */
  allocate(length: number): FloatArray
  /** The same for indices. */
  allocateIndices(length: number): Int32Array
  /** The same for sums that must not lose digits. */
  allocateDouble(length: number): Float64Array
  /** into += from, in float64. */
  accumulate(into: Float64Array, from: FloatArray): void
  /** Threads that compute beside the calling one; a backend without it computes on the calling thread alone. */
  crew?(helpers: number): Crew
  /**
   * The host has written to an array that all samples share: the parameters, a direction. A backend that keeps copies
   * copies the array at each run until this is called for the first time, and from then on when it is called.
   */
  changed?(array: NumericArray): void
  /** Gives back what outlives garbage collection: a device. */
  dispose?(): Promise<void>
  /** Lays out a graph over the arrays that its leaves and outputs name. */
  compile(graph: Graph, buffers: Buffers): Plan | Promise<Plan>
}

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
