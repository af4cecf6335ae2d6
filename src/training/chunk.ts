import { pullback } from '../autodiff/grad.ts'
import { multiply, square, sum } from '../autodiff/operations/index.ts'
import { formatShape, sameShape, sizeOf } from '../autodiff/shape.ts'
import {
  constant,
  leaf,
  type PerSampleRule,
  type Sampling,
  samplingOf,
  topologicalOrder,
  type Value,
} from '../autodiff/value.ts'
import type { Graph, Output } from '../backends/backend.ts'
import type { Dataset } from '../data/dataset.ts'
import { ConfigurationError, ShapeError } from '../errors.ts'
import { type ParameterLayout, parameterLeaves } from '../nn/parameters.ts'
import type { Objective, TracedObjective } from '../problems/objective.ts'
import type { Needs } from '../statistics/gradient-statistics.ts'

// A chunk is B samples that are computed together. Its graph is the ordinary backward pass from the cotangent 1 for each
// sample's loss, so the cotangents are those of Σ ℓ_i and nothing is divided by B; the per-sample statistics hang on
// the same cotangents. Names of the arrays that it reads and writes:
//   parameters, direction [d] · field/<name> [B, …]
//   losses [B] · gradient, squares [d] · norms, projections [P, B], one row for each of the P parameter arrays

/** A traced objective over leaves for B samples. */
export interface TracedChunk extends TracedObjective {
  readonly parameters: ReadonlyMap<string, Value>
  readonly fields: readonly string[]
}

export const fieldBuffer = (name: string): string => `field/${name}`

/**
 * Traces the objective on B samples.
 *
 * @throws ConfigurationError when the objective reads a field that the data set lacks, or couples samples
 * @throws ShapeError when the losses are not [B], an operation's shapes do not fit, or indices reach beyond what they choose from
 */
export function traceChunk(objective: Objective, layout: ParameterLayout, dataset: Dataset, B: number): TracedChunk {
  const parameters = parameterLeaves(layout, 'parameters')
  const fields = new Map<string, Value>()
  const traced = objective.trace(
    (name) => {
      const value = parameters.get(name)
      if (value === undefined)
        throw new ConfigurationError(
          `${objective.name}: there is no parameter ${name}; there are ${[...parameters.keys()].join(', ')}`,
        )
      return value
    },
    (name) => {
      const spec = dataset.fields[name]
      if (spec === undefined)
        throw new ConfigurationError(
          `${objective.name}: data set ${dataset.name} has no field ${name}; it has ${Object.keys(dataset.fields).join(', ')}`,
        )
      const { shape, dtype, classes } = spec
      let value = fields.get(name)
      if (value === undefined) {
        const at = { buffer: fieldBuffer(name), offset: 0, shape: [B, ...shape], dtype, sampling: 'each' } as const
        value = leaf({ ...at, ...(classes !== undefined && { below: classes }) })
        fields.set(name, value)
      }
      return value
    },
  )
  const { losses } = traced
  if (!sameShape(losses.shape, [B]))
    throw new ShapeError(
      `${objective.name}: losses of ${B} samples must have shape [${B}], got ${formatShape(losses.shape)}`,
    )
  if (typeof losses.sampling === 'object') {
    const { coupledBy, layer } = losses.sampling
    throw new ConfigurationError(
      `${objective.name}: ${layer === undefined ? coupledBy : `layer ${layer} (${coupledBy})`} couples the samples of a ` +
        'batch, so a sample has no gradient of its own and a batch cannot be computed in chunks' +
        (coupledBy === 'batchNorm' ? '; use groupNorm or layerNorm instead' : ''),
    )
  }
  return { ...traced, parameters, fields: [...fields.keys()] }
}

/**
 * Throws unless another data set can be read where the first one is: the same fields, as far as the objective reads them.
 *
 * @throws ConfigurationError for a field that is missing or of another shape; ShapeError for labels that the objective lacks
 */
export function expectLike(objective: Objective, layout: ParameterLayout, first: Dataset, other: Dataset): void {
  for (const name of traceChunk(objective, layout, first, 2).fields) {
    const [want, got] = [first.fields[name]!, other.fields[name]]
    if (got !== undefined && (got.dtype !== want.dtype || !sameShape(got.shape, want.shape)))
      throw new ConfigurationError(
        `${objective.name}: field ${name} of data set ${other.name} is ${got.dtype} ${formatShape(got.shape)}, that of ` +
          `${first.name} is ${want.dtype} ${formatShape(want.shape)}`,
      )
  }
  traceChunk(objective, layout, other, 2)
}

/**
 * Per-sample rules of all parameters, or the name of one that is used in a way that has none.
 *
 * A parameter must be consumed once, by an operation with a per-sample rule: gradients of two uses add up, and the
 * square of a sum is not the sum of squares.
 */
export function perSampleRules(
  { losses, parameters }: TracedChunk,
  cotangents: ReadonlyMap<Value, Value>,
): Map<string, PerSampleRule> | { readonly obstacle: string } {
  const uses = new Map<Value, { value: Value; index: number }[]>()
  for (const value of topologicalOrder([losses]))
    for (const [index, input] of value.inputs.entries()) {
      const list = uses.get(input) ?? []
      list.push({ value, index })
      uses.set(input, list)
    }
  const rules = new Map<string, PerSampleRule>()
  for (const [name, parameter] of parameters) {
    const consumers = uses.get(parameter) ?? []
    if (consumers.length === 0) continue
    if (consumers.length > 1) return { obstacle: `${name} is used ${consumers.length} times` }
    const [{ value, index }] = consumers as [{ value: Value; index: number }]
    const cotangent = cotangents.get(value)
    if (cotangent === undefined) continue
    const rule = value.operation.perSample?.(value, index, cotangent) ?? null
    if (rule === null)
      return { obstacle: `${name} is consumed by ${value.operation.name}, which has no per-sample rule` }
    if (value.sampling === 'shared' && !rowsAreSamples(value, losses))
      return { obstacle: `${name} is consumed by ${value.operation.name}, whose rows do not belong to samples` }
    rules.set(name, rule)
  }
  return rules
}

/**
 * Whether row i of a value that comes from parameters alone reaches the loss of sample i and no other.
 *
 * A parameter may be laid along the batch, [d] to [B, d], but also along any other axis. To tell them apart, the rows
 * are declared to be samples: then nothing may mix them on the way to the losses.
 */
function rowsAreSamples(value: Value, losses: Value): boolean {
  const declared = new Map<Value, Sampling>([[value, 'each']])
  for (const next of topologicalOrder([losses])) {
    if (!next.inputs.some((input) => declared.has(input))) continue
    const inputs = next.inputs.map((input) => ({ ...input, sampling: declared.get(input) ?? input.sampling }))
    declared.set(next, samplingOf(next.operation, inputs, next.attributes, next.shape))
  }
  return declared.get(losses) === 'each'
}

export interface ChunkGraph {
  readonly graph: Graph
  readonly fields: readonly string[]
  /** Why the statistics cannot come out of this pass, if they cannot: then they are gathered sample by sample. */
  readonly obstacle?: string
}

/** The backward pass of B samples with the statistics that are needed; stage 1 takes projections on `direction`. */
export function chunkGraph(
  objective: Objective,
  layout: ParameterLayout,
  dataset: Dataset,
  B: number,
  needs: Needs,
): ChunkGraph {
  const traced = traceChunk(objective, layout, dataset, B)
  const cotangents = pullback([[traced.losses, constant(1, [B])]])
  const outputs: Output[] = [{ value: traced.losses, buffer: 'losses', offset: 0 }]
  for (const { name, shape, offset } of layout.slots) {
    const gradient = cotangents.get(traced.parameters.get(name)!) ?? constant(0, shape)
    outputs.push({ value: gradient, buffer: 'gradient', offset })
  }
  const { fields } = traced
  if (!needs.norms) return { graph: { stages: [outputs] }, fields }

  const rules = perSampleRules(traced, cotangents)
  if ('obstacle' in rules) return { graph: { stages: [outputs] }, fields, obstacle: rules.obstacle as string }
  const directions = parameterLeaves(layout, 'direction')
  const projections: Output[] = []
  for (const [i, { name, shape, offset }] of layout.slots.entries()) {
    const rule = rules.get(name) ?? unused([B, ...shape])
    outputs.push({ value: norms(rule), buffer: 'norms', offset: i * B })
    if (needs.coordinates) outputs.push({ value: squares(rule), buffer: 'squares', offset })
    if (needs.projections)
      projections.push({ value: project(rule, directions.get(name)!), buffer: 'projections', offset: i * B })
  }
  return { graph: { stages: needs.projections ? [outputs, projections] : [outputs] }, fields }
}

/** A parameter that the loss does not reach: its gradients are 0. */
const unused = (shape: readonly number[]): PerSampleRule => ({ gradients: () => constant(0, shape) })

const rowSums = (x: Value): Value =>
  sum(
    x,
    x.shape.slice(1).map((_, i) => i + 1),
  )

// Where a rule offers no shortcut, its gradients are formed and reduced.
const norms = (rule: PerSampleRule): Value => rule.norms?.() ?? rowSums(square(rule.gradients()))
const squares = (rule: PerSampleRule): Value => rule.squares?.() ?? sum(square(rule.gradients()), [0])
const project = (rule: PerSampleRule, direction: Value): Value =>
  rule.projections?.(direction) ?? rowSums(multiply(rule.gradients(), direction))

/** The forward pass alone: losses, and scores where the objective has them. */
export function forwardGraph(objective: Objective, layout: ParameterLayout, dataset: Dataset, B: number) {
  const { losses, scores, fields } = traceChunk(objective, layout, dataset, B)
  const outputs: Output[] = [{ value: losses, buffer: 'losses', offset: 0 }]
  if (scores) outputs.push({ value: scores, buffer: 'scores', offset: 0 })
  return { graph: { stages: [outputs] }, fields, classes: scores ? sizeOf(scores.shape) / B : 0 }
}
