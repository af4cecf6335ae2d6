import { choice, type Family } from '../choice.ts'
import type { Backend } from './backend.ts'

/** Every backend, as it can be chosen by name. */
export const backendFamily: Family<Promise<Backend>> = {
  what: 'backend',
  flag: 'backend',
  help: 'where the arithmetic happens',
  default: 'wasm',
  choices: [
    choice({
      name: 'wasm',
      summary: 'WebAssembly kernels in float32',
      options: {
        simd: {
          type: 'choice',
          of: ['strict', 'relaxed', 'auto'],
          default: 'strict',
          help: 'strict gives the same bits everywhere; relaxed may be faster; auto takes relaxed where it is offered',
        },
      },
      make: async (options) => (await import('./wasm/index.ts')).wasmBackend(options),
    }),
    choice({
      name: 'reference',
      summary: 'plain loops in float64: the oracle, and slow',
      options: {},
      make: async () => (await import('./reference/index.ts')).referenceBackend(),
    }),
  ],
}
