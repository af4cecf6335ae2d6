import { multiply, square, subtract, sum } from '../autodiff/operations/index.ts'
import { broadcastTo } from '../autodiff/operations/structure.ts'
import { choice } from '../choice.ts'
import { arrayDataset } from '../data/dataset.ts'
import { gaussianCloud, logarithmicSpectrum } from '../data/synthetic.ts'
import { filled } from '../nn/parameters.ts'
import { nonNegative, positive, whole } from '../validate.ts'
import { type Problem, type ProblemContext, sizeOption } from './problem.ts'

export interface QuadraticOptions {
  readonly seed: number | string
  /** d, 20 by default. */
  readonly dimension?: number
  /** κ of the Hessian, whose spectrum falls from 1 to 1/κ; 100 by default. */
  readonly condition?: number
  /** N, 1,024 by default. */
  readonly samples?: number
  /** Deviation of the additive noise of the gradient, the same at every x; 1 by default. */
  readonly additive?: number
  /** κ of the covariance of the additive noise; 1 (isotropic) by default. */
  readonly noiseCondition?: number
  /** Relative deviation of each curvature: noise that vanishes with x, so that x* fits every sample; 0 by default. */
  readonly multiplicative?: number
  /** Every coordinate of the first point; 1 by default. */
  readonly start?: number
}

/**
 * A noisy quadratic with chosen spectrum and noise: f_i(x) = ½ Σ_j a_ij x_j² − ⟨ξ_i, x⟩.
 *
 * F(x) = ½ Σ_j a_j x_j² exactly, since Σ_i ξ_i = 0 and Σ_i a_ij = N a_j by construction; F* = 0 at x* = 0.
 * ∇f_i = a_i∘x − ξ_i, so σ²(x) = tr Cov(ξ) + Σ_j Var(a_·j) x_j².
 *
 * @throws ConfigurationError for an option outside its domain
 * @example quadratic({ seed: 1, dimension: 10, condition: 100, additive: 0, multiplicative: 0.5 }) // interpolation
 */
export function quadratic(options: QuadraticOptions): Problem {
  const { seed, start = 1 } = options
  const where = 'quadratic'
  const d = whole(where, 'dimension', options.dimension ?? 20, 1)
  const N = whole(where, 'samples', options.samples ?? 1024, 2)
  const additive = nonNegative(where, 'additive', options.additive ?? 1)
  const multiplicative = nonNegative(where, 'multiplicative', options.multiplicative ?? 0)
  const curvatures = logarithmicSpectrum(d, positive(where, 'condition', options.condition ?? 100))
  const noise = logarithmicSpectrum(d, positive(where, 'noiseCondition', options.noiseCondition ?? 1))

  const xi = cloud(
    `${seed}/additive`,
    N,
    noise.map((λ) => (λ * additive * additive) / d),
  )
  const relative = cloud(`${seed}/multiplicative`, N, new Float64Array(d).fill(multiplicative * multiplicative))
  const a = relative.map((ζ, k) => curvatures[k % d]! * (1 + ζ))
  return {
    name: 'quadratic',
    minimum: 0,
    objective: {
      name: 'quadratic',
      parameters: [{ name: 'x', shape: [d], initialise: filled(start) }],
      trace(parameter, field) {
        const curvature = field('curvature')
        const x = broadcastTo(parameter('x'), curvature.shape)
        const bowl = multiply(multiply(square(x), curvature), 0.5)
        return { losses: sum(subtract(bowl, multiply(field('xi'), x)), [1]) }
      },
    },
    train: arrayDataset({
      name: 'quadratic',
      fields: { curvature: { data: a, shape: [d] }, xi: { data: xi, shape: [d] } },
    }),
  }
}

/** N points with Σ_i = 0 exactly, [N, d]. */
export function cloud(seed: string, size: number, spectrum: Float64Array): Float64Array {
  const points = new Float64Array(size * spectrum.length)
  const { dataset } = gaussianCloud({ seed, size, spectrum })
  dataset.read(
    Array.from({ length: size }, (_, i) => i),
    { xi: points },
    0,
    0,
  )
  return points
}

export const quadraticChoice = choice({
  name: 'quadratic',
  summary: 'a quadratic with chosen spectrum and noise',
  formula: 'f_i(x) = ½ Σ_j a_ij x_j² − ⟨ξ_i, x⟩',
  options: {
    dimension: { type: 'integer', atLeast: 1, default: 20, symbol: 'd', help: 'number of parameters' },
    condition: { type: 'number', atLeast: 1, default: 100, symbol: 'κ', help: 'largest curvature over the smallest' },
    samples: sizeOption,
    additive: { type: 'number', atLeast: 0, default: 1, help: 'deviation of the additive noise' },
    noiseCondition: { type: 'number', atLeast: 1, default: 1, help: 'condition of the covariance of that noise' },
    multiplicative: { type: 'number', atLeast: 0, default: 0, help: 'relative deviation of each curvature' },
    start: { type: 'number', default: 1, help: 'every coordinate of the first point' },
  },
  make: (options, { seed }: ProblemContext) => quadratic({ ...options, seed }),
})
