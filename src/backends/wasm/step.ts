import type { Shape } from '../../autodiff/shape.ts'
import type { NumericArray, Value } from '../../autodiff/value.ts'
import type { Kernel, Kernels } from './kernels.ts'
import type { Schedule } from './schedule.ts'

/** A call that is ready: every address and extent is bound. */
export interface Call {
  (): unknown
  /** What is called with what, so that another thread can make the same call; absent where no kernel is called. */
  readonly kernel?: Kernel
  readonly args?: readonly number[]
}

/** One or a few kernel calls: what they read and write, and how to make them once addresses are known. */
export interface Step {
  /** For people who read profiles. */
  readonly name: string
  readonly reads: readonly Value[]
  readonly writes: readonly Value[]
  /** Of `reads` those that are read element by element where the first of `writes` is written: it may take their place. */
  readonly pointwise?: readonly Value[]
  /** Bytes of scratch space while it runs. */
  readonly workspace?: number
  /** Runs the operation's own loops, for want of a kernel. */
  readonly slow?: true
  bind(place: Place): readonly Call[]
}

/** Where things lie in one slot. */
export interface Place {
  address(value: Value): number
  view(value: Value): NumericArray
  readonly workspace: number
}

/** What a lowering may look at. */
export interface Lowering {
  readonly kernels: Kernels
  readonly schedule: Schedule
}

/** Turns a value into a step, or declines. */
export type Lower = (value: Value, lowering: Lowering) => Step | undefined

/** A kernel with its arguments: a bound function is called without allocating. */
export const call = (kernel: Kernel, ...args: number[]): Call =>
  Object.assign(kernel.bind(undefined, ...args), { kernel, args })

/** Axes in common for several arrays: extents, and each array's strides along them (in elements). */
export interface Layout {
  readonly shape: number[]
  readonly strides: number[][]
}

/** The least axes that describe the same walk: extents of 1 vanish, and axes that continue each other are joined. */
export function collapse(shape: Shape, ...strides: (readonly number[])[]): Layout {
  const layout: Layout = { shape: [], strides: strides.map(() => []) }
  for (const [axis, extent] of shape.entries()) {
    if (extent === 1) continue
    const last = layout.shape.length - 1
    if (last >= 0 && strides.every((own, i) => layout.strides[i]![last] === own[axis]! * extent)) {
      layout.shape[last]! *= extent
      for (const [i, own] of strides.entries()) layout.strides[i]![last] = own[axis]!
    } else {
      layout.shape.push(extent)
      for (const [i, own] of strides.entries()) layout.strides[i]!.push(own[axis]!)
    }
  }
  return layout
}

/** Leading axes of extent 1 until there are `rank`; undefined where there are more already. */
export function padded({ shape, strides }: Layout, rank: number): Layout | undefined {
  const missing = rank - shape.length
  if (missing < 0) return undefined
  const before = (fill: number, rest: number[]) => [...new Array<number>(missing).fill(fill), ...rest]
  return { shape: before(1, shape), strides: strides.map((own) => before(0, own)) }
}
