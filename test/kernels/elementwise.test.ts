import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { walk } from '../../src/autodiff/operations/structure.ts'
import { sizeOf, stridesOf } from '../../src/autodiff/shape.ts'
import { random } from '../../src/random.ts'
import { builds, type Kernels, worst } from './load.ts'

const normals = (n: number, seed: number | string): Float32Array => {
  const draw = random(seed, 'kernels', n)
  return Float32Array.from({ length: n }, () => draw.normal())
}
/** Where two arrays differ in a bit (of numbers, −0 included); quicker than a deep comparison of thousands. */
function difference(got: ArrayLike<number>, want: ArrayLike<number>): string {
  for (let i = 0; i < want.length; i++)
    if (!Object.is(got[i], want[i])) return `element ${i} is ${got[i]}, not ${want[i]}`
  return ''
}
const settings = { seed: 7, numRuns: 60 }
const few = fc.integer({ min: 1, max: 3 })
const extent = fc.integer({ min: 1, max: 9 })
/** Lengths around one and several turns of the vector loops. */
const length = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(64, 127, 130, 1041))

const binaries: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
  greater: (a, b) => (a > b ? 1 : 0),
  equal: (a, b) => (a === b ? 1 : 0),
  gate: (u, x) => (x > 0 ? u : 0),
}
const { POSITIVE_INFINITY: oo, NaN: nan } = Number
const special = [0, -0, 1, -1, oo, -oo, nan, 1e-40]

/** Whether each axis is read by a stride of 0. */
const still = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean())

function checkBinary(
  kernels: Kernels,
  name: string,
  shape: number[],
  a: Float32Array,
  b: Float32Array,
  still: boolean[][],
) {
  kernels.reset()
  const strides = still.map((flags) => stridesOf(shape).map((stride, axis) => (flags[axis] ? 0 : stride)))
  const [from, by, to] = [kernels.place(a), kernels.place(b), kernels.place(sizeOf(shape))]
  const addresses = [from, by, to].map((array) => array.byteOffset)
  kernels.call[name]!(...addresses, ...shape, ...strides.flat())
  const want = new Float32Array(to.length)
  let next = 0
  walk(shape, strides[0]!, strides[1]!, (i, j) => {
    want[next++] = binaries[name]!(a[i]!, b[j]!)
  })
  expect(difference(to, want)).toBe('')
  expect(kernels.intact()).toBe(true)
}

describe.each(builds.map((kernels) => [kernels.name, kernels] as const))('%s kernels', (_, kernels) => {
  test.each(Object.keys(binaries))('%s by strides, bit for bit', (name) => {
    fc.assert(
      fc.property(few, few, length, still, still, (outer, mid, inner, stillA, stillB) => {
        const shape = [outer, mid, inner]
        const n = sizeOf(shape)
        checkBinary(kernels, name, shape, normals(n, 1), normals(n, 2), [stillA, stillB])
      }),
      { ...settings, numRuns: 40 },
    )
    const pairs = special.flatMap((a) => special.map((b) => [a, b] as const))
    const [a, b] = [0, 1].map((side) => Float32Array.from(pairs, (pair) => pair[side]!))
    checkBinary(kernels, name, [1, 1, pairs.length], a!, b!, [[], []])
  })

  test('powers of halves', () => {
    fc.assert(
      fc.property(length, fc.integer({ min: -12, max: 12 }), (n, halves) => {
        kernels.reset()
        const x = kernels.place(normals(n, 3).map((v) => Math.abs(v) + 0.3))
        const y = kernels.place(n)
        kernels.call.powerOfHalves!(x.byteOffset, y.byteOffset, n, halves)
        const want = Float64Array.from(x, (v) => v ** (halves / 2))
        expect(worst(y, want, want)).toBeLessThan(2e-6)
        expect(kernels.intact()).toBe(true)
      }),
      settings,
    )
  })

  test('any power', () => {
    kernels.reset()
    const x = kernels.place(special.concat([0.3, 7, -2]))
    const y = kernels.place(x.length)
    for (const exponent of [0.3, -1.7, 33.1]) {
      kernels.call.power!(x.byteOffset, y.byteOffset, x.length, exponent)
      for (const [i, v] of x.entries()) {
        const want = Math.fround(v ** exponent)
        if (Number.isNaN(want)) expect(y[i]).toBeNaN()
        else expect(y[i] === want || Math.abs(y[i]! / want - 1) < 1e-6, `${v} ** ${exponent}`).toBe(true)
      }
    }
    expect(kernels.intact()).toBe(true)
  })

  test('where', () => {
    kernels.reset()
    const c = special.concat(special, special, [2])
    const [condition, a, b] = [
      kernels.place(c),
      kernels.place(normals(c.length, 1)),
      kernels.place(normals(c.length, 2)),
    ]
    const y = kernels.place(c.length)
    kernels.call.where!(condition.byteOffset, a.byteOffset, b.byteOffset, y.byteOffset, c.length)
    expect([...y]).toEqual(c.map((v, i) => (v ? a[i] : b[i])))
    expect(kernels.intact()).toBe(true)
  })

  const reductions: Record<string, (a: number, b: number) => number> = {
    sum: (a) => a,
    sumSquares: (a) => a * a,
    sumProducts: (a, b) => a * b,
  }
  const extents = fc.oneof(
    fc.tuple(extent, extent, extent, extent, fc.integer({ min: 1, max: 40 })),
    fc.tuple(fc.constantFrom(1, 3), fc.constantFrom(1, 2), extent, length, fc.constant(1)),
  )
  test.each(Object.keys(reductions))('%s over [k0, r1, k2, r3, k4]', (name) => {
    fc.assert(
      fc.property(extents, fc.boolean(), (shape, shared) => {
        kernels.reset()
        const [k0, r1, k2, r3, k4] = shape
        const each = r1 * k2 * r3 * k4
        const x = kernels.place(normals(k0 * each, 1))
        const y = kernels.place(normals(k0 * each, 2))
        const out = kernels.place(k0 * k2 * k4)
        if (name === 'sumProducts')
          kernels.call[name]!(x.byteOffset, y.byteOffset, out.byteOffset, ...shape, shared ? 0 : each)
        else kernels.call[name]!(x.byteOffset, out.byteOffset, ...shape)
        const [want, scale] = [new Float64Array(out.length), new Float64Array(out.length)]
        const kept = [k2 * k4, 0, k4, 0, 1]
        const yStrides = stridesOf(shape).map((stride, axis) => (axis === 0 && shared ? 0 : stride))
        let next = 0
        walk(shape, kept, yStrides, (to, at) => {
          const term = reductions[name]!(x[next++]!, y[at]!)
          want[to]! += term
          scale[to]! += Math.abs(term)
        })
        expect(worst(out, want, scale)).toBeLessThan(1e-6)
        expect(kernels.intact()).toBe(true)
      }),
      settings,
    )
  })

  test('max over [k0, r1, k2, r3, k4]; NaN wins', () => {
    fc.assert(
      fc.property(extents, (shape) => {
        kernels.reset()
        const [k0, , k2, , k4] = shape
        const values = normals(sizeOf(shape), 1).map((v, i) => (i % 11 === 3 ? nan : v))
        const x = kernels.place(values)
        const out = kernels.place(k0 * k2 * k4)
        kernels.call.max!(x.byteOffset, out.byteOffset, ...shape)
        const want = new Float32Array(out.length).fill(-oo)
        walk(shape, [k2 * k4, 0, k4, 0, 1], stridesOf(shape), (to, from) => {
          if (values[from]! > want[to]! || Number.isNaN(values[from]!)) want[to] = values[from]!
        })
        expect(difference(out, want)).toBe('')
        expect(kernels.intact()).toBe(true)
      }),
      settings,
    )
  })

  test('strided copies', () => {
    fc.assert(
      fc.property(
        fc.tuple(extent, extent, extent, extent, fc.integer({ min: 1, max: 20 })),
        fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
        fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        (shape, orderX, orderY, repeated) => {
          kernels.reset()
          // Strides of an array whose axes lie in another order, and 0 where x is repeated.
          const laid = (order: number[]) => {
            const own = stridesOf(order.map((axis) => shape[axis]!))
            return shape.map((_, axis) => own[order.indexOf(axis)]!)
          }
          const xs = laid(orderX).map((stride, axis) => (repeated[axis] ? 0 : stride))
          const ys = laid(orderY)
          const x = kernels.place(normals(sizeOf(shape), 1))
          const y = kernels.place(sizeOf(shape))
          kernels.call.copyStrided!(x.byteOffset, y.byteOffset, ...shape, ...xs, ...ys)
          const want = new Float32Array(y.length)
          walk(shape, xs, ys, (from, to) => {
            want[to] = x[from]!
          })
          expect(difference(y, want)).toBe('')
          expect(kernels.intact()).toBe(true)
        },
      ),
      settings,
    )
  })

  test('accumulation in float64', () => {
    for (const n of [1, 2, 3, 4, 5, 17, 64, 130]) {
      kernels.reset()
      const terms = kernels.place(normals(n, n))
      const doubles = (value: (i: number) => number) => {
        const { buffer, byteOffset } = kernels.place(2 * n)
        const array = new Float64Array(buffer, byteOffset, n)
        for (let i = 0; i < n; i++) array[i] = value(i)
        return array
      }
      const [into, more] = [doubles((i) => 1e8 + i), doubles((i) => i / 3)]
      kernels.call.accumulate!(into.byteOffset, terms.byteOffset, n)
      kernels.call.accumulateDouble!(into.byteOffset, more.byteOffset, n)
      expect([...into]).toEqual(Array.from(terms, (t, i) => 1e8 + i + t + i / 3))
      expect(kernels.intact()).toBe(true)
    }
  })

  test('fill', () => {
    for (const n of [1, 3, 4, 7, 33]) {
      kernels.reset()
      const x = kernels.place(n)
      kernels.call.fill!(x.byteOffset, n, 2.5)
      expect([...x]).toEqual(new Array(n).fill(2.5))
      expect(kernels.intact()).toBe(true)
    }
  })
})
