import type { FloatArray } from '../autodiff/value.ts'
import type { Backend } from '../backends/backend.ts'
import type { StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { type Chunk, layOutChunks } from './cut.ts'
import type { ComputeBatch } from './executor.ts'
import type { Workspace } from './workspace.ts'

/** Everything that chunks merge by addition, in float64. */
interface Sums {
  loss: number
  sumSquaredNorms: number
  readonly gradient: Float64Array
  /** Σ g_i∘g_i; made at the first batch that needs it. */
  squares?: Float64Array
}

export interface FusedOptions {
  readonly chunkSize: number
  readonly lanes: number
  /** Bytes of saved activations that the second sweep for projections may keep before it recomputes them. */
  readonly projectionMemory: number
  readonly breathe?: (() => Promise<void> | undefined) | undefined
}

/**
 * Computes batches whose statistics come out of the backward pass.
 *
 * Each chunk adds to its lane, a lane's chunks in order, and the lanes are added in order. On one thread the lanes take
 * turns with one array of sums, so memory is O(d) for any number of them.
 */
export function fusedBatches(workspace: Workspace, options: FusedOptions): ComputeBatch {
  const { chunkSize, lanes, projectionMemory, breathe } = options
  const { backend, layout, gradient, losses, norms } = workspace
  const P = layout.slots.length
  const total: Sums = { loss: 0, sumSquaredNorms: 0, gradient: backend.allocateDouble(layout.size) }
  const lane: Sums = { loss: 0, sumSquaredNorms: 0, gradient: backend.allocateDouble(layout.size) }
  const mean = new Float64Array(layout.size)
  // A run stays at one batch size for many steps.
  let chunks: readonly Chunk[] = []
  let size = 0

  function add(into: Sums, B: number, level: StatisticsLevel): void {
    into.loss += sum(losses, B)
    backend.accumulate(into.gradient, gradient)
    if (level !== 'none') into.sumSquaredNorms += sum(norms, P * B)
    if (level === 'coordinates') backend.accumulate(into.squares!, workspace.squares())
  }

  return async (indices, firstDraw, level) => {
    const b = indices.length
    if (b !== size) chunks = layOutChunks(b, chunkSize, lanes)
    size = b
    let slots = 1
    for (let k = 0; k < chunks.length; k++) {
      const chunk = chunks[k]!
      const into = chunk.lane === 0 ? total : lane
      if (chunk.lane !== chunks[k - 1]?.lane) clear(into, level, backend)
      const found = workspace.gradientPlan(level, chunk.size)
      const { plan, fields } = found instanceof Promise ? await found : found
      if (k === 0 && level === 'projections') slots = slotsFor(plan.slotBytes, chunks.length, projectionMemory)
      workspace.dataset.read(part(indices, chunk), fields, 0, firstDraw + chunk.at)
      const running = plan.run(0, Math.min(k, slots - 1))
      if (running) await running
      add(into, chunk.size, level)
      if (into === lane && chunk.lane !== chunks[k + 1]?.lane) merge(total, lane, level, backend)
      const pause = breathe?.()
      if (pause) await pause
    }

    for (let j = 0; j < mean.length; j++) mean[j] = total.gradient[j]! / b
    const loss = total.loss / b
    if (level === 'none') return { loss, statistics: { batchSize: b, mean } }
    const { sumSquaredNorms } = total
    if (level === 'norms') return { loss, statistics: { batchSize: b, mean, sumSquaredNorms } }
    if (level === 'coordinates')
      return { loss, statistics: { batchSize: b, mean, sumSquaredNorms, sumSquares: total.squares! } }
    const projected = await project(workspace, chunks, slots, indices, firstDraw, mean, breathe)
    return {
      loss,
      statistics: { batchSize: b, mean, sumSquaredNorms, projections: projected.sums },
      tensorProjections: projected.rows,
    }
  }
}

/**
 * The second sweep: ⟨g_i, ḡ⟩ by parameter array, from activations that the first sweep has left in their slots. Chunks
 * that had to share the last slot are computed again, but for the one that came last.
 */
async function project(
  workspace: Workspace,
  chunks: readonly Chunk[],
  slots: number,
  indices: ArrayLike<number>,
  firstDraw: number,
  mean: Float64Array,
  breathe: FusedOptions['breathe'],
): Promise<{ rows: readonly Float64Array[]; sums: Float64Array }> {
  const { dataset, layout, projections } = workspace
  workspace.direction().set(mean)
  const rows = layout.slots.map(() => new Float64Array(indices.length))
  const sums = new Float64Array(indices.length)
  const last = chunks.length - 1
  // Backwards: the last chunk's samples and activations are still in their places.
  for (let k = last; k >= 0; k--) {
    const chunk = chunks[k]!
    const slot = Math.min(k, slots - 1)
    const found = workspace.gradientPlan('projections', chunk.size)
    const { plan, fields } = found instanceof Promise ? await found : found
    if (k < last) dataset.read(part(indices, chunk), fields, 0, firstDraw + chunk.at)
    const again = k < last && slot === slots - 1 ? plan.run(0, slot) : undefined
    if (again) await again
    const running = plan.run(1, slot)
    if (running) await running
    for (let p = 0; p < rows.length; p++)
      for (let i = 0; i < chunk.size; i++) {
        const projection = projections[p * chunk.size + i]!
        rows[p]![chunk.at + i] = projection
        sums[chunk.at + i]! += projection
      }
    const pause = breathe?.()
    if (pause) await pause
  }
  return { rows, sums }
}

/** How many chunks keep their activations: all, or as many as fit and one slot for the rest. */
const slotsFor = (slotBytes: number, chunks: number, memory: number): number =>
  Math.max(1, Math.min(chunks, Math.floor(memory / Math.max(1, slotBytes))))

function clear(sums: Sums, level: StatisticsLevel, backend: Backend): void {
  sums.loss = 0
  sums.sumSquaredNorms = 0
  sums.gradient.fill(0)
  if (level !== 'coordinates') return
  if (sums.squares) sums.squares.fill(0)
  else sums.squares = backend.allocateDouble(sums.gradient.length)
}

function merge(into: Sums, from: Sums, level: StatisticsLevel, backend: Backend): void {
  into.loss += from.loss
  into.sumSquaredNorms += from.sumSquaredNorms
  backend.accumulate(into.gradient, from.gradient)
  if (level === 'coordinates') backend.accumulate(into.squares!, from.squares!)
}

function sum(array: FloatArray, length: number): number {
  let total = 0
  for (let i = 0; i < length; i++) total += array[i]!
  return total
}

/** The indices of a chunk: a view where there can be one, since they mostly come as the sampler's typed array. */
function part(indices: ArrayLike<number>, { at, size }: Chunk): ArrayLike<number> {
  if (size === indices.length) return indices
  if (indices instanceof Uint32Array) return indices.subarray(at, at + size)
  return Array.from({ length: size }, (_, i) => indices[at + i]!)
}
