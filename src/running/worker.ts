// A run on a thread of its own, for `in-worker.ts`: the entry of the thread.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { RunConfig } from '../config/schema.ts'
import { AdadagradError, isSystemError, type SystemDetails } from '../errors.ts'
import type { TrainingRecord } from '../training/run.ts'
import { execute, type RunSink, type Summary } from './execute.ts'
import type { ResolvedConfig } from './resolved-config.ts'
import { prepareRecorded, readRun } from './resume.ts'

/** What the thread is started with. */
export interface WorkerOrder {
  readonly config: RunConfig
  readonly overwrite: boolean
  /** Go on with the run in the output folder. */
  readonly resume: boolean
}

/** What it tells. */
export type WorkerMessage =
  | { readonly type: 'begin'; readonly config: ResolvedConfig }
  | { readonly type: 'records'; readonly records: readonly TrainingRecord[] }
  | { readonly type: 'end'; readonly summary: Summary }
  | { readonly type: 'error'; readonly message: string; readonly stack?: string; readonly system?: SystemDetails }

/** Milliseconds between two messages: small batches make thousands of records a second. */
const postEvery = 60

async function work(port: MessagePort, { config, overwrite, resume }: WorkerOrder): Promise<void> {
  const post = (message: WorkerMessage) => port.postMessage(message)
  const controller = new AbortController()
  port.on('message', () => controller.abort())
  try {
    const earlier = resume ? await readRun(config.output!) : undefined
    const { prepared, folder, past } = await prepareRecorded(config, { resume: earlier, overwrite })
    const { signal } = controller
    const summary = await execute(prepared, [...folder, told(post)], { signal, ...(past && { past }) })
    post({ type: 'end', summary })
  } catch (error) {
    const { message, stack } = error as Error
    // Of an error that is sent, little more than its message would arrive.
    if (isSystemError(error)) post({ type: 'error', message, system: detailsOf(error) })
    else post({ type: 'error', message, ...(!(error instanceof AdadagradError) && stack !== undefined && { stack }) })
  }
}

const detailsOf = ({ code, syscall, path }: SystemDetails): SystemDetails => ({
  code,
  syscall,
  ...(path !== undefined && { path }),
})

function told(post: (message: WorkerMessage) => void): RunSink {
  let records: TrainingRecord[] = []
  let posted = performance.now()
  const flush = () => {
    if (records.length > 0) post({ type: 'records', records })
    records = []
    posted = performance.now()
  }
  const record = (record: TrainingRecord) => {
    records.push(record)
    if (performance.now() - posted > postEvery) flush()
  }
  return {
    begin: (config) => post({ type: 'begin', config }),
    past: record,
    record,
    end: flush,
  }
}

if (parentPort) await work(parentPort, workerData as WorkerOrder)
