// The runs of a comparison, spread over the processors; Node only.
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { RunConfig } from '../config/schema.ts'
import { AdadagradError, ConfigurationError, isSystemError } from '../errors.ts'
import { differences } from '../running/differences.ts'
import type { RunObserver, Summary } from '../running/execute.ts'
import { runInWorker } from '../running/in-worker.ts'
import { type LeaseOptions, takeLease } from '../running/lease.ts'
import { readSummary } from '../running/resume.ts'
import { claimFolder, makeRunFolder, runFiles } from '../running/run-folder.ts'
import { packageVersion } from '../running/version.ts'
import type { Comparison, PlannedRun } from './comparison.ts'
import { reportFiles } from './folders.ts'

/** How a run of a comparison stands. */
export interface RunState {
  readonly run: PlannedRun
  /** Where it lies. */
  readonly path: string
  /** What it came to; absent for one that failed or was not reached. */
  readonly summary?: Summary
  /** Why it failed. */
  readonly error?: string
  /** Another process works on it. */
  readonly elsewhere?: true
}

/** Told what goes on. */
export interface ComparisonObserver {
  /** Before anything runs: which runs are there already. */
  begin?(states: readonly RunState[]): void
  /** A run starts, or goes on; what is returned is told about its steps. */
  start?(run: PlannedRun): RunObserver
  end?(state: RunState): void
}

export interface RunsOptions {
  /** Folder of the comparison; what is in it already is not made again. */
  readonly output: string
  /** Runs at a time; one for each processor by default. */
  readonly jobs?: number
  /** Make again the runs whose configuration has changed since they were made; otherwise that is an error. */
  readonly overwrite?: boolean
  /** Which of the runs to make: the part of one machine among many. */
  readonly only?: (run: PlannedRun, index: number) => boolean
  readonly signal?: AbortSignal
  readonly observer?: ComparisonObserver
}

/**
 * Makes the runs of a comparison that are missing, resumes those that were interrupted, and leaves the others alone.
 *
 * Runs are spread over the processors, each on a thread of its own; one that fails is reported, and the others go on. Several
 * processes may share the folder, on one machine or on many: a run that another process works on is left to it.
 *
 * @returns how each run stands, in the comparison's order
 * @throws ConfigurationError when the folder holds runs of another configuration
 */
export async function makeRuns(comparison: Comparison, options: RunsOptions): Promise<readonly RunState[]> {
  const { output, overwrite = false, signal, observer = {}, only = () => true } = options
  await claim(comparison, output, overwrite)

  const states = statesOf(comparison, output)
  const missing = states.flatMap(({ run, summary }, index) => (only(run, index) && !isDone(summary) ? [index] : []))
  observer.begin?.(states.filter(({ run }, index) => only(run, index)))
  const jobs = Math.max(1, Math.min(missing.length, options.jobs ?? availableParallelism()))
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs))

  const work = async () => {
    for (let index = missing.shift(); index !== undefined && !signal?.aborted; index = missing.shift()) {
      const { run, path } = states[index]!
      let told: RunObserver | undefined
      const observe = () => {
        told ??= observer.start?.(run) ?? silent
        return told
      }
      try {
        const summary = await makeRun(run.config, path, { threads, observe, ...(signal && { signal }) })
        if (summary === undefined) {
          if (!signal?.aborted) states[index] = { run, path, elsewhere: true }
          continue
        }
        states[index] = { run, path, summary }
      } catch (error) {
        states[index] = { run, path, error: reasonOf(error) }
      }
      // It may have come to its end elsewhere, or have failed before its first step.
      observe()
      observer.end?.(states[index]!)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return states
}

/** How the runs of a comparison stand, by what is in its folder. */
export function statesOf(comparison: Comparison, output: string): RunState[] {
  return comparison.runs.map((run) => {
    const path = join(output, run.folder)
    const summary = readSummary(path)
    return { run, path, ...(summary && { summary }) }
  })
}

export interface MakeRunOptions {
  /** Threads of the run, unless its configuration says how many. */
  readonly threads: number
  /** Called when the run starts or goes on. */
  readonly observe: () => RunObserver
  readonly signal?: AbortSignal
  readonly lease?: LeaseOptions
}

/**
 * Makes one run in its folder, or goes on with it; one that has come to its end is left as it is.
 *
 * @returns nothing where another process works on it, or has taken it over because this one was silent for too long
 * @throws AdadagradError as `prepare` does
 */
export async function makeRun(config: RunConfig, path: string, options: MakeRunOptions): Promise<Summary | undefined> {
  const { threads, observe, signal } = options
  const lease = await takeLease(path, { ...options.lease, ...(signal && { signal }) })
  if (!lease) return undefined
  try {
    const earlier = readSummary(path)
    if (earlier && isDone(earlier)) return earlier
    const resume = existsSync(join(path, runFiles.config))
    if (lease.contested) ownRecords(path)
    const how = { resume, overwrite: !resume, kill: lease.lost, ...(signal && { signal }) }
    return await runInWorker({ ...withThreads(config, threads), output: path }, observe(), how)
  } catch (error) {
    if (lease.lost.aborted) return undefined
    throw error
  } finally {
    lease.release()
  }
}

/**
 * Puts a copy in place of the records. A process that was silent and comes back may write some more before it notices that
 * it has lost the run; that goes into the old file. A checkpoint of its is as good as ours: both have the same bits.
 */
function ownRecords(path: string): void {
  const records = join(path, runFiles.records)
  if (!existsSync(records)) return
  copyFileSync(records, `${records}.copy`)
  renameSync(`${records}.copy`, records)
}

/** Why a run failed: in words for the user's mistakes and the system's refusals, with its stack for our mistakes. */
export function reasonOf(error: unknown): string {
  const { message, stack } = error as Error
  return error instanceof AdadagradError || isSystemError(error) ? message : (stack ?? message)
}

/** A run that has diverged would do so again. */
export const isDone = (summary: Summary | undefined): boolean =>
  summary?.outcome === 'finished' || summary?.outcome === 'diverged'

const silent: RunObserver = { begin: () => {}, record: () => {}, end: () => {} }

function withThreads(config: RunConfig, threads: number): RunConfig {
  const backend = config.backend!
  if (backend.name !== 'wasm' || backend.threads !== undefined || config.problem) return config
  return { ...config, backend: { ...backend, threads: Math.min(threads, config.lanes) } }
}

/**
 * Takes the folder for a comparison: its file says which configuration each run in it was made with.
 *
 * @throws ConfigurationError when the folder holds runs of another configuration, unless they may be made again
 */
export async function claim(
  { title, schemes, seeds, runs }: Comparison,
  output: string,
  overwrite: boolean,
): Promise<void> {
  const file = join(output, reportFiles.comparison)
  const configs = Object.fromEntries(runs.map(({ folder, config }) => [folder, config]))
  const wanted = JSON.parse(JSON.stringify({ version: packageVersion(), title, schemes, seeds, runs: configs }))
  const changed: string[] = []
  let earlier: typeof wanted | undefined
  if (existsSync(file)) {
    earlier = JSON.parse(readFileSync(file, 'utf8'))
    const lines: string[] = []
    for (const { folder, scheme } of runs) {
      if (earlier.runs[folder] === undefined || !existsSync(join(output, folder))) continue
      const found = [
        ...differences(earlier.version, wanted.version, ['recorded', 'installed'], ['version']),
        ...differences(earlier.runs[folder], wanted.runs[folder], ['recorded', 'given']),
      ]
      if (found.length > 0) changed.push(join(output, folder))
      lines.push(...found.map((line) => `${scheme}: ${line}`))
    }
    if (lines.length > 0 && !overwrite)
      throw new ConfigurationError(
        `${output}: runs in this folder were made with another configuration; name another --output, or give --overwrite ` +
          `to make them again:\n  ${[...new Set(lines)].slice(0, 12).join('\n  ')}`,
      )
  }
  makeRunFolder(output)
  // Before the file says that they are of the new configuration.
  for (const folder of changed) claimFolder(folder, true)
  // Runs that are no longer part of it stay known, so that they are told from others if they come back.
  wanted.runs = { ...earlier?.runs, ...wanted.runs }
  await writeFileAtomic(file, `${JSON.stringify(wanted, null, 2)}\n`)
}
