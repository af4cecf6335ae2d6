import type { Accumulation, Backend, Crew } from '../backends/backend.ts'
import type { Batch } from '../data/dataset.ts'
import { ConfigurationError } from '../errors.ts'
import type { ChunkPlan, Workspace } from './workspace.ts'

/** A chunk to compute: which plan, on which samples, and what becomes of the results. */
export interface ChunkTask {
  plan(workspace: Workspace): ChunkPlan | Promise<ChunkPlan>
  readonly stage: number
  readonly slot: number
  /** Writes the samples where the plan reads them. */
  read(fields: Batch): void
  /** Sums that take up the results, wherever the chunk was computed. */
  accumulate?(workspace: Workspace): readonly Accumulation[]
  /** Called here, on the calling thread, while the results are still in place. */
  harvest?(workspace: Workspace): void
}

/** The calling thread and its helpers, each with places to compute chunks in. */
export interface Team {
  /** Absent where the calling thread is alone. */
  readonly crew: Crew | undefined
  /** The calling thread's place. */
  readonly own: Workspace
  /** Each helper's places: while it computes in one, samples are written into the next. */
  readonly stations: readonly (readonly Workspace[])[]
}

// How many chunks a helper may have before it, so that it never waits while the calling thread computes its own.
const STATIONS = 3

/**
 * The calling thread's place, and so many helpers with places that `place` makes for them.
 *
 * @throws ConfigurationError when the backend has no threads
 */
export function gather(own: Workspace, helpers: number, place: (backend: Backend) => Workspace): Team {
  if (helpers === 0) return { own, crew: undefined, stations: [] }
  const { backend } = own
  if (!backend.crew)
    throw new ConfigurationError(`the ${backend.name} backend computes on 1 thread, got ${helpers + 1}; use wasm`)
  const crew = backend.crew(helpers)
  const stations = Array.from({ length: helpers }, (_, h) =>
    Array.from({ length: STATIONS }, () => place(crew.backendOf(h))),
  )
  return { own, crew, stations }
}

/**
 * Performs tasks, each thread those of its queue in order: queue 0 on the calling thread, queue h + 1 on helper h.
 *
 * The calling thread reads all samples (a microsecond or two each, against hundreds to compute one) and otherwise
 * computes like the others; between its chunks it sees to it that the helpers have work.
 *
 * @throws AdadagradError when a helper failed or died
 */
export async function perform(
  { crew, own, stations }: Team,
  queues: readonly (readonly ChunkTask[])[],
  breathe: (() => Promise<void> | undefined) | undefined,
): Promise<void> {
  const [mine = [], ...theirs] = queues
  const next = queues.map(() => 0)
  const harvested = theirs.map(() => 0)
  const before = theirs.map((_, h) => crew!.done(h))
  const outstanding = (h: number) => harvested[h]! < theirs[h]!.length

  async function attend(h: number): Promise<void> {
    const queue = theirs[h]!
    const places = stations[h]!
    const done = (crew!.done(h) - before[h]!) | 0
    for (; harvested[h]! < done; harvested[h]!++) {
      const k = harvested[h]!
      queue[k]!.harvest?.(places[k % places.length]!)
    }
    while (next[h + 1]! < queue.length && next[h + 1]! - harvested[h]! < places.length) {
      const k = next[h + 1]!
      const [task, place] = [queue[k]!, places[k % places.length]!]
      const found = task.plan(place)
      const { plan, fields } = found instanceof Promise ? await found : found
      task.read(fields)
      crew!.start(h, plan, task.stage, task.slot, task.accumulate?.(place) ?? [])
      next[h + 1] = k + 1
    }
  }

  try {
    while (next[0]! < mine.length || theirs.some((_, h) => outstanding(h))) {
      for (let h = 0; h < theirs.length; h++) if (outstanding(h)) await attend(h)
      if (next[0]! < mine.length) {
        const task = mine[next[0]!++]!
        const found = task.plan(own)
        const { plan, fields } = found instanceof Promise ? await found : found
        task.read(fields)
        const running = plan.run(task.stage, task.slot)
        if (running) await running
        for (const sum of task.accumulate?.(own) ?? []) accumulateHere(own.backend, sum)
        task.harvest?.(own)
      } else if (theirs.some((_, h) => outstanding(h))) await crew!.progress()
      const pause = breathe?.()
      if (pause) await pause
    }
  } catch (error) {
    // What helpers have before them would be taken for chunks of the next batch.
    const busy = (h: number) => ((crew!.done(h) - before[h]!) | 0) < next[h + 1]!
    try {
      while (theirs.some((_, h) => busy(h))) await crew!.progress()
    } catch {
      // Nothing will come from a lost helper.
    }
    throw error
  }
}

/** What a helper does with kernels; sum by sum in the same order, so that the bits agree. */
function accumulateHere(backend: Backend, { kind, into, from, length }: Accumulation): void {
  if (kind === 'each') {
    backend.accumulate(into, from)
    return
  }
  let total = 0
  for (let i = 0; i < length; i++) total += from[i]!
  into[0]! += total
}
