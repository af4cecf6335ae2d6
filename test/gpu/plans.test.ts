import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import * as ops from '../../src/autodiff/operations/index.ts'
import { type Shape, sizeOf } from '../../src/autodiff/shape.ts'
import { apply, constant, leaf, type NumericArray, type Operation } from '../../src/autodiff/value.ts'
import type { Backend, Graph, Plan } from '../../src/backends/backend.ts'
import type { GpuBackend } from '../../src/backends/gpu/index.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { normal } from '../support/arrays.ts'
import { graphOf, type Program, programs, type Step } from '../support/random-graphs.ts'
import { closeAll, describeOnAdapter, open } from './adapter.ts'
import { relativeError } from './compare.ts'

// Plans as a whole: formulas that are absorbed, cells that are used again, stages, slots, and changes of shape.

afterAll(closeAll)

const float = (buffer: string, shape: Shape, sampling: 'shared' | 'each' = 'each') =>
  leaf({ buffer, offset: 0, shape, dtype: 'float', sampling })

/** A graph on two backends, over arrays of the given lengths filled with the same numbers. */
async function both(
  backend: GpuBackend,
  graph: Graph,
  lengths: Readonly<Record<string, number>>,
  seed: number | string = 1,
) {
  const on = async (one: Backend) => {
    const arrays: Record<string, NumericArray> = {}
    for (const [name, length] of Object.entries(lengths)) {
      arrays[name] = one.allocate(length)
      arrays[name].set(Float32Array.from(normal([length], `${seed}${name}`).data))
    }
    return { arrays, plan: (await one.compile(graph, arrays)) as Plan }
  }
  const [gpu, reference] = [await on(backend), await on(referenceBackend())]
  return {
    gpu,
    set(name: string, values: ArrayLike<number>) {
      for (const { arrays } of [gpu, reference]) arrays[name]!.set(Float32Array.from(values))
    },
    async run(stage = 0, slot = 0) {
      for (const { plan } of [gpu, reference]) await plan.run(stage, slot)
    },
    error: (name: string) => relativeError(gpu.arrays[name]!, reference.arrays[name]!),
  }
}

const steps: readonly Step[] = [
  (x, y) => ops.add(x, y),
  (x, y) => ops.multiply(ops.tanh(x), y),
  (x, y) => ops.maximum(x, y),
  (x, y) => ops.gate(y, x),
  (x) => ops.relu(x),
  (x) => ops.multiply(x, 0.5),
  (x) => ops.softmax(x),
  (x) => ops.reshape(ops.transpose(ops.reshape(x, [6, 4])), [4, 6]),
  (x) => ops.reshape(x, [4, 6]),
  (x) => ops.pad(ops.slice(x, [1, 0], [3, 6]), [1, 0], [1, 0]),
  (x) => ops.broadcastTo(ops.sum(ops.multiply(x, 0.2), [0]), [4, 6]),
  (x, y) => ops.broadcastTo(ops.sum(ops.multiply(x, ops.tanh(y)), [1]), [4, 6], [0]),
  (x, y) => ops.matmul(ops.softmax(ops.matmul(x, y, { transposeB: true })), y),
]

const build = (program: Program) =>
  graphOf(program, steps, [
    float('a', [4, 6]),
    float('b', [4, 6], 'shared'),
    ops.broadcastTo(float('c', [6], 'shared'), [4, 6]),
    constant(0.5, [4, 6]),
  ])

describeOnAdapter('plans on the GPU', () => {
  test('random graphs: all results are those of the reference, in every stage and slot, and the same bits twice', async () => {
    const backend = await open()
    await fc.assert(
      fc.asyncProperty(programs(steps, 20), async (program) => {
        const lengths = { a: 24, b: 24, c: 6, results: 24 * program.steps.length }
        const system = await both(backend, build(program), lengths, program.seed)
        for (const slot of [0, 1]) {
          system.set('a', normal([24], slot).data)
          for (let stage = 0; stage < program.stages; stage++) await system.run(stage, slot)
          expect(system.error('results')).toBeLessThan(2e-5)
        }
        const first = system.gpu.arrays.results!.slice()
        for (let stage = 0; stage < program.stages; stage++) await system.gpu.plan.run(stage, 1)
        expect([...system.gpu.arrays.results!]).toEqual([...first])
      }),
      { seed: 5, numRuns: 25 },
    )
  })

  test('a later stage reads what a leaf held when it was first used', async () => {
    const backend = await open()
    for (const early of [ops.reshape(float('x', [100]), [4, 25]), ops.slice(float('x', [100], 'shared'), [10], [60])]) {
      const late = ops.multiply(early, 2)
      const graph = {
        stages: [[{ value: ops.sum(early), buffer: 'out', offset: 0 }], [{ value: late, buffer: 'late', offset: 0 }]],
      }
      const system = await both(backend, graph, { x: 100, out: 1, late: sizeOf(late.shape) })
      await system.run(0)
      system.set('x', normal([100], 'other').data)
      await system.run(1)
      expect(system.error('late')).toBeLessThan(1e-6)
    }
  })

  test('slots keep their values while other slots, other shapes and larger plans run', async () => {
    const backend = await open()
    const system = async (n: number) => {
      const kept = ops.exp(ops.multiply(float('x', [n]), float('p', [n], 'shared')))
      const graph = {
        stages: [
          [{ value: ops.sum(kept), buffer: 'out', offset: 0 }],
          [{ value: ops.add(kept, 0.5), buffer: 'late', offset: 0 }],
        ],
      }
      return both(backend, graph, { x: n, p: n, out: 1, late: n })
    }
    const small = await system(100)
    for (const slot of [0, 1, 2]) {
      small.set('x', normal([100], slot).data)
      await small.run(0, slot)
    }
    const large = await system(5000)
    for (const stage of [0, 1]) await large.run(stage, 3)
    expect(large.error('late')).toBeLessThan(1e-6)
    for (const slot of [2, 0, 1]) {
      await small.run(1, slot)
      expect(small.error('late')).toBeLessThan(1e-6)
    }
    for (const n of [7, 4099, 1, 65_537]) {
      const other = await system(n)
      for (const stage of [0, 1]) await other.run(stage, 0)
      expect(other.error('late')).toBeLessThan(1e-6)
      expect(other.error('out')).toBeLessThan(1e-5)
    }
  })

  test('calls at once are as good as one after the other', async () => {
    const backend = await open()
    const [n, graph] = [50, { stages: [[{ value: ops.exp(float('x', [50])), buffer: 'y', offset: 0 }]] }]
    const systems = await Promise.all([1, 2, 3].map((seed) => both(backend, graph, { x: n, y: n }, seed)))
    await Promise.all(systems.map((system) => system.run()))
    for (const system of systems) expect(system.error('y')).toBeLessThan(1e-6)
  })

  test('what is shared is copied once a change, from the first time that a change is told', async () => {
    const backend = await open()
    const system = await both(
      backend,
      { stages: [[{ value: ops.multiply(float('p', [5], 'shared'), 2), buffer: 'y', offset: 0 }]] },
      { p: 5, y: 5 },
    )
    const { p, y } = system.gpu.arrays as Record<string, Float32Array>
    const doubled = async () => {
      await system.gpu.plan.run(0, 0)
      return [...y!]
    }
    p!.fill(1)
    expect(await doubled()).toEqual([2, 2, 2, 2, 2])
    p!.fill(2)
    expect(await doubled()).toEqual([4, 4, 4, 4, 4])
    backend.changed(p!)
    expect(await doubled()).toEqual([4, 4, 4, 4, 4])
    p!.fill(3)
    expect(await doubled()).toEqual([4, 4, 4, 4, 4])
    backend.changed(p!)
    expect(await doubled()).toEqual([6, 6, 6, 6, 6])
  })

  test('what is not a number stays none', async () => {
    const backend = await open()
    const x = float('x', [4])
    const rows = [
      ops.relu,
      ops.exp,
      ops.log,
      ops.log1p,
      ops.sqrt,
      ops.sin,
      ops.tanh,
      ops.sigmoid,
      ops.softplus,
      ops.erf,
    ]
    const values = [...rows.map((row) => row(x)), ops.maximum(x, 0), ops.max(x), ops.softmax(x), ops.power(x, 2.5)]
    const outputs = values.map((value, i) => ({ value, buffer: 'y', offset: 4 * i }))
    const system = await both(backend, { stages: [outputs] }, { x: 4, y: 4 * values.length })
    system.set('x', [1, Number.NaN, 2, 3])
    await system.run()
    const { y } = system.gpu.arrays
    for (const i of values.keys())
      expect(Array.from(y!.subarray(4 * i, 4 * i + 4)).some(Number.isNaN), values[i]!.operation.name).toBe(true)
  })

  test('an operation without a kernel is refused by name when the graph is compiled', async () => {
    const backend = await open()
    const unknown: Operation<null> = {
      name: 'besselJ0',
      shape: ([x]) => x!.shape,
      evaluate: () => {},
      vjp: () => [null],
    }
    const value = apply(unknown, [float('x', [3])], null)
    await expect(
      (async () => backend.compile({ stages: [[{ value, buffer: 'x', offset: 0 }]] }, { x: backend.allocate(3) }))(),
    ).rejects.toThrow('gpu: there is no kernel for the operation besselJ0')
  })
})
