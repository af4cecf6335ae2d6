import type { NumericArray } from '../../autodiff/value.ts'
import type { Buffers, Plan } from '../backend.ts'
import type { Program } from './program.ts'

/** What runs programs: a WebGPU device with recorded commands, or gpu.js kernel by kernel. */
export interface Engine {
  compile(program: Program, buffers: Buffers): Promise<Plan>
  /** The host has written to an array of which copies may be on the device. */
  changed(array: NumericArray): void
  dispose(): Promise<void>
}

/** One run after the other: a device has one read-back buffer, and a slot one content. */
export function inOrder(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work, work)
    last = result
    return result
  }
}
