import { afterEach, describe, expect, it } from 'vitest'
import { exp } from '../../src/autodiff/operations/index.ts'
import { leaf } from '../../src/autodiff/value.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { type WasmPlan, wasmBackend } from '../../src/backends/wasm/index.ts'
import { arrayDataset } from '../../src/data/dataset.ts'
import { conv2d, flatten, groupNorm, linear, maxPool2d, relu, sequential } from '../../src/nn/layers.ts'
import { initialise } from '../../src/nn/parameters.ts'
import { classification } from '../../src/problems/objective.ts'
import { random } from '../../src/random.ts'
import { createExecutor, type Executor } from '../../src/training/executor.ts'

const N = 300
const { normal, integer } = random('threads')
const dataset = arrayDataset({
  name: 'noise',
  fields: {
    x: { data: Float32Array.from({ length: N * 36 }, normal), shape: [1, 6, 6] },
    y: { data: Int32Array.from({ length: N }, () => integer(3)), dtype: 'index', classes: 3 },
  },
})
const objective = classification({
  name: 'small',
  input: [1, 6, 6],
  classes: 3,
  chunkSize: 16,
  layer: sequential(conv2d(1, 4, 3, { padding: 1 }), groupNorm(2, 4), relu(), maxPool2d(2), flatten(), linear(36, 3)),
})

const open: Executor[] = []
afterEach(async () => {
  for (const executor of open.splice(0)) await executor.close()
})
async function executorWith(threads: number, projectionMemory?: number) {
  const executor = await createExecutor({
    backend: await wasmBackend(),
    objective,
    dataset,
    threads,
    ...(projectionMemory !== undefined && { projectionMemory }),
  })
  open.push(executor)
  executor.parameters.set(initialise(objective.parameters, 1))
  return executor
}

/** Everything that a few batches of several sizes say, in full. */
async function sayings(executor: Executor): Promise<unknown[]> {
  const said: unknown[] = []
  for (const [level, b] of [
    ['none', 3],
    ['norms', 17],
    ['norms', 64],
    ['coordinates', 100],
    ['projections', 290],
    ['norms', 5],
    ['projections', 31],
  ] as const) {
    const indices = Uint32Array.from({ length: b }, (_, i) => (i * 7 + b) % N)
    const { loss, statistics, tensorProjections } = await executor.batch(indices, 0, level)
    said.push(structuredClone({ loss, statistics, tensorProjections }))
  }
  said.push(await executor.evaluate(dataset))
  return said
}

describe('threads', () => {
  it('give the same bits, whether there are 1, 2, 3 or 8', async () => {
    const alone = await sayings(await executorWith(1))
    for (const threads of [2, 3, 8])
      expect(await sayings(await executorWith(threads)), `${threads} threads`).toEqual(alone)
  })

  it('give the same bits when activations do not fit and are computed again', async () => {
    const alone = await sayings(await executorWith(1))
    for (const threads of [1, 2]) expect(await sayings(await executorWith(threads, 1))).toEqual(alone)
  })

  it('are refused by a backend that has none, and beyond the number of lanes', async () => {
    const options = { objective, dataset, threads: 2 }
    await expect(createExecutor({ ...options, backend: referenceBackend() })).rejects.toThrow(
      'the reference backend computes on 1 thread, got 2; use wasm',
    )
    await expect(createExecutor({ ...options, backend: await wasmBackend(), lanes: 1 })).rejects.toThrow(
      '2 threads need as many lanes at least, got 1',
    )
  })

  it('that fail end the work with an error that says so', async () => {
    const backend = await wasmBackend()
    const crew = backend.crew!(1)
    const [from, to] = [backend.allocate(4), backend.allocate(4)]
    const x = leaf({ buffer: 'from', offset: 0, shape: [4], dtype: 'float', sampling: 'shared' })
    const plan = crew
      .backendOf(0)
      .compile({ stages: [[{ value: exp(x), buffer: 'to', offset: 0 }]] }, { from, to }) as WasmPlan
    crew.start(0, plan, 0, 0, [])
    while (crew.done(0) < 1) await crew.progress()
    expect(to).toEqual(new Float32Array(4).fill(1))

    // An address beyond the memory: what a crash looks like from here.
    const [first] = plan.calls(0, 0)
    const broken = [
      Object.assign(() => undefined, { kernel: first!.kernel!, args: [2 ** 32 - 64, ...first!.args!.slice(1)] }),
    ]
    const damaged: WasmPlan = { ...plan, calls: () => broken }
    crew.start(0, damaged, 0, 0, [])
    const wait = async () => {
      for (let k = 0; k < 1000; k++) await crew.progress()
    }
    await expect(wait()).rejects.toThrow(
      /^helper thread 1 of 1 was lost: .*; the run stops here, its last checkpoint stands$/,
    )
    await crew.close()
  })

  it('are left with nothing to do when a batch cannot be read', async () => {
    const [alone, two] = [await executorWith(1), await executorWith(2)]
    const indices = Uint32Array.from({ length: N }, (_, i) => i)
    const want = structuredClone(await alone.batch(indices, 0, 'norms'))
    for (let round = 0; round < 20; round++) {
      // At once, while the helper may still be busy.
      const failure = await two.batch(indices.with(round, N), 0, 'norms').catch((error: Error) => error.message)
      const next = await two.batch(indices, 0, 'norms')
      expect(failure).toMatch(`sample index ${N}, expected`)
      expect(next).toEqual(want)
    }
  })

  it('that were closed compute no more', async () => {
    const executor = await executorWith(2)
    const indices = Uint32Array.from({ length: N }, (_, i) => i)
    await executor.batch(indices, 0, 'norms')
    await executor.close()
    await expect(executor.batch(indices, 0, 'norms')).rejects.toThrow('the helper threads are closed')
  })
})
