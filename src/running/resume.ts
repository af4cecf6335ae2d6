// What lies in a run's folder; Node only.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from '../config/check.ts'
import { type ConfigFile, readConfigFile } from '../config/file.ts'
import type { RunConfig } from '../config/schema.ts'
import { ConfigurationError, DataError } from '../errors.ts'
import type { TrainingRecord } from '../training/run.ts'
import { show } from '../validate.ts'
import { type Checkpoint, readCheckpoint } from './checkpoint.ts'
import type { Outcome, Summary } from './execute.ts'
import { type PreparedRun, prepare } from './prepare.ts'
import { readRecords } from './records.ts'
import { openRunFolder, type RunFolder, runFiles } from './run-folder.ts'

/** A run as its folder has it, from start to some step. */
export interface RecordedRun {
  readonly config: ConfigFile
  /** Absent where the process ended before the first one: then the run starts again. */
  readonly checkpoint: Checkpoint | undefined
  /** Absent where the process was killed. */
  readonly summary: Summary | undefined
  /** Where the run goes on. */
  readonly step: number
}

/**
 * Reads what is needed to go on with a run.
 *
 * @throws ConfigurationError when there is no run in the folder; DataError for a checkpoint that is something else
 */
export async function readRun(path: string): Promise<RecordedRun> {
  const configFile = join(path, runFiles.config)
  if (!existsSync(configFile))
    throw new ConfigurationError(`${path}: no run to resume here: there is no ${runFiles.config}`)
  const checkpoint = await readCheckpoint(join(path, runFiles.checkpoint))
  return {
    config: await readConfigFile(configFile),
    checkpoint,
    summary: readSummary(path),
    step: checkpoint?.state.step ?? 0,
  }
}

/**
 * What a run came to, where it has ended.
 *
 * @throws DataError for a file that is something else
 */
export function readSummary(path: string): Summary | undefined {
  const file = join(path, runFiles.summary)
  if (!existsSync(file)) return undefined
  const fail = (why: string, cause?: unknown) =>
    new DataError(`${file}: not the summary of a run: ${why}; remove it to go on`, { cause })
  let found: unknown
  try {
    found = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw fail((cause as Error).message, cause)
  }
  const why = wrongSummary(found)
  if (why !== undefined) throw fail(why)
  return found as Summary
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const outcomes: readonly unknown[] = ['finished', 'interrupted', 'diverged'] satisfies Outcome[]
const numbers = ['steps', 'samples', 'seconds', 'samplesPerSecond', 'averageBatchSize', 'finalBatchSize'] as const
const losses = ['firstLoss', 'recentLoss'] as const
const evaluations = ['training', 'test', 'validation'] as const

/** What is wrong with a summary; JSON has null for what is not finite. */
function wrongSummary(found: unknown): string | undefined {
  const not = (key: string, expected: string, value: unknown) =>
    `${key}: expected ${expected}, got ${value === undefined ? 'none' : show(value)}`
  if (!isObject(found)) return `expected an object, got ${show(found)}`
  if (!outcomes.includes(found.outcome)) return not('outcome', outcomes.join(', '), found.outcome)
  for (const key of numbers) if (typeof found[key] !== 'number') return not(key, 'a number', found[key])
  for (const key of losses)
    if (found[key] !== null && typeof found[key] !== 'number') return not(key, 'a number or null', found[key])
  for (const key of evaluations)
    if (found[key] !== undefined && !(isObject(found[key]) && 'loss' in found[key]))
      return not(key, 'an object with a loss', found[key])
  return undefined
}

/** The records of a folder, from the first step. */
export const recordsOf = (path: string) => readRecords(join(path, runFiles.records))

/** A run that is ready to be executed, with the folder that records it. */
export interface RecordedPreparation {
  readonly prepared: PreparedRun
  /** None where the configuration names no output. */
  readonly folder: readonly RunFolder[]
  /** For `execute`. */
  readonly past: AsyncIterable<TrainingRecord> | undefined
}

/**
 * Prepares a run and opens its folder.
 *
 * @param options.resume what lies in the folder, to go on with it
 * @param options.overwrite replace what lies there
 * @throws as `prepare` and `openRunFolder` do
 */
export async function prepareRecorded(
  config: RunConfig,
  options: { readonly place?: Place; readonly resume?: RecordedRun | undefined; readonly overwrite?: boolean } = {},
): Promise<RecordedPreparation> {
  const { place, resume, overwrite = false } = options
  const prepared = await prepare(config, { ...(place && { place }), checkpoint: resume?.checkpoint })
  const { output } = prepared.config
  if (output === undefined) return { prepared, folder: [], past: undefined }
  const folder = openRunFolder(output, {
    layout: prepared.executor.layout,
    config: prepared.config,
    overwrite,
    ...(resume && { resumeAt: resume.step }),
  })
  return { prepared, folder: [folder], past: resume && recordsOf(output) }
}
