// The state of a run as one safetensors file, and back; Node only.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { littleEndianBytes, type Tensor } from '../data/bytes.ts'
import { readSafetensors } from '../data/files.ts'
import { writeSafetensors } from '../data/safetensors.ts'
import { ConfigurationError, DataError } from '../errors.ts'
import type { ParameterLayout } from '../nn/parameters.ts'
import { toStateDict } from '../nn/state-dict.ts'
import type { Optimizer } from '../optim/optimizer.ts'
import { flattenState, restoreState } from '../optim/transformation.ts'
import type { Snapshot } from '../training/run.ts'
import { differences } from './differences.ts'
import type { ResolvedConfig } from './resolved-config.ts'

/** What a checkpoint file says. */
export interface Checkpoint {
  readonly file: string
  /** Everything that decided the bits up to here, see `decisive`. */
  readonly decided: unknown
  /** Step, samples, seconds, the policy's state, and the numbers of the optimiser's. */
  readonly state: Omit<Snapshot, 'parameters' | 'optimizer'> & { readonly optimizer: Readonly<Record<string, number>> }
  readonly tensors: ReadonlyMap<string, Tensor>
}

/** Parameters keep their names in a checkpoint; the optimiser's arrays stand beside them under this prefix. */
export const optimizerPrefix = 'optimizer.'

const startAgain =
  'it cannot be resumed: remove it to make the run again from its first step, or replace the run with train --overwrite'

/** What decides the bits of a run and of its records: all but where it is kept, how often, and by how many threads. */
function decisive(config: ResolvedConfig): unknown {
  const { output: _, checkpointEvery, checkpointSteps, environment, backend, ...rest } = config
  const { threads, ...arithmetic }: Record<string, unknown> = backend ?? {}
  const { adadagrad, backend: found, parameters, trainingSamples, testSamples } = environment
  return { version: adadagrad, ...rest, backend: { ...arithmetic, ...found }, parameters, trainingSamples, testSamples }
}

/** A snapshot with the configuration that led to it. */
export function checkpointBytes(layout: ParameterLayout, config: ResolvedConfig, snapshot: Snapshot): Uint8Array {
  const { parameters, optimizer, ...rest } = snapshot
  const flat = Object.entries(flattenState(optimizer))
  const arrays = flat.flatMap(([name, data]) =>
    typeof data === 'number' ? [] : [[optimizerPrefix + name, { shape: [data.length], data }] as const],
  )
  const numbers = Object.fromEntries(flat.filter(([, value]) => typeof value === 'number'))
  const tensors = [...toStateDict(layout, parameters), ...arrays]
  const said = { config: JSON.stringify(decisive(config)), state: JSON.stringify({ ...rest, optimizer: numbers }) }
  return writeSafetensors(tensors, { format: 'adadagrad', ...said, sha256: checksum(tensors, said) })
}

/** SHA-256 of all that a checkpoint says, in an order that does not depend on how the file lays it out. */
export function checksum(
  tensors: Iterable<readonly [string, Tensor]>,
  { config, state }: { readonly config: string; readonly state: string },
): string {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))
  const shapes = sorted.map(([name, { shape, data }]) => [name, data.BYTES_PER_ELEMENT, shape])
  const hash = createHash('sha256').update(JSON.stringify([config, state, shapes]))
  for (const [, { data }] of sorted) hash.update(littleEndianBytes(data))
  return hash.digest('hex')
}

/**
 * Reads a checkpoint, if there is one.
 *
 * @throws DataError for a file that is something else, or whose checksum is missing or not that of what is in it
 */
export async function readCheckpoint(file: string): Promise<Checkpoint | undefined> {
  if (!existsSync(file)) return undefined
  const { tensors, metadata } = await readSafetensors(file)
  const { format, config, state, sha256 } = metadata
  if (format !== 'adadagrad' || config === undefined || state === undefined)
    throw new DataError(`${file}: not a checkpoint that can be resumed: its metadata lacks config or state`)
  // Without a word, the run would go on from numbers that nobody computed.
  if (sha256 === undefined)
    throw new DataError(
      `${file}: has no checksum (sha256 in its metadata), being of a version that kept none; ${startAgain}`,
    )
  const found = checksum(tensors, { config, state })
  if (found !== sha256)
    throw new DataError(
      `${file}: damaged: the SHA-256 of what is in it is ${found.slice(0, 12)}…, expected ${sha256.slice(0, 12)}…; ${startAgain}`,
    )
  try {
    return { file, decided: JSON.parse(config), state: JSON.parse(state), tensors }
  } catch (cause) {
    throw new DataError(`${file}: config or state in its metadata is not JSON`, { cause })
  }
}

/**
 * The snapshot in a checkpoint, for a run that is the same in everything that decides its bits.
 *
 * @throws ConfigurationError with all differences for another configuration, version or kind of machine
 * @throws DataError where arrays are missing or have another shape
 */
export function restore(
  { file, decided, state, tensors }: Checkpoint,
  run: { readonly config: ResolvedConfig; readonly layout: ParameterLayout; readonly optimizer: Optimizer },
): Snapshot {
  const { config, layout, optimizer } = run
  const found = differences(decided, JSON.parse(JSON.stringify(decisive(config))), ['in the checkpoint', 'in this run'])
  if (found.length > 0) {
    const why = found.some((line) => line.startsWith('budget.'))
      ? '\nThe budget cuts the last batch, and schedules are laid out by it: a run with another one has other bits. Make it as a ' +
        `new run, with that budget and another --output: train --config ${join(dirname(file), 'config.json')}`
      : ''
    throw new ConfigurationError(
      `${file}: made by another configuration or version, so it cannot be resumed:\n  ${found.join('\n  ')}${why}`,
    )
  }
  const { optimizer: numbers, ...rest } = state
  const flat: Record<string, number | Float64Array> = { ...numbers }
  for (const [name, { data }] of tensors)
    if (name.startsWith(optimizerPrefix)) flat[name.slice(optimizerPrefix.length)] = data as Float64Array
  const restored = optimizer.init(layout)
  restoreState(restored, flat)
  return { ...rest, parameters: parametersOf(file, layout, tensors), optimizer: restored }
}

/** x in the precision that it was kept in. */
function parametersOf(file: string, { slots, size }: ParameterLayout, tensors: Checkpoint['tensors']) {
  const single = slots.every(({ name }) => tensors.get(name)?.data instanceof Float32Array)
  const parameters = single ? new Float32Array(size) : new Float64Array(size)
  for (const { name, offset, size } of slots) {
    const data = tensors.get(name)?.data
    if (!(data instanceof Float32Array || data instanceof Float64Array) || data.length !== size)
      throw new DataError(`${file}: no array ${name} of ${size} numbers`)
    parameters.set(data, offset)
  }
  return parameters
}
