// Making the runs that are queued; Node only.
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Job, Worker } from 'bullmq'
import { runName } from '../comparing/comparison.ts'
import { reportFiles } from '../comparing/folders.ts'
import { isDone, makeRun, reasonOf } from '../comparing/runs.ts'
import { checkConfig } from '../config/check.ts'
import { AdadagradError } from '../errors.ts'
import { differences } from '../running/differences.ts'
import type { RunObserver, Summary } from '../running/execute.ts'
import { defaultPatience } from '../running/lease.ts'
import { packageVersion } from '../running/version.ts'
import type { TrainingRecord } from '../training/run.ts'
import { connectQueue, queueName } from './connect.ts'
import type { RunJob } from './job.ts'

export interface WorkOptions {
  /** The server of the queue: redis://host:port. */
  readonly queue: string
  /** Runs at a time; one for each processor by default. */
  readonly jobs?: number
  /** Seconds of silence after which a run is taken from its worker; the same for all workers. */
  readonly patience?: number
  /** Return when nothing is left to do, instead of waiting for more. */
  readonly untilEmpty?: boolean
  /** Ends the work: runs keep what they have, and go back to the queue. */
  readonly signal?: AbortSignal
  readonly print?: (line: string) => void
}

/** Milliseconds between two messages about a run. */
const tellEvery = 1000
/** A worker that is killed is nothing special: each one is a stall. */
const mostStalls = 1_000_000

/**
 * Takes runs from the queue and makes them, until it is told to end.
 *
 * Redis gives a run to one worker at a time, and to another when its worker is not heard of any more. The lease in the run's
 * folder makes sure of it where that is wrong: a worker that was only slow keeps its run, or is ended before it can write.
 *
 * @throws AdadagradError without packages or server
 */
export async function work(options: WorkOptions): Promise<void> {
  const { signal, patience = defaultPatience, print = () => {} } = options
  const jobs = options.jobs ?? availableParallelism()
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs))
  const library = await connectQueue(options.queue)
  const { WaitingError, Worker: BullWorker } = library.bullmq
  const connection = library.connect()

  const take = async (job: Job<RunJob>, token: string | undefined): Promise<void> => {
    const name = runName(job.data.run)
    print(`${name}: begins or goes on${job.stalledCounter > 0 ? ', taken from another worker' : ''}`)
    let summary: Summary | undefined
    // A worker that was killed may have finished its run without having said so: then there is nothing left to make.
    let made = false
    const observe = () => {
      made = true
      return teller(job)
    }
    try {
      summary = await makeQueued(job, { threads, observe, patience, ...(signal && { signal }) })
    } catch (error) {
      print(`${name}: ${reasonOf(error).split('\n')[0]}`)
      throw new Error(reasonOf(error))
    }
    const outcome = summary?.outcome ?? (signal?.aborted ? 'interrupted' : 'taken over by another worker')
    print(`${name}: ${made || !summary ? outcome : `is ${outcome} already`}`)
    if (isDone(summary)) return
    // Another worker shall go on with it.
    await job.moveToWait(token)
    throw new WaitingError()
  }
  const worker: Worker<RunJob> = new BullWorker<RunJob>(queueName, take, {
    connection,
    concurrency: jobs,
    maxStalledCount: mostStalls,
    lockDuration: 1000 * patience,
    stalledInterval: 500 * patience,
    autorun: false,
  })
  let unreachable = false
  worker.on('error', ({ message }) => {
    if (!unreachable) print(`the queue: ${message}`)
    unreachable = true
  })
  worker.on('active', () => {
    unreachable = false
  })
  const running = worker.run()
  try {
    await (options.untilEmpty ? emptied(library, signal) : aborted(signal))
  } finally {
    // Waits for the runs, which have been told to end.
    await worker.close()
    await running.catch(() => {})
    connection.disconnect()
  }
}

const aborted = (signal: AbortSignal | undefined) =>
  new Promise<void>((resolve) => {
    if (signal?.aborted) resolve()
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })

async function emptied(
  { bullmq, connect }: Awaited<ReturnType<typeof connectQueue>>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const connection = connect()
  const queue = new bullmq.Queue(queueName, { connection })
  try {
    while (!signal?.aborted && (await queue.getJobCountByTypes('waiting', 'active', 'delayed')) > 0)
      await new Promise((resolve) => setTimeout(resolve, 500))
  } finally {
    await queue.close()
    connection.disconnect()
  }
}

function makeQueued(
  job: Job<RunJob>,
  options: {
    readonly threads: number
    readonly observe: () => RunObserver
    readonly patience: number
    readonly signal?: AbortSignal
  },
): Promise<Summary | undefined> {
  const { threads, observe, patience, signal } = options
  const { output, run } = job.data
  checkShared(job.data)
  return makeRun(checkConfig(run.config), join(output, run.folder), {
    threads,
    observe,
    lease: { patience, wait: true },
    ...(signal && { signal }),
  })
}

/** Whether this machine has the folder that the run was queued for, and can make the same run. */
function checkShared({ output, run, from }: RunJob): void {
  const file = join(output, reportFiles.comparison)
  if (!existsSync(file))
    throw new AdadagradError(
      `${output}: not the comparison's folder on this machine; it has to be on a disk shared with ${from}, under the same path`,
    )
  const recorded = JSON.parse(readFileSync(file, 'utf8'))
  const found = [
    ...differences(recorded.version, packageVersion(), ['submitted', 'installed here'], ['version']),
    ...differences(recorded.runs[run.folder], JSON.parse(JSON.stringify(run.config)), [
      'in the folder',
      'in the queue',
    ]),
  ]
  if (found.length > 0) throw new AdadagradError(`${output}, ${run.folder}: ${found.join('; ')}`)
}

/** Tells those who watch where a run is. */
function teller(job: Job<RunJob>): RunObserver {
  let told = 0
  return {
    begin: () => {},
    record(record: TrainingRecord) {
      if (performance.now() - told < tellEvery) return
      told = performance.now()
      job.updateProgress({ record }).catch(() => {})
    },
    end: () => {},
  }
}
