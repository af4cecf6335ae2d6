import { integer, type Kernel, kernel, position, type ScalarType } from './kernel.ts'

/** An array on the device, by number; the plan knows its length and where it lies. */
export type ArrayId = number

/**
 * A formula for element i of something that need not be stored: it is put into the kernel that uses it.
 *
 * `code` reads the index `i`; `{a0}` stands for the first of `arrays`, `{s0}` for the first of `scalars`.
 */
export interface Expression {
  readonly code: string
  readonly arrays: readonly ArrayId[]
  readonly scalars: readonly Scalar[]
}

export interface Scalar {
  readonly type: ScalarType
  readonly value: number
}

/** WebGPU promises 8 storage buffers to a kernel, and one of them is the result. */
export const MOST_ARRAYS = 6

/** Element i of an array. */
export const element = (array: ArrayId): Expression => ({ code: '{a0}[i]', arrays: [array], scalars: [] })

/** The same number everywhere. */
export const number = (value: number): Expression => ({
  code: '{s0}',
  arrays: [],
  scalars: [{ type: 'Float', value }],
})

/** An array of `size` elements, each repeated `inner` times, and all of that over and over, `total` in all. */
export function repeated(array: ArrayId, inner: number, size: number, total: number): Expression {
  const scalars: Scalar[] = []
  if (size === 1) return { code: '{a0}[0]', arrays: [array], scalars }
  const extent = (value: number) => `{s${scalars.push({ type: 'Integer', value }) - 1}}`
  const outer = inner === 1 ? 'i' : `quotient(i, ${extent(inner)})`
  if (inner * size === total) return { code: `{a0}[${outer}]`, arrays: [array], scalars }
  const period = extent(size)
  const index = `${outer} - quotient(${outer}, ${period}) * ${period}`
  return { code: `{a0}[${index}]`, arrays: [array], scalars }
}

/** `template` with `$0`, `$1`, … replaced by the operands. */
export function combine(template: string, ...operands: readonly Expression[]): Expression {
  const arrays: ArrayId[] = []
  const scalars: Scalar[] = []
  const codes = operands.map(({ code, ...operand }) => {
    const first = scalars.length
    scalars.push(...operand.scalars)
    const positions = operand.arrays.map((array) => {
      if (!arrays.includes(array)) arrays.push(array)
      return arrays.indexOf(array)
    })
    return code
      .replaceAll(/\{a(\d+)\}/g, (_, n) => `{a${positions[Number(n)]}}`)
      .replaceAll(/\{s(\d+)\}/g, (_, n) => `{s${first + Number(n)}}`)
  })
  return { code: template.replaceAll(/\$(\d)/g, (_, n) => codes[Number(n)]!), arrays, scalars }
}

/** x². */
export const square = (x: Expression): Expression => combine('square($0)', x)

const arrayNames = (n: number): string[] => Array.from({ length: n }, (_, i) => `a${i}`)
const scalarTypes = (scalars: readonly Scalar[]): Record<string, ScalarType> =>
  Object.fromEntries(scalars.map(({ type }, i) => [`s${i}`, type]))
const written = (code: string): string => code.replaceAll(/[{}]/g, '')

/** Stores element i of an expression for every i. */
export function elementwiseKernel({ code, arrays, scalars }: Expression): Kernel {
  return kernel(
    'elementwise',
    arrayNames(arrays.length),
    scalarTypes(scalars),
    `${integer('i', position)}\nreturn ${written(code)};`,
  )
}

/**
 * Reduces the middle one of three axes, of extents [A, R, C], to P parts: part p takes the elements p, p + P, p + 2P, …
 * of it, so that neighbouring threads read neighbouring elements. The result is [A, P, C].
 */
export function reduceKernel({ code, arrays, scalars }: Expression, by: 'sum' | 'max'): Kernel {
  const value = written(code)
  return kernel(
    by,
    arrayNames(arrays.length),
    { ...scalarTypes(scalars), extent: 'Integer', parts: 'Integer', columns: 'Integer' },
    `${integer('outer', `quotient(${position}, columns)`)}
    ${integer('row', 'quotient(outer, parts)')}
    ${integer('part', 'outer - row * parts')}
    ${integer('i', `(row * extent + part) * columns + ${position} - outer * columns`)}
    let result = ${by === 'sum' ? '0.0' : value};
    ${integer('count', 'quotient(extent - part + parts - 1, parts)')}
    for (let k = 0; k < count; k++) {
      ${by === 'sum' ? `result += ${value};` : `result = larger(result, ${value});`}
      i = i + parts * columns;
    }
    return result;`,
  )
}
