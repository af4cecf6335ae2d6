import type { NumericArray } from '../../autodiff/value.ts'
import { AdadagradError, ConfigurationError } from '../../errors.ts'

// Where the number of the next free block lives: below the kernels' static data, which begins at 1024.
const HEAP_POINTER = 512
// Where allocation begins: above the kernels' static data.
const HEAP_BASE = 65536
// Addresses are counted in blocks, so that 4 GB fit the 32 bits of an atomic integer.
const BLOCK = 64
const PAGE = 65536
// WebAssembly's addresses have 32 bits.
const MOST = 2 ** 32
// Less than this is of little use: what does not fit into it shall be told apart from a refusal.
const LEAST = 2 ** 28

// The types of TypeScript for Node do not know WebAssembly, and those of the page are not everybody's: with these, which
// merge with either, programs that check the declarations of their packages need not take the page's along.
declare global {
  namespace WebAssembly {
    interface Memory {}
    interface Module {}
  }
}

/** One shared memory, from which any number of threads allocate. Nothing is freed: what is allocated is kept for reuse. */
export class Heap {
  readonly memory: WebAssembly.Memory
  /** Bytes that the memory may grow to; undefined where somebody else has made it. */
  readonly limit: number | undefined
  // Growth makes a new buffer object over the same memory; arrays over the old ones remain good.
  readonly #buffers = new WeakSet<ArrayBufferLike>()

  /** Over a given memory, or over one of its own that may grow to `limit` bytes. */
  constructor(memory?: WebAssembly.Memory, limit = MOST) {
    if (!(limit >= LEAST && limit <= MOST))
      throw new ConfigurationError(`wasm: memoryLimit must be from 2 ** 28 to 2 ** 32 bytes, got ${limit}`)
    const own = memory ? { memory, limit: undefined } : createMemory(limit)
    this.memory = own.memory
    this.limit = own.limit
    // The first thread to come starts the heap.
    Atomics.compareExchange(this.#pointer, 0, 0, HEAP_BASE / BLOCK)
  }

  /** The address of so many bytes of its own, aligned to 64, filled with zeros. */
  allocate(bytes: number, purpose: string): number {
    const blocks = Math.ceil(bytes / BLOCK)
    const first = Atomics.add(this.#pointer, 0, blocks)
    try {
      this.#reach((first + blocks) * BLOCK)
    } catch {
      Atomics.sub(this.#pointer, 0, blocks)
      const taken = ((first * BLOCK) / 2 ** 20).toFixed(0)
      const most = this.limit === undefined ? '' : ` of at most ${(this.limit / 2 ** 20).toFixed(0)}`
      throw new AdadagradError(
        `out of memory: ${purpose} needs ${(bytes / 2 ** 20).toFixed(1)} MB, ${taken} MB${most} are taken; ` +
          'use a smaller chunk size or a smaller model',
      )
    }
    return first * BLOCK
  }

  float32(length: number, purpose = 'an array'): Float32Array {
    return this.viewAt(this.allocate(4 * length, purpose), length)
  }

  int32(length: number, purpose = 'an array of indices'): Int32Array {
    return this.indicesAt(this.allocate(4 * length, purpose), length)
  }

  float64(length: number, purpose = 'an array of sums'): Float64Array {
    return this.doublesAt(this.allocate(8 * length, purpose), length)
  }

  /** `length` floats from an address on: an array that another thread has allocated. */
  viewAt(address: number, length: number): Float32Array {
    return this.#remember(new Float32Array(this.#bufferUpTo(address + 4 * length), address, length))
  }

  /** The same for indices. */
  indicesAt(address: number, length: number): Int32Array {
    return this.#remember(new Int32Array(this.#bufferUpTo(address + 4 * length), address, length))
  }

  /** The same for float64. */
  doublesAt(address: number, length: number): Float64Array {
    return this.#remember(new Float64Array(this.#bufferUpTo(address + 8 * length), address, length))
  }

  /** Whether the array was made here, or is a part of such an array. */
  owns(array: NumericArray): boolean {
    return this.#buffers.has(array.buffer)
  }

  get #pointer(): Int32Array {
    return new Int32Array(this.memory.buffer, HEAP_POINTER, 1)
  }

  #remember<T extends NumericArray>(array: T): T {
    this.#buffers.add(array.buffer)
    return array
  }

  /** The buffer, once another thread's growth is seen here too. */
  #bufferUpTo(end: number): ArrayBufferLike {
    if (this.memory.buffer.byteLength < end) this.memory.grow(0)
    return this.memory.buffer
  }

  #reach(end: number): void {
    // Another thread may grow in between: then there is more than enough.
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE)
    if (missing > 0) this.memory.grow(missing)
  }
}

/**
 * A memory that may grow to `limit` bytes, or to half of it, a quarter …: engines reserve as many addresses at once, and
 * some have few. (JavaScriptCore ends at about 60 GB for a page with all its workers, phones much earlier.)
 */
function createMemory(limit: number): { memory: WebAssembly.Memory; limit: number } {
  try {
    return { memory: new WebAssembly.Memory({ initial: 2, maximum: Math.floor(limit / PAGE), shared: true }), limit }
  } catch (cause) {
    if (cause instanceof RangeError && limit >= 2 * LEAST) return createMemory(limit / 2)
    throw new AdadagradError(
      cause instanceof RangeError
        ? `cannot reserve ${(limit / 2 ** 20).toFixed(0)} MB of addresses for shared WebAssembly memory (${cause.message}); other ` +
            'trainings in this process or page, or a limit on its address space (ulimit -v), leave no more'
        : 'cannot make a shared WebAssembly memory; in a browser the page must be cross-origin isolated (headers ' +
            'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)',
      { cause },
    )
  }
}
