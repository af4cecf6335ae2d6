import { afterAll, expect, test, vi } from 'vitest'
import { loadGpuJs } from '../../src/backends/gpu/gpujs.ts'
import { DeviceError, type GpuBackend } from '../../src/backends/gpu/index.ts'
import * as nn from '../../src/nn/layers.ts'
import { initialise } from '../../src/nn/parameters.ts'
import { createExecutor } from '../../src/training/executor.ts'
import { classifier, samples } from '../training/problems.ts'
import { closeAll, describeOnAdapter, open } from './adapter.ts'

// Many steps, and devices that go away.

afterAll(closeAll)

const problem = classifier(
  nn.sequential(nn.conv2d(1, 2, 3), nn.relu(), nn.flatten(), nn.linear(2 * 4 * 4, 3)),
  samples([1, 6, 6], 3, 1),
)
async function executorOn(backend: GpuBackend, { objective, dataset } = problem) {
  const executor = await createExecutor({ backend, objective, dataset, chunkSize: 8 })
  executor.parameters.set(initialise(objective.parameters, 1))
  return executor
}
const device = async () => (await (await loadGpuJs()).WebGPUContext.acquire()).device

describeOnAdapter('a device in use', () => {
  test('over 2,000 steps of changing batch sizes nothing more is allocated, and memory does not grow', async () => {
    const small = classifier(nn.linear(5, 3), samples([5], 3, 1))
    const executor = await executorOn(await open(), small)
    const create = vi.spyOn(await device(), 'createBuffer')
    const bind = vi.spyOn(await device(), 'createBindGroup')
    const step = async (k: number) => {
      const b = 2 + (k % 7)
      const indices = Uint32Array.from({ length: b }, (_, i) => (i + k) % problem.dataset.size)
      const { statistics } = await executor.batch(indices, 0, k % 2 ? 'norms' : 'projections')
      for (let j = 0; j < executor.parameters.length; j++) executor.parameters[j]! -= 1e-3 * statistics.mean[j]!
    }
    // The engine's own heap and Dawn's pools fill up first; then both stay as they are (checked over 16,000 steps).
    for (let k = 0; k < 600; k++) await step(k)
    const [buffers, groups] = [create.mock.calls.length, bind.mock.calls.length]
    const before = process.memoryUsage().rss
    for (let k = 0; k < 2000; k++) await step(k)
    expect(create.mock.calls.length).toBe(buffers)
    expect(bind.mock.calls.length).toBe(groups)
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(64)
    expect(executor.parameters.every(Number.isFinite)).toBe(true)
    vi.restoreAllMocks()
  })

  test('a device that is lost stops the run with an error that says so; a new backend works again', async () => {
    const executor = await executorOn(await open())
    const indices = Uint32Array.of(0, 1, 2)
    const before = await executor.batch(indices, 0, 'norms')
    const loss = before.loss
    const running = executor.batch(indices, 0, 'norms')
    ;(await device()).destroy()
    await expect(running).rejects.toThrow(DeviceError)
    await expect(executor.batch(indices, 0, 'norms')).rejects.toThrow(
      /^gpu: the device .* was lost .*checkpoint stands/,
    )
    const again = await executorOn(await open())
    expect((await again.batch(indices, 0, 'norms')).loss).toBe(loss)
  })

  test('what the device refuses is an error, not a zero', async () => {
    const backend = await open()
    const executor = await executorOn(backend)
    const indices = Uint32Array.of(0, 1, 2)
    await executor.batch(indices, 0, 'norms')
    const refusing = await device()
    refusing.queue.writeBuffer(refusing.createBuffer({ size: 4, usage: 1 }), 0, new Float32Array(1))
    await expect(
      (async () => {
        for (let k = 0; k < 3; k++) await executor.batch(indices, 0, 'norms')
      })(),
    ).rejects.toThrow(/^gpu: the device .* refused a command/)
    refusing.destroy()
  })

  test('a chunk that no buffer holds is refused by its size', async () => {
    const backend = await open()
    const { limits } = await device()
    const n = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize) / 4 + 1
    const { leaf } = await import('../../src/autodiff/value.ts')
    const { exp, sum } = await import('../../src/autodiff/operations/index.ts')
    const x = leaf({ buffer: 'x', offset: 0, shape: [n], dtype: 'float', sampling: 'each' })
    const graph = { stages: [[{ value: sum(exp(x)), buffer: 'y', offset: 0 }]] }
    await expect(
      (async () => backend.compile(graph, { x: new Float32Array(1), y: new Float32Array(1) }))(),
    ).rejects.toThrow(/^gpu: an intermediate result needs .* use a smaller chunk size/)
  })
})
