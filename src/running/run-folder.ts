// A run as a folder; Node only. The training layer knows nothing of it.
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { writeSafetensors } from '../data/safetensors.ts'
import { AdadagradError, ConfigurationError } from '../errors.ts'
import type { ParameterLayout } from '../nn/parameters.ts'
import { flattenState } from '../optim/transformation.ts'
import type { Snapshot, TrainingRecord } from '../training/run.ts'
import type { RunSink } from './execute.ts'

/** The files of a run. */
export const runFiles = {
  /** The resolved configuration: give it to `train --config` to make the run again. */
  config: 'config.json',
  /** One JSON object for each step. */
  records: 'records.jsonl',
  /** Everything that the run needs to go on: parameters, the optimiser's arrays, and the rest as JSON in `metadata.state`. */
  checkpoint: 'checkpoint.safetensors',
  /** The parameters alone, in float32 under PyTorch's names. */
  weights: 'weights.safetensors',
  summary: 'summary.json',
} as const

/** Parameters keep their names in a checkpoint; the optimiser's arrays stand beside them under this prefix. */
export const optimizerPrefix = 'optimizer.'

/** Records are written at least so often, in milliseconds. */
const flushEvery = 250

/**
 * Takes a folder for a run; nothing of an earlier run is touched without being asked to.
 *
 * A checkpoint is one file that replaces its predecessor at once, so whenever the process dies there is a whole one.
 *
 * @param path made if need be
 * @param options.overwrite replace the run that lies there
 * @param options.checkpointEvery seconds between two checkpoints; one more is made at the end
 * @throws ConfigurationError when the folder has something in it
 * @example await execute(prepared, [openRunFolder('runs/first', { layout: prepared.executor.layout, checkpointEvery: 30 })])
 */
export function openRunFolder(
  path: string,
  options: { readonly layout: ParameterLayout; readonly checkpointEvery: number; readonly overwrite?: boolean },
): RunSink {
  claimFolder(path, options.overwrite ?? false)
  const file = (name: keyof typeof runFiles) => join(path, runFiles[name])
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
  const records = openSync(file('records'), 'w')
  let waiting: string[] = []
  let flushed = performance.now()
  let saved = performance.now()

  const flush = () => {
    if (waiting.length > 0) writeSync(records, waiting.join(''))
    waiting = []
    flushed = performance.now()
  }
  const save = async (snapshot: Snapshot) => {
    // The records come first: a checkpoint never is ahead of them.
    flush()
    await writeFileAtomic(file('checkpoint'), checkpointBytes(options.layout, snapshot))
    saved = performance.now()
  }
  return {
    begin: (config) => writeFileAtomic(file('config'), json(config)),
    record(record: TrainingRecord) {
      waiting.push(`${JSON.stringify(record)}\n`)
      if (performance.now() - flushed > flushEvery) flush()
    },
    step: (snapshot) => (performance.now() - saved > 1000 * options.checkpointEvery ? save(snapshot()) : undefined),
    async end(summary, snapshot) {
      await save(snapshot)
      closeSync(records)
      await writeFileAtomic(file('weights'), weightsBytes(options.layout, snapshot))
      await writeFileAtomic(file('summary'), json(summary))
    },
  }
}

/** Makes the folder, or refuses one that is in use. */
export function claimFolder(path: string, overwrite: boolean): void {
  let entries: string[]
  try {
    mkdirSync(path, { recursive: true })
    entries = readdirSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'there is a file of that name' : code
    throw new AdadagradError(`${path}: cannot be made a run's folder: ${why}`, { cause })
  }
  if (entries.length > 0 && !overwrite)
    throw new ConfigurationError(`${path}: the folder is not empty; name another --output, or give --overwrite`)
  for (const name of Object.values(runFiles)) rmSync(join(path, name), { force: true })
}

function checkpointBytes(layout: ParameterLayout, snapshot: Snapshot): Buffer {
  const { parameters, optimizer, ...rest } = snapshot
  const flat = Object.entries(flattenState(optimizer))
  const arrays = flat.flatMap(([name, data]) =>
    typeof data === 'number' ? [] : [[optimizerPrefix + name, { shape: [data.length], data }] as const],
  )
  const numbers = Object.fromEntries(flat.filter(([, value]) => typeof value === 'number'))
  const state = JSON.stringify({ ...rest, optimizer: numbers })
  return asBuffer(
    writeSafetensors([...parameterTensors(layout, parameters), ...arrays], { format: 'adadagrad', state }),
  )
}

function weightsBytes(layout: ParameterLayout, { parameters, step, samples }: Snapshot): Buffer {
  const single = Float32Array.from(parameters)
  return asBuffer(
    writeSafetensors(parameterTensors(layout, single), { format: 'pt', step: `${step}`, samples: `${samples}` }),
  )
}

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength)

/** Each parameter under its own name and in its own shape. */
function parameterTensors<A extends Float32Array | Float64Array>({ slots }: ParameterLayout, parameters: A) {
  return slots.map(
    ({ name, shape, offset, size }) =>
      [name, { shape, data: parameters.subarray(offset, offset + size) as A }] as const,
  )
}
