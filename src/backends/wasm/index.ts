import type { FloatArray } from '../../autodiff/value.ts'
import { AdadagradError } from '../../errors.ts'
import type { Backend, Buffers, Graph } from '../backend.ts'
import { Arena } from './arena.ts'
import { createCrew } from './crew.ts'
import type { Kernels } from './kernels.ts'
import { Heap } from './memory.ts'
import { loadBinary, type Simd } from './module.ts'
import { layOut, type WasmPlan } from './plan.ts'

export type { Simd } from './module.ts'
export type { WasmPlan } from './plan.ts'

export interface WasmOptions {
  /**
   * `strict` (the default) gives the same bits on every machine; `relaxed` lets the processor fuse multiplications with
   * additions, which is faster; `auto` is relaxed where the engine offers it.
   */
  readonly simd?: Simd | 'auto'
  /** The shared memory of another thread's backend, to work on the same arrays. */
  readonly memory?: WebAssembly.Memory
  /**
   * Bytes that a memory of its own may grow to, from 2²⁸ to 2³² (the default). Engines reserve as many addresses; where
   * they have fewer left, it is halved as often as it takes, down to 2²⁸.
   */
  readonly memoryLimit?: number
  /** The kernels themselves, where they cannot be found beside this file: bytes, or another backend's `module`. */
  readonly binary?: ArrayBufferView | ArrayBuffer | WebAssembly.Module
}

/** The WebAssembly backend; `memory` and `module` may be posted to other threads. */
export interface WasmBackend extends Backend {
  readonly name: 'wasm'
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  allocate(length: number): Float32Array
  compile(graph: Graph, buffers: Buffers): WasmPlan
  /** `length` floats at an address (`byteOffset`) that another thread's backend over the same memory has allocated. */
  viewAt(address: number, length: number): Float32Array
  /** The same for indices. */
  indicesAt(address: number, length: number): Int32Array
  /** The same for float64. */
  doublesAt(address: number, length: number): Float64Array
}

/**
 * Float32 on WebAssembly SIMD kernels, in one shared memory.
 *
 * @throws AdadagradError when the kernels are not built, or the engine lacks what is asked for; ConfigurationError for a
 *   `memoryLimit` out of range
 * @example
 * const backend = await wasmBackend({ simd: 'auto' })
 */
export async function wasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  const { module, simd } = await loadBinary(options.simd ?? 'strict', options.binary)
  const heap = new Heap(options.memory, options.memoryLimit)
  const instance = await WebAssembly.instantiate(module, { env: { memory: heap.memory } })
  const kernels = instance.exports as unknown as Kernels & { relaxed(): number }
  // Helper threads have backends like this one, each with working space of its own.
  const over = (arena: Arena): WasmBackend => ({
    name: 'wasm',
    details: { simd: simd === 'given' ? (kernels.relaxed() ? 'relaxed' : 'strict') : simd, precision: 'float32' },
    memory: heap.memory,
    module,
    allocate: (length) => heap.float32(length),
    allocateIndices: (length) => heap.int32(length),
    allocateDouble: (length) => heap.float64(length),
    viewAt: (address, length) => heap.viewAt(address, length),
    indicesAt: (address, length) => heap.indicesAt(address, length),
    doublesAt: (address, length) => heap.doublesAt(address, length),
    accumulate(into: Float64Array, from: FloatArray) {
      if (into.length !== from.length || !heap.owns(into) || !heap.owns(from))
        throw new AdadagradError(
          `accumulate: ${into.length} sums and ${from.length} terms must be arrays of this backend, equally long`,
        )
      const kernel = from instanceof Float32Array ? kernels.accumulate : kernels.accumulateDouble
      kernel(into.byteOffset, from.byteOffset, into.length)
    },
    compile: (graph, buffers) => layOut(graph, buffers, kernels, arena),
    crew: (helpers) =>
      createCrew(helpers, { memory: heap.memory, module }, kernels, heap, () => over(new Arena(heap, false))),
  })
  return over(new Arena(heap))
}
