import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad, pullback } from '../../src/autodiff/grad.ts'
import * as ops from '../../src/autodiff/operations/index.ts'
import { apply, constant, type Operation, topologicalOrder, type Value } from '../../src/autodiff/value.ts'
import { awayFromZero, normal } from '../support/arrays.ts'
import { agree, checkGradient, gradientOf, slopes } from '../support/central-difference.ts'
import { array, bind, evaluate, indices } from '../support/evaluate.ts'
import { operationCases } from '../support/operation-cases.ts'

const options = { seed: 1, numRuns: 25 }

/** Exports that are no operations: what rows and backends are written with. */
const helpers = ['broadcastStrides', 'expectWindow', 'matmulExtents', 'reduction', 'walk', 'windowCount']
/** Checked below, by what they mean: no float input, or a gradient that is 0 by decree. */
const special = ['oneHot', 'stopGradient']
/** Per-sample statistics: they say that they have no derivatives; their values are checked against the oracle. */
const statistics: Readonly<Record<string, Operation<never>>> = {
  addRowsEachOperation: ops.addRowsEachOperation,
  conv2dWeightEachOperation: ops.conv2dWeightEachOperation,
  conv2dWeightNormsOperation: ops.conv2dWeightNormsOperation,
  conv2dWeightSquaresOperation: ops.conv2dWeightSquaresOperation,
}

describe('gradients agree with central differences', () => {
  for (const [name, cases] of Object.entries(operationCases))
    it(name, () => {
      fc.assert(
        fc.property(cases, fc.integer(), ({ inputs, build }, seed) => checkGradient(build, inputs, seed)),
        options,
      )
    })
})

describe('gradients of gradients agree with central differences', () => {
  for (const [name, cases] of Object.entries(operationCases))
    it(name, () => {
      fc.assert(
        fc.property(cases, fc.integer(), ({ inputs, build }, seed) => {
          const { shape } = build(...bind(inputs).leaves)
          checkGradient(gradientOf(build, 1), [normal(shape, `${seed}u`), ...inputs], seed)
        }),
        options,
      )
    })
})

describe('… and where inputs and cotangents depend on each other', () => {
  // A rule must take its inputs as they are: a pullback inside of it would go on to what they depend on, and count twice.
  for (const [name, cases] of Object.entries(operationCases))
    it(name, () => {
      fc.assert(
        fc.property(cases, fc.integer(), ({ inputs, build }, seed) => {
          // All inputs move with the first; the cotangent of the operation is 2y u.
          const entangled = (...leaves: Value[]) => {
            const shift = ops.multiply(ops.tanh(ops.mean(leaves[0])), 0.1)
            return ops.square(build(...leaves.map((x) => (x.dtype === 'float' ? ops.add(x, shift) : x))))
          }
          const { shape } = build(...bind(inputs).leaves)
          checkGradient(gradientOf(entangled, 1), [normal(shape, `${seed}u`), ...inputs], seed)
        }),
        options,
      )
    })
})

describe('every operation has a gradient check', () => {
  it('all exports are rows of the table, or listed with a reason', () => {
    const known = [...Object.keys(operationCases), ...helpers, ...special, ...Object.keys(statistics)]
    expect(Object.keys(ops).sort()).toEqual([...new Set(known)].sort())
    expect(known.length).toBe(new Set(known).size)
  })

  it('the operations that the rows trace, gradients included, occur in some row themselves', () => {
    const [forward, backward] = [new Set<string>(), new Set<string>()]
    for (const cases of Object.values(operationCases))
      for (const { inputs, build } of fc.sample(cases, { seed: 1, numRuns: 10 })) {
        const y = build(...bind(inputs).leaves)
        for (const value of topologicalOrder([y])) forward.add(value.operation.name)
        const pulled = [...pullback([[y, constant(1, y.shape)]]).values()]
        for (const value of topologicalOrder(pulled)) backward.add(value.operation.name)
      }
    expect([...backward].filter((name) => !forward.has(name)).sort()).toEqual(['oneHot'])
  })

  it('per-sample statistics refuse to be differentiated, by name', () => {
    const convolution = { stride: [1, 1], padding: [0, 0], input: [1, 1, 1, 1], weight: [1, 1, 1, 1] } as const
    const attributes = { ...convolution, output: [1, 1, 1, 1], entries: 1 }
    for (const [key, operation] of Object.entries(statistics)) {
      const rank = key === 'addRowsEachOperation' ? 3 : 4
      const { leaves } = bind([normal(new Array(rank).fill(1), 1), normal(new Array(rank).fill(1), 2)])
      const y = apply(operation as Operation<unknown>, leaves, attributes)
      expect(() => pullback([[y, constant(1, y.shape)]])).toThrow(`${operation.name}: derivatives of per-sample`)
    }
  })
})

describe('conventions', () => {
  const gradientAt = (build: (x: Value) => Value, ...x: number[]) =>
    evaluate((leaf) => grad(ops.sum(build(leaf)), [leaf])[0], array(x))

  it('at kinks: relu 0, abs 0, maximum and minimum to the first, max shared, max-pooling to the first', () => {
    expect(gradientAt(ops.relu, -1, 0, 1)).toEqual([0, 0, 1])
    expect(gradientAt(ops.abs, -1, 0, 1)).toEqual([-1, 0, 1])
    expect(gradientAt((x) => ops.maximum(x, 0), -1, 0, 1)).toEqual([0, 1, 1])
    expect(gradientAt((x) => ops.maximum(0, x), -1, 0, 1)).toEqual([0, 0, 1])
    expect(gradientAt((x) => ops.minimum(x, 0), -1, 0, 1)).toEqual([1, 1, 0])
    expect(gradientAt((x) => ops.max(x), 2, 1, 2)).toEqual([0.5, 0, 0.5])
    const pool = (x: Value) => ops.maxPool2d(ops.reshape(x, [1, 1, 2, 2]), 2)
    expect(gradientAt(pool, 0, 3, 3, 3)).toEqual([0, 1, 0, 0])
    expect(gradientAt(ops.softplus, 0)).toEqual([0.5])
  })

  it('what is not chosen may be infinite', () => {
    expect(gradientAt((x) => ops.where(ops.greater(x, 0), ops.log(x), 0), 2)).toEqual([0.5])
    expect(evaluate((x) => ops.where(ops.greater(x, 0), ops.log(x), 0), array([0]))).toEqual([0])
  })

  it('stopGradient is the identity, and a constant to the gradient', () => {
    expect(evaluate(ops.stopGradient, array([1, -2]))).toEqual([1, -2])
    expect(gradientAt((x) => ops.multiply(x, ops.stopGradient(x)), 3)).toEqual([3])
    expect(gradientAt(ops.stopGradient, 3)).toEqual([0])
  })

  it('oneHot has no gradient, and values of indices receive none', () => {
    const { leaves } = bind([indices([1, 0])])
    const pulled = pullback([[ops.oneHot(leaves[0], 3), constant(1, [2, 3])]])
    expect(pulled.has(leaves[0])).toBe(false)
  })

  it('contributions of several uses add up, and unreached parameters have zeros of their shape', () => {
    expect(gradientAt((x) => ops.add(ops.square(x), ops.multiply(x, x)), 3)).toEqual([12])
    const { leaves } = bind([array([1]), array([1, 2, 3])])
    const [, unused] = grad(ops.sum(leaves[0]), leaves)
    expect(unused.shape).toEqual([3])
    expect(evaluate(() => unused)).toEqual([0, 0, 0])
  })

  it('third derivatives: d³(x⁴)/dx³ = 24x', () => {
    const derivative = (build: (x: Value) => Value) => (x: Value) => grad(ops.sum(build(x)), [x])[0]
    const third = derivative(derivative(derivative((x) => ops.power(x, 4))))
    expect(evaluate(third, array([0.5, 2]))).toEqual([12, 48])
  })

  it('20,000 layers do not exhaust the stack', () => {
    const deep = (x: Value) => Array.from({ length: 20_000 }).reduce<Value>(ops.negate, x)
    expect(gradientAt(deep, 2)).toEqual([1])
  })
})

describe('the checker catches wrong gradients', () => {
  /** tanh with a gradient of our choosing. */
  const tanhWith = (vjp: (y: Value, u: Value) => Value | null) => {
    const operation: Operation<null> = {
      name: 'wrong',
      shape: ([x]) => x.shape,
      evaluate(out, [x]) {
        for (let i = 0; i < out.length; i++) out[i] = Math.tanh(x[i])
      },
      vjp: (y, u) => [vjp(y, u)],
    }
    return (x: Value) => apply(operation, [x], null)
  }
  const right = (y: Value, u: Value) => ops.multiply(u, ops.subtract(1, ops.square(y)))
  const wrong: Record<string, (y: Value, u: Value) => Value | null> = {
    'wrong sign': (y, u) => ops.negate(right(y, u)),
    'factor 1.01': (y, u) => ops.multiply(right(y, u), 1.01),
    'factor 1 + 1e-4': (y, u) => ops.multiply(right(y, u), 1 + 1e-4),
    'missing term': (_, u) => u,
    'missing factor': (y) => ops.subtract(1, ops.square(y)),
    'no gradient': () => null,
  }
  const inputs = fc.tuple(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }), fc.integer())

  it('and accepts the right one', () => {
    fc.assert(
      fc.property(inputs, ([shape, seed]) => agree(slopes(tanhWith(right), [awayFromZero(shape, seed)], seed))),
      options,
    )
  })
  for (const [name, vjp] of Object.entries(wrong))
    it(name, () => {
      fc.assert(
        fc.property(inputs, ([shape, seed]) => !agree(slopes(tanhWith(vjp), [awayFromZero(shape, seed)], seed))),
        options,
      )
    })

  it('a broadcast whose copies do not all contribute', () => {
    const operation: Operation<null> = {
      name: 'wrong broadcast',
      shape: ([x]) => [3, ...x.shape],
      evaluate(out, [x]) {
        for (let i = 0; i < out.length; i++) out[i] = x[i % x.length]
      },
      vjp: ({ inputs: [x] }, u) => [ops.reshape(ops.slice(u, [0, ...x.shape.map(() => 0)], [1, ...x.shape]), x.shape)],
    }
    const found = slopes((x) => apply(operation, [x], null), [normal([4], 1)], 1)
    expect(agree(found)).toBe(false)
  })

  it('a wrong second derivative under a right first one', () => {
    // d tanh = (1 − y²) dx is right, but y is taken as a constant when it is differentiated again.
    const build = tanhWith((y, u) => ops.multiply(u, ops.subtract(1, ops.square(ops.stopGradient(y)))))
    const x = awayFromZero([3], 1)
    expect(agree(slopes(build, [x], 1))).toBe(true)
    expect(agree(slopes(gradientOf(build, 1), [normal([3], 2), x], 1))).toBe(false)
  })
})
