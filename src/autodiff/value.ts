import { expectShape, formatShape, type Shape, sameShape } from './shape.ts'

export type DType = 'float' | 'index'
export type FloatArray = Float32Array | Float64Array
export type NumericArray = FloatArray | Int32Array

/**
 * How axis 0 of a value relates to the samples of a batch.
 *
 * - `shared`: the same for every sample (parameters and what is computed from them alone);
 * - `each`: row i belongs to sample i and depends on no other sample;
 * - `coupledBy`: samples are mixed, by the operation that is named, in the layer of that path where it is part of one.
 */
export type Sampling = 'shared' | 'each' | { readonly coupledBy: string; readonly layer?: string }

/** A node of the traced computation. Values are immutable and know only their inputs, so a graph is its outputs. */
export interface Value<A = unknown> {
  readonly operation: Operation<A>
  readonly inputs: readonly Value[]
  readonly attributes: A
  readonly shape: Shape
  readonly dtype: DType
  readonly sampling: Sampling
}

/**
 * Everything that is known about an operation, in one row: shapes, meaning, gradient and, where it may consume
 * parameters, the per-sample form of that gradient. A row without a gradient does not compile.
 */
export interface Operation<A = unknown> {
  readonly name: string
  /** Shape of the result; throws a `ShapeError` that names the operation, the shapes and the broken rule. */
  shape(inputs: readonly Value[], attributes: A): Shape
  /** Defaults to float; `same` as the first input where elements are only moved. */
  readonly dtype?: DType | 'same'
  /** Defaults to `rowwise`: row i of the result depends on row i of the inputs. */
  sampling?(inputs: readonly Value[], attributes: A, shape: Shape): Sampling
  /** The naive meaning, in plain loops: the reference backend, and the oracle of every fast kernel. */
  evaluate(out: NumericArray, inputs: readonly NumericArray[], value: Value<A>): void
  /** Cotangents of the inputs from that of the result, written in operations; null where there is none. */
  vjp(value: Value<A>, cotangent: Value): readonly (Value | null)[]
  /** The same rule without the sum over the batch, for the input at `index`; null where it does not apply. */
  perSample?(value: Value<A>, index: number, cotangent: Value): PerSampleRule | null
}

/** Per-sample gradients g_i of one parameter, B samples, and cheaper ways to what is asked of them. */
export interface PerSampleRule {
  /** The gradients themselves, [B, ...shape of the parameter]. */
  gradients(): Value
  /** ‖g_i‖², [B]. */
  norms?(): Value
  /** Σ_i g_i∘g_i, the shape of the parameter. */
  squares?(): Value
  /** ⟨g_i, direction⟩, [B]. */
  projections?(direction: Value): Value
}

/** Row i of the result depends on row i of the inputs alone. */
export function rowwise(inputs: readonly Value[]): Sampling {
  let sampling: Sampling = 'shared'
  for (const input of inputs) {
    if (typeof input.sampling === 'object') return input.sampling
    if (input.sampling === 'each') sampling = 'each'
  }
  return sampling
}

/** `rowwise` while `holds`; otherwise an operation that meets per-sample rows mixes them. */
export function rowwiseIf(holds: boolean, inputs: readonly Value[], name: string): Sampling {
  const sampling = rowwise(inputs)
  return sampling === 'each' && !holds ? { coupledBy: name } : sampling
}

/** How the result of an operation relates to the samples. */
export const samplingOf = <A>(
  operation: Operation<A>,
  inputs: readonly Value[],
  attributes: A,
  shape: Shape,
): Sampling => operation.sampling?.(inputs, attributes, shape) ?? rowwise(inputs)

/** Applies an operation to values: the one way in which nodes come to be. */
export function apply<A>(operation: Operation<A>, inputs: readonly Value[], attributes: A): Value<A> {
  const shape = operation.shape(inputs, attributes)
  const sampling = samplingOf(operation, inputs, attributes, shape)
  const dtype = operation.dtype === 'same' ? inputs[0]!.dtype : (operation.dtype ?? 'float')
  return { operation, inputs, attributes, shape, dtype, sampling }
}

/** Where a leaf reads: `size` elements from `offset` in the array that is bound to the name `buffer`. */
export interface LeafAttributes {
  readonly buffer: string
  readonly offset: number
  readonly shape: Shape
  readonly dtype: DType
  readonly sampling: 'shared' | 'each'
  /** Of indices: all are smaller; absent where nothing is known. */
  readonly below?: number
}

const leafOperation: Operation<LeafAttributes> = {
  name: 'leaf',
  shape: (_, { shape }) => shape,
  evaluate: () => {
    throw new Error('leaf: a leaf is bound to a buffer, not evaluated')
  },
  vjp: () => [],
}

/** A value that is read from a named buffer: parameters, samples, directions. */
export function leaf(attributes: LeafAttributes): Value<LeafAttributes> {
  const { shape, dtype, sampling } = attributes
  return { operation: leafOperation, inputs: [], attributes, shape, dtype, sampling }
}

/** The number that all indices of a value are known to be smaller than; undefined where nothing is known. */
export function boundOf(indices: Value): number | undefined {
  if (isLeaf(indices)) return indices.attributes.below
  return indices.operation.dtype === 'same' ? boundOf(indices.inputs[0]!) : undefined
}

/**
 * Throws where indices may reach beyond what they choose from: fast kernels read and write where they say.
 *
 * @param what what they choose from, with its size n
 */
export function expectBelow(operation: string, indices: Value, n: number, what: string): void {
  const bound = boundOf(indices)
  expectShape(
    bound === undefined || bound <= n,
    operation,
    () => `indices reach ${bound! - 1}, ${what} has 0 … ${n - 1}`,
  )
}

export const isLeaf = (value: Value): value is Value<LeafAttributes> =>
  (value as Value<LeafAttributes>).operation === leafOperation

const constantOperation: Operation<{ readonly value: number; readonly shape: Shape }> = {
  name: 'constant',
  shape: (_, { shape }) => shape,
  evaluate: (out, _, { attributes }) => void out.fill(attributes.value),
  vjp: () => [],
}

/** The same number everywhere. */
export const constant = (value: number, shape: Shape = []): Value => apply(constantOperation, [], { value, shape })

/** The number that fills a constant, or undefined for any other value. */
export const constantOf = (value: Value): number | undefined =>
  value.operation === constantOperation ? (value.attributes as { value: number }).value : undefined

/** Throws unless both shapes are equal. */
export function expectSameShape(operation: string, a: Value, b: Value): void {
  expectShape(
    sameShape(a.shape, b.shape),
    operation,
    () => `shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} must be equal`,
  )
}

/** The values that `outputs` depend on, each after its inputs. */
export function topologicalOrder(outputs: readonly Value[]): Value[] {
  const order: Value[] = []
  const seen = new Set<Value>()
  // An explicit stack: a deep network must not exhaust the call stack.
  const stack: { value: Value; next: number }[] = []
  for (const output of outputs) {
    if (seen.has(output)) continue
    seen.add(output)
    stack.push({ value: output, next: 0 })
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!
      const input = top.value.inputs[top.next++]
      if (input === undefined) {
        order.push(top.value)
        stack.pop()
      } else if (!seen.has(input)) {
        seen.add(input)
        stack.push({ value: input, next: 0 })
      }
    }
  }
  return order
}
