import fc from 'fast-check'
import { exp, matmul, sum } from '../../src/autodiff/operations/index.ts'
import { leaf } from '../../src/autodiff/value.ts'
import { type GpuOptions, gpuBackend } from '../../src/backends/gpu/index.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import * as nn from '../../src/nn/layers.ts'
import { initialise } from '../../src/nn/parameters.ts'
import { createExecutor } from '../../src/training/executor.ts'
import { normal } from '../support/arrays.ts'
import { gradientOf } from '../support/central-difference.ts'
import { bind } from '../support/evaluate.ts'
import { operationCases } from '../support/operation-cases.ts'
import { classifier, samples } from '../training/problems.ts'
import { compute, relativeError, worstError } from './compare.ts'

// What browser.test.ts runs inside Chromium: bundled, and so with kernels that a bundler has seen.

/** Worst errors of every operation and its gradient over some random cases. */
async function operations(
  options: GpuOptions,
  runs: number,
  names?: readonly string[],
): Promise<Record<string, number>> {
  const backend = await gpuBackend(options)
  const worst: Record<string, number> = {}
  for (const name of names ?? Object.keys(operationCases)) {
    worst[name] = 0
    for (const { inputs, build } of fc.sample(operationCases[name]!, { seed: 3, numRuns: runs })) {
      const cotangent = normal(build(...bind(inputs).leaves).shape, 'cotangent')
      const errors = [
        await worstError(backend, build, inputs),
        await worstError(backend, gradientOf(build, 1), [cotangent, ...inputs]),
      ]
      worst[name] = Math.max(worst[name], ...errors)
    }
  }
  await backend.dispose()
  return worst
}

/** Worst errors of loss and statistics over some steps of a small network, and what the backend says of itself. */
async function training(options: GpuOptions, steps: number) {
  const backend = await gpuBackend(options)
  const problem = classifier(
    nn.sequential(nn.conv2d(1, 3, 3, { padding: 1 }), nn.relu(), nn.maxPool2d(2), nn.flatten(), nn.linear(27, 4)),
    samples([1, 6, 6], 4, 1),
  )
  const [gpu, reference] = await Promise.all(
    [backend, referenceBackend()].map((one) => createExecutor({ backend: one, ...problem, chunkSize: 8 })),
  )
  let worst = 0
  for (const { parameters, objective } of [gpu!, reference!])
    parameters.set(initialise(objective.parameters, 'weights'))
  for (let k = 0; k < steps; k++) {
    const indices = Uint32Array.from({ length: 4 + 3 * (k % 4) }, (_, i) => (i + 5 * k) % problem.dataset.size)
    const level = (['norms', 'coordinates', 'projections'] as const)[k % 3]!
    const [found, exact] = [await gpu!.batch(indices, 0, level), await reference!.batch(indices, 0, level)]
    worst = Math.max(worst, relativeError([found.loss], [exact.loss]))
    for (const [name, values] of Object.entries(exact.statistics)) {
      // Beside projections the statistics also say which parameter arrays there are.
      if (typeof values !== 'number' && !(values instanceof Float64Array)) continue
      const mine = found.statistics[name as keyof typeof found.statistics]!
      worst = Math.max(
        worst,
        typeof values === 'number'
          ? relativeError([mine as number], [values])
          : relativeError(mine as Float64Array, values),
      )
    }
    for (let j = 0; j < gpu!.parameters.length; j++) {
      reference!.parameters[j]! -= 0.05 * exact.statistics.mean[j]!
      gpu!.parameters[j] = reference!.parameters[j]!
    }
  }
  const { details } = backend
  await backend.dispose()
  return { worst, details }
}

/** Long sums and indices beyond 2²⁴. */
async function long(options: GpuOptions) {
  const backend = await gpuBackend(options)
  const n = 2 ** 24 + 77
  const data = new Float32Array(n).fill(2 ** -10)
  for (let i = n - 5; i < n; i++) data[i] = i - n
  const [[total]] = (await compute(backend, (x) => [sum(x!)], [{ shape: [n], data }])) as [Float32Array]
  const [a, b] = [normal([3, 2500], 'a'), normal([2500, 2], 'b')]
  const product = await worstError(backend, (x, y) => matmul(x!, y!), [a, b])
  await backend.dispose()
  return { sum: total! / ((n - 5) * 2 ** -10 - 15) - 1, product }
}

/** Buffers and textures that a run of so many small steps leaves behind, after a first few that make what they need. */
async function endurance(options: GpuOptions, steps: number): Promise<number> {
  let alive = 0
  const counted = (prototype: object | undefined, name: string, change: number) => {
    const methods = prototype as Record<string, (...args: unknown[]) => unknown> | undefined
    const original = methods?.[name]
    if (methods === undefined || original === undefined) return
    methods[name] = function (...args) {
      alive += change
      return original.apply(this, args)
    }
  }
  counted(globalThis.GPUDevice?.prototype, 'createBuffer', 1)
  counted(globalThis.GPUBuffer?.prototype, 'destroy', -1)
  counted(WebGL2RenderingContext.prototype, 'createTexture', 1)
  counted(WebGL2RenderingContext.prototype, 'deleteTexture', -1)
  const backend = await gpuBackend(options)
  const problem = classifier(nn.linear(5, 3), samples([5], 3, 1))
  const executor = await createExecutor({ backend, ...problem, chunkSize: 8 })
  executor.parameters.set(initialise(problem.objective.parameters, 'weights'))
  let before = 0
  for (let k = 0; k < steps; k++) {
    if (k === 30) before = alive
    const indices = Uint32Array.from({ length: 2 + (k % 5) }, (_, i) => (i + k) % problem.dataset.size)
    await executor.batch(indices, 0, k % 2 ? 'norms' : 'projections')
  }
  const grown = alive - before
  await backend.dispose()
  return grown
}

/** The message of the error after the device is taken away. */
async function loss(options: GpuOptions): Promise<string> {
  const backend = await gpuBackend(options)
  const x = leaf({ buffer: 'x', offset: 0, shape: [4], dtype: 'float', sampling: 'each' })
  const arrays = { x: backend.allocate(4), y: backend.allocate(4) }
  const plan = await backend.compile({ stages: [[{ value: exp(x), buffer: 'y', offset: 0 }]] }, arrays)
  await plan.run(0, 0)
  if (backend.details.mode === 'webgpu') {
    const { loadGpuJs } = await import('../../src/backends/gpu/gpujs.ts')
    ;(await (await loadGpuJs()).WebGPUContext.acquire()).device.destroy()
  } else {
    const context = (globalThis as { lastContext?: WebGL2RenderingContext }).lastContext
    context?.getExtension('WEBGL_lose_context')?.loseContext()
  }
  try {
    for (let k = 0; k < 3; k++) await plan.run(0, 0)
    return 'no error'
  } catch (error) {
    return (error as Error).message
  }
}

/** The message of the error of a backend that cannot be. */
const refusal = (options: GpuOptions): Promise<string> =>
  gpuBackend(options).then(
    () => 'no error',
    (error: Error) => error.message,
  )

export const tests = { operations, training, long, endurance, loss, refusal }
Object.assign(globalThis, { tests })
