import {
  add,
  divide,
  linear,
  multiply,
  reshape,
  sigmoid,
  softplus,
  square,
  subtract,
  sum,
} from '../autodiff/operations/index.ts'
import { broadcastTo } from '../autodiff/operations/structure.ts'
import type { Value } from '../autodiff/value.ts'
import { choice, type Options } from '../choice.ts'
import {
  type FeatureOptions,
  linearRegression,
  logisticRegression as logisticRegressionData,
} from '../data/synthetic.ts'
import { filled, gaussian } from '../nn/parameters.ts'
import { nonNegative } from '../validate.ts'
import { type Problem, type ProblemContext, sizeOption } from './problem.ts'

/** ⟨w, x_i⟩ of every sample, [B]; w is stored as [1, d], the weight of a linear layer with one output. */
const scores = (x: Value, w: Value): Value => reshape(linear(x, w), [x.shape[0]!])

/**
 * Least squares on synthetic data: f_i(w) = ½(⟨w, x_i⟩ − y_i)².
 *
 * Without label noise the true weights fit every sample (interpolation): the noise of the gradient is multiplicative.
 *
 * @param options seed, size, dimension, condition (of the feature covariance), rotated, noise (deviation of the labels)
 * @throws ConfigurationError for an option outside its domain
 */
export function leastSquares(options: FeatureOptions & { readonly noise?: number }): Problem {
  const { dataset } = linearRegression(options)
  const d = dataset.fields.x!.shape[0]!
  return {
    name: 'least-squares',
    objective: {
      name: 'least-squares',
      parameters: [{ name: 'w', shape: [1, d], initialise: filled(0) }],
      trace: (parameter, field) => ({
        losses: multiply(square(subtract(scores(field('x'), parameter('w')), field('y'))), 0.5),
      }),
    },
    train: dataset,
  }
}

/**
 * Binary logistic regression on synthetic data with chosen anisotropy: f_i(w) = ln(1 + exp(−y_i⟨w, x_i⟩)) + ½λ‖w‖².
 *
 * @param options seed, size, dimension, condition (of the feature covariance), labelNoise, margin; regularisation λ, 0 by default
 * @throws ConfigurationError for an option outside its domain
 */
export function logisticRegressionProblem(
  options: FeatureOptions & {
    readonly labelNoise?: number
    readonly margin?: number
    readonly regularisation?: number
  },
): Problem {
  const λ = nonNegative('logistic regression', 'regularisation', options.regularisation ?? 0)
  const { dataset } = logisticRegressionData({ ...options, labels: 'sign' })
  const d = dataset.fields.x!.shape[0]!
  return {
    name: 'logistic-regression',
    objective: {
      name: 'logistic-regression',
      parameters: [{ name: 'w', shape: [d], initialise: filled(0) }],
      trace(parameter, field) {
        const x = field('x')
        // One use of w, copied to every sample, so that its per-sample gradients come out of the same pass.
        const w = broadcastTo(parameter('w'), x.shape)
        const margin = multiply(field('y'), sum(multiply(w, x), [1]))
        return { losses: add(softplus(multiply(margin, -1)), multiply(sum(square(w), [1]), λ / 2)) }
      },
    },
    train: dataset,
  }
}

/**
 * A smooth nonconvex finite sum: f_i(w) = σ(−y_i⟨w, x_i⟩) + λ Σ_j w_j²/(1 + w_j²).
 *
 * The sigmoid is a bounded, nonconvex stand-in for the 0-1 loss and the penalty is nonconvex too; both have Lipschitz
 * gradients, so F satisfies the assumptions under which AdaGrad-Norm and AdAdaGradNorm are analysed.
 *
 * @param options seed, size, dimension, condition, labelNoise, margin; regularisation λ, 0.1 by default
 * @throws ConfigurationError for an option outside its domain
 * @see Mason, Baxter, Bartlett and Frean 1999 for the sigmoid loss; Antoniadis, Gijbels and Nikolova 2011 for the penalty
 */
export function nonconvexClassification(
  options: FeatureOptions & {
    readonly labelNoise?: number
    readonly margin?: number
    readonly regularisation?: number
  },
): Problem {
  const λ = nonNegative('nonconvex', 'regularisation', options.regularisation ?? 0.1)
  const { dataset } = logisticRegressionData({ ...options, labels: 'sign' })
  const d = dataset.fields.x!.shape[0]!
  return {
    name: 'nonconvex',
    objective: {
      name: 'nonconvex',
      parameters: [{ name: 'w', shape: [d], initialise: gaussian(1) }],
      trace(parameter, field) {
        const x = field('x')
        const w = broadcastTo(parameter('w'), x.shape)
        const margin = multiply(field('y'), sum(multiply(w, x), [1]))
        const squares = square(w)
        const penalty = sum(divide(squares, add(squares, 1)), [1])
        return { losses: add(sigmoid(multiply(margin, -1)), multiply(penalty, λ)) }
      },
    },
    train: dataset,
  }
}

const featureOptions = {
  size: sizeOption,
  dimension: { type: 'integer', atLeast: 1, default: 20, symbol: 'd', help: 'number of parameters' },
  condition: { type: 'number', atLeast: 1, default: 1, symbol: 'κ', help: "condition of the features' covariance" },
  rotated: { type: 'boolean', default: false, help: 'features correlate, rather than differ in scale' },
} as const satisfies Options
const labelOptions = {
  labelNoise: { type: 'number', atLeast: 0, atMost: 0.5, default: 0.1, help: 'probability that a label is flipped' },
  margin: { type: 'number', atLeast: 0, default: 0, help: 'least distance of a sample to the separating plane' },
} as const satisfies Options
const regularisation = (value: number) =>
  ({ type: 'number', atLeast: 0, default: value, symbol: 'λ', help: 'weight of the penalty' }) as const

export const leastSquaresChoice = choice({
  name: 'least-squares',
  summary: 'linear regression on synthetic data',
  formula: 'f_i(w) = ½(⟨w, x_i⟩ − y_i)²',
  options: { ...featureOptions, noise: { type: 'number', atLeast: 0, default: 0.1, help: 'deviation of the noise' } },
  make: (options, { seed }: ProblemContext) => leastSquares({ ...options, seed }),
})

export const logisticRegressionChoice = choice({
  name: 'logistic-regression',
  summary: 'binary logistic regression on synthetic data with chosen anisotropy',
  formula: 'f_i(w) = ln(1 + exp(−y_i⟨w, x_i⟩)) + ½λ‖w‖²',
  options: { ...featureOptions, ...labelOptions, regularisation: regularisation(0) },
  make: (options, { seed }: ProblemContext) => logisticRegressionProblem({ ...options, seed }),
})

export const nonconvexChoice = choice({
  name: 'nonconvex',
  summary: 'a smooth nonconvex finite sum',
  formula: 'f_i(w) = σ(−y_i⟨w, x_i⟩) + λ Σ_j w_j²/(1 + w_j²)',
  options: { ...featureOptions, ...labelOptions, regularisation: regularisation(0.1) },
  make: (options, { seed }: ProblemContext) => nonconvexClassification({ ...options, seed }),
})
