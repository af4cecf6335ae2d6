import type { FloatArray } from '../autodiff/value.ts'
import type { Backend } from '../backends/backend.ts'
import { type Dataset, guarded } from '../data/dataset.ts'
import { ConfigurationError } from '../errors.ts'
import { layOutParameters, type ParameterLayout } from '../nn/parameters.ts'
import type { Objective } from '../problems/objective.ts'
import { needs } from '../statistics/gradient-statistics.ts'
import { whole } from '../validate.ts'
import type { ComputeBatch, Evaluation } from './batch.ts'
import { chunkGraph, expectLike } from './chunk.ts'
import { evaluateDataset } from './evaluate.ts'
import { fusedBatches } from './fused.ts'
import { sampleBySampleBatches } from './sample-by-sample.ts'
import { gather } from './team.ts'
import { createWorkspace } from './workspace.ts'

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
  readonly batch: ComputeBatch
  /** Mean loss and accuracy over a whole data set, with fields like those of the one to learn from. */
  evaluate(dataset: Dataset): Promise<Evaluation>
  /** Ends the helper threads, if there are any. */
  close(): Promise<void>
}

export interface ExecutorOptions {
  readonly backend: Backend
  readonly objective: Objective
  readonly dataset: Dataset
  /** C, the largest number of samples computed together. */
  readonly chunkSize?: number
  /** L, the number of partial sums that a batch is gathered in. */
  readonly lanes?: number
  /** Threads that compute, the calling one included; 1 by default. The bits do not depend on it. */
  readonly threads?: number
  /** Bytes of saved activations that the second sweep for projections may keep before it recomputes them. */
  readonly projectionMemory?: number
  /** Called between chunks, so that whoever shares the thread stays responsive. */
  readonly breathe?: () => Promise<void> | undefined
}

/**
 * An executor.
 *
 * @throws ConfigurationError for a number that is not whole and at least 1, or threads that the backend does not have
 */
export async function createExecutor(options: ExecutorOptions): Promise<Executor> {
  const { backend, objective, breathe, lanes = 8, projectionMemory = 2 ** 28 } = options
  const dataset = guarded(options.dataset)
  const chunkSize = whole('executor', 'chunkSize', options.chunkSize ?? objective.chunkSize ?? 64, 1)
  const helpers = whole('executor', 'threads', options.threads ?? 1, 1) - 1
  // A thread owns whole lanes, so more threads than lanes would idle.
  if (helpers >= whole('executor', 'lanes', lanes, 1))
    throw new ConfigurationError(`executor: ${helpers + 1} threads need as many lanes at least, got ${lanes}`)
  const layout = layOutParameters(objective.parameters)

  // Whether one pass gives the statistics is a property of the objective: one traced chunk tells.
  const { obstacle } = chunkGraph(objective, layout, dataset, 2, needs('norms'))
  const perSample = obstacle === undefined ? 'fused' : ({ sampleBySample: obstacle } as const)

  const own = createWorkspace(backend, objective, dataset, layout, chunkSize)
  const team = gather(own, helpers, (helper) => createWorkspace(helper, objective, dataset, layout, chunkSize, own))
  const fused = fusedBatches(team, { chunkSize, lanes, projectionMemory, breathe })
  const general = perSample === 'fused' ? fused : sampleBySampleBatches(own, breathe)

  const known = new WeakMap([[options.dataset, dataset]])
  let busy = false
  /** A batch at a time: they share all arrays. */
  async function alone<T>(work: () => Promise<T>): Promise<T> {
    if (busy) throw new ConfigurationError('executor: the batch before is still being computed; await it first')
    busy = true
    try {
      backend.changed?.(own.parameters)
      return await work()
    } finally {
      busy = false
    }
  }

  return {
    backend,
    objective,
    layout,
    parameters: own.parameters,
    chunkSize,
    lanes,
    perSample,
    batch(indices, firstDraw, level) {
      if (!(indices.length >= 1)) throw new ConfigurationError('executor: a batch needs at least one sample, got none')
      const compute = level === 'none' ? fused : general
      return alone(() => compute(indices, firstDraw, level))
    },
    async evaluate(data) {
      let readable = known.get(data)
      if (readable === undefined) {
        expectLike(objective, layout, dataset, data)
        readable = guarded(data)
        known.set(data, readable)
      }
      const samples = readable
      return alone(() => evaluateDataset(team, samples, chunkSize, breathe))
    },
    close: async () => team.crew?.close(),
  }
}
