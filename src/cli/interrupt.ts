import { exitCodes } from './report.ts'

/**
 * Runs something that Ctrl-C (or SIGTERM) asks to end; a second Ctrl-C ends the process at once.
 *
 * @example await untilInterrupted((signal) => execute(prepared, sinks, signal))
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
    controller.abort()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
