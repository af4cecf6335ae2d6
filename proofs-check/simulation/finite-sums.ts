import { add, divide, multiply, power, sigmoid, square, subtract, sum } from '../../src/autodiff/operations/index.ts'
import { broadcastTo } from '../../src/autodiff/operations/structure.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { arrayDataset } from '../../src/data/dataset.ts'
import { filled } from '../../src/nn/parameters.ts'
import type { Objective } from '../../src/problems/objective.ts'
import { random } from '../../src/random.ts'

/**
 * A smooth nonconvex finite sum with its gradients in closed form: the same f_i as the traced objective beside it, which
 * `convergence-rates.ts` checks, and some hundred times as fast.
 */
export interface FiniteSum {
  readonly name: string
  /** What becomes of σ² where ∇F → 0, and how F is shaped there. */
  readonly character: string
  readonly N: number
  readonly d: number
  readonly start: Float64Array
  /** ∇f_i(x) of all samples, [N × d]. */
  gradients(x: Float64Array, out: Float64Array): void
  readonly objective: Objective
  readonly dataset: Dataset
}

const [N, d] = [64, 10]

/** N points with mean 0 and E‖ξ‖² = noise², [N × d]. */
function centredCloud(seed: number, noise: number): Float64Array {
  const { normal } = random(seed, 'cloud')
  const points = Float64Array.from({ length: N * d }, () => (noise / Math.sqrt(d)) * normal())
  for (let j = 0; j < d; j++) {
    let mean = 0
    for (let i = 0; i < N; i++) mean += points[i * d + j] / N
    for (let i = 0; i < N; i++) points[i * d + j] -= mean
  }
  return points
}

/**
 * f_i(x) = (1 + ‖x‖²)^(−p/2) − ⟨ξ_i, x⟩ with p = ¼: a hill that flattens out for ever, under additive noise.
 *
 * Along gradient descent ‖∇F‖² falls as k^(−2(p+1)/(p+2)) = k^(−1.11), nearly as slowly as F ≥ 0 permits: the rate O(1/K)
 * is all but attained.
 */
export function plateau(seed: number): FiniteSum {
  const p = 0.25
  const xi = centredCloud(seed, 0.5)
  return {
    name: 'plateau',
    character: 'additive noise, flat at infinity',
    N,
    d,
    start: new Float64Array(d).fill(1 / Math.sqrt(d)),
    gradients(x, out) {
      let square = 1
      for (let j = 0; j < d; j++) square += x[j] * x[j]
      const factor = -p * square ** (-p / 2 - 1)
      for (let i = 0; i < N; i++) for (let j = 0; j < d; j++) out[i * d + j] = factor * x[j] - xi[i * d + j]
    },
    objective: {
      name: 'plateau',
      parameters: [{ name: 'x', shape: [d], initialise: filled(1 / Math.sqrt(d)) }],
      trace(parameter, field) {
        const ξ = field('xi')
        const x = broadcastTo(parameter('x'), ξ.shape)
        return { losses: subtract(power(add(sum(square(x), [1]), 1), -p / 2), sum(multiply(ξ, x), [1])) }
      },
    },
    dataset: arrayDataset({ name: 'plateau', fields: { xi: { data: xi, shape: [d] } } }),
  }
}

/** f_i(w) = sigmoid(−⟨w, z_i⟩) + λ Σ_j w_j²/(1 + w_j²), where z_i is the input times its label ±1. */
function sigmoidLoss(name: string, character: string, λ: number, z: Float64Array, start: Float64Array): FiniteSum {
  return {
    name,
    character,
    N,
    d,
    start,
    gradients(w, out) {
      for (let i = 0; i < N; i++) {
        let margin = 0
        for (let j = 0; j < d; j++) margin += w[j] * z[i * d + j]
        const s = 1 / (1 + Math.exp(margin))
        const slope = -s * (1 - s)
        for (let j = 0; j < d; j++) {
          const penalty = λ === 0 ? 0 : (2 * λ * w[j]) / (1 + w[j] * w[j]) ** 2
          out[i * d + j] = slope * z[i * d + j] + penalty
        }
      }
    },
    objective: {
      name,
      parameters: [{ name: 'w', shape: [d], initialise: (values) => values.set(start) }],
      trace(parameter, field) {
        const inputs = field('z')
        const w = broadcastTo(parameter('w'), inputs.shape)
        const squares = square(w)
        const penalty = sum(divide(squares, add(squares, 1)), [1])
        return { losses: add(sigmoid(multiply(sum(multiply(w, inputs), [1]), -1)), multiply(penalty, λ)) }
      },
    },
    dataset: arrayDataset({ name, fields: { z: { data: z, shape: [d] } } }),
  }
}

/** Inputs times labels of a linear rule; a share of the labels is flipped, and the others keep a margin. */
function labelled(seed: number, flipped: number, margin: number): Float64Array {
  const { normal, uniform } = random(seed, 'inputs')
  const rule = Float64Array.from({ length: d }, normal)
  const length = Math.sqrt(rule.reduce((total, x) => total + x * x, 0))
  const z = new Float64Array(N * d)
  for (let i = 0; i < N; i++) {
    const x = Float64Array.from({ length: d }, normal)
    const along = x.reduce((total, value, j) => total + (value * rule[j]) / length, 0)
    const side = along > 0 ? 1 : -1
    const label = uniform() < flipped ? -side : side
    for (let j = 0; j < d; j++) z[i * d + j] = label * (x[j] + (side * margin * rule[j]) / length)
  }
  return z
}

/** Separable classes and no penalty: every sample is fitted in the end, so the noise vanishes with the gradient. */
export const separable = (seed: number): FiniteSum =>
  sigmoidLoss(
    'separable classes',
    'noise that vanishes with ∇F, flat at infinity',
    0,
    labelled(seed, 0, 0.5),
    new Float64Array(d),
  )

/** Flipped labels and a penalty: minima with curvature, where the noise stays. */
export const noisyClasses = (seed: number): FiniteSum => {
  const { normal } = random(seed, 'start')
  const start = Float64Array.from({ length: d }, normal)
  return sigmoidLoss('noisy classes', 'noise that stays, curved minima', 0.05, labelled(seed, 0.2, 0), start)
}
