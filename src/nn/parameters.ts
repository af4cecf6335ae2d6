import { type Shape, sizeOf } from '../autodiff/shape.ts'
import { leaf, type Value } from '../autodiff/value.ts'
import { ConfigurationError } from '../errors.ts'
import { type Random, random } from '../random.ts'

/** A parameter array, before it has a place: its name (as PyTorch's state dict has it), shape and first values. */
export interface ParameterSpec {
  readonly name: string
  readonly shape: Shape
  readonly initialise: Initialiser
}

/** Fills `values` with the first values of a parameter. */
export type Initialiser = (values: Float64Array, random: Random) => void

/** Uniform on (−1/√fanIn, 1/√fanIn): PyTorch's default for linear and convolution layers, weights and biases alike. */
export const uniformFanIn =
  (fanIn: number): Initialiser =>
  (values, { uniform }) => {
    const bound = 1 / Math.sqrt(fanIn)
    for (let i = 0; i < values.length; i++) values[i] = (2 * uniform() - 1) * bound
  }
export const filled =
  (value: number): Initialiser =>
  (values) =>
    void values.fill(value)
export const gaussian =
  (deviation: number): Initialiser =>
  (values, { normal }) => {
    for (let i = 0; i < values.length; i++) values[i] = deviation * normal()
  }

/** A parameter in its place in the flat vector x ∈ R^d. */
export interface ParameterSlot {
  readonly name: string
  readonly shape: Shape
  readonly offset: number
  readonly size: number
}

/** Where each parameter lies in x; offsets ascend without gaps. */
export interface ParameterLayout {
  readonly slots: readonly ParameterSlot[]
  /** d */
  readonly size: number
}

export function layOutParameters(specs: readonly ParameterSpec[]): ParameterLayout {
  let size = 0
  const names = new Set<string>()
  const slots = specs.map(({ name, shape }) => {
    if (names.has(name)) throw new ConfigurationError(`parameters: the name ${name} occurs twice`)
    names.add(name)
    const slot = { name, shape, offset: size, size: sizeOf(shape) }
    size += slot.size
    return slot
  })
  return { slots, size }
}

/** First values of all parameters, flat; each parameter draws from a stream of its own. */
export function initialise(specs: readonly ParameterSpec[], seed: number | string): Float64Array {
  const { slots, size } = layOutParameters(specs)
  const values = new Float64Array(size)
  for (const [i, { offset, size }] of slots.entries())
    specs[i]!.initialise(values.subarray(offset, offset + size), random(seed, 'initialise', specs[i]!.name))
  return values
}

/** Traced parameters by name. */
export type Parameters = (name: string) => Value

/** Leaves for all parameters, read from the array that is bound to `buffer` (the parameters, or a direction like them). */
export function parameterLeaves(layout: ParameterLayout, buffer: string): Map<string, Value> {
  return new Map(
    layout.slots.map(({ name, shape, offset }) => [
      name,
      leaf({ buffer, offset, shape, dtype: 'float', sampling: 'shared' }),
    ]),
  )
}
