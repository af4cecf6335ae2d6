import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cosineOfTurns, exponentOf, log, power, powerOfTwo } from '../src/elementary.ts'
import {
  type Exact,
  exactCosineOfTurns,
  exactLn2,
  exactLog,
  exactly,
  exactPower,
  exactTau,
  ulps,
} from './support/exact-functions.ts'

const { MAX_VALUE, MIN_VALUE, NaN: nan, POSITIVE_INFINITY: infinity } = Number

/** f is within so many units in the last place of the exact value, for arguments as they are drawn. */
function near<Ts extends number[]>(
  within: number,
  f: (...x: Ts) => number,
  exact: (...x: Ts) => Exact,
  arguments_: fc.Arbitrary<Ts>,
  runs = 1000,
) {
  const holds = (x: Ts) => void expect(ulps(f(...x), exact(...x)), `f(${x})`).toBeLessThan(within)
  fc.assert(fc.property(arguments_, holds), { seed: 1, numRuns: runs })
}
const between = (min: number, max: number) => fc.double({ min, max, noNaN: true })

describe('the oracle', () => {
  it('knows the constants', () => {
    expect(ulps(Math.LN2, exactLn2())).toBeLessThan(0.5)
    expect(ulps(2 * Math.PI, exactTau())).toBeLessThan(0.5)
    expect(ulps(Math.log(10), exactLog(10))).toBeLessThan(1)
    expect(ulps(-0.5, exactCosineOfTurns(-1 / 3))).toBeLessThan(4)
    expect(ulps(Math.SQRT2, exactPower(2, 0.5))).toBeLessThan(0.5)
    expect(ulps(MAX_VALUE, exactPower(MAX_VALUE, 1))).toBeLessThan(1e-9)
  })

  it('counts units in the last place', () => {
    expect(ulps(1 + Number.EPSILON, exactly(1))).toBe(1)
    expect(ulps(1, exactly(1 + 2 * Number.EPSILON))).toBe(2)
    expect(ulps(3 * MIN_VALUE, exactly(MIN_VALUE))).toBe(2)
    expect(ulps(-1, exactly(1))).toBe(2 ** 53)
  })
})

describe('exponents', () => {
  it('are read and written exactly', () => {
    for (let n = -1074; n < 1024; n++) {
      const x = powerOfTwo(n)
      expect(exactly(x)).toEqual(exactly(2 ** n))
      expect(exponentOf(x)).toBe(n)
      if (n > -1074) expect(exponentOf(x - x * 2 ** -53 || MIN_VALUE)).toBe(n > -1022 ? n - 1 : n)
    }
    expect([powerOfTwo(1024), powerOfTwo(1e9), powerOfTwo(-1075), powerOfTwo(-1e9)]).toEqual([infinity, infinity, 0, 0])
    expect(exponentOf(MAX_VALUE)).toBe(1023)
  })
})

describe('log', () => {
  it('is exact to 0.8 units in the last place', () => {
    near(0.8, log, exactLog, fc.tuple(between(MIN_VALUE, MAX_VALUE)))
    near(0.8, log, exactLog, fc.tuple(between(0.3, 3)), 3000)
    near(0.8, log, exactLog, fc.tuple(between(-1e-3, 1e-3).map((x) => 1 + x)))
  })

  it('knows the edges', () => {
    expect(Object.is(log(1), 0)).toBe(true)
    expect([log(0), log(-0), log(infinity)]).toEqual([-infinity, -infinity, infinity])
    expect([log(-1), log(-infinity), log(nan)]).toEqual([nan, nan, nan])
    expect(log(2)).toBe(Math.LN2)
  })
})

describe('cosineOfTurns', () => {
  it('is exact to 0.9 units in the last place', () => {
    near(0.9, cosineOfTurns, exactCosineOfTurns, fc.tuple(between(0, 1)))
    const uniform = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    near(0.9, cosineOfTurns, exactCosineOfTurns, fc.tuple(uniform.map((k) => k / 2 ** 32)), 3000)
    near(0.9, cosineOfTurns, exactCosineOfTurns, fc.tuple(between(-1e6, 1e6)))
  })

  it('knows the edges', () => {
    const eighths = [1, Math.SQRT1_2, 0, -Math.SQRT1_2, -1, -Math.SQRT1_2, 0, Math.SQRT1_2]
    for (let k = -16; k <= 16; k++) expect(cosineOfTurns(k / 8) + 0, `${k}/8`).toBeCloseTo(eighths[(k + 16) % 8]!, 15)
    expect([0, 0.25, 0.5, 0.75, 1, 1e300, MIN_VALUE].map((u) => Math.abs(cosineOfTurns(u)))).toEqual(
      [1, 0, 1, 0, 1, 1, 1], // not nearly, but exactly
    )
    expect([infinity, -infinity, nan].map(cosineOfTurns)).toEqual([nan, nan, nan])
  })
})

describe('power', () => {
  it('is the nearest number, but for ties', () => {
    const count = fc.integer({ min: 1, max: 20_000 })
    near(0.5001, power, exactPower, fc.tuple(between(0.9, 1), count)) // what Adam takes
    near(0.5001, power, exactPower, fc.tuple(between(0.1, 10), fc.integer({ min: 1, max: 300 })))
    near(0.5001, power, exactPower, fc.tuple(between(1, 1e9), between(0, 1)))
    near(0.5001, power, exactPower, fc.tuple(between(0.01, 100), between(0, 100)))
    near(0.5001, power, exactPower, fc.tuple(between(MIN_VALUE, MAX_VALUE), between(0, 1)))
  })

  it('is exact where the result is', () => {
    for (let n = 0; n <= 33; n++) expect(power(3, n)).toBe(Number(3n ** BigInt(n)))
    for (let n = 0; n < 1024; n++) expect(power(2, n)).toBe(powerOfTwo(n))
    expect([power(0.25, 0.5), power(81, 0.75), power(1e-300, 1)]).toEqual([0.5, 27, 1e-300])
  })

  it('goes under and over gently', () => {
    expect([power(0.5, 1074), power(0.5, 1075), power(0.9, 1e6), power(0.999, 2 ** 52)]).toEqual([MIN_VALUE, 0, 0, 0])
    expect([power(2, 1024), power(1.1, 1e15), power(MAX_VALUE, 1), power(MAX_VALUE, 1.1)]).toEqual([
      infinity,
      infinity,
      MAX_VALUE,
      infinity,
    ])
    near(1, power, exactPower, fc.tuple(between(0.1, 0.2), fc.integer({ min: 441, max: 461 })), 100) // subnormal or 0
  })

  it('knows the edges', () => {
    expect([power(0, 0), power(nan, 0), power(0, 2), power(1, 1e300), power(infinity, 0.5)]).toEqual([
      1,
      1,
      0,
      1,
      infinity,
    ])
    expect([power(-1, 2), power(2, -1), power(2, infinity), power(nan, 1), power(2, nan)]).toEqual(Array(5).fill(nan))
  })
})

describe('nothing else rounds as the engine pleases', () => {
  const source = fileURLToPath(new URL('../src/', import.meta.url))
  const free = /Math\.(a?(?:cos|sin|tan)h?|atan2|cbrt|exp(?:m1)?|hypot|log(?:1p|2|10)?|pow)\b|\*\*/g
  const comments = /\/\*[\s\S]*?\*\/|\/\/.*/g
  // Powers of two are exact everywhere; the size of a piece of memory is no number of a run.
  const allowed = /\b2 \*\* \d+|2 \*\* Math\.ceil\(Math\.log2\(bytes\)\)/g

  async function calls(file: string): Promise<string[]> {
    const code = (await readFile(join(source, file), 'utf8')).replaceAll(comments, '').replaceAll(allowed, '')
    return [...code.matchAll(free)].map(([call]) => `${file}: ${call}`)
  }

  it('sees what it looks for', async () => {
    expect(await calls('autodiff/operations/elementwise.ts')).toContain('autodiff/operations/elementwise.ts: Math.tanh')
    expect(await calls('autodiff/operations/normalise.ts')).toEqual(['autodiff/operations/normalise.ts: **'])
  })

  // All that the bits of a run depend on. Elsewhere numbers are only shown, or computed by the float64 reference.
  const layers = 'backends/wasm batch-size data nn optim problems running statistics training'.split(' ')
  it.each([...layers, '.'])('in src/%s', async (layer) => {
    const inside = await readdir(join(source, layer), { recursive: layer !== '.' })
    const files = inside.filter((file) => file.endsWith('.ts'))
    expect(files).not.toEqual([])
    expect((await Promise.all(files.map((file) => calls(join(layer, file))))).flat()).toEqual([])
  })
})
