import { choice, type Family, type Surroundings } from '../choice.ts'
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
        threads: {
          type: 'integer',
          atLeast: 1,
          default: 1,
          derived: {
            says: 'the processors, for a model; 1 for a synthetic problem',
            from: ({ threads }: Surroundings) => threads as number | undefined,
          },
          help: 'threads that compute; the bits do not depend on it',
        },
      },
      // Threads are gathered by the executor, from the backend it is given.
      make: async ({ simd }) => (await import('./wasm/index.ts')).wasmBackend({ simd }),
    }),
    choice({
      name: 'gpu',
      summary: 'a graphics processor in float32, through WebGPU or WebGL 2',
      options: {
        mode: { type: 'choice', of: ['auto', 'webgpu', 'webgl2'], default: 'auto', help: 'interface to the processor' },
        matmul: {
          type: 'choice',
          of: ['auto', 'tiled', 'gpu.js'],
          default: 'auto',
          help: 'who multiplies matrices: the register-blocked kernel or that of gpu.js',
        },
      },
      make: async (options) => (await import('./gpu/index.ts')).gpuBackend(options),
    }),
    choice({
      name: 'reference',
      summary: 'plain loops in float64: the oracle, and slow',
      options: {},
      make: async () => (await import('./reference/index.ts')).referenceBackend(),
    }),
  ],
}
