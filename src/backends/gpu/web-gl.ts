import { sizeOf } from '../../autodiff/shape.ts'
import type { NumericArray } from '../../autodiff/value.ts'
import type { Buffers, Plan } from '../backend.ts'
import { bound } from '../reference/index.ts'
import { isSoftware } from './acquire.ts'
import { type Engine, inOrder } from './engine.ts'
import { DeviceError } from './errors.ts'
import { createKernel, type GpuJs, type GpuJsInstance, type GpuJsKernel, type GpuJsMode, type Handle } from './gpujs.ts'
import { type Kernel, kernel, position } from './kernel.ts'
import { Mirror } from './mirror.ts'
import { type Program, type Stage, usesOf } from './program.ts'

/** WebGL 2, or what this browser or Node lacks for it. */
export function webGlEngine(
  gpujs: GpuJs,
): { engine: Engine; adapter: string; software: boolean } | { readonly missing: string } {
  if (typeof document === 'undefined' && typeof OffscreenCanvas === 'undefined')
    return { missing: 'there is no WebGL 2 outside a browser' }
  const canvas = typeof document === 'undefined' ? new OffscreenCanvas(1, 1) : document.createElement('canvas')
  const context = canvas.getContext('webgl2') as WebGL2RenderingContext | null
  if (context === null) return { missing: 'this browser has no WebGL 2' }
  if (context.getExtension('EXT_color_buffer_float') === null)
    return { missing: "this browser's WebGL 2 cannot store floats (EXT_color_buffer_float)" }
  const named = context.getExtension('WEBGL_debug_renderer_info')
  const adapter = String(context.getParameter(named?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER))
  const instance = new gpujs.GPU({ mode: 'webgl2', canvas, context })
  const isLost = () => context.isContextLost()
  return { engine: stepwiseEngine(instance, 'webgl2', adapter, isLost), adapter, software: isSoftware(adapter) }
}

// Exported for the modes that need no device: they run the same kernels in tests and benchmarks.
export const processorEngine = (gpujs: GpuJs, mode: 'cpu' | 'webasm'): Engine =>
  stepwiseEngine(new gpujs.GPU({ mode }), mode, mode, () => false)

type Result = Handle | ArrayLike<number>

/**
 * Runs programs kernel by kernel, each result kept as gpu.js's handle and freed after its last use.
 *
 * Here gpu.js bakes lengths into a kernel, so there is one for every shape; none is ever resized.
 */
function stepwiseEngine(instance: GpuJsInstance, mode: GpuJsMode, adapter: string, isLost: () => boolean): Engine {
  const kernels = new Map<string, GpuJsKernel>()
  const slots: Map<number, Result>[] = []
  let slotOwners: (Program | undefined)[] = []
  const serially = inOrder()

  /** The kernel for arrays of these lengths. `fromHost`: its arguments are arrays of the host, not results. */
  function kernelFor(source: Kernel, lengths: readonly number[], size: number, fromHost: boolean): GpuJsKernel {
    const key = `${lengths}>${size} ${fromHost} ${source.source}`
    let created = kernels.get(key)
    if (created === undefined) {
      const names = [...source.arrays, ...Object.keys(source.scalars)]
      const types = [...source.arrays.map(() => arrayType(mode, fromHost)), ...Object.values(source.scalars)]
      const argumentTypes = Object.fromEntries(names.map((name, i) => [name, types[i]]))
      created = createKernel(instance, source, size, { argumentTypes })
      kernels.set(key, created)
    }
    return created
  }

  const uploaded = (values: Float32Array): Result =>
    kernelFor(uploadKernel, [values.length], values.length, true)(values) as Result
  const free = (result: Result | undefined) => {
    if (result !== undefined && 'delete' in result) result.delete()
  }
  const mirror = new Mirror<Result>((values, previous) => {
    free(previous)
    return uploaded(values)
  })

  async function run(program: Program, stage: Stage, buffers: Buffers, slot: number): Promise<void> {
    if (isLost()) throw lost(adapter)
    const first = stage === program.stages[0]
    if (first || slotOwners[slot] !== program) {
      for (const result of slots[slot]?.values() ?? []) free(result)
      slots[slot] = new Map()
      slotOwners[slot] = program
    }
    const results = slots[slot]!
    const shared = new Map<number, Result>()
    for (const array of stage.leaves) {
      const { origin } = program.arrays[array]!
      if (origin.kind !== 'leaf') continue
      const { buffer, offset, shape, sampling } = origin.leaf.attributes
      const host = bound(buffers, buffer)
      if (sampling === 'shared') shared.set(array, mirror.on(host, offset, sizeOf(shape)))
      else {
        free(results.get(array))
        const values = host.subarray(offset, offset + sizeOf(shape))
        results.set(array, uploaded(values instanceof Float32Array ? values : Float32Array.from(values)))
      }
    }
    const place = (array: number): Result => {
      const { origin, size } = program.arrays[array]!
      const known = shared.get(array) ?? results.get(array)
      if (known !== undefined) return known
      if (origin.kind !== 'constant') throw new Error(`gpu: array ${array} is used before it is computed`)
      const filled = uploaded(new Float32Array(size).fill(origin.value))
      results.set(array, filled)
      return filled
    }
    const lastUse = lastUses(program, stage)
    for (const [i, step] of stage.steps.entries()) {
      const lengths = step.inputs.map((array) => program.arrays[array]!.size)
      const call = kernelFor(step.kernel, lengths, program.arrays[step.output]!.size, false)
      free(results.get(step.output))
      results.set(step.output, call(...step.inputs.map(place), ...step.scalars) as Result)
      for (const array of new Set(step.inputs))
        if (lastUse.get(array) === i && !shared.has(array)) {
          free(results.get(array))
          results.delete(array)
        }
    }
    for (const { output, size, from } of stage.deliveries) {
      const host = bound(buffers, output.buffer)
      mirror.delivered(host)
      if ('value' in from) host.fill(from.value, output.offset, output.offset + size)
      else {
        const result = place(from.array)
        host.set('toArray' in result ? await result.toArray() : result, output.offset)
      }
    }
    if (isLost()) throw lost(adapter)
  }

  return {
    compile: async (program, buffers): Promise<Plan> => ({
      slotBytes: program.arrays.reduce((bytes, { size }) => bytes + 4 * size, 0),
      run: (stage, slot) => serially(() => run(program, program.stages[stage]!, buffers, slot)),
    }),
    changed: (array: NumericArray) => mirror.changed(array),
    async dispose() {
      for (const slot of slots) for (const result of slot.values()) free(result)
      slots.length = 0
      slotOwners = []
      await instance.destroy()
    },
  }
}

const uploadKernel = kernel('upload', ['a'], {}, `return a[${position}];`)

/** What an argument is in gpu.js's terms: textures and arrays need kernels of their own. */
const arrayType = (mode: GpuJsMode, fromHost: boolean): string =>
  mode === 'webgl2' && !fromHost ? 'ArrayTexture(1)' : 'Array'

/** After which step of the stage an array is never used again, in this stage or a later one. */
function lastUses(program: Program, stage: Stage): Map<number, number> {
  const kept = new Set([
    ...stage.deliveries.flatMap(({ from }) => ('array' in from ? [from.array] : [])),
    ...program.stages.slice(program.stages.indexOf(stage) + 1).flatMap(usesOf),
    // What an earlier stage made: this stage may be run again.
    ...program.stages.slice(0, program.stages.indexOf(stage)).flatMap(({ steps }) => steps.map(({ output }) => output)),
  ])
  const last = new Map<number, number>()
  for (const [i, { inputs }] of stage.steps.entries())
    for (const array of inputs) if (!kept.has(array)) last.set(array, i)
  return last
}

const lost = (adapter: string): DeviceError =>
  new DeviceError(
    `gpu: the WebGL context on ${adapter} was lost; the last checkpoint stands: reload and resume from it`,
  )
