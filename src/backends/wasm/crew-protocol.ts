// What the threads agree on. Each helper has a control block of 32-bit words in the shared memory, and a ring of jobs.
// A job is a program (kernel calls, written once into the shared memory) and the accumulations that follow it.

/** Words of a control block. */
export const POSTED = 0
export const DONE = 1
export const STATE = 2
/** Counts everything that any helper has finished; the first helper's block holds it for all. */
export const PROGRESS = 3
export const CONTROL_WORDS = 16

/** Values of `STATE`. */
export const STARTING = 0
export const READY = 1
export const FAILED = 2
export const QUIT = 3

/** Jobs that a helper may have before it: the ring's length, a power of two, since the counts of jobs wrap around. */
export const RING = 8
/** Words of a job: the program's address, the number of accumulations, and four words for each of them. */
export const ACCUMULATIONS = 4
export const JOB_WORDS = 2 + 4 * ACCUMULATIONS

/** What a helper is told when it starts. Addresses are in bytes. */
export interface Introduction {
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  readonly control: number
  readonly ring: number
  readonly progress: number
}

/** The kernels of a module in an order that all threads find by themselves. */
export const kernelNames = (module: WebAssembly.Module): string[] =>
  WebAssembly.Module.exports(module)
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => name)
    .sort()

/**
 * Looks at a word for half a millisecond, as long as it does not change: to wake a sleeping thread takes longer than the
 * calling thread needs from one step to the next.
 *
 * @returns whether it has changed
 */
export function changesSoon(words: Int32Array, index: number, from: number): boolean {
  for (const end = performance.now() + 0.5; performance.now() < end; )
    for (let look = 0; look < 64; look++) if (Atomics.load(words, index) !== from) return true
  return false
}
