import { elementCount, type Tensor } from '../data/bytes.ts'
import { DataError } from '../errors.ts'
import type { ParameterLayout } from './parameters.ts'

/**
 * The parameter vector x from named arrays, as `state_dict()` of the same network in PyTorch has them.
 *
 * Names, shapes and dtype must fit exactly: an array that nobody asked for is as wrong as one that is missing.
 *
 * @param layout where each parameter lies in x
 * @param tensors float32 arrays by name, in any order
 * @param source what the arrays were read from and what they are for, for error messages
 * @returns x, [d]
 * @throws DataError for a missing or unexpected name, another shape or dtype, or a number that is not finite
 * @example executor.parameters.set(fromStateDict(executor.layout, (await readSafetensors(path)).tensors, { file: path, model: 'mnist-cnn' }))
 */
export function fromStateDict(
  layout: ParameterLayout,
  tensors: ReadonlyMap<string, Tensor>,
  source: { readonly file: string; readonly model: string },
): Float32Array {
  const { file, model } = source
  const missing = layout.slots.filter(({ name }) => !tensors.has(name)).map(({ name }) => name)
  const expected = new Set(layout.slots.map(({ name }) => name))
  const extra = [...tensors.keys()].filter((name) => !expected.has(name))
  if (missing.length + extra.length > 0)
    throw new DataError(
      `${file}: not the parameters of ${model}: ${[
        ...(missing.length > 0 ? [`missing ${some(missing)}`] : []),
        ...(extra.length > 0 ? [`not expected ${some(extra)}`] : []),
      ].join(', ')}${extra.some((name) => /running_(mean|var)$/.test(name)) ? batchNorm : ''}`,
    )
  const values = new Float32Array(layout.size)
  for (const { name, shape, offset } of layout.slots) {
    const { shape: found, data } = tensors.get(name)!
    if (!(data instanceof Float32Array))
      throw new DataError(
        `${file}: ${name} must be float32, got ${data.constructor.name.replace('Array', '').toLowerCase()}`,
      )
    if (elementCount(found) !== data.length || found.join() !== shape.join())
      throw new DataError(`${file}: ${name} has shape [${found.join(', ')}], ${model} expects [${shape.join(', ')}]`)
    const bad = data.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0) throw new DataError(`${file}: ${name} must be finite, entry ${bad} is ${data[bad]}`)
    values.set(data, offset)
  }
  return values
}

/**
 * The parameter vector as named arrays: what `state_dict()` of the same network in PyTorch has. The arrays are views of x.
 *
 * @example writeSafetensors(toStateDict(executor.layout, executor.parameters), { format: 'pt' })
 */
export function toStateDict<A extends Float32Array | Float64Array>(
  { slots }: ParameterLayout,
  parameters: A,
): (readonly [string, { readonly shape: readonly number[]; readonly data: A }])[] {
  return slots.map(
    ({ name, shape, offset, size }) =>
      [name, { shape, data: parameters.subarray(offset, offset + size) as A }] as const,
  )
}

const batchNorm =
  '; running statistics belong to BatchNorm, which couples the samples of a batch: use GroupNorm in its place'

/** The first few names of a list. */
const some = (names: readonly string[]): string =>
  names.length > 6 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
