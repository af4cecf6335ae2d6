import { existsSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'

// Node 20 has relaxed SIMD behind this flag; it must be set before the module compiles.
setFlagsFromString('--experimental-wasm-relaxed-simd')

type Kernel = (...numbers: number[]) => number

export interface Kernels {
  readonly name: string
  readonly call: Readonly<Record<string, Kernel>>
  /** Empties the arena. */
  reset(): void
  /** A 64-byte aligned array in the kernels' memory, filled with `values` or with a signalling pattern. */
  place(values: ArrayLike<number> | number): Float32Array
  /** Address of `bytes` of scratch, filled with NaN, with guard bytes behind that `check` looks at. */
  scratch(bytes: number): number
  /** Whether every guard is as it was. */
  intact(): boolean
}

const START = 1 << 16
const directory = process.env.KERNELS ?? 'dist/wasm'
const GUARD = 64

/** One build of the kernels over a memory of its own. */
export function loadKernels(name: 'strict' | 'relaxed'): Kernels {
  const memory = new WebAssembly.Memory({ initial: 4096, maximum: 65536, shared: true })
  const module = new WebAssembly.Module(readFileSync(`${directory}/${name}.wasm`))
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const guards: number[] = []
  let free = START
  const take = (bytes: number): number => {
    const address = free
    const end = address + bytes
    // Everything that is written beyond its end shows, and what is read there spoils a result.
    new Uint8Array(memory.buffer, address, bytes + GUARD).fill(0xff)
    guards.push(end)
    free = (end + GUARD + 63) & ~63
    return address
  }
  return {
    name,
    call: exports as Record<string, Kernel>,
    reset() {
      free = START
      guards.length = 0
    },
    place(values) {
      const length = typeof values === 'number' ? values : values.length
      const array = new Float32Array(memory.buffer, take(4 * length), length)
      if (typeof values !== 'number') array.set(values)
      return array
    },
    scratch: take,
    intact: () => guards.every((end) => new Uint8Array(memory.buffer, end, GUARD).every((byte) => byte === 0xff)),
  }
}

/** The builds that exist and compile here; the strict one must. */
export const builds: readonly Kernels[] = (['strict', 'relaxed'] as const).flatMap((name) => {
  if (name === 'strict' || existsSync(`${directory}/${name}.wasm`)) {
    try {
      return [loadKernels(name)]
    } catch (error) {
      if (name === 'strict') throw error
    }
  }
  return []
})

/** max |got − want| / scale; NaN counts as worst of all. */
export function worst(got: ArrayLike<number>, want: ArrayLike<number>, scale: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i]! - want[i]!) / (scale[i]! + 1e-30)
    if (!(error <= largest)) largest = error
  }
  return largest
}

/** A reproducible value in (−1, 1) for each place. */
export const noise = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => {
    const x = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453
    return 2 * (x - Math.floor(x)) - 1
  })
