import type { FloatArray } from '../autodiff/value.ts'
import type { Backend, Plan } from '../backends/backend.ts'
import type { Dataset } from '../data/dataset.ts'
import { ConfigurationError } from '../errors.ts'
import { layOutParameters, type ParameterLayout } from '../nn/parameters.ts'
import type { Objective } from '../problems/objective.ts'
import { type GradientStatistics, type Needs, needs, type StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { type ChunkGraph, chunkGraph, fieldBuffer, forwardGraph } from './chunk.ts'
import { cut } from './cut.ts'

/** What one batch says at the current parameters. */
export interface BatchResult {
  /** Mean loss of the batch. */
  readonly loss: number
  readonly statistics: GradientStatistics
  /** ⟨g_i, ḡ⟩ by parameter array, [P][b], with level `projections`: what per-tensor formulas need. */
  readonly tensorProjections?: readonly Float64Array[]
}

export interface Evaluation {
  readonly loss: number
  /** Share of samples whose largest score is at the label; absent where the objective has no scores. */
  readonly accuracy?: number
}

/** Computes batches: cuts them into chunks, runs the chunks and merges what they say, in a fixed order. */
export interface Executor {
  readonly backend: Backend
  readonly objective: Objective
  readonly layout: ParameterLayout
  /** x ∈ R^d: what the backend computes with. The optimiser writes here. */
  readonly parameters: FloatArray
  readonly chunkSize: number
  readonly lanes: number
  /** `fused`: statistics come out of the backward pass; otherwise why each sample has a pass of its own. */
  readonly perSample: 'fused' | { readonly sampleBySample: string }
  /**
   * Loss, mean gradient and statistics of a batch. The arrays of the result are overwritten by the next call.
   *
   * @param indices samples of the training set
   * @param firstDraw ordinal of the first of them among all draws of the run
   */
  batch(indices: ArrayLike<number>, firstDraw: number, level: StatisticsLevel): Promise<BatchResult>
  /** Mean loss and accuracy over a whole data set. */
  evaluate(dataset: Dataset): Promise<Evaluation>
}

export interface ExecutorOptions {
  readonly backend: Backend
  readonly objective: Objective
  readonly dataset: Dataset
  /** C, the largest number of samples computed together. */
  readonly chunkSize?: number
  /** L, the number of partial sums that a batch is gathered in. */
  readonly lanes?: number
  /** Bytes of saved activations that the second sweep for projections may keep before it recomputes them. */
  readonly projectionMemory?: number
  /** Called between chunks, so that whoever shares the thread stays responsive. */
  readonly breathe?: () => Promise<void> | undefined
}

/** Sums over the chunks of one lane: everything that merges by addition. */
interface Lane {
  loss: number
  sumSquaredNorms: number
  readonly gradient: Float64Array
  readonly squares: Float64Array | undefined
}

/** An executor on the calling thread. */
export async function inlineExecutor(options: ExecutorOptions): Promise<Executor> {
  const { backend, objective, dataset, breathe } = options
  const { lanes = 8, projectionMemory = 2 ** 28 } = options
  const chunkSize = options.chunkSize ?? objective.chunkSize ?? 64
  for (const [name, value] of Object.entries({ chunkSize, lanes }))
    if (!(Number.isInteger(value) && value >= 1))
      throw new ConfigurationError(`executor: ${name} must be a whole number of at least 1, got ${value}`)
  const layout = layOutParameters(objective.parameters)
  const d = layout.size
  const P = layout.slots.length

  // Whether one pass gives the statistics is a property of the objective: one traced chunk tells.
  const { obstacle } = chunkGraph(objective, layout, dataset, 2, needs('norms'))
  const perSample = obstacle === undefined ? 'fused' : ({ sampleBySample: obstacle } as const)

  const parameters = backend.allocate(d)
  const buffers: Record<string, FloatArray | Int32Array> = {
    parameters,
    gradient: backend.allocate(d),
    losses: backend.allocate(chunkSize),
    norms: backend.allocate(P * chunkSize),
    projections: backend.allocate(P * chunkSize),
  }
  const { gradient, losses, norms, projections } = buffers as Record<string, FloatArray>
  const need = (name: string, make: () => FloatArray | Int32Array) => {
    buffers[name] ??= make()
    return buffers[name]
  }
  for (const [name, { shape, dtype }] of Object.entries(dataset.fields)) {
    const length = chunkSize * shape.reduce((a, b) => a * b, 1)
    need(fieldBuffer(name), () => (dtype === 'index' ? backend.allocateIndices(length) : backend.allocate(length)))
  }

  const plans = new Map<string, { plan: Plan; fields: Record<string, FloatArray | Int32Array> }>()
  /** The plan for B samples, made at its first use. */
  async function planFor(key: string, make: () => ChunkGraph) {
    let entry = plans.get(key)
    if (entry === undefined) {
      const { graph, fields } = make()
      const plan = await backend.compile(graph, buffers)
      entry = { plan, fields: Object.fromEntries(fields.map((name) => [name, buffers[fieldBuffer(name)]!])) }
      plans.set(key, entry)
    }
    return entry
  }
  const gradientPlan = (B: number, what: Needs) => {
    const key = `${B}${what.norms ? ' norms' : ''}${what.coordinates ? ' squares' : ''}${what.projections ? ' projections' : ''}`
    return planFor(key, () => chunkGraph(objective, layout, dataset, B, what))
  }

  const pool: Lane[] = []
  function resetLanes(count: number, squares: boolean): Lane[] {
    for (let l = 0; l < count; l++) {
      pool[l] ??= { loss: 0, sumSquaredNorms: 0, gradient: backend.allocateDouble(d), squares: undefined }
      const lane = pool[l]!
      if (squares && lane.squares === undefined) pool[l] = { ...lane, squares: backend.allocateDouble(d) }
      pool[l]!.loss = 0
      pool[l]!.sumSquaredNorms = 0
      pool[l]!.gradient.fill(0)
      pool[l]!.squares?.fill(0)
    }
    return pool.slice(0, count)
  }

  const mean = new Float64Array(d)

  /** Lanes in order, then the mean over b samples. */
  function mergeLanes(used: readonly Lane[], b: number, squares: boolean) {
    const [first, ...rest] = used as [Lane, ...Lane[]]
    for (const lane of rest) {
      backend.accumulate(first.gradient, lane.gradient)
      if (squares) backend.accumulate(first.squares!, lane.squares!)
      first.loss += lane.loss
      first.sumSquaredNorms += lane.sumSquaredNorms
    }
    for (let j = 0; j < d; j++) mean[j] = first.gradient[j]! / b
    return first
  }

  const total = (array: FloatArray, length: number): number => {
    let sum = 0
    for (let i = 0; i < length; i++) sum += array[i]!
    return sum
  }

  async function fused(indices: ArrayLike<number>, firstDraw: number, what: Needs): Promise<BatchResult> {
    const b = indices.length
    const sizes = cut(b, chunkSize, lanes)
    const used = resetLanes(Math.min(lanes, sizes.length), what.coordinates)
    if (what.coordinates) need('squares', () => backend.allocate(d))
    if (what.projections) need('direction', () => backend.allocate(d))
    const starts = sizes.map((_, k) => sizes.slice(0, k).reduce((a, n) => a + n, 0))
    let slots = 1

    const sweep = async (k: number, slot: number): Promise<Plan> => {
      const [B, at] = [sizes[k]!, starts[k]!]
      const { plan, fields } = await gradientPlan(B, what)
      dataset.read(sliceOf(indices, at, B), fields, 0, firstDraw + at)
      const running = plan.run(0, slot)
      if (running) await running
      return plan
    }
    for (const [k, B] of sizes.entries()) {
      if (what.projections && k === 0) {
        const { plan } = await gradientPlan(sizes[0]!, what)
        slots = Math.max(1, Math.min(sizes.length, Math.floor(projectionMemory / Math.max(1, plan.slotBytes))))
      }
      await sweep(k, Math.min(k, slots - 1))
      const lane = used[k % lanes]!
      lane.loss += total(losses!, B)
      backend.accumulate(lane.gradient, gradient!)
      if (what.norms) lane.sumSquaredNorms += total(norms!, P * B)
      if (what.coordinates) backend.accumulate(lane.squares!, buffers.squares as FloatArray)
      if (breathe) await breathe()
    }
    const merged = mergeLanes(used, b, what.coordinates)
    const statistics = {
      batchSize: b,
      mean,
      ...(what.norms && { sumSquaredNorms: merged.sumSquaredNorms }),
      ...(what.coordinates && { sumSquares: merged.squares! }),
    }
    if (!what.projections) return { loss: merged.loss / b, statistics }

    ;(buffers.direction as FloatArray).set(mean)
    const tensorProjections = layout.slots.map(() => new Float64Array(b))
    // Backwards: the last chunk's activations are still there when there was room for one chunk only.
    for (let k = sizes.length - 1; k >= 0; k--) {
      const [B, at] = [sizes[k]!, starts[k]!]
      const saved = k < slots - 1 || k === sizes.length - 1
      const plan = saved ? (await gradientPlan(B, what)).plan : await sweep(k, slots - 1)
      if (saved) dataset.read(sliceOf(indices, at, B), (await gradientPlan(B, what)).fields, 0, firstDraw + at)
      const running = plan.run(1, Math.min(k, slots - 1))
      if (running) await running
      for (const [p, row] of tensorProjections.entries())
        for (let i = 0; i < B; i++) row[at + i] = projections![p * B + i]!
      if (breathe) await breathe()
    }
    const sums = new Float64Array(b)
    for (const row of tensorProjections) for (let i = 0; i < b; i++) sums[i]! += row[i]!
    return { loss: merged.loss / b, statistics: { ...statistics, projections: sums }, tensorProjections }
  }

  /** The general way: a pass for each sample, whose gradient is then at hand. Slow, and right for any objective. */
  async function sampleBySample(indices: ArrayLike<number>, firstDraw: number, what: Needs): Promise<BatchResult> {
    const b = indices.length
    const { plan, fields } = await gradientPlan(1, needs('none'))
    const sum = new Float64Array(d)
    const sumSquares = what.coordinates ? new Float64Array(d) : undefined
    let [loss, sumSquaredNorms] = [0, 0]
    const each = async (visit: (i: number) => void) => {
      for (let i = 0; i < b; i++) {
        dataset.read(sliceOf(indices, i, 1), fields, 0, firstDraw + i)
        const running = plan.run(0, 0)
        if (running) await running
        visit(i)
        if (breathe) await breathe()
      }
    }
    await each(() => {
      loss += losses![0]!
      for (let j = 0; j < d; j++) {
        const g = gradient![j]!
        sum[j]! += g
        sumSquaredNorms += g * g
        if (sumSquares) sumSquares[j]! += g * g
      }
    })
    for (let j = 0; j < d; j++) mean[j] = sum[j]! / b
    const statistics = { batchSize: b, mean, sumSquaredNorms, ...(sumSquares && { sumSquares }) }
    if (!what.projections) return { loss: loss / b, statistics }
    const tensorProjections = layout.slots.map(() => new Float64Array(b))
    const sums = new Float64Array(b)
    await each((i) => {
      for (const [p, { offset, size }] of layout.slots.entries()) {
        let product = 0
        for (let j = offset; j < offset + size; j++) product += gradient![j]! * mean[j]!
        tensorProjections[p]![i] = product
        sums[i]! += product
      }
    })
    return { loss: loss / b, statistics: { ...statistics, projections: sums }, tensorProjections }
  }

  return {
    backend,
    objective,
    layout,
    parameters,
    chunkSize,
    lanes,
    perSample,
    batch(indices, firstDraw, level) {
      if (!(indices.length >= 1)) throw new ConfigurationError('executor: a batch needs at least one sample, got none')
      const what = needs(level)
      return perSample === 'fused' || !what.norms
        ? fused(indices, firstDraw, what)
        : sampleBySample(indices, firstDraw, what)
    },
    async evaluate(data) {
      const labels = data.fields.y?.dtype === 'index' ? new Int32Array(chunkSize) : undefined
      let [loss, correct, classes] = [0, 0, 0]
      for (let at = 0; at < data.size; at += chunkSize) {
        const B = Math.min(chunkSize, data.size - at)
        const { plan, fields } = await planFor(`${B} forward`, () => {
          const forward = forwardGraph(objective, layout, dataset, B)
          if (forward.classes > 0) need('scores', () => backend.allocate(chunkSize * forward.classes))
          return forward
        })
        const indices = Uint32Array.from({ length: B }, (_, i) => at + i)
        data.read(indices, fields, 0, at)
        const running = plan.run(0, 0)
        if (running) await running
        loss += total(losses!, B)
        const scores = buffers.scores as FloatArray | undefined
        if (scores && labels) {
          classes = scores.length / chunkSize
          data.read(indices, { y: labels }, 0, at)
          for (let i = 0; i < B; i++) if (largest(scores, i * classes, classes) === labels[i]) correct++
        }
        if (breathe) await breathe()
      }
      return { loss: loss / data.size, ...(classes > 0 && { accuracy: correct / data.size }) }
    },
  }
}

/** Position of the largest of n numbers from `start`; the first of equals. */
function largest(values: FloatArray, start: number, n: number): number {
  let best = 0
  for (let j = 1; j < n; j++) if (values[start + j]! > values[start + best]!) best = j
  return best
}

/** A view where there can be one: indices mostly come as the sampler's typed array. */
function sliceOf(indices: ArrayLike<number>, at: number, length: number): ArrayLike<number> {
  if (indices instanceof Uint32Array) return indices.subarray(at, at + length)
  return Array.from({ length }, (_, i) => indices[at + i]!)
}
