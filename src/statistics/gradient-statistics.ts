import { ConfigurationError, ShapeError } from '../errors.ts'

/**
 * What a batch of b samples says about its gradients g_i = ∇f(x; ξ_i) ∈ R^d, without the b × d matrix (docs/maths.md §1).
 *
 * g_i is the gradient of sample i's own loss, never divided by the batch size: Σ g_i = b·ḡ. A field that the measured
 * level does not provide is absent.
 */
export interface GradientStatistics {
  /** b, the number of samples. */
  readonly batchSize: number
  /** ḡ = (1/b) Σ g_i, [d]. */
  readonly mean: Float64Array
  /** Σ‖g_i‖². From level `norms` on. */
  readonly sumSquaredNorms?: number
  /** Σ g_i∘g_i, [d]. Level `coordinates`. */
  readonly sumSquares?: Float64Array
  /** ⟨g_i, ḡ⟩, [b]. Level `projections`. */
  readonly projections?: Float64Array
  /** Of ḡ only the length is known, and `mean` is [‖ḡ‖]: the tests of §2.1 to §2.4 ask for no more. See `fromMeasured`. */
  readonly lengthOnly?: true
}

/** Statistics with everything that any test asks for. */
export type FullStatistics = Required<Omit<GradientStatistics, 'lengthOnly'>>

/**
 * How much a step measures beside ḡ: nothing, Σ‖g_i‖², that and Σ g_i∘g_i, that and ⟨g_i, ḡ⟩.
 *
 * `coordinates` and `projections` both imply `norms` and neither implies the other.
 */
export type StatisticsLevel = 'none' | 'norms' | 'coordinates' | 'projections'

/** The quantities that a set of levels asks for. */
export interface Needs {
  readonly norms: boolean
  readonly coordinates: boolean
  readonly projections: boolean
}

/**
 * The union of several levels, for a step that serves several consumers.
 *
 * @example needs('norms', 'coordinates') // { norms: true, coordinates: true, projections: false }
 */
export function needs(...levels: readonly StatisticsLevel[]): Needs {
  return {
    norms: levels.some((level) => level !== 'none'),
    coordinates: levels.includes('coordinates'),
    projections: levels.includes('projections'),
  }
}

type Field = 'sumSquaredNorms' | 'sumSquares' | 'projections'
const levelOf = { sumSquaredNorms: 'norms', sumSquares: 'coordinates', projections: 'projections' } as const

/**
 * A field of the statistics, or an error that names the level that would have measured it.
 *
 * @throws ConfigurationError where the field is absent
 */
export function field<F extends Field>(statistics: GradientStatistics, name: F, wantedBy: string) {
  const value = statistics[name]
  if (value === undefined) {
    throw new ConfigurationError(
      `${wantedBy} needs ${name}: measure at level '${levelOf[name]}' (these statistics have ${Object.keys(statistics).join(', ')})`,
    )
  }
  return value as NonNullable<GradientStatistics[F]>
}

/** The statistics of no samples: the neutral element of `merge`, whatever the level of the other side. */
export function empty(dimension: number): GradientStatistics {
  return { batchSize: 0, mean: new Float64Array(dimension) }
}

/**
 * The statistics of the union of two disjoint sample sets (docs/maths.md §4).
 *
 * b = b₁ + b₂, ḡ = (b₁ḡ₁ + b₂ḡ₂)/b, and the sums of squares add. With `empty` this is a commutative monoid (up to
 * rounding in the grouping), so chunks, threads and workers may cut a batch as they please.
 *
 * A field survives if both sides have it. Projections never survive the merge of two non-empty sets: ⟨g_i, ḡ₁⟩ says
 * nothing about ⟨g_i, ḡ⟩. They are gathered once ḡ is known, see `withProjections`.
 *
 * @throws ShapeError if the gradients differ in dimension
 * @throws ConfigurationError if of one only the length of ḡ is known: ‖ḡ₁‖ and ‖ḡ₂‖ do not say what ‖ḡ‖ is
 */
export function merge(a: GradientStatistics, b: GradientStatistics): GradientStatistics {
  if (a.lengthOnly || b.lengthOnly) {
    throw new ConfigurationError(
      'merge: of one side only ‖ḡ‖ is known, expected ḡ itself; lengths alone go together by fromWorkerNorms',
    )
  }
  const dimension = a.mean.length
  if (dimension !== b.mean.length) {
    throw new ShapeError(`merge: gradients of ${dimension} and of ${b.mean.length} coordinates`)
  }
  if (a.batchSize === 0) return b
  if (b.batchSize === 0) return a
  const batchSize = a.batchSize + b.batchSize
  const mean = new Float64Array(dimension)
  for (let j = 0; j < dimension; j++) mean[j] = (a.batchSize * a.mean[j] + b.batchSize * b.mean[j]) / batchSize
  return {
    batchSize,
    mean,
    ...(a.sumSquaredNorms !== undefined &&
      b.sumSquaredNorms !== undefined && { sumSquaredNorms: a.sumSquaredNorms + b.sumSquaredNorms }),
    ...(a.sumSquares && b.sumSquares && { sumSquares: sum(a.sumSquares, b.sumSquares) }),
  }
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  const total = new Float64Array(a.length)
  for (let j = 0; j < a.length; j++) total[j] = a[j] + b[j]
  return total
}

/**
 * The statistics with the projections ⟨g_i, ḡ⟩ of a second sweep, whose chunks are joined in order.
 *
 * @param chunks projections of disjoint samples on the *merged* ḡ, together [b]
 * @throws ShapeError unless there is one projection a sample
 */
export function withProjections(
  statistics: GradientStatistics,
  ...chunks: readonly Float64Array[]
): GradientStatistics {
  const count = chunks.reduce((total, chunk) => total + chunk.length, 0)
  if (count !== statistics.batchSize) {
    throw new ShapeError(`withProjections: ${count} projections for a batch of ${statistics.batchSize} samples`)
  }
  const projections = new Float64Array(count)
  let offset = 0
  for (const chunk of chunks) {
    projections.set(chunk, offset)
    offset += chunk.length
  }
  return { ...statistics, projections }
}

/**
 * All statistics of a batch from its b × d matrix, in float64: the oracle, and the way for small problems.
 *
 * @param gradients g_i of every sample, [b][d]
 * @throws ShapeError if there is no sample, or if they differ in dimension
 * @example fromPerSampleGradients([[1, 0], [0, 1]]).mean // [0.5, 0.5]
 */
export function fromPerSampleGradients(gradients: readonly ArrayLike<number>[]): FullStatistics {
  const batchSize = gradients.length
  if (batchSize === 0) throw new ShapeError('fromPerSampleGradients: expected at least one sample, got none')
  const dimension = gradients[0].length
  const mean = new Float64Array(dimension)
  const sumSquares = new Float64Array(dimension)
  let sumSquaredNorms = 0
  for (const [i, gradient] of gradients.entries()) {
    if (gradient.length !== dimension) {
      throw new ShapeError(
        `fromPerSampleGradients: sample ${i} has ${gradient.length} coordinates, sample 0 has ${dimension}`,
      )
    }
    for (let j = 0; j < dimension; j++) {
      const square = gradient[j] * gradient[j]
      mean[j] += gradient[j]
      sumSquares[j] += square
      sumSquaredNorms += square
    }
  }
  for (let j = 0; j < dimension; j++) mean[j] /= batchSize
  return { batchSize, mean, sumSquaredNorms, sumSquares, projections: project(gradients, mean) }
}

/** ⟨g_i, u⟩ of every sample, [b]. */
function project(gradients: readonly ArrayLike<number>[], direction: Float64Array): Float64Array {
  return Float64Array.from(gradients, (gradient) => {
    let product = 0
    for (let j = 0; j < direction.length; j++) product += gradient[j] * direction[j]
    return product
  })
}
