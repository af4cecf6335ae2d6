/** Lets timers, signals and input have their turn; resolves in a new task. */
const nextTask: () => Promise<void> =
  typeof setImmediate === 'function'
    ? () => new Promise((resolve) => setImmediate(resolve))
    : () =>
        new Promise((resolve) => {
          const { port1, port2 } = new MessageChannel()
          port1.onmessage = () => {
            port1.close()
            resolve()
          }
          port2.postMessage(null)
        })

/**
 * A function to call between pieces of work: mostly it returns at once, and every `milliseconds` a promise to await.
 *
 * Without it a loop of settled promises would starve the event loop: no progress display, no Ctrl-C.
 */
export function breather(milliseconds = 12): () => Promise<void> | undefined {
  let last = performance.now()
  return () => {
    const now = performance.now()
    if (now - last < milliseconds) return undefined
    return nextTask().then(() => {
      last = performance.now()
    })
  }
}
