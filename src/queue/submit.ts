// The runs of a comparison, made by whoever works on the queue; Node only.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Comparison } from '../comparing/comparison.ts'
import { type ComparisonObserver, claim, isDone, type RunState, statesOf } from '../comparing/runs.ts'
import { readConfigFile } from '../config/file.ts'
import type { RunObserver } from '../running/execute.ts'
import type { ResolvedConfig } from '../running/resolved-config.ts'
import { readSummary } from '../running/resume.ts'
import { runFiles } from '../running/run-folder.ts'
import { connectQueue, queueName } from './connect.ts'
import { jobId, type RunJob, type RunProgress, runJob } from './job.ts'

export interface SubmitOptions {
  /** The server of the queue: redis://host:port. */
  readonly queue: string
  /** Folder of the comparison, on a disk that all machines have under the same path. */
  readonly output: string
  readonly overwrite?: boolean
  /** Ends the watching; what is queued stays queued. */
  readonly signal?: AbortSignal
  readonly observer?: ComparisonObserver
}

/** Milliseconds between two looks at the queue. */
const lookEvery = 500

/**
 * Queues the runs of a comparison that are missing, and watches until all have come to an end.
 *
 * What is queued already, by an earlier call or from another machine, is watched and not queued again.
 *
 * @returns how each run stands, as `makeRuns` does
 * @throws AdadagradError without packages or server; ConfigurationError when the folder holds runs of another configuration
 */
export async function submitRuns(comparison: Comparison, options: SubmitOptions): Promise<readonly RunState[]> {
  const { output, overwrite = false, signal, observer = {} } = options
  const library = await connectQueue(options.queue)
  await claim(comparison, output, overwrite)
  const states = statesOf(comparison, output)
  observer.begin?.(states)

  const connection = library.connect()
  const queue = new library.bullmq.Queue<RunJob>(queueName, { connection })
  queue.on('error', () => {})
  const add = async (data: RunJob) => {
    // Finished runs leave a summary, and failed ones their reason until someone has read it.
    await queue.add('run', data, { jobId: jobId(data), removeOnComplete: true })
  }
  try {
    const open = new Map<number, Watched>()
    for (const [index, { run, summary }] of states.entries()) {
      if (isDone(summary)) continue
      const data = runJob(run, output)
      const earlier = await queue.getJob(jobId(data))
      if (await earlier?.isFailed()) await earlier!.remove()
      await add(data)
      open.set(index, { data, told: undefined, step: 0 })
    }
    while (open.size > 0 && !signal?.aborted) {
      for (const [index, watched] of open) {
        const { run, path } = states[index]!
        const job = await queue.getJob(jobId(watched.data))
        const failed = job && (await job.isFailed()) ? job.failedReason : undefined
        // After the job: whoever removes it has written the summary before.
        const summary = readSummary(path)
        if (job && failed === undefined && !isDone(summary)) {
          await tell(watched, path, job.progress as RunProgress | number, () => observer.start?.(run))
          continue
        }
        if (failed !== undefined) states[index] = { run, path, error: failed }
        else if (isDone(summary)) states[index] = { run, path, summary: summary! }
        else {
          // The server has forgotten it.
          await add(watched.data)
          continue
        }
        open.delete(index)
        watched.told ??= observer.start?.(run)
        if (summary) watched.told?.end(summary)
        observer.end?.(states[index]!)
      }
      await delay(lookEvery, undefined, { ...(signal && { signal }) }).catch(() => {})
    }
  } finally {
    await queue.close().catch(() => {})
    connection.disconnect()
  }
  return states
}

interface Watched {
  readonly data: RunJob
  told: RunObserver | undefined
  step: number
}

/** Hands on what a worker has told since. */
async function tell(
  watched: Watched,
  path: string,
  progress: RunProgress | number,
  start: () => RunObserver | undefined,
): Promise<void> {
  const record = typeof progress === 'object' ? progress.record : undefined
  if (!record || record.step === watched.step) return
  if (!watched.told) {
    const file = join(path, runFiles.config)
    if (!existsSync(file)) return
    watched.told = start()
    watched.told?.begin((await readConfigFile(file)).value as ResolvedConfig)
  }
  watched.step = record.step
  watched.told?.record(record)
}
