import { AdadagradError } from '../../errors.ts'
import { helpers } from './helpers.ts'
import type { Kernel } from './kernel.ts'

// The part of gpu.js that is used here, with types of our own: its typings lack string sources, flat arrays, WebGPU's
// context and everything that a built kernel says of itself. What is read of a built kernel is not public; hence the
// exact version in package.json.

export const GPUJS_VERSION = '2.24.1'
export const WEBGPU_VERSION = '0.6.2'

export type GpuJsMode = 'webgpu' | 'webgl2' | 'cpu' | 'webasm'

/** What `require('gpu.js')` gives. */
export interface GpuJs {
  readonly GPU: new (settings: { mode: GpuJsMode; canvas?: unknown; context?: unknown }) => GpuJsInstance
  readonly WebGPUContext: {
    acquire(): Promise<GpuContext>
    destroy(): Promise<void>
  }
}

/** The device that all WebGPU kernels of a page or process share. */
export interface GpuContext {
  readonly adapter: GPUAdapter
  readonly device: GPUDevice
  readonly isLost: boolean
}

export interface GpuJsInstance {
  readonly context: unknown
  createKernel(source: string, settings: Readonly<Record<string, unknown>>): GpuJsKernel
  destroy(): Promise<void>
}

/** A kernel; calling it runs it. With `pipeline` the result stays where it was computed. */
export interface GpuJsKernel {
  (...args: unknown[]): unknown
  readonly kernel: BuiltKernel
  destroy(): void
}

/** What a kernel knows after it was translated for WebGPU. */
export interface BuiltKernel {
  build(...representatives: unknown[]): Promise<void>
  readonly computePipeline: GPUComputePipeline
  readonly bindGroupLayout: GPUBindGroupLayout
  readonly workgroupSize: readonly [number, number, number]
  /** Offsets in bytes within the uniform buffer, which begins with the extents of the result. */
  readonly paramsLayout: {
    readonly arrayArgs: readonly { readonly dimsOffset: number }[]
    readonly scalarArgs: readonly { readonly type: string; readonly offset: number }[]
    readonly byteLength: number
  }
}

/** A result that stays on the device. */
export interface Handle {
  toArray(): ArrayLike<number> | Promise<ArrayLike<number>>
  delete(): void
}

/**
 * Loads gpu.js, which is an optional dependency.
 *
 * @throws AdadagradError that says how to install it
 */
export async function loadGpuJs(): Promise<GpuJs> {
  let module: { default?: GpuJs } & Partial<GpuJs>
  try {
    module = (await import('gpu.js')) as unknown as typeof module
  } catch (cause) {
    const packages = `gpu.js@${GPUJS_VERSION}${inNode ? ` webgpu@${WEBGPU_VERSION}` : ''}`
    throw new AdadagradError(
      `gpu: the gpu backend needs gpu.js, which is not installed; run \`npm install ${packages}\` (see docs/gpu.md)`,
      { cause },
    )
  }
  // Node gives a CommonJS module's exports as the default; bundlers give them by name, by default, or both.
  const exports = (module.GPU === undefined ? module.default : module) as GpuJs | undefined
  if (exports?.GPU === undefined || exports.WebGPUContext === undefined)
    throw new AdadagradError(`gpu: the module gpu.js that was found is not version ${GPUJS_VERSION}`)
  return exports
}

export const inNode = typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function'

/** A kernel that nothing resizes: `settings` declare its arguments. */
export function createKernel(
  instance: GpuJsInstance,
  { source }: Kernel,
  output: number,
  settings: Readonly<Record<string, unknown>> = {},
): GpuJsKernel {
  return instance.createKernel(source, {
    output: [output],
    constants: {},
    precision: 'single',
    tactic: 'precision',
    pipeline: true,
    immutable: true,
    // A loop that is bounded by an argument would otherwise end after 1,000 turns, in silence.
    loopMaxIterations: 2 ** 30,
    functions: helpers,
    ...settings,
  })
}
