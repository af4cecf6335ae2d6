import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as ops from '../../src/autodiff/operations/index.ts'
import { sizeOf } from '../../src/autodiff/shape.ts'
import { apply, leaf, type NumericArray, type Value } from '../../src/autodiff/value.ts'
import { random } from '../../src/random.ts'
import { builds, worst } from './load.ts'

// Kernels beside the definition of their operation in float64, on inputs that are larger than those of the gradient checks.

const settings = { seed: 11, numRuns: 60 }
const normals = (n: number, seed: number) => {
  const draw = random(seed, 'rows', n)
  return Float32Array.from({ length: n }, () => draw.normal())
}
const input = (shape: readonly number[], dtype: 'float' | 'index' = 'float') =>
  leaf({ buffer: '', offset: 0, shape, dtype, sampling: 'each' })

/** What the operation's own loops make of the inputs, in float64. */
function define(value: Value, inputs: readonly NumericArray[]): Float64Array {
  const out = new Float64Array(sizeOf(value.shape))
  const exact = inputs.map((x) => (x instanceof Int32Array ? x : Float64Array.from(x)))
  value.operation.evaluate(out, exact, value)
  return out
}

const scaleOf = (values: Float64Array) => {
  const finite = values.filter(Number.isFinite).map(Math.abs)
  return new Float64Array(values.length).fill(Math.max(1e-30, ...finite))
}

describe.each(builds.map((kernels) => [kernels.name, kernels] as const))('%s kernels', (_, kernels) => {
  /** A kernel's result; index arrays are placed as their bits. */
  function run(name: string, inputs: readonly (Float32Array | Int32Array)[], size: number, ...numbers: number[]) {
    kernels.reset()
    const addresses = inputs.map((array) => {
      const placed = kernels.place(array.length)
      if (array instanceof Int32Array) new Int32Array(placed.buffer, placed.byteOffset, array.length).set(array)
      else placed.set(array)
      return placed.byteOffset
    })
    const out = kernels.place(size)
    kernels.call[name]!(...addresses, out.byteOffset, ...numbers)
    expect(kernels.intact(), `${name} writes beyond its end`).toBe(true)
    return out.slice()
  }

  const rows = fc.record({
    rows: fc.integer({ min: 1, max: 9 }),
    n: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64, 100, 1000)),
    size: fc.constantFrom(1, 30, 300),
  })
  test.each([
    ['softmax', ops.softmax],
    ['logSoftmax', ops.logSoftmax],
  ] as const)('%s, large scores included', (name, operation) => {
    fc.assert(
      fc.property(rows, ({ rows, n, size }) => {
        const x = normals(rows * n, n).map((v) => size * v)
        const got = run(name, [x], rows * n, rows, n)
        const want = define(operation(input([rows, n])), [x])
        expect(worst(got, want, scaleOf(want))).toBeLessThan(1e-6)
      }),
      settings,
    )
  })

  test('softmaxCrossEntropy and oneHot', () => {
    fc.assert(
      fc.property(rows, ({ rows, n, size }) => {
        const x = normals(rows * n, n).map((v) => size * v)
        const labels = Int32Array.from({ length: rows }, (_, i) => (7 * i) % n)
        const [scores, indices] = [input([rows, n]), input([rows], 'index')]
        const got = run('softmaxCrossEntropy', [x, labels], rows, rows, n)
        const want = define(ops.softmaxCrossEntropy(scores, indices), [x, labels])
        expect(worst(got, want, scaleOf(want))).toBeLessThan(1e-6)
        const hot = run('oneHot', [labels], rows * n, rows, n)
        expect([...hot]).toEqual([...define(ops.oneHot(indices, n), [labels])])
      }),
      settings,
    )
  })

  test('a score that is no number spoils its row alone', () => {
    const x = Float32Array.from([1, 2, Number.NaN, 4, 5, 1, 2, 3, 4, 5])
    const y = run('softmax', [x], 10, 2, 5)
    expect(y.slice(0, 5).every(Number.isNaN)).toBe(true)
    expect(y.slice(5).every(Number.isFinite)).toBe(true)
  })

  test('standardize and its gradient', () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(0, 100), ({ rows, n, size }, offset) => {
        const block = n + 7
        const [x, u] = [normals(rows * block, 1).map((v) => size * v + offset), normals(rows * block, 2)]
        const [a, b] = [input([rows, block]), input([rows, block])]
        const attributes = { block, epsilon: 1e-5 }
        const cases = [
          ['standardize', apply(ops.standardizeOperation, [a], attributes), [x]],
          ['standardizeGradient', apply(ops.standardizeGradientOperation, [a, b], attributes), [x, u]],
        ] as const
        for (const [name, value, inputs] of cases) {
          const got = run(name, inputs, rows * block, rows, block, 1e-5)
          const want = define(value, inputs)
          // A mean of 100 takes two of seven digits from the deviations.
          expect(worst(got, want, scaleOf(want)), name).toBeLessThan(offset > 0 ? 1e-3 : 5e-6)
        }
      }),
      settings,
    )
  })

  const pools = fc
    .record({
      planes: fc.integer({ min: 1, max: 3 }),
      H: fc.integer({ min: 3, max: 15 }),
      W: fc.integer({ min: 3, max: 19 }),
      kernel: fc.constantFrom([2, 2] as const, [2, 2] as const, [3, 3] as const, [2, 3] as const),
      stride: fc.constantFrom([2, 2] as const, [2, 2] as const, [1, 1] as const, [3, 2] as const),
      padding: fc.constantFrom([0, 0] as const, [1, 1] as const),
      ties: fc.boolean(),
    })
    .map(({ planes, H, W, kernel, stride, padding, ties }) => {
      const [P, Q] = [H, W].map((n, i) => ops.windowCount(n, kernel[i]!, stride[i]!, padding[i]!)) as [number, number]
      const attributes = { kernel, stride, padding, input: [1, planes, H, W], output: [1, planes, P, Q] }
      const numbers = [planes, H, W, ...kernel, ...stride, ...padding, P, Q]
      const rounded = (v: number) => (ties ? Math.round(v) : v)
      return {
        attributes,
        numbers,
        x: normals(planes * H * W, H * W).map(rounded),
        v: normals(planes * H * W, 5),
        u: normals(planes * P * Q, 6),
      }
    })
  test('pooling, ties included', () => {
    fc.assert(
      fc.property(pools, ({ attributes, numbers, x, u, v }) => {
        const [large, small] = [input(attributes.input), input(attributes.output)]
        const same = (name: string, value: Value, inputs: Float32Array[], ...more: number[]) => {
          const want = define(value, inputs)
          const got = run(name, inputs, want.length, ...numbers, ...more)
          expect(worst(got, want, scaleOf(want)), name).toBeLessThan(1e-6)
          return got
        }
        same('maxPool2d', apply(ops.maxPool2dOperation, [large], attributes), [x])
        const spoilt = x.map((value, i) => (i % 13 === 5 ? Number.NaN : value))
        const pooled = run(
          'maxPool2d',
          [spoilt],
          small.shape.reduce((a, b) => a * b),
          ...numbers,
        )
        expect([...pooled]).toEqual([...define(apply(ops.maxPool2dOperation, [large], attributes), [spoilt])])
        same('maxPool2dGather', apply(ops.maxPool2dGatherOperation, [large, large], attributes), [v, x])
        const scatter = apply(ops.maxPool2dScatterOperation, [small, large], attributes)
        const scattered = same('maxPool2dScatter', scatter, [u, x], 0)
        const gated = run('maxPool2dScatter', [u, x], x.length, ...numbers, 1)
        expect([...gated]).toEqual(Array.from(scattered, (g, i) => (x[i]! > 0 ? g : 0)))
        same('averagePool2d', apply(ops.averagePool2dOperation, [large], attributes), [x])
        same('averagePool2dSpread', apply(ops.averagePool2dSpreadOperation, [small], attributes), [u])
      }),
      { ...settings, numRuns: 150 },
    )
  })

  test('look-ups and their gradients', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 11 }),
        fc.integer({ min: 1, max: 7 }),
        (B, T, width, entries) => {
          const table = normals(entries * width, 1)
          const indices = Int32Array.from({ length: B * T }, (_, i) => (5 * i + 2) % entries)
          const [t, i] = [input([entries, width]), input([B, T], 'index')]
          const got = run('embedding', [table, indices], B * T * width, B * T, width)
          expect([...got]).toEqual([...define(ops.embedding(t, i), [table, indices])])
          const u = normals(B * T * width, 3)
          const each = define(apply(ops.addRowsEachOperation, [input([B, T, width]), i], { entries }), [u, indices])
          const sums = run('addRows', [u, indices], B * entries * width, B, T, width, entries)
          expect(worst(sums, each, scaleOf(each))).toBeLessThan(1e-6)
        },
      ),
      settings,
    )
  })
})
