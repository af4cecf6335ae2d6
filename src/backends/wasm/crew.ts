import { AdadagradError, ConfigurationError } from '../../errors.ts'
import type { Backend, Crew, Plan } from '../backend.ts'
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
  PROGRESS,
  QUIT,
  RING,
  STATE,
} from './crew-protocol.ts'
import type { Kernel, Kernels } from './kernels.ts'
import type { Heap } from './memory.ts'
import type { WasmPlan } from './plan.ts'
import type { Call } from './step.ts'

// How long to sleep before messages (a helper's death) get their turn.
const SLEEP_MILLISECONDS = 20

const inNode = typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function'

/** The page's own thread must not block; workers and Node may. */
const mayBlock = inNode || typeof (globalThis as { importScripts?: unknown }).importScripts === 'function'

/** A thread as Node and browsers have it. */
interface Thread {
  postMessage(message: Introduction): void
  terminate(): unknown
}

/** Starts the thread; `lost` hears of its failure or death. */
function spawn(lost: (why: string) => void): Thread {
  // From sources (tests, scripts) the compiled file serves: Node 20 does not run TypeScript.
  const url = new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/backends/wasm/worker.js' : './worker.js',
    import.meta.url,
  )
  const heard = ({ failed }: { failed?: string }) => {
    if (failed !== undefined) lost(failed)
  }
  if (inNode) {
    const { Worker: NodeWorker } = process.getBuiltinModule('node:worker_threads')
    const thread = new NodeWorker(url)
    thread.on('message', heard)
    thread.on('error', (error) => lost(error instanceof Error ? error.message : String(error)))
    thread.on('exit', (code) => lost(`it exited with code ${code}`))
    // A helper that waits for work must not keep the process alive.
    thread.unref()
    return thread
  }
  const thread = new Worker(url, { type: 'module' })
  thread.onmessage = ({ data }) => heard(data)
  thread.onerror = ({ message }) => lost(message || `its script ${url} did not load`)
  return thread
}

/** Helper threads over the memory of a wasm backend. */
export function createCrew(
  helpers: number,
  { memory, module }: { readonly memory: WebAssembly.Memory; readonly module: WebAssembly.Module },
  kernels: Kernels,
  heap: Heap,
  fork: () => Backend,
): Crew {
  if (!inNode && (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === false)
    throw new ConfigurationError(
      'threads need shared memory, which browsers grant to cross-origin isolated pages only: send the headers ' +
        'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or use 1 thread',
    )
  if (typeof SharedArrayBuffer === 'undefined')
    throw new ConfigurationError(
      'threads need shared memory, which this browser does not give to workers; use 1 thread',
    )
  const indices = new Map<Kernel, number>()
  for (const [i, name] of kernelNames(module).entries()) indices.set(kernels[name as keyof Kernels], i)
  const controls = Array.from({ length: helpers }, () => heap.int32(CONTROL_WORDS))
  const rings = Array.from({ length: helpers }, () => heap.int32(RING * JOB_WORDS))
  const jobs = rings.map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length))
  const backends = controls.map(fork)
  const finished = controls[0]!.subarray(PROGRESS, PROGRESS + 1)
  const programs = new Map<readonly Call[], number>()
  let closed = false
  let lost: string | undefined
  let seen = 0

  const threads = controls.map((control, helper) => {
    const thread = spawn((why) => {
      if (!closed) lost ??= `helper thread ${helper + 1} of ${helpers} was lost: ${why}`
    })
    const addresses = { control: control.byteOffset, ring: rings[helper]!.byteOffset, progress: finished.byteOffset }
    thread.postMessage({ memory, module, ...addresses })
    return thread
  })

  /** The address of a list of calls in the shared memory: [length, (kernel, count, …arguments)…]. */
  function programOf(calls: readonly Call[]): number {
    let address = programs.get(calls)
    if (address === undefined) {
      const code = calls.flatMap(({ kernel, args }) => [indices.get(kernel!)!, args!.length, ...args!])
      const words = heap.float64(1 + code.length, 'a program')
      words[0] = code.length
      words.set(code, 1)
      address = words.byteOffset
      programs.set(calls, address)
    }
    return address
  }

  const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

  return {
    helpers,
    backendOf: (helper) => backends[helper]!,
    start(helper, plan: Plan, stage, slot, then) {
      if (then.length > ACCUMULATIONS) throw new Error(`at most ${ACCUMULATIONS} accumulations, got ${then.length}`)
      const control = controls[helper]!
      const posted = Atomics.load(control, POSTED)
      if (((posted - Atomics.load(control, DONE)) | 0) >= RING) throw new Error('the ring of jobs is full')
      const at = (posted & (RING - 1)) * JOB_WORDS
      const job = jobs[helper]!.subarray(at, at + JOB_WORDS)
      job[0] = programOf((plan as WasmPlan).calls(stage, slot))
      job[1] = then.length
      for (const [k, { kind, into, from, length }] of then.entries())
        job.set([kind === 'total' ? 1 : 0, into.byteOffset, from.byteOffset, length], 2 + 4 * k)
      Atomics.store(control, POSTED, posted + 1)
      Atomics.notify(control, POSTED)
    },
    done: (helper) => Atomics.load(controls[helper]!, DONE),
    async progress() {
      if (!changesSoon(finished, 0, seen)) {
        if (mayBlock) Atomics.wait(finished, 0, seen, SLEEP_MILLISECONDS)
        // Nothing yet: let messages in, for a lost helper is heard of by message alone.
        if (Atomics.load(finished, 0) === seen) await turn()
      }
      seen = Atomics.load(finished, 0)
      // A helper that failed says so first and sends its reason after.
      if (controls.some((control) => Atomics.load(control, STATE) === FAILED)) while (lost === undefined) await turn()
      if (lost !== undefined) throw new AdadagradError(`${lost}; the run stops here, its last checkpoint stands`)
    },
    async close() {
      closed = true
      lost ??= 'the helper threads are closed'
      for (const control of controls) {
        Atomics.store(control, STATE, QUIT)
        Atomics.add(control, POSTED, 0)
        Atomics.notify(control, POSTED)
      }
      await Promise.all(threads.map((thread) => thread.terminate()))
    },
  }
}
