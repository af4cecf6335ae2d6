import type { Backend } from '../../src/backends/backend.ts'
import { backendFamily } from '../../src/backends/choices.ts'
import { wasmBackend } from '../../src/backends/wasm/index.ts'
import { sharesMemory } from '../capabilities.ts'
import { make, type Picked } from '../experiment/choose.ts'

/**
 * What the memory of a scheme may grow to. The largest task of the page needs less than half of it, and phones and Safari
 * have no 4 GB of addresses for every worker.
 */
const MEMORY = 2 ** 30

/** The file of the kernels that a choice of SIMD means here; undefined for a backend without kernels. */
export async function kernelsOf({ name, simd = 'strict' }: Picked, read: (file: string) => Promise<ArrayBuffer>) {
  if (name !== 'wasm') return undefined
  const file = simd === 'strict' ? 'strict.wasm' : 'relaxed.wasm'
  const bytes = await read(file)
  if (WebAssembly.validate(bytes)) return WebAssembly.compile(bytes)
  if (simd === 'auto') return WebAssembly.compile(await read('strict.wasm'))
  throw new Error(
    `this browser does not run ${file}; Chrome and Edge 114 and newer, and current Firefox have relaxed SIMD`,
  )
}

/**
 * The backend that an experiment names. Kernels come compiled from the page, so that they are fetched once for all
 * workers; other backends load what they need when they are asked for, and not before.
 */
export function openBackend(picked: Picked, kernels: WebAssembly.Module | undefined): Promise<Backend> {
  if (picked.name === 'wasm' && kernels) return wasmBackend({ binary: kernels, memoryLimit: MEMORY })
  return make(backendFamily, picked, {}, undefined)
}

/** Threads of one scheme: what the processors give, shared among the schemes, with one left to the page. */
export function threadsOf(picked: Picked, schemes: number, demanding: boolean): number {
  if (picked.name !== 'wasm' || !sharesMemory()) return 1
  if (typeof picked.threads === 'number') return picked.threads
  return demanding ? Math.max(1, Math.min(4, Math.floor((navigator.hardwareConcurrency - 1) / schemes))) : 1
}
