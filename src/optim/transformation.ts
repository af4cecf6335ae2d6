import { ConfigurationError, ShapeError } from '../errors.ts'
import type { Config } from '../validate.ts'

/** The parameter vector x ∈ R^d and the arrays it is made of, in order and without gaps. */
export interface ParameterLayout {
  readonly slots: readonly {
    readonly name: string
    readonly shape: readonly number[]
    readonly offset: number
    readonly size: number
  }[]
  /** d */
  readonly size: number
}

/** What an optimiser remembers: numbers and float64 arrays by name, nested. It is updated in place. */
export type OptimizerState = { [name: string]: number | Float64Array | OptimizerState }

/** The parameter vector, in the precision of the backend, [d]. */
export type ParameterVector = Float32Array | Float64Array

/**
 * A step of an optimiser: turns one direction into the next, in place (the design of optax).
 *
 * The first direction is the gradient ḡ, the last one is multiplied by the learning rate and subtracted. All memory lies
 * in the state, so that a checkpoint can hold it; `update` allocates nothing.
 */
export interface Transformation<S extends OptimizerState = OptimizerState> {
  readonly name: string
  /** The fully resolved options. */
  readonly config: Config
  /** The state before the first step, for d parameters, or for a layout where it matters which array they are in. */
  init(parameters: ParameterLayout | number): S
  /** `direction` [d] is changed in place, `parameters` [d] are only read. */
  update(direction: Float64Array, state: S, parameters: ParameterVector): void
}

/** d */
export const sizeOf = (parameters: ParameterLayout | number): number =>
  typeof parameters === 'number' ? parameters : parameters.size

/** A frozen transformation. */
export function transformation<S extends OptimizerState>(definition: Transformation<S>): Transformation<S> {
  return Object.freeze({ ...definition, config: Object.freeze(definition.config) })
}

/**
 * Transformations one after the other.
 *
 * @param transformations the first sees the gradient; none at all is gradient descent
 * @example chain(clipByGlobalNorm(1), momentum({ decay: 0.9 }))
 */
export function chain(...transformations: readonly Transformation[]): Transformation {
  // Two of a kind in one chain are told apart by number: momentum, momentum2.
  const names = transformations.map(({ name }, k) => {
    const earlier = transformations.slice(0, k).filter((other) => other.name === name).length
    return earlier === 0 ? name : `${name}${earlier + 1}`
  })
  return transformation({
    name: 'chain',
    config: { transformations: transformations.map(({ name, config }) => ({ name, ...config })) },
    init: (parameters) => Object.fromEntries(transformations.map((each, k) => [names[k], each.init(parameters)])),
    update(direction, state, parameters) {
      for (let k = 0; k < transformations.length; k++) {
        transformations[k].update(direction, state[names[k]] as OptimizerState, parameters)
      }
    },
  })
}

/**
 * A state as one flat record, with paths such as `momentum.buffer` for names: the form for a checkpoint file.
 *
 * The arrays are the state's own, not copies.
 */
export function flattenState(state: OptimizerState, path = ''): Record<string, number | Float64Array> {
  const flat: Record<string, number | Float64Array> = {}
  for (const [name, value] of Object.entries(state)) {
    if (typeof value === 'number' || value instanceof Float64Array) flat[path + name] = value
    else Object.assign(flat, flattenState(value, `${path}${name}.`))
  }
  return flat
}

/**
 * Writes a flat record back into a state that `init` made, in place; every entry has to find its place.
 *
 * @throws ConfigurationError if a name is missing or not wanted: the record is another optimiser's
 * @throws ShapeError if an array has another length: the record is another model's
 */
export function restoreState(state: OptimizerState, flat: Readonly<Record<string, number | Float64Array>>): void {
  const expected = Object.keys(flattenState(state))
  const unknown = Object.keys(flat).filter((name) => !expected.includes(name))
  if (unknown.length > 0) throw new ConfigurationError(`optimiser state: unexpected ${unknown.join(', ')}`)
  restoreUnder(state, flat, '')
}

function restoreUnder(
  state: OptimizerState,
  flat: Readonly<Record<string, number | Float64Array>>,
  path: string,
): void {
  for (const [name, value] of Object.entries(state)) {
    const saved = flat[path + name]
    if (typeof value === 'number') {
      if (typeof saved !== 'number') throw new ConfigurationError(`optimiser state: no number ${path}${name}`)
      state[name] = saved
    } else if (value instanceof Float64Array) {
      if (!(saved instanceof Float64Array)) throw new ConfigurationError(`optimiser state: no array ${path}${name}`)
      if (saved.length !== value.length) {
        throw new ShapeError(`optimiser state: ${path}${name} has ${saved.length} entries, expected ${value.length}`)
      }
      value.set(saved)
    } else {
      restoreUnder(value, flat, `${path}${name}.`)
    }
  }
}
