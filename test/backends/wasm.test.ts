import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { exp } from '../../src/autodiff/operations/index.ts'
import { leaf } from '../../src/autodiff/value.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { wasmBackend } from '../../src/backends/wasm/index.ts'
import { arrayDataset } from '../../src/data/dataset.ts'
import { AdadagradError, ConfigurationError } from '../../src/errors.ts'
import { cifarCnn, logisticRegression, type Model, mnistCnn, resnet18 } from '../../src/nn/models.ts'
import { initialise, layOutParameters } from '../../src/nn/parameters.ts'
import { classification } from '../../src/problems/objective.ts'
import { random } from '../../src/random.ts'
import { needs, type StatisticsLevel } from '../../src/statistics/gradient-statistics.ts'
import { chunkGraph, fieldBuffer } from '../../src/training/chunk.ts'

type WasmBackend = Awaited<ReturnType<typeof wasmBackend>>
const backend = await wasmBackend()

describe('memory', () => {
  test('arrays are zero, aligned to 64 bytes, disjoint, and survive growth', () => {
    const first = backend.allocate(3).fill(1)
    const arrays = [backend.allocate(5), backend.allocateIndices(7), backend.allocateDouble(9)]
    const large = backend.allocate(3_000_000)
    for (const array of [...arrays, large]) {
      expect(array.byteOffset % 64).toBe(0)
      expect(array.every((x) => x === 0)).toBe(true)
      array.fill(2)
    }
    expect([...first]).toEqual([1, 1, 1])
    expect(arrays.every((array) => array.every((x) => x === 2))).toBe(true)
  })

  test("the kernels' own data end far below the heap", async () => {
    const { memory } = await wasmBackend({ binary: backend.module })
    expect(new Uint8Array(memory.buffer, 32_768, 32_768).every((byte) => byte === 0)).toBe(true)
  })

  test('two backends share a memory, and each sees the arrays of the other', async () => {
    const other = await wasmBackend({ memory: backend.memory, binary: backend.module })
    const mine = backend.allocate(10).fill(1)
    const theirs = other.allocate(10).fill(2)
    expect(Math.abs(mine.byteOffset - theirs.byteOffset)).toBeGreaterThanOrEqual(40)
    expect([...mine]).toEqual(new Array(10).fill(1))
    const seen = other.viewAt(mine.byteOffset, 10)
    const out = other.allocate(10)
    const x = leaf({ buffer: 'x', offset: 0, shape: [10], dtype: 'float', sampling: 'shared' })
    other.compile({ stages: [[{ value: exp(x), buffer: 'out', offset: 0 }]] }, { x: seen, out }).run(0, 0)
    expect(out[9]).toBeCloseTo(Math.E, 5)
    // What the other has grown is reached from here.
    const far = other.allocate(5_000_000)
    far[4_999_999] = 3
    expect(backend.viewAt(far.byteOffset, far.length)[4_999_999]).toBe(3)
  })

  test('threads allocate at the same time without overlap', async () => {
    const { memory } = backend
    // The allocator's protocol, in a thread that has nothing else: blocks of 64 bytes from a counter at address 512.
    const code = `
      const { workerData, parentPort } = require('node:worker_threads')
      const pointer = new Int32Array(workerData.buffer, 512, 1)
      const taken = []
      for (let i = 0; i < 2000; i++) taken.push(Atomics.add(pointer, 0, 1) * 64)
      parentPort.postMessage(taken)`
    const worker = new Worker(code, { eval: true, workerData: memory })
    const answer = once(worker, 'message')
    const mine: number[] = []
    let theirs: number[] | undefined
    void answer.then(([taken]) => {
      theirs = taken as number[]
    })
    while (theirs === undefined) {
      for (let i = 0; i < 50 && mine.length < 20_000; i++) mine.push(backend.allocate(16).byteOffset)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await worker.terminate()
    expect(new Set([...mine, ...theirs]).size).toBe(mine.length + theirs.length)
  })

  test('exhaustion says how much was asked for and what to reduce', async () => {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 32, shared: true })
    const small = await wasmBackend({ memory, binary: backend.module })
    small.allocate(1000)
    expect(() => small.allocate(1_000_000)).toThrow(/out of memory: an array needs 3.8 MB.*smaller chunk size/)
    // A refused request takes nothing.
    expect(small.allocate(1000)).toHaveLength(1000)
  })
})

describe('where addresses are few', () => {
  /** An engine that refuses memories beyond a maximum, in pages. */
  async function withAtMost<T>(pages: number, refusal: Error, act: () => Promise<T>): Promise<T> {
    const { Memory } = WebAssembly
    WebAssembly.Memory = class extends Memory {
      constructor(descriptor: WebAssembly.MemoryDescriptor) {
        if (descriptor.maximum! > pages) throw refusal
        super(descriptor)
      }
    }
    try {
      return await act()
    } finally {
      WebAssembly.Memory = Memory
    }
  }
  const binary = () => ({ binary: backend.module })

  test('a memory may grow less far, and says how far', async () => {
    const small = await withAtMost(10_000, new RangeError('Out of memory'), () => wasmBackend(binary()))
    expect(() => small.allocate(2 ** 27)).toThrow(/needs 512.0 MB, 0 MB of at most 512 are taken/)
    expect(small.allocate(2 ** 26)).toHaveLength(2 ** 26)
  })

  test('too few are refused by that name, and so is an engine that shares no memory', async () => {
    const refused = withAtMost(1000, new RangeError('Out of memory'), () => wasmBackend(binary()))
    await expect(refused).rejects.toThrow(/cannot reserve 256 MB of addresses.*\(Out of memory\)/)
    const unshared = withAtMost(0, new TypeError('shared memory is disabled'), () => wasmBackend(binary()))
    await expect(unshared).rejects.toThrow(/must be cross-origin isolated/)
  })

  test('a limit can be asked for', async () => {
    const small = await wasmBackend({ ...binary(), memoryLimit: 2 ** 28 })
    expect(() => small.allocate(2 ** 26)).toThrow(/0 MB of at most 256 are taken/)
    for (const memoryLimit of [2 ** 20, 2 ** 33, Number.NaN])
      await expect(wasmBackend({ ...binary(), memoryLimit })).rejects.toThrow(ConfigurationError)
  })
})

describe('options', () => {
  test('details record what was chosen', async () => {
    expect(backend.details).toEqual({ simd: 'strict', precision: 'float32' })
    expect(['strict', 'relaxed']).toContain((await wasmBackend({ simd: 'auto' })).details.simd)
  })

  test('a binary that is none is refused', async () => {
    await expect(wasmBackend({ binary: new Uint8Array([1, 2, 3]) })).rejects.toThrow(AdadagradError)
  })

  test('accumulate adds in float64, and only arrays of its own', () => {
    const sums = backend.allocateDouble(5).fill(1e9)
    backend.accumulate(sums, backend.allocate(5).fill(0.25))
    backend.accumulate(sums, backend.allocateDouble(5).fill(1e-6))
    expect([...sums]).toEqual(new Array(5).fill(1e9 + 0.25 + 1e-6))
    expect(() => backend.accumulate(sums, backend.allocate(4))).toThrow(/5 sums and 4 terms/)
    expect(() => backend.accumulate(new Float64Array(5), backend.allocate(5))).toThrow(/arrays of this backend/)
  })
})

describe('models', () => {
  /** A chunk of B random samples of a classification model, laid out on a backend. */
  async function chunk(
    model: Model,
    B: number,
    level: StatisticsLevel,
    on: WasmBackend | ReturnType<typeof referenceBackend>,
  ) {
    const objective = classification(model)
    const layout = layOutParameters(objective.parameters)
    const draw = random(1, 'samples', model.name)
    const n = model.input.reduce((a, b) => a * b, 1)
    const x = Float32Array.from({ length: B * n }, () => draw.uniform())
    const y = Int32Array.from({ length: B }, () => draw.integer(model.classes))
    const dataset = arrayDataset({
      name: 'random',
      fields: { x: { data: x, shape: model.input }, y: { data: y, dtype: 'index', classes: model.classes } },
    })
    const P = layout.slots.length
    const arrays = {
      parameters: on.allocate(layout.size),
      gradient: on.allocate(layout.size),
      direction: on.allocate(layout.size),
      squares: on.allocate(layout.size),
      losses: on.allocate(B),
      norms: on.allocate(P * B),
      projections: on.allocate(P * B),
    }
    arrays.parameters.set(Float32Array.from(initialise(objective.parameters, 2)))
    arrays.direction.set(arrays.parameters)
    const fields = { x: on.allocate(x.length), y: on.allocateIndices(B) }
    fields.x.set(x)
    fields.y.set(y)
    const { graph } = chunkGraph(objective, layout, dataset, B, needs(level))
    const buffers = { ...arrays, [fieldBuffer('x')]: fields.x, [fieldBuffer('y')]: fields.y }
    return { plan: await on.compile(graph, buffers), arrays, stages: graph.stages.length }
  }

  const results = ['losses', 'gradient', 'norms', 'squares', 'projections'] as const

  test.each([
    [logisticRegression(), 5],
    [mnistCnn(), 3],
    [cifarCnn(), 2],
  ] as const)('$name: loss, gradient and statistics are those of the reference', async (model, B) => {
    for (const level of ['none', 'norms', 'coordinates', 'projections'] as const) {
      const got = await chunk(model, B, level, backend)
      const want = await chunk(model, B, level, referenceBackend())
      for (let stage = 0; stage < got.stages; stage++) {
        await got.plan.run(stage, 0)
        await want.plan.run(stage, 0)
      }
      for (const name of results) {
        let scale = 1e-9
        for (const x of want.arrays[name]) scale = Math.max(scale, Math.abs(x))
        let worst = 0
        for (let i = 0; i < want.arrays[name].length; i++)
          worst = Math.max(worst, Math.abs(got.arrays[name][i]! - want.arrays[name][i]!) / scale)
        expect(worst, `${level}: ${name}`).toBeLessThan(1e-5)
      }
    }
  })

  test.each([mnistCnn(), cifarCnn(), resnet18()])('$name: every step has a kernel', async (model) => {
    for (const level of ['norms', 'coordinates', 'projections'] as const) {
      const { plan } = await chunk(model, 2, level, backend)
      expect((plan as ReturnType<WasmBackend['compile']>).slow).toEqual([])
    }
  })

  test('a run gives the same bits again, also from another backend', async () => {
    const again = await wasmBackend()
    const a = await chunk(mnistCnn(), 6, 'coordinates', backend)
    const b = await chunk(mnistCnn(), 6, 'coordinates', again)
    await a.plan.run(0, 0)
    const once = results.map((name) => Array.from(a.arrays[name]))
    for (const { plan, arrays } of [a, b]) {
      await plan.run(0, 0)
      for (const [i, name] of results.entries())
        expect(arrays[name].every((x, j) => Object.is(x, once[i]![j]))).toBe(true)
    }
  })
})
