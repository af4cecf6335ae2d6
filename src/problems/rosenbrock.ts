import { add, multiply, slice, square, subtract, sum } from '../autodiff/operations/index.ts'
import { broadcastTo } from '../autodiff/operations/structure.ts'
import { choice } from '../choice.ts'
import { arrayDataset } from '../data/dataset.ts'
import { nonNegative, whole } from '../validate.ts'
import { type Problem, type ProblemContext, sizeOption } from './problem.ts'
import { cloud } from './quadratic.ts'

export interface RosenbrockOptions {
  readonly seed: number | string
  /** d, 2 by default. */
  readonly dimension?: number
  /** N, 1,024 by default. */
  readonly samples?: number
  /** Deviation of the gradient's additive noise; 1 by default. */
  readonly noise?: number
}

/**
 * Rosenbrock's curved valley with additive gradient noise: f_i(x) = Σ_j 100(x_{j+1} − x_j²)² + (1 − x_j)² − ⟨ξ_i, x⟩.
 *
 * Σ ξ_i = 0 exactly, so F is the noiseless function, with F* = 0 at (1, …, 1). The start is (−1.2, 1, −1.2, 1, …).
 *
 * @throws ConfigurationError for an option outside its domain
 * @see Rosenbrock 1960, doi 10.1093/comjnl/3.3.175
 */
export function rosenbrock(options: RosenbrockOptions): Problem {
  const where = 'rosenbrock'
  const d = whole(where, 'dimension', options.dimension ?? 2, 2)
  const N = whole(where, 'samples', options.samples ?? 1024, 2)
  const noise = nonNegative(where, 'noise', options.noise ?? 1)
  const xi = cloud(`${options.seed}/rosenbrock`, N, new Float64Array(d).fill((noise * noise) / d))
  return {
    name: 'rosenbrock',
    minimum: 0,
    objective: {
      name: 'rosenbrock',
      parameters: [
        {
          name: 'x',
          shape: [d],
          initialise(values) {
            for (let j = 0; j < d; j++) values[j] = j % 2 === 0 ? -1.2 : 1
          },
        },
      ],
      trace(parameter, field) {
        const ξ = field('xi')
        const B = ξ.shape[0]!
        const x = broadcastTo(parameter('x'), [B, d])
        const [head, tail] = [slice(x, [0, 0], [B, d - 1]), slice(x, [0, 1], [B, d])]
        const valley = multiply(square(subtract(tail, square(head))), 100)
        const terms = add(valley, square(subtract(1, head)))
        return { losses: subtract(sum(terms, [1]), sum(multiply(ξ, x), [1])) }
      },
    },
    train: arrayDataset({ name: 'rosenbrock', fields: { xi: { data: xi, shape: [d] } } }),
  }
}

export const rosenbrockChoice = choice({
  name: 'rosenbrock',
  summary: "Rosenbrock's curved valley with additive noise",
  formula: 'f_i(x) = Σ_j 100(x_{j+1} − x_j²)² + (1 − x_j)² − ⟨ξ_i, x⟩',
  options: {
    dimension: { type: 'integer', atLeast: 2, default: 2, symbol: 'd', help: 'number of parameters' },
    samples: sizeOption,
    noise: { type: 'number', atLeast: 0, default: 1, help: 'deviation of the noise' },
  },
  make: (options, { seed }: ProblemContext) => rosenbrock({ ...options, seed }),
})
