// A helper thread: waits for jobs in the shared memory and makes their kernel calls. It knows no graphs, no data and no
// objective, so whatever the calling thread can lay out, it can run. The same file serves Node and browsers.
import {
  ACCUMULATIONS,
  CONTROL_WORDS,
  changesSoon,
  DONE,
  FAILED,
  type Introduction,
  JOB_WORDS,
  kernelNames,
  POSTED,
  QUIT,
  READY,
  RING,
  STATE,
} from './crew-protocol.ts'
import type { Kernel, Kernels } from './kernels.ts'

interface Port {
  postMessage(message: unknown): void
  on?(event: 'message', listener: (introduction: Introduction) => void): void
  onmessage?: ((event: { data: Introduction }) => void) | null
}

const inNode = typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function'
const port: Port = inNode
  ? (process.getBuiltinModule('node:worker_threads').parentPort as Port)
  : (globalThis as unknown as Port)

async function work({ memory, module, control, ring, progress }: Introduction): Promise<void> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
  const kernels = exports as unknown as Kernels
  const byIndex = kernelNames(module).map((name) => (exports as Record<string, Kernel>)[name]!)
  const words = new Int32Array(memory.buffer, control, CONTROL_WORDS)
  const jobs = new Uint32Array(memory.buffer, ring, RING * JOB_WORDS)
  const finished = new Int32Array(memory.buffer, progress, 1)
  const programs = new Map<number, (() => unknown)[]>()

  /** The calls of the program at an address, bound once. Programs do not change once they are written. */
  function programAt(address: number): (() => unknown)[] {
    let calls = programs.get(address)
    if (calls === undefined) {
      // Another thread may have grown the memory: touching it here makes this thread's view follow.
      memory.grow(0)
      const [length] = new Float64Array(memory.buffer, address, 1)
      const code = new Float64Array(memory.buffer, address + 8, length)
      calls = []
      for (let at = 0; at < code.length; ) {
        const [kernel, count] = [code[at]!, code[at + 1]!]
        calls.push(byIndex[kernel]!.bind(undefined, ...code.subarray(at + 2, at + 2 + count)))
        at += 2 + count
      }
      programs.set(address, calls)
    }
    return calls
  }

  function run(job: Uint32Array): void {
    for (const call of programAt(job[0]!)) call()
    for (let k = 0; k < Math.min(job[1]!, ACCUMULATIONS); k++) {
      const [total, into, from, length] = job.subarray(2 + 4 * k, 6 + 4 * k) as unknown as [
        number,
        number,
        number,
        number,
      ]
      if (total) kernels.addTotal(into, from, length)
      else kernels.accumulate(into, from, length)
    }
  }

  Atomics.store(words, STATE, READY)
  Atomics.add(finished, 0, 1)
  Atomics.notify(finished, 0)
  for (let next = 0; ; ) {
    if (!changesSoon(words, POSTED, next)) Atomics.wait(words, POSTED, next)
    while (next !== Atomics.load(words, POSTED)) {
      const at = (next & (RING - 1)) * JOB_WORDS
      run(jobs.subarray(at, at + JOB_WORDS))
      next = (next + 1) | 0
      Atomics.store(words, DONE, next)
      Atomics.add(finished, 0, 1)
      Atomics.notify(finished, 0)
    }
    if (Atomics.load(words, STATE) === QUIT) return
  }
}

function begin(introduction: Introduction): void {
  work(introduction).catch((error: unknown) => {
    const words = new Int32Array(introduction.memory.buffer, introduction.control, CONTROL_WORDS)
    Atomics.store(words, STATE, FAILED)
    port.postMessage({ failed: error instanceof Error ? error.message : String(error) })
  })
}

if (port.on) port.on('message', begin)
else port.onmessage = ({ data }) => begin(data)
