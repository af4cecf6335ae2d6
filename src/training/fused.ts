import type { Accumulation } from '../backends/backend.ts'
import type { StatisticsLevel } from '../statistics/gradient-statistics.ts'
import type { PerTensorStatistics } from '../statistics/official.ts'
import type { BatchResult, ComputeBatch } from './batch.ts'
import { type Chunk, layOutChunks } from './cut.ts'
import { LaneSums, type Sums } from './lane-sums.ts'
import { type ChunkTask, perform, type Team } from './team.ts'
import type { Workspace } from './workspace.ts'

export interface FusedOptions {
  readonly chunkSize: number
  readonly lanes: number
  /** Bytes of saved activations that the second sweep for projections may keep before it recomputes them. */
  readonly projectionMemory: number
  readonly breathe?: (() => Promise<void> | undefined) | undefined
}

/**
 * Computes batches whose statistics come out of the backward pass, on as many threads as the team has.
 *
 * Each chunk adds to its lane, a lane's chunks in order, and the lanes are added in order; a lane belongs to one thread.
 * So the bits depend neither on how many threads there are nor on which of them is faster.
 */
export function fusedBatches(team: Team, options: FusedOptions): ComputeBatch {
  const { chunkSize, lanes, projectionMemory, breathe } = options
  const { backend, layout, dataset } = team.own
  const threads = 1 + team.stations.length
  const sums = new LaneSums(backend, layout.size)
  const mean = new Float64Array(layout.size)
  // Each thread's chunks, in order. A run stays at one batch size for many steps.
  let shares: readonly (readonly Chunk[])[] = []
  let size = 0

  return async (indices, firstDraw, level): Promise<BatchResult> => {
    const b = indices.length
    if (b !== size) shares = share(layOutChunks(b, chunkSize, lanes), threads)
    size = b
    const slots = level === 'projections' ? await slotsFor(team, shares, projectionMemory) : 1
    const task = (chunk: Chunk, stage: number, slot: number, then: Partial<ChunkTask>): ChunkTask => ({
      plan: (workspace) => workspace.gradientPlan(level, chunk.size),
      stage,
      slot,
      read: (fields) => dataset.read(part(indices, chunk), fields, 0, firstDraw + chunk.at),
      ...then,
    })

    sums.begin(shares.flat(), level)
    const firstSweep = shares.map((chunks) =>
      chunks.map((chunk, k) =>
        task(chunk, 0, Math.min(k, slots - 1), {
          accumulate: (workspace) => accumulations(sums.of(chunk), workspace, chunk.size, level),
          harvest: () => sums.finished(chunk),
        }),
      ),
    )
    await perform(team, firstSweep, breathe)

    const { gradient, scalars, squares } = sums.total
    for (let j = 0; j < mean.length; j++) mean[j] = gradient[j]! / b
    const [loss, sumSquaredNorms] = [scalars[0]! / b, scalars[1]!]
    if (level === 'none') return { loss, statistics: { batchSize: b, mean } }
    if (level === 'norms') return { loss, statistics: { batchSize: b, mean, sumSquaredNorms } }
    if (level === 'coordinates')
      return { loss, statistics: { batchSize: b, mean, sumSquaredNorms, sumSquares: squares! } }

    // The second sweep: ⟨g_i, ḡ⟩ by parameter array, from activations that the first one has left in their slots.
    team.own.direction().set(mean)
    backend.changed?.(team.own.direction())
    const tensorProjections = layout.slots.map(() => new Float64Array(b))
    const projections = new Float64Array(b)
    const project = (chunk: Chunk, slot: number) =>
      task(chunk, 1, slot, {
        harvest({ projections: found }) {
          for (const [p, row] of tensorProjections.entries())
            for (let i = 0; i < chunk.size; i++) {
              row[chunk.at + i] = found[p * chunk.size + i]!
              projections[chunk.at + i]! += found[p * chunk.size + i]!
            }
        },
      })
    const secondSweep = shares.map((chunks) => {
      // Backwards, for the last chunk's activations are still there. Of those that shared the last slot with it, the
      // others are computed again.
      const last = chunks.length - 1
      return [...chunks.entries()].reverse().flatMap(([k, chunk]) => {
        const slot = Math.min(k, slots - 1)
        return slot === slots - 1 && k < last
          ? [task(chunk, 0, slot, {}), project(chunk, slot)]
          : [project(chunk, slot)]
      })
    })
    await perform(team, secondSweep, breathe)
    const statistics: PerTensorStatistics = {
      ...{ batchSize: b, mean, sumSquaredNorms, projections },
      ...{ layout: layout.slots, tensorProjections },
    }
    return { loss, statistics, tensorProjections }
  }
}

/** The chunks of each thread: lanes are dealt out in turn. */
const share = (chunks: readonly Chunk[], threads: number): Chunk[][] =>
  Array.from({ length: threads }, (_, t) => chunks.filter(({ lane }) => lane % threads === t))

/** How many of its chunks a thread keeps the activations of: all, or as many as fit and one slot for the rest. */
async function slotsFor(team: Team, shares: readonly (readonly Chunk[])[], memory: number): Promise<number> {
  const largest = Math.max(...shares.flat().map((chunk) => chunk.size))
  const { plan } = await team.own.gradientPlan('projections', largest)
  const most = Math.max(...shares.map((chunks) => chunks.length))
  return Math.max(1, Math.min(most, Math.floor(memory / shares.length / Math.max(1, plan.slotBytes))))
}

/** What a chunk of B samples adds to its lane. */
function accumulations(sums: Sums, workspace: Workspace, B: number, level: StatisticsLevel): Accumulation[] {
  const { gradient, losses, norms, layout } = workspace
  const list: Accumulation[] = [
    { kind: 'each', into: sums.gradient, from: gradient, length: layout.size },
    { kind: 'total', into: sums.scalars, from: losses, length: B },
  ]
  if (level !== 'none')
    list.push({ kind: 'total', into: sums.scalars.subarray(1), from: norms, length: layout.slots.length * B })
  if (level === 'coordinates')
    list.push({ kind: 'each', into: sums.squares!, from: workspace.squares(), length: layout.size })
  return list
}

/** The indices of a chunk: a view where there can be one, since they mostly come as the sampler's typed array. */
function part(indices: ArrayLike<number>, { at, size }: Chunk): ArrayLike<number> {
  if (size === indices.length) return indices
  if (indices instanceof Uint32Array) return indices.subarray(at, at + size)
  return Array.from({ length: size }, (_, i) => indices[at + i]!)
}
