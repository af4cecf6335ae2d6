import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as ops from '../../src/autodiff/operations/index.ts'
import { broadcastTo } from '../../src/autodiff/operations/structure.ts'
import { type Shape, sizeOf } from '../../src/autodiff/shape.ts'
import { apply, constant, leaf, type NumericArray, type Value } from '../../src/autodiff/value.ts'
import type { Graph, Output } from '../../src/backends/backend.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { wasmBackend } from '../../src/backends/wasm/index.ts'
import { random } from '../../src/random.ts'
import { graphOf, type Program, programs, type Step } from '../support/random-graphs.ts'

// Plans as a whole: what is fused, where values lie, what stages and slots keep. The reference backend is the oracle.

const backend = await wasmBackend()

const float = (buffer: string, shape: Shape, offset = 0) =>
  leaf({ buffer, offset, shape, dtype: 'float', sampling: 'shared' })
const normals = (n: number, seed: number | string): Float32Array => {
  const draw = random(seed, 'plans', n)
  return Float32Array.from({ length: n }, () => draw.normal())
}

/** A graph on both backends, over arrays of the given lengths filled with the same numbers. */
function both(graph: Graph, lengths: Readonly<Record<string, number>>, seed: number | string = 1) {
  const fill = (make: (n: number) => NumericArray) =>
    Object.fromEntries(
      Object.entries(lengths).map(([name, length]) => {
        const array = make(length)
        array.set(normals(length, `${seed}${name}`))
        return [name, array]
      }),
    )
  const exact = fill((n) => new Float64Array(n))
  const arrays = fill((n) => backend.allocate(n))
  const plan = backend.compile(graph, arrays)
  const reference = referenceBackend().compile(graph, exact)
  if (reference instanceof Promise) throw new Error('the reference backend is synchronous')
  return {
    plan,
    arrays,
    exact,
    run(stage = 0, slot = 0) {
      plan.run(stage, slot)
      void reference.run(stage, slot)
    },
    set(name: string, values: ArrayLike<number>) {
      arrays[name]!.set(values)
      exact[name]!.set(values)
    },
    /** The largest error in an array, relative to its largest number. */
    error(name: string): number {
      const scale = Math.max(1e-3, ...Array.from(exact[name]!, Math.abs))
      return Math.max(...Array.from(exact[name]!, (x, i) => Math.abs(arrays[name]![i]! - x) / scale))
    },
  }
}

const outputs = (...values: Value[]): Output[] => values.map((value, i) => ({ value, buffer: `y${i}`, offset: 0 }))
/** Steps of a one-stage graph, once its results have been compared. */
function stepsOf(values: readonly Value[], lengths: Readonly<Record<string, number>>): readonly string[] {
  const results = Object.fromEntries(values.map(({ shape }, i) => [`y${i}`, sizeOf(shape)]))
  const system = both({ stages: [outputs(...values)] }, { ...lengths, ...results })
  system.run()
  for (const name of Object.keys(results)) expect(system.error(name), name).toBeLessThan(1e-5)
  return system.plan.steps[0]!
}

describe('fusion', () => {
  const lengths = { x: 2 * 3 * 8 * 9, w: 5 * 3 * 3 * 3, b: 5, u: 2 * 5 * 8 * 9 }
  const [x, w, b] = [float('x', [2, 3, 8, 9]), float('w', [5, 3, 3, 3]), float('b', [5])]
  const convolved = ops.conv2d(x, w, { padding: 1, bias: b })

  test('a convolution takes its bias and relu along', () => {
    expect(stepsOf([ops.relu(convolved)], lengths)).toEqual(['conv2d + bias + relu'])
    expect(stepsOf([convolved], lengths)).toEqual(['conv2d + bias'])
    expect(stepsOf([ops.relu(ops.conv2d(x, w, { padding: 1 }))], lengths)).toEqual(['conv2d + relu'])
  })

  test('but not when what lies between is asked for too', () => {
    expect(stepsOf([ops.relu(convolved), convolved], lengths)).toEqual(['conv2d + bias', 'relu'])
    const along = ops.add(ops.conv2d(x, w, { padding: 1 }), broadcastTo(float('u', [9]), [2, 5, 8, 9], [3]))
    expect(stepsOf([along], lengths)).toEqual(['conv2d', 'add'])
  })

  test('a gate reads the relu, so that the sum before it is never stored', () => {
    const y = ops.relu(convolved)
    const gated = ops.gate(float('u', [2, 5, 8, 9]), convolved)
    expect(stepsOf([y, gated], lengths)).toEqual(['conv2d + bias + relu', 'gate'])
  })

  test('a pooled relu scatters through its gate', () => {
    const y = ops.relu(convolved)
    const pooled = ops.maxPool2d(y, 2)
    const [back] = pooled.operation.vjp(pooled, float('u', pooled.shape))
    const [through] = y.operation.vjp(y, back!)
    expect(stepsOf([pooled, through!], lengths)).toEqual([
      'conv2d + bias + relu',
      'maxPool2d',
      'maxPool2dScatter + gate',
    ])
  })

  test('weight gradients, norms and squares come from one sweep', () => {
    const u = float('u', convolved.shape)
    const product = ops.conv2d(x, w, { padding: 1 })
    const { attributes } = product as Value<ops.ConvolutionAttributes>
    const part = (operation: typeof ops.conv2dWeightOperation) => apply(operation, [x, u], attributes)
    const [gradient, norms, squares, each] = [
      part(ops.conv2dWeightOperation),
      part(ops.conv2dWeightNormsOperation),
      part(ops.conv2dWeightSquaresOperation),
      part(ops.conv2dWeightEachOperation),
    ]
    expect(stepsOf([norms, gradient], lengths)).toEqual(['conv2dWeightNorms + conv2dWeight'])
    expect(stepsOf([gradient, norms, squares, each], lengths)).toHaveLength(1)
    // The first is needed before the last is traced.
    expect(stepsOf([ops.add(ops.sum(ops.sqrt(norms)), gradient)], lengths)[0]).toContain('conv2dWeightNorms')
    expect(stepsOf([each], lengths)).toEqual(['conv2dWeightEach'])
  })

  test('sums of squares and products store no terms; bias gradients share partial sums', () => {
    const [a, c] = [float('x', [6, 8, 9]), float('u', [6, 8, 9])]
    expect(stepsOf([ops.sum(ops.square(a), [1, 2])], lengths)).toEqual(['sum(square)'])
    expect(stepsOf([ops.sum(ops.multiply(a, c), [1, 2])], lengths)).toEqual(['sum(multiply)'])
    expect(stepsOf([ops.sum(ops.multiply(a, c), [0, 2])], lengths)).toEqual(['sum(multiply)'])
    expect(stepsOf([ops.sum(ops.multiply(a, float('u', [8, 9])), [1, 2])], lengths)).toEqual(['sum(multiply)'])
    expect(stepsOf([ops.sum(ops.multiply(float('u', [9]), a), [2])], lengths)).toEqual(['sum(multiply)'])
    const delta = float('u', [2, 5, 8, 9])
    const each = ops.sum(delta, [2, 3])
    expect(stepsOf([ops.sum(delta, [0, 2, 3]), ops.sum(ops.square(each), [1])], lengths)).toEqual([
      'sum',
      'sum',
      'sum(square)',
    ])
  })

  test('broadcasts, constants and reshapes of operands cost nothing', () => {
    const a = float('x', [6, 8, 9])
    const y = ops.multiply(ops.add(a, broadcastTo(float('b', [6, 1, 9].slice(0, 1)), [6, 8, 9], [0])), 3)
    expect(stepsOf([ops.reshape(y, [54, 8])], { ...lengths, b: 6 })).toEqual(['add', 'multiply'])
    // Four axes of turns between the operands are too many: then one is copied.
    const turns = ops.add(
      broadcastTo(float('x', [2, 3]), [2, 2, 3, 2], [0, 2]),
      broadcastTo(float('u', [2, 2]), [2, 2, 3, 2], [1, 3]),
    )
    expect(stepsOf([turns], lengths)).toEqual(['broadcast', 'broadcast', 'add'])
  })

  test('what is written twice is computed once', () => {
    const a = float('x', [40])
    expect(stepsOf([ops.add(ops.exp(a), 1), ops.multiply(ops.exp(a), 2)], lengths)).toEqual(['exp', 'add', 'multiply'])
  })
})

describe('random graphs', () => {
  const leaves = () => [float('a', [4, 6]), float('b', [4, 6], 3), float('c', [6]), float('d', [4])]
  const bounded: readonly Step[] = [
    (x, y) => ops.add(x, y),
    (x, y) => ops.subtract(x, y),
    (x, y) => ops.multiply(ops.tanh(x), y),
    (x, y) => ops.maximum(x, y),
    (x, y) => ops.gate(x, y),
    (x) => ops.relu(x),
    (x, y) => ops.gate(y, x),
    (x) => ops.sigmoid(x),
    (x) => ops.negate(x),
    (x) => ops.multiply(x, 0.5),
    (x) => ops.softmax(x),
    (x) => ops.reshape(ops.transpose(ops.reshape(x, [6, 4])), [4, 6]),
    (x) => ops.reshape(x, [4, 6]),
    (x) => ops.pad(ops.slice(x, [1, 0], [3, 6]), [1, 0], [1, 0]),
    (x) => broadcastTo(ops.slice(x, [2, 0], [3, 6]), [4, 6]),
    (x) => broadcastTo(ops.sum(ops.multiply(x, 0.2), [0]), [4, 6]),
    (x, y) => broadcastTo(ops.sum(ops.multiply(x, ops.tanh(y)), [1]), [4, 6], [0]),
    (x) => ops.multiply(broadcastTo(ops.sum(ops.square(ops.tanh(x)), [1]), [4, 6], [0]), 0.1),
    (x, y) => ops.multiply(ops.matmul(ops.tanh(x), y, { transposeB: true }).shape.length === 2 ? x : y, 0.9),
    (x, y) => ops.matmul(ops.softmax(ops.matmul(x, y, { transposeB: true })), y),
  ]
  const build = (program: Program) => {
    const [a, b, c, d] = leaves() as [Value, Value, Value, Value]
    const values = [a, b, broadcastTo(c, [4, 6]), broadcastTo(d, [4, 6], [0]), constant(0.5, [4, 6])]
    return graphOf(program, bounded, values)
  }

  test('all results are those of the reference, in every stage and slot, and the same bits twice', () => {
    fc.assert(
      fc.property(programs(bounded, 30), (program) => {
        const graph = build(program)
        const lengths = { a: 24, b: 27, c: 6, d: 4, results: 24 * program.steps.length }
        const system = both(graph, lengths, program.seed)
        const slots = 2
        for (let slot = 0; slot < slots; slot++) {
          system.set('a', normals(24, slot))
          for (let stage = 0; stage < program.stages; stage++) system.run(stage, slot)
          expect(system.error('results')).toBeLessThan(2e-5)
        }
        const first = system.arrays.results!.slice()
        system.arrays.results!.fill(-7)
        for (let stage = 0; stage < program.stages; stage++) system.plan.run(stage, 1)
        const written = graph.stages.flat().flatMap(({ offset }) => Array.from({ length: 24 }, (_, i) => offset + i))
        expect(written.every((i) => Object.is(system.arrays.results![i], first[i]))).toBe(true)
      }),
      { seed: 5, numRuns: 250 },
    )
  })
})

describe('stages and slots', () => {
  const n = 100
  const lengths = { x: n, out: n, late: n }

  test('a later stage reads what a leaf held when it was first used', () => {
    const x = float('x', [n])
    for (const early of [ops.reshape(x, [4, 25]), ops.exp(x), broadcastTo(x, [3, n]), ops.slice(x, [10], [60])]) {
      const late = ops.multiply(early, 2)
      const system = both(
        {
          stages: [[{ value: ops.sum(early), buffer: 'out', offset: 0 }], [{ value: late, buffer: 'late', offset: 0 }]],
        },
        { ...lengths, late: sizeOf(late.shape) },
      )
      system.run(0)
      system.set('x', normals(n, 'other'))
      system.run(1)
      expect(system.error('late')).toBeLessThan(1e-6)
    }
  })

  test('a slot keeps its values while other slots and smaller plans run', () => {
    const x = float('x', [n])
    const kept = ops.exp(x)
    const graph = {
      stages: [
        [{ value: ops.sum(kept), buffer: 'out', offset: 0 }],
        [{ value: ops.add(kept, 0.5), buffer: 'late', offset: 0 }],
      ],
    }
    const system = both(graph, lengths)
    const inputs = [0, 1, 2].map((slot) => normals(n, slot))
    for (const [slot, values] of inputs.entries()) {
      system.set('x', values)
      system.run(0, slot)
    }
    // A larger plan moves the scratch space and enlarges the slots that it uses itself.
    const large = 20_000
    const big = both(
      {
        stages: [
          [{ value: ops.sum(ops.exp(float('x', [large]))), buffer: 'out', offset: 0 }],
          [{ value: ops.multiply(ops.exp(float('x', [large])), 2), buffer: 'late', offset: 0 }],
        ],
      },
      { x: large, out: 1, late: large },
    )
    big.run(0, 5)
    big.run(1, 5)
    expect(big.error('late')).toBeLessThan(1e-6)
    for (const slot of [2, 0, 1]) {
      system.run(1, slot)
      expect(system.error('late')).toBeLessThan(1e-6)
    }
  })

  test('results may go to the array that is read, and one value to several places', () => {
    const x = float('x', [n])
    const y = ops.multiply(ops.add(x, broadcastTo(ops.sum(x), [n])), 0.1)
    const system = both(
      {
        stages: [
          [
            { value: y, buffer: 'x', offset: 0 },
            { value: y, buffer: 'out', offset: 0 },
            { value: x, buffer: 'late', offset: 0 },
            { value: constant(2, [5]), buffer: 'late', offset: 7 },
          ],
        ],
      },
      lengths,
    )
    for (let i = 0; i < 3; i++) system.run()
    for (const name of Object.keys(lengths)) expect(system.error(name)).toBeLessThan(1e-5)
  })

  test('a value without a destination of its own costs scratch space once: chains run in place', () => {
    const chain = (length: number) => {
      let x: Value = float('x', [4096])
      for (let i = 0; i < length; i++) x = i % 2 ? ops.tanh(x) : ops.add(x, 1)
      return both({ stages: [[{ value: ops.sum(x), buffer: 'out', offset: 0 }]] }, { x: 4096, out: 1 }).plan
        .scratchBytes
    }
    expect(chain(30)).toBe(chain(3))
  })

  test('arrays of other kinds or owners are refused by name', () => {
    const graph = { stages: [[{ value: ops.exp(float('x', [4])), buffer: 'out', offset: 0 }]] }
    const out = backend.allocate(4)
    expect(() => backend.compile(graph, { x: new Float32Array(4), out })).toThrow(/x: bind an array from allocate/)
    expect(() => backend.compile(graph, { x: new Float64Array(4), out })).toThrow(/Float32Array/)
    expect(() => backend.compile(graph, { out })).toThrow(/no array is bound to the name x/)
  })
})
