import type { NumericArray } from '../../autodiff/value.ts'
import { AdadagradError } from '../../errors.ts'
import { oneOf } from '../../validate.ts'
import type { Backend } from '../backend.ts'
import { acquireWebGpu } from './acquire.ts'
import type { Engine } from './engine.ts'
import { type GpuJs, inNode, loadGpuJs } from './gpujs.ts'
import { lower } from './lower.ts'
import { webGlEngine } from './web-gl.ts'
import { webGpuEngine } from './web-gpu.ts'

export { DeviceError } from './errors.ts'

export interface GpuOptions {
  /** `auto` (the default) takes WebGPU, and WebGL 2 in a browser that has no WebGPU adapter; `details.mode` says which. */
  readonly mode?: 'auto' | 'webgpu' | 'webgl2'
  /** Matrix products by the register-blocked WGSL kernel (`tiled`, WebGPU's default) or by gpu.js's (`gpu.js`). */
  readonly matmul?: 'auto' | 'tiled' | 'gpu.js'
}

/** A backend that holds a device. */
export interface GpuBackend extends Backend {
  readonly name: 'gpu'
  changed(array: NumericArray): void
  /** Gives the device back. */
  dispose(): Promise<void>
}

/**
 * Float32 on a graphics processor: kernels by gpu.js, through WebGPU (in Node by Dawn) or WebGL 2.
 *
 * gpu.js, and in Node `webgpu`, are optional dependencies that are loaded here and not before. `details` names the
 * adapter, and says whether it is software.
 *
 * @throws AdadagradError where a package or an adapter is missing: what, and how to get it
 * @example
 * const backend = await gpuBackend()
 * console.log(backend.details) // { precision: 'float32', mode: 'webgpu', adapter: 'NVIDIA …', software: false, … }
 */
export async function gpuBackend(options: GpuOptions = {}): Promise<GpuBackend> {
  const mode = oneOf('gpu', 'mode', options.mode ?? 'auto', ['auto', 'webgpu', 'webgl2'])
  const matmul = oneOf('gpu', 'matmul', options.matmul ?? 'auto', ['auto', 'tiled', 'gpu.js'])
  if (mode === 'webgl2' && matmul === 'tiled')
    throw new AdadagradError("gpu: the tiled product is written in WGSL, which mode webgl2 lacks; use matmul 'gpu.js'")
  const gpujs = await loadGpuJs()
  const { engine, details } = await start(gpujs, mode, matmul)
  return {
    name: 'gpu',
    details: { precision: 'float32', ...details },
    allocate: (length) => new Float32Array(length),
    allocateIndices: (length) => new Int32Array(length),
    allocateDouble: (length) => new Float64Array(length),
    accumulate(into, from) {
      for (let i = 0; i < into.length; i++) into[i]! += from[i]!
    },
    compile: (graph, buffers) => engine.compile(lower(graph), buffers),
    changed: (array) => engine.changed(array),
    dispose: () => engine.dispose(),
  }
}

interface Started {
  readonly engine: Engine
  readonly details: Backend['details']
}

async function start(
  gpujs: GpuJs,
  mode: NonNullable<GpuOptions['mode']>,
  matmul: NonNullable<GpuOptions['matmul']>,
): Promise<Started> {
  const missing: string[] = []
  if (mode !== 'webgl2') {
    const webgpu = await acquireWebGpu(gpujs)
    if ('context' in webgpu) {
      const tiled = matmul !== 'gpu.js'
      const { adapter, software } = webgpu
      const details = { mode: 'webgpu', adapter, software, matmul: tiled ? 'tiled' : 'gpu.js' }
      return { engine: await webGpuEngine(gpujs, webgpu, tiled), details }
    }
    missing.push(webgpu.missing)
  }
  if (mode !== 'webgpu' && matmul !== 'tiled' && !(inNode && mode === 'auto')) {
    const webgl = webGlEngine(gpujs)
    if ('engine' in webgl) {
      const { engine, adapter, software } = webgl
      return { engine, details: { mode: 'webgl2', adapter, software, matmul: 'gpu.js' } }
    }
    missing.push(webgl.missing)
  }
  throw new AdadagradError(`gpu: ${missing.join('; and ')}. The wasm backend needs none of it (see docs/gpu.md)`)
}
