// The runs of a comparison, spread over the processors; Node only.
import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { RunConfig } from '../config/schema.ts'
import { AdadagradError, ConfigurationError } from '../errors.ts'
import { differences } from '../running/differences.ts'
import type { RunObserver, Summary } from '../running/execute.ts'
import { runInWorker } from '../running/in-worker.ts'
import { readSummary } from '../running/resume.ts'
import { claimFolder, runFiles } from '../running/run-folder.ts'
import { packageVersion } from '../running/version.ts'
import type { Comparison, PlannedRun } from './comparison.ts'

/** How a run of a comparison stands. */
export interface RunState {
  readonly run: PlannedRun
  /** Where it lies. */
  readonly path: string
  /** What it came to; absent for one that failed or was not reached. */
  readonly summary?: Summary
  /** Why it failed. */
  readonly error?: string
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

/** The comparison's own file in its folder. */
const comparisonFile = 'comparison.json'

/**
 * Makes the runs of a comparison that are missing, resumes those that were interrupted, and leaves the others alone.
 *
 * Runs are spread over the processors, each on a thread of its own; one that fails is reported, and the others go on.
 *
 * @returns how each run stands, in the comparison's order
 * @throws ConfigurationError when the folder holds runs of another configuration
 */
export async function makeRuns(comparison: Comparison, options: RunsOptions): Promise<readonly RunState[]> {
  const { output, overwrite = false, signal, observer = {}, only = () => true } = options
  await claim(comparison, output, overwrite)

  const states: RunState[] = comparison.runs.map((run) => {
    const path = join(output, run.folder)
    const summary = readSummary(path)
    return { run, path, ...(summary && { summary }) }
  })
  const missing = states.flatMap(({ run, summary }, index) => (only(run, index) && !isDone(summary) ? [index] : []))
  observer.begin?.(states)
  const jobs = Math.max(1, Math.min(missing.length, options.jobs ?? availableParallelism()))
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs))

  const work = async () => {
    for (let index = missing.shift(); index !== undefined && !signal?.aborted; index = missing.shift()) {
      const { run, path } = states[index]!
      const config = { ...withThreads(run.config, threads), output: path }
      const resume = existsSync(join(path, runFiles.config))
      try {
        const how = { resume, overwrite: !resume, ...(signal && { signal }) }
        const summary = await runInWorker(config, observer.start?.(run) ?? silent, how)
        states[index] = { run, path, summary }
      } catch (error) {
        const { message, stack } = error as Error
        states[index] = { run, path, error: error instanceof AdadagradError ? message : (stack ?? message) }
      }
      observer.end?.(states[index]!)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return states
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

/** Takes the folder for a comparison: its file says which configuration each run in it was made with. */
async function claim({ title, schemes, seeds, runs }: Comparison, output: string, overwrite: boolean): Promise<void> {
  const file = join(output, comparisonFile)
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
  await mkdir(output, { recursive: true })
  // Before the file says that they are of the new configuration.
  for (const folder of changed) claimFolder(folder, true)
  // Runs that are no longer part of it stay known, so that they are told from others if they come back.
  wanted.runs = { ...earlier?.runs, ...wanted.runs }
  await writeFileAtomic(file, `${JSON.stringify(wanted, null, 2)}\n`)
}
