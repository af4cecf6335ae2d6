// Runs on threads of their own; Node only.
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { RunConfig } from '../config/schema.ts'
import { AdadagradError } from '../errors.ts'
import type { RunObserver, Summary } from './execute.ts'
import type { WorkerMessage, WorkerOrder } from './worker.ts'

/**
 * Makes a run on a thread of its own: the same run, bit for bit, as on this one.
 *
 * @param options.signal asks it to end; it keeps what it recorded
 * @param options.resume go on with the run in the output folder
 * @param options.kill ends it at once, as if its process were killed: nothing more is written
 * @throws AdadagradError as `prepare` does
 */
export function runInWorker(
  config: RunConfig,
  observer: RunObserver,
  options: {
    readonly signal?: AbortSignal
    readonly kill?: AbortSignal
    readonly overwrite?: boolean
    readonly resume?: boolean
  } = {},
): Promise<Summary> {
  const { signal, kill, overwrite = false, resume = false } = options
  // Beside this file, in src and in dist alike.
  const entry = new URL(`./worker${extname(import.meta.url)}`, import.meta.url)
  const order: WorkerOrder = { config, overwrite, resume }
  const worker = new Worker(entry, { workerData: order })
  const stop = () => worker.postMessage('stop')
  const end = () => worker.terminate()
  return new Promise<Summary>((resolve, reject) => {
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'begin') observer.begin(message.config)
      else if (message.type === 'records') for (const record of message.records) observer.record(record)
      else if (message.type === 'end') {
        observer.end(message.summary)
        resolve(message.summary)
      } else if (message.system) reject(Object.assign(new Error(message.message), message.system))
      else reject(message.stack === undefined ? new AdadagradError(message.message) : new Error(message.stack))
    })
    worker.on('error', reject)
    worker.on('exit', (code) => reject(new AdadagradError(`the run's thread ended with code ${code}`)))
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop, { once: true })
    if (kill?.aborted) end()
    kill?.addEventListener('abort', end, { once: true })
  }).finally(() => {
    signal?.removeEventListener('abort', stop)
    kill?.removeEventListener('abort', end)
    worker.removeAllListeners('exit')
    return worker.terminate()
  })
}
