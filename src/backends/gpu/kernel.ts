// Kernels are text in the subset of JavaScript that gpu.js translates: text, because a function would be rewritten by
// minifiers and instrumenters before gpu.js reads its source. All arrays are flat, every kernel computes one element of
// a flat result, and extents come in as arguments, so one translation serves every shape where the device allows it.

export type ScalarType = 'Integer' | 'Float'

export interface Kernel {
  readonly name: string
  readonly arrays: readonly string[]
  /** Arguments after the arrays, in order. */
  readonly scalars: Readonly<Record<string, ScalarType>>
  /** `function (a, b, n) { … }`, as gpu.js takes it. */
  readonly source: string
}

export function kernel(
  name: string,
  arrays: readonly string[],
  scalars: Readonly<Record<string, ScalarType>>,
  body: string,
): Kernel {
  return {
    name,
    arrays,
    scalars,
    source: `function (${[...arrays, ...Object.keys(scalars)].join(', ')}) {\n${body}\n}`,
  }
}

/** Integer arguments by name. */
export const integers = <const N extends string>(...names: readonly N[]): Record<N, 'Integer'> =>
  Object.fromEntries(names.map((name) => [name, 'Integer'])) as Record<N, 'Integer'>

/**
 * Declares an integer variable.
 *
 * gpu.js declares a variable as a float, even one that is initialised by an integer, and indices beyond 2²⁴ would lose
 * their last digits. A variable that is somewhere incremented by `++` is an integer; the store after it undoes that.
 */
export const integer = (name: string, value: string): string => `let ${name} = 0;\n${name}++;\n${name} = ${value};`

/** The element that a thread computes. Counters of loops that follow each other need different names. */
export const position = 'this.thread.x'
