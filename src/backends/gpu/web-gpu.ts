import { sizeOf } from '../../autodiff/shape.ts'
import type { NumericArray } from '../../autodiff/value.ts'
import { ConfigurationError } from '../../errors.ts'
import type { Buffers, Plan } from '../backend.ts'
import { bound } from '../reference/index.ts'
import { type Health, type WebGpu, watch, withNavigator } from './acquire.ts'
import { assignCells } from './cells.ts'
import { type Engine, inOrder } from './engine.ts'
import type { GpuJs, GpuJsInstance } from './gpujs.ts'
import { Mirror } from './mirror.ts'
import type { Program, Stage } from './program.ts'
import { KernelBuilder, type Ready } from './web-gpu-kernels.ts'

// Numbers that the specification fixes; their names are globals in browsers alone.
const [MAP_READ, COPY_SRC, COPY_DST, UNIFORM, STORAGE] = [1, 4, 8, 64, 128]
const UNIFORM_ALIGNMENT = 256

/** Buffers of one slot, shared by all plans. */
interface Slot {
  readonly buffers: GPUBuffer[]
  /** Counts replacements of buffers: bind groups that were made before are stale. */
  generation: number
}

/**
 * Runs programs on a WebGPU device. gpu.js translates and builds the kernels; a plan records its own commands, so that
 * a stage is one submission with one read-back, over buffers that were allocated once.
 */
export function webGpuEngine(gpujs: GpuJs, webgpu: WebGpu, tiled: boolean): Promise<Engine> {
  // The constructor asks whether WebGPU is supported, and looks for a navigator.
  return withNavigator(
    { requestAdapter: async () => webgpu.context.adapter },
    () => new WebGpuEngine(new gpujs.GPU({ mode: 'webgpu' }), webgpu, tiled),
  )
}

class WebGpuEngine implements Engine {
  readonly #instance: GpuJsInstance
  readonly #device: GPUDevice
  readonly #health: Health
  readonly #kernels: KernelBuilder
  readonly #release: () => Promise<void>
  readonly #mirror: Mirror<GPUBuffer>
  readonly #slots: Slot[] = []
  readonly #inOrder = inOrder()
  #staging: GPUBuffer | undefined

  constructor(instance: GpuJsInstance, { context, adapter, release }: WebGpu, tiled: boolean) {
    this.#release = release
    this.#instance = instance
    this.#device = context.device
    this.#health = watch(context, adapter)
    this.#kernels = new KernelBuilder(instance, context.device, tiled)
    this.#mirror = new Mirror((values, previous) => {
      const buffer = previous ?? this.#allocate(4 * values.length, 'parameters')
      this.#device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>)
      return buffer
    })
  }

  changed(array: NumericArray): void {
    this.#mirror.changed(array)
  }

  async compile(program: Program, buffers: Buffers): Promise<Plan> {
    this.#health.check()
    const device = this.#device
    const isShared = (array: number) => {
      const { origin } = program.arrays[array]!
      return origin.kind === 'leaf' && origin.leaf.attributes.sampling === 'shared'
    }
    const cells = assignCells(program, isShared)
    const constants = new Map<number, GPUBuffer>()
    for (const [array, { size, origin }] of program.arrays.entries()) {
      this.#expectFits(4 * size, 'an intermediate result')
      if (origin.kind !== 'constant') continue
      const buffer = this.#allocate(4 * size, 'a constant')
      device.queue.writeBuffer(buffer, 0, new Float32Array(size).fill(origin.value))
      constants.set(array, buffer)
    }
    const stages: CompiledStage[] = await Promise.all(
      program.stages.map(async (stage) => {
        const ready = await Promise.all(stage.steps.map((step) => this.#kernels.prepare(step, program)))
        const offsets: number[] = []
        let bytes = 0
        for (const { parameters } of ready) {
          offsets.push(bytes)
          bytes += Math.ceil(parameters.byteLength / UNIFORM_ALIGNMENT) * UNIFORM_ALIGNMENT
        }
        const uniforms = device.createBuffer({ size: Math.max(16, bytes), usage: UNIFORM | COPY_DST })
        for (const [i, { parameters }] of ready.entries()) device.queue.writeBuffer(uniforms, offsets[i]!, parameters)
        return { stage, ready, offsets, uniforms, groups: [] }
      }),
    )
    this.#health.check()
    const slotBytes = cells.sizes.reduce((bytes, size) => bytes + 4 * size, 0)
    const plan = { program, buffers, cells, isShared, constants }
    return { slotBytes, run: (stage, slot) => this.#inOrder(() => this.#run(plan, stages[stage]!, slot)) }
  }

  async #run(plan: CompiledPlan, compiled: CompiledStage, slotIndex: number): Promise<void> {
    this.#health.check()
    const { stage } = compiled
    this.#slots[slotIndex] ??= { buffers: [], generation: 0 }
    const slot = this.#slots[slotIndex]
    this.#reach(slot, plan.cells.sizes)
    // Errors come to whoever listens, and later: what is new is waited for.
    const isNew = compiled.groups[slotIndex]?.generation !== slot.generation
    if (isNew) for (const kind of ['validation', 'out-of-memory'] as const) this.#device.pushErrorScope(kind)

    const shared = this.#upload(plan, stage, slot)
    const place = (array: number): GPUBuffer =>
      plan.constants.get(array) ?? shared.get(array) ?? slot.buffers[plan.cells.of.get(array)!]!
    if (isNew)
      compiled.groups[slotIndex] = { generation: slot.generation, of: this.#bind(plan.program, compiled, place) }
    const bytes = stage.deliveries.reduce((total, { size, from }) => total + ('array' in from ? 4 * size : 0), 0)
    const staging = bytes > 0 ? this.#stagingOf(bytes) : undefined
    this.#submit(compiled, compiled.groups[slotIndex]!.of, place, staging)
    if (isNew) await this.#popScopes()
    if (staging === undefined) this.#deliver(plan, stage, new Float32Array())
    else {
      try {
        await staging.mapAsync(MAP_READ, 0, bytes)
      } catch (cause) {
        throw this.#health.failure(cause)
      }
      this.#deliver(plan, stage, new Float32Array(staging.getMappedRange(0, bytes)))
      staging.unmap()
    }
    this.#health.check()
  }

  /** Copies to the device what the stage reads from the host; says where the shared arrays are. */
  #upload({ program, buffers, cells, isShared }: CompiledPlan, stage: Stage, slot: Slot): Map<number, GPUBuffer> {
    const shared = new Map<number, GPUBuffer>()
    for (const array of stage.leaves) {
      const { origin } = program.arrays[array]!
      if (origin.kind !== 'leaf') continue
      const { buffer, offset, shape } = origin.leaf.attributes
      const host = bound(buffers, buffer)
      if (isShared(array)) shared.set(array, this.#mirror.on(host, offset, sizeOf(shape)))
      else {
        const values = asFloats(host.subarray(offset, offset + sizeOf(shape)))
        this.#device.queue.writeBuffer(slot.buffers[cells.of.get(array)!]!, 0, values as Float32Array<ArrayBuffer>)
      }
    }
    return shared
  }

  /** What each step of a stage reads and writes in a slot. */
  #bind(program: Program, compiled: CompiledStage, place: (array: number) => GPUBuffer): GPUBindGroup[] {
    const { stage, ready, uniforms, offsets } = compiled
    return stage.steps.map(({ inputs, output }, i) => {
      const { layout, parameters } = ready[i]!
      const uniform = { buffer: uniforms, offset: offsets[i]!, size: parameters.byteLength }
      const arrays = [...inputs, output].map((array) => ({
        buffer: place(array),
        size: 4 * program.arrays[array]!.size,
      }))
      const entries = [uniform, ...arrays].map((resource, binding) => ({ binding, resource }))
      return this.#device.createBindGroup({ layout, entries })
    })
  }

  /** Records and submits a stage: all its steps, and the copies of what is delivered. */
  #submit(
    { stage, ready }: CompiledStage,
    groups: readonly GPUBindGroup[],
    place: (array: number) => GPUBuffer,
    staging: GPUBuffer | undefined,
  ): void {
    const encoder = this.#device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    for (const [i, { pipeline, groups: counts }] of ready.entries()) {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, groups[i]!)
      pass.dispatchWorkgroups(...counts)
    }
    pass.end()
    let at = 0
    for (const { size, from } of stage.deliveries) {
      if (!('array' in from)) continue
      encoder.copyBufferToBuffer(place(from.array), 0, staging!, at, 4 * size)
      at += 4 * size
    }
    this.#device.queue.submit([encoder.finish()])
  }

  /** Writes the results, which lie one after the other, to the places in the host's arrays. */
  #deliver({ buffers }: CompiledPlan, { deliveries }: Stage, results: Float32Array): void {
    let at = 0
    for (const { output, size, from } of deliveries) {
      const host = bound(buffers, output.buffer)
      this.#mirror.delivered(host)
      if ('array' in from) {
        host.set(results.subarray(at, at + size), output.offset)
        at += size
      } else host.fill(from.value, output.offset, output.offset + size)
    }
  }

  async dispose(): Promise<void> {
    for (const { buffers } of this.#slots) for (const buffer of buffers) buffer.destroy()
    this.#staging?.destroy()
    await this.#instance.destroy()
    await this.#release()
  }

  #expectFits(bytes: number, what: string): void {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#device.limits
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize)
    if (bytes > most)
      throw new ConfigurationError(
        `gpu: ${what} needs ${megabytes(bytes)}, and the device allows ${megabytes(most)} a buffer; use a smaller chunk size`,
      )
  }

  #allocate(bytes: number, what: string): GPUBuffer {
    this.#expectFits(bytes, what)
    return this.#device.createBuffer({ size: Math.max(4, bytes), usage: STORAGE | COPY_DST | COPY_SRC })
  }

  /** Makes sure that a slot has cells of these sizes. */
  #reach(slot: Slot, sizes: readonly number[]): void {
    let replaced = false
    for (const [cell, size] of sizes.entries()) {
      const buffer = slot.buffers[cell]
      if (buffer !== undefined && buffer.size >= 4 * size) continue
      buffer?.destroy()
      slot.buffers[cell] = this.#allocate(4 * size, 'an intermediate result')
      replaced = true
    }
    if (replaced) slot.generation++
  }

  #stagingOf(bytes: number): GPUBuffer {
    if (this.#staging === undefined || this.#staging.size < bytes) {
      this.#staging?.destroy()
      this.#staging = this.#device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST })
    }
    return this.#staging
  }

  async #popScopes(): Promise<void> {
    const [memory, validation] = await Promise.all([this.#device.popErrorScope(), this.#device.popErrorScope()])
    if (memory !== null)
      throw new ConfigurationError(`gpu: the device is out of memory (${memory.message}); use a smaller chunk size`)
    if (validation !== null) throw new Error(`gpu: ${validation.message}`)
    this.#health.check()
  }
}

interface CompiledPlan {
  readonly program: Program
  readonly buffers: Buffers
  readonly cells: { readonly sizes: readonly number[]; readonly of: ReadonlyMap<number, number> }
  readonly isShared: (array: number) => boolean
  readonly constants: ReadonlyMap<number, GPUBuffer>
}

interface CompiledStage {
  readonly stage: Stage
  readonly ready: readonly Ready[]
  /** Of each step in the buffer of uniforms, in bytes. */
  readonly offsets: readonly number[]
  readonly uniforms: GPUBuffer
  /** Bind groups for each slot. */
  readonly groups: ({ readonly generation: number; readonly of: readonly GPUBindGroup[] } | undefined)[]
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`

/** Kernels know floats alone: whole numbers up to 2²⁴ are exact in them. */
const asFloats = (values: NumericArray): Float32Array =>
  values instanceof Float32Array ? values : Float32Array.from(values)
