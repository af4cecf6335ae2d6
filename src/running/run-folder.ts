// A run as a folder; Node only. The training layer knows nothing of it.
import { closeSync, fsyncSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { writeSafetensors } from '../data/safetensors.ts'
import { exponentOf, powerOfTwo } from '../elementary.ts'
import { AdadagradError, ConfigurationError, isSystemError } from '../errors.ts'
import { makeFolder } from '../folder.ts'
import type { ParameterLayout } from '../nn/parameters.ts'
import { toStateDict } from '../nn/state-dict.ts'
import type { Snapshot, TrainingRecord } from '../training/run.ts'
import { checkpointBytes } from './checkpoint.ts'
import type { RunSink } from './execute.ts'
import { keepRecords } from './records.ts'
import type { ResolvedConfig } from './resolved-config.ts'

/** The files of a run. */
export const runFiles = {
  /** The resolved configuration: give it to `train --config` to make the run again. */
  config: 'config.json',
  /** One JSON object for each step. */
  records: 'records.jsonl',
  /** Everything that the run needs to go on: parameters, the optimiser's arrays, and the rest as JSON in `metadata.state`. */
  checkpoint: 'checkpoint.safetensors',
  /** The parameters alone at the end, in float32 under PyTorch's names; a run that diverged has none. */
  weights: 'weights.safetensors',
  summary: 'summary.json',
} as const

/** Records are written at least so often, in milliseconds. */
const flushEvery = 250

export interface RunFolder extends RunSink {
  /** The step whose state lies in the checkpoint; none where there is none. */
  readonly checkpointStep: number | undefined
}

export interface RunFolderOptions {
  readonly layout: ParameterLayout
  /** As the run is recorded: it says how often there is a checkpoint, and lies in it. */
  readonly config: ResolvedConfig
  /** Replace the run that lies there. */
  readonly overwrite?: boolean
  /** Go on with the run that lies there, whose checkpoint is of this step; 0 where it has none. */
  readonly resumeAt?: number
}

/**
 * Takes a folder for a run; nothing of an earlier run is touched without being asked to.
 *
 * A checkpoint is one file that replaces its predecessor at once, so whenever the process dies there is a whole one, and
 * the records up to it are on the disk. It is written once a step from it was found finite; one more is made at the end.
 * A run that diverges leaves its last checkpoint as it is, or where there is none yet the last of the states after step 1,
 * 2, 4, 8, … from which a step was finite; and no weights.
 *
 * @param path made if need be
 * @throws ConfigurationError when the folder has something in it; DataError when records are missing that should be there
 * @example await execute(prepared, [openRunFolder('runs/first', { layout: prepared.executor.layout, config: prepared.config })])
 */
export function openRunFolder(path: string, options: RunFolderOptions): RunFolder {
  const { layout, config, resumeAt } = options
  const { checkpointEvery, checkpointSteps = Number.POSITIVE_INFINITY } = config
  const file = (name: keyof typeof runFiles) => join(path, runFiles[name])
  if (resumeAt === undefined) claimFolder(path, options.overwrite ?? false)
  else {
    // They are those of its end.
    for (const name of ['summary', 'weights'] as const) rmSync(file(name), { force: true })
    removeHalfFiles(path)
    keepRecords(file('records'), resumeAt)
  }
  // What fails with a file descriptor, or in write-file-atomic, does not know its file.
  const refused = (name: keyof typeof runFiles, cause: unknown) =>
    isSystemError(cause) ? new AdadagradError(`${file(name)}: cannot be written: ${cause.message}`, { cause }) : cause
  const replace = async (name: keyof typeof runFiles, content: string | Buffer) => {
    try {
      await writeFileAtomic(file(name), content)
    } catch (error) {
      throw refused(name, error)
    }
  }
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
  const records = openSync(file('records'), 'a')
  let waiting: string[] = []
  let flushed = performance.now()
  let saved = { at: performance.now(), step: resumeAt ?? 0 }
  let step = saved.step
  let checkpointStep = resumeAt || undefined
  // Whether a state is good is seen by the step that starts from it: until then it waits.
  let held: { readonly state: Snapshot; readonly isDue: boolean } | undefined
  // Good, and not on the disk: only what a run leaves that diverges before there is a checkpoint.
  let early: Snapshot | undefined

  const flush = () => {
    try {
      // Not writeSync, which may write a part.
      if (waiting.length > 0) writeFileSync(records, waiting.join(''))
    } catch (error) {
      throw refused('records', error)
    }
    waiting = []
    flushed = performance.now()
  }
  const save = async (snapshot: Snapshot) => {
    // The records come first: a checkpoint never is ahead of them, whatever dies.
    flush()
    fsyncSync(records)
    await replace('checkpoint', asBuffer(checkpointBytes(layout, config, snapshot)))
    checkpointStep = snapshot.step
    early = undefined
  }
  const due = () => performance.now() - saved.at > 1000 * checkpointEvery || step - saved.step >= checkpointSteps
  return {
    get checkpointStep() {
      return checkpointStep
    },
    begin: () => replace('config', json(config)),
    record(record: TrainingRecord) {
      step = record.step
      waiting.push(`${JSON.stringify(record)}\n`)
      if (performance.now() - flushed > flushEvery) flush()
    },
    step(snapshot) {
      const good = held
      held = undefined
      const isDue = due()
      if (isDue) saved = { at: performance.now(), step }
      if (isDue || (checkpointStep === undefined && powerOfTwo(exponentOf(step)) === step))
        held = { state: snapshot(), isDue }
      if (good?.isDue) return save(good.state)
      early = good?.state ?? early
    },
    async end(summary, snapshot) {
      const last = summary.outcome === 'diverged' ? early : snapshot
      if (last) await save(last)
      else flush()
      closeSync(records)
      if (summary.outcome !== 'diverged') await replace('weights', weightsBytes(layout, snapshot))
      // Last: a folder with a summary is whole.
      await replace('summary', json(summary))
    },
  }
}

/**
 * Makes a folder that runs can be recorded in.
 *
 * @throws AdadagradError where the system refuses
 */
export function makeRunFolder(path: string): void {
  try {
    makeFolder(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const isFile = code === 'EEXIST' || code === 'ENOTDIR'
    // It is not for want of a parent: they were made before.
    const why = isFile
      ? 'there is a file of that name'
      : code === 'ENOENT'
        ? `no folders can be made there (${code})`
        : code
    throw new AdadagradError(`${path}: cannot be made a run's folder: ${why}`, { cause })
  }
}

/** Makes the folder, or refuses one that is in use. */
export function claimFolder(path: string, overwrite: boolean): void {
  makeRunFolder(path)
  const entries = readdirSync(path)
  if (entries.length > 0 && !overwrite) {
    const resume = entries.includes(runFiles.config) ? `, --resume ${path} to go on with the run in it` : ''
    throw new ConfigurationError(
      `${path}: the folder is not empty; name another --output${resume}, or give --overwrite`,
    )
  }
  for (const name of Object.values(runFiles)) rmSync(join(path, name), { force: true })
  removeHalfFiles(path)
}

/** What write-file-atomic was writing when its process was killed: `checkpoint.safetensors.1234567`. */
function removeHalfFiles(path: string): void {
  for (const name of readdirSync(path))
    if (Object.values(runFiles).some((whole) => name.startsWith(`${whole}.`) && /\.\d+$/.test(name)))
      rmSync(join(path, name), { force: true })
}

function weightsBytes(layout: ParameterLayout, { parameters, step, samples }: Snapshot): Buffer {
  const single = Float32Array.from(parameters)
  return asBuffer(
    writeSafetensors(toStateDict(layout, single), { format: 'pt', step: `${step}`, samples: `${samples}` }),
  )
}

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength)
