import { describe, expect, test } from 'vitest'
import { erf } from '../../src/autodiff/erf.ts'
import { builds, type Kernels } from './load.ts'

/** Distance in units of the last place of float32. */
function ulps(got: number, want: number): number {
  const rounded = Math.fround(want)
  if (Object.is(got, rounded) || (got === 0 && rounded === 0)) return 0
  if (!Number.isFinite(rounded)) return Number.POSITIVE_INFINITY
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(want) || Number.MIN_VALUE)))
  return Math.abs(got - want) / 2 ** (exponent - 23)
}

/** `count` points from `from` to `to`, also crowded near 0 on a logarithmic scale. */
function points(from: number, to: number, count: number): Float32Array {
  const reach = Math.max(Math.abs(from), Math.abs(to))
  return Float32Array.from({ length: 2 * count }, (_, i) => {
    if (i < count) return from + ((to - from) * (i + 0.37)) / count
    const size = reach * 10 ** ((-12 * (i - count)) / count)
    const signed = from < 0 && i % 2 ? -size : size
    return Math.min(to, Math.max(from, signed))
  })
}

const run = (kernels: Kernels, name: string, x: ArrayLike<number>): Float32Array => {
  kernels.reset()
  const from = kernels.place(x)
  const to = kernels.place(x.length)
  kernels.call[name]!(from.byteOffset, to.byteOffset, x.length)
  expect(kernels.intact()).toBe(true)
  return to.slice()
}

const { log1p } = Math
/** Function, exact value, domain, and the largest error that is accepted, in units of the last place. */
const functions: [name: string, exact: (x: number) => number, from: number, to: number, ulps: number][] = [
  ['exp', Math.exp, -104, 88.7, 1.5],
  ['log', Math.log, 1e-38, 3e38, 1.5],
  ['log', Math.log, 0.5, 2, 1.5],
  ['log1p', log1p, -0.999, 3, 2],
  ['log1p', log1p, 3, 1e30, 2],
  ['tanh', Math.tanh, -10, 10, 2],
  ['sigmoid', (x) => 1 / (1 + Math.exp(-x)), -100, 100, 3],
  ['softplus', (x) => Math.max(x, 0) + log1p(Math.exp(-Math.abs(x))), -100, 100, 3],
  ['erf', erf, -5, 5, 2],
]
const waves: [name: string, exact: (x: number) => number][] = [
  ['sin', Math.sin],
  ['cos', Math.cos],
]

describe.each(builds.map((kernels) => [kernels.name, kernels] as const))('elementary functions, %s', (_, kernels) => {
  test.each(functions)('%s', (name, exact, from, to, bound) => {
    const x = points(from, to, 20_000)
    const got = run(kernels, name, x)
    let [worst, where] = [0, Number.NaN]
    for (const [i, y] of got.entries()) {
      const error = ulps(y, exact(x[i]!))
      if (!(error <= worst)) [worst, where] = [error, x[i]!]
    }
    expect(worst, `at ${where}`).toBeLessThanOrEqual(bound)
  })

  // Near its zeros a sine has no relative accuracy to give: its argument is a float32. There, the error is absolute.
  test.each(waves)('%s', (name, exact) => {
    for (const reach of [10, 1e4, 1e10, 3e38]) {
      const x = points(-reach, reach, 5_000)
      const got = run(kernels, name, x)
      const worst = Math.max(...got.map((y, i) => Math.abs(y - exact(x[i]!))))
      expect(worst, `up to ${reach}`).toBeLessThanOrEqual(1.2e-7)
    }
  })

  test('special values', () => {
    const { POSITIVE_INFINITY: oo, NaN: nan } = Number
    const cases: Record<string, [x: number, y: number][]> = {
      exp: [
        [oo, oo],
        [-oo, 0],
        [1000, oo],
        [-1000, 0],
        [0, 1],
        [-0, 1],
        [-103, Math.fround(Math.exp(-103))],
      ],
      log: [
        [0, -oo],
        [-0, -oo],
        [-1, nan],
        [oo, oo],
        [1, 0],
        [1e-45, Math.fround(Math.log(2 ** -149))],
      ],
      log1p: [
        [-1, -oo],
        [-2, nan],
        [oo, oo],
        [1e-30, Math.fround(1e-30)],
        [-0, -0],
      ],
      tanh: [
        [oo, 1],
        [-oo, -1],
        [1e-30, Math.fround(1e-30)],
        [-0, -0],
      ],
      sigmoid: [
        [oo, 1],
        [-oo, 0],
        [0, 0.5],
      ],
      softplus: [
        [oo, oo],
        [-oo, 0],
        [200, 200],
      ],
      erf: [
        [oo, 1],
        [-oo, -1],
        [-0, -0],
        [7, 1],
      ],
      sin: [
        [oo, nan],
        [0, 0],
        [-0, -0],
      ],
      cos: [
        [-oo, nan],
        [0, 1],
      ],
      sqrt: [
        [-1, nan],
        [oo, oo],
        [-0, -0],
      ],
      reciprocal: [
        [0, oo],
        [-0, -oo],
        [oo, 0],
      ],
      sign: [
        [-0, -0],
        [-oo, -1],
        [3, 1],
      ],
      relu: [
        [-oo, 0],
        [oo, oo],
        [-3, 0],
      ],
      abs: [
        [-oo, oo],
        [-0, 0],
      ],
    }
    for (const [name, table] of Object.entries(cases)) {
      const all = [...table, [nan, nan]]
      // Once in whole vectors and once in the ragged end.
      const x = [...all, ...all, ...all].map(([a]) => a!)
      expect([...run(kernels, name, x)], name).toEqual([...all, ...all, ...all].map(([, b]) => b))
    }
  })
})
