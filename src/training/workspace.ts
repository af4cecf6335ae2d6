import type { FloatArray, NumericArray } from '../autodiff/value.ts'
import type { Backend, Graph, Plan } from '../backends/backend.ts'
import type { Batch, Dataset } from '../data/dataset.ts'
import { ConfigurationError } from '../errors.ts'
import type { ParameterLayout } from '../nn/parameters.ts'
import type { Objective } from '../problems/objective.ts'
import { needs, type StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { chunkGraph, fieldBuffer, forwardGraph } from './chunk.ts'

/** A plan for chunks of one size, and the arrays that it reads their samples from. */
export interface ChunkPlan {
  readonly plan: Plan
  readonly fields: Batch
}

/** Where one thread computes chunks: the arrays, and the plans that read and write them. All plans share the arrays. */
export interface Workspace {
  readonly backend: Backend
  readonly dataset: Dataset
  readonly layout: ParameterLayout
  /** x, [d]. */
  readonly parameters: FloatArray
  /** Σ g_i of a chunk, [d]. */
  readonly gradient: FloatArray
  /** ℓ_i, [B]. */
  readonly losses: FloatArray
  /** ‖g_i‖² by parameter array, [P, B]. */
  readonly norms: FloatArray
  /** ⟨g_i, direction⟩ by parameter array, [P, B]. */
  readonly projections: FloatArray
  /** Σ g_i∘g_i, [d]; made when a plan needs it, like those below. */
  squares(): FloatArray
  /** [d] */
  direction(): FloatArray
  /** [B, classes], where the objective has scores. */
  scores(): { readonly array: FloatArray; readonly classes: number } | undefined
  /** The plan for gradients of B samples; a promise at its first use, where the backend's is one. */
  gradientPlan(level: StatisticsLevel, B: number): ChunkPlan | Promise<ChunkPlan>
  /** The plan for losses and scores of B samples. */
  forwardPlan(B: number): ChunkPlan | Promise<ChunkPlan>
}

/** @param common the workspace whose parameters and direction this one reads, where several threads work for one run */
export function createWorkspace(
  backend: Backend,
  objective: Objective,
  dataset: Dataset,
  layout: ParameterLayout,
  chunkSize: number,
  common?: Workspace,
): Workspace {
  const d = layout.size
  const P = layout.slots.length
  const buffers: Record<string, NumericArray> = {}
  const floats = (name: string, length: number): FloatArray => {
    buffers[name] ??= backend.allocate(length)
    return buffers[name] as FloatArray
  }
  for (const [name, { shape, dtype }] of Object.entries(dataset.fields)) {
    const length = chunkSize * shape.reduce((a, b) => a * b, 1)
    buffers[fieldBuffer(name)] = dtype === 'index' ? backend.allocateIndices(length) : backend.allocate(length)
  }
  const squares = () => floats('squares', d)
  if (common) buffers.parameters = common.parameters
  const direction = () => {
    if (common) buffers.direction = common.direction()
    return floats('direction', d)
  }
  let classes = 0

  async function compile(graph: Graph, names: readonly string[]): Promise<ChunkPlan> {
    const plan = await backend.compile(graph, buffers)
    return { plan, fields: Object.fromEntries(names.map((name) => [name, buffers[fieldBuffer(name)]!])) }
  }

  async function makeGradientPlan(level: StatisticsLevel, B: number): Promise<ChunkPlan> {
    const what = needs(level)
    if (what.coordinates) squares()
    if (what.projections) direction()
    const { graph, fields, obstacle } = chunkGraph(objective, layout, dataset, B, what)
    if (obstacle !== undefined)
      throw new ConfigurationError(`${objective.name}: in a chunk of ${B} samples, but not in others, ${obstacle}`)
    return compile(graph, fields)
  }

  async function makeForwardPlan(B: number): Promise<ChunkPlan> {
    const forward = forwardGraph(objective, layout, dataset, B)
    classes = forward.classes
    if (classes > 0) floats('scores', chunkSize * classes)
    return compile(forward.graph, forward.fields)
  }

  const gradientPlans: Record<StatisticsLevel, ChunkPlan[]> = { none: [], norms: [], coordinates: [], projections: [] }
  const forwardPlans: ChunkPlan[] = []
  /** Keeps a plan that is being made, to have it at once the next time. */
  async function keep(plans: ChunkPlan[], B: number, making: Promise<ChunkPlan>): Promise<ChunkPlan> {
    plans[B] = await making
    return plans[B]
  }

  return {
    backend,
    dataset,
    layout,
    parameters: floats('parameters', d),
    gradient: floats('gradient', d),
    losses: floats('losses', chunkSize),
    norms: floats('norms', P * chunkSize),
    projections: floats('projections', P * chunkSize),
    squares,
    direction,
    scores: () => (classes > 0 ? { array: floats('scores', chunkSize * classes), classes } : undefined),
    gradientPlan: (level, B) => gradientPlans[level][B] ?? keep(gradientPlans[level], B, makeGradientPlan(level, B)),
    forwardPlan: (B) => forwardPlans[B] ?? keep(forwardPlans, B, makeForwardPlan(B)),
  }
}
