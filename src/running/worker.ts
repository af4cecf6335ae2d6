// A run on a thread of its own, for `in-worker.ts`: the entry of the thread.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { RunConfig } from '../config/schema.ts'
import { AdadagradError } from '../errors.ts'
import type { TrainingRecord } from '../training/run.ts'
import { execute, type RunSink, type Summary } from './execute.ts'
import { prepare, type ResolvedConfig } from './prepare.ts'
import { openRunFolder } from './run-folder.ts'

/** What the thread is started with. */
export interface WorkerOrder {
  readonly config: RunConfig
  readonly overwrite: boolean
}

/** What it tells. */
export type WorkerMessage =
  | { readonly type: 'begin'; readonly config: ResolvedConfig }
  | { readonly type: 'records'; readonly records: readonly TrainingRecord[] }
  | { readonly type: 'end'; readonly summary: Summary }
  | { readonly type: 'error'; readonly message: string; readonly stack?: string }

/** Milliseconds between two messages: small batches make thousands of records a second. */
const postEvery = 60

async function work(port: MessagePort, { config, overwrite }: WorkerOrder): Promise<void> {
  const post = (message: WorkerMessage) => port.postMessage(message)
  const controller = new AbortController()
  port.on('message', () => controller.abort())
  try {
    const prepared = await prepare(config)
    const { layout } = prepared.executor
    const { output, checkpointEvery } = prepared.config
    const folder = output === undefined ? [] : [openRunFolder(output, { layout, checkpointEvery, overwrite })]
    const summary = await execute(prepared, [...folder, told(post)], controller.signal)
    post({ type: 'end', summary })
  } catch (error) {
    const { message, stack } = error as Error
    post({ type: 'error', message, ...(!(error instanceof AdadagradError) && stack !== undefined && { stack }) })
  }
}

function told(post: (message: WorkerMessage) => void): RunSink {
  let records: TrainingRecord[] = []
  let posted = performance.now()
  const flush = () => {
    if (records.length > 0) post({ type: 'records', records })
    records = []
    posted = performance.now()
  }
  return {
    begin: (config) => post({ type: 'begin', config }),
    record(record) {
      records.push(record)
      if (performance.now() - posted > postEvery) flush()
    },
    end: flush,
  }
}

if (parentPort) await work(parentPort, workerData as WorkerOrder)
