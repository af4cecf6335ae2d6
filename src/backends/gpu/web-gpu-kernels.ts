import { type BuiltKernel, createKernel, type GpuJsInstance } from './gpujs.ts'
import type { Kernel } from './kernel.ts'
import type { Program, Step } from './program.ts'
import { tiledProduct } from './wgsl-matmul.ts'

/** A compiled kernel with everything that a dispatch of one step needs to know. */
export interface Ready {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
  readonly groups: readonly [number, number, number]
  /** What the step's uniform buffer holds. */
  readonly parameters: ArrayBuffer
}

/** Compiles kernels, each once for all shapes: gpu.js's translations, and the tiled product beside them. */
export class KernelBuilder {
  readonly #instance: GpuJsInstance
  readonly #device: GPUDevice
  readonly #tiled: boolean
  readonly #built = new Map<string, Promise<BuiltKernel>>()
  readonly #tiles = new Map<string, Promise<GPUComputePipeline>>()

  constructor(instance: GpuJsInstance, device: GPUDevice, tiled: boolean) {
    this.#instance = instance
    this.#device = device
    this.#tiled = tiled
  }

  /** The kernel of a step, and its parameters laid out. */
  async prepare(step: Step, program: Program): Promise<Ready> {
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension
    const tiled = this.#tiled && step.product !== undefined ? tiledProduct(step.product, most) : undefined
    if (tiled !== undefined) {
      const pipeline = await this.#tile(tiled.name, tiled.source)
      const parameters = tiled.extents.buffer as ArrayBuffer
      return { pipeline, layout: pipeline.getBindGroupLayout(0), groups: tiled.groups, parameters }
    }
    const built = await this.#build(step.kernel)
    const { arrayArgs, scalarArgs, byteLength } = built.paramsLayout
    const parameters = new ArrayBuffer(byteLength)
    const view = new DataView(parameters)
    const { size } = program.arrays[step.output]!
    // Beyond the largest number of workgroups along x the threads go on along y.
    const wanted = Math.ceil(size / built.workgroupSize[0])
    const rows = Math.ceil(wanted / most)
    const columns = Math.ceil(wanted / rows)
    for (const [i, extent] of [size, 1, 1, columns * built.workgroupSize[0]].entries())
      view.setUint32(4 * i, extent, true)
    for (const [i, { dimsOffset }] of arrayArgs.entries()) {
      const length = program.arrays[step.inputs[i]!]!.size
      for (const [j, extent] of [length, 1, 1, length].entries()) view.setUint32(dimsOffset + 4 * j, extent, true)
    }
    for (const [i, { type, offset }] of scalarArgs.entries())
      if (type === 'Integer') view.setInt32(offset, step.scalars[i]!, true)
      else view.setFloat32(offset, step.scalars[i]!, true)
    return { pipeline: built.computePipeline, layout: built.bindGroupLayout, groups: [columns, rows, 1], parameters }
  }

  #build(kernel: Kernel): Promise<BuiltKernel> {
    let built = this.#built.get(kernel.source)
    if (built === undefined) {
      const types = Object.values(kernel.scalars)
      const argumentTypes = [...kernel.arrays.map(() => 'Array'), ...types]
      const created = createKernel(this.#instance, kernel, 1, { argumentTypes })
      const representatives = [...kernel.arrays.map(() => new Float32Array(1)), ...types.map(() => 1)]
      built = created.kernel.build(...representatives).then(() => created.kernel)
      this.#built.set(kernel.source, built)
    }
    return built
  }

  #tile(name: string, code: string): Promise<GPUComputePipeline> {
    let pipeline = this.#tiles.get(name)
    if (pipeline === undefined) {
      const module = this.#device.createShaderModule({ code, label: name })
      pipeline = this.#device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } })
      this.#tiles.set(name, pipeline)
    }
    return pipeline
  }
}
