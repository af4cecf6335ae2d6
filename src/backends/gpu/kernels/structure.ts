import { integer, type Kernel, kernel, position, type ScalarType } from '../kernel.ts'

/** Extents and strides of a strided copy, without axes that need not be told apart. */
export interface Strided {
  readonly extents: readonly number[]
  readonly strides: readonly number[]
}

/** Axes of extent 1 go; neighbours that are one run in the source become one axis. */
export function collapse(shape: readonly number[], strides: readonly number[]): Strided {
  const extents: number[] = []
  const steps: number[] = []
  for (const [axis, extent] of shape.entries()) {
    if (extent === 1) continue
    const stride = strides[axis]!
    const last = extents.length - 1
    if (last >= 0 && steps[last] === stride * extent) {
      extents[last]! *= extent
      steps[last] = stride
    } else {
      extents.push(extent)
      steps.push(stride)
    }
  }
  return extents.length === 0 ? { extents: [1], strides: [1] } : { extents, strides: steps }
}

const named = (...groups: [prefix: string, n: number][]): Record<string, ScalarType> =>
  Object.fromEntries(groups.flatMap(([prefix, n]) => Array.from({ length: n }, (_, i) => [`${prefix}${i}`, 'Integer'])))

/** The axes of a position in row-major order, from the last to the first: each time `rest` is what is left. */
function peel(rank: number, visit: (axis: number, index: string) => string): string {
  const lines = [integer('rest', position), integer('above', '0')]
  for (let axis = rank - 1; axis > 0; axis--)
    lines.push(`above = quotient(rest, n${axis});`, visit(axis, `(rest - above * n${axis})`), 'rest = above;')
  lines.push(visit(0, 'rest'))
  return lines.join('\n')
}

/** Element (i₀, i₁, …) comes from `offset` + Σ iₖ·strideₖ. Arguments: offset, extents, strides. */
export function stridedKernel(rank: number): Kernel {
  return kernel(
    'strided',
    ['a'],
    { offset: 'Integer', ...named(['n', rank], ['d', rank]) },
    `${integer('from', 'offset')}
    ${peel(rank, (axis, index) => `from = from + ${index} * d${axis};`)}
    return a[from];`,
  )
}

/** The source lies within zeros: `m` are its extents, `n` those of the result, `o` how many zeros go before. */
export function padKernel(rank: number): Kernel {
  return kernel(
    'pad',
    ['a'],
    named(['n', rank], ['m', rank], ['o', rank]),
    `${integer('from', '0')}
    ${integer('stride', '1')}
    ${integer('index', '0')}
    ${peel(
      rank,
      (axis, index) => `index = ${index} - o${axis};
      if (index < 0) { return 0.0; }
      if (index >= m${axis}) { return 0.0; }
      from = from + index * stride;
      stride = stride * m${axis};`,
    )}
    return a[from];`,
  )
}
