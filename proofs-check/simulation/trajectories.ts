import type { BatchPolicy } from '../../src/batch-size/policy.ts'
import type { Optimizer } from '../../src/optim/optimizer.ts'
import { random } from '../../src/random.ts'
import type { FiniteSum } from './finite-sums.ts'
import { multinomial } from './multinomial.ts'

/** One run, at logarithmically spaced steps. */
export interface Trajectory {
  /** min_{i≤k}‖∇F(x_i)‖², exactly, after k steps. */
  readonly least: Float64Array
  /** (1/k)Σ_{i≤k}‖∇F(x_i)‖². */
  readonly average: Float64Array
  readonly samples: Float64Array
  readonly batchSizes: Float64Array
}

/** The steps at which trajectories are kept: `perDecade` to each power of ten, 1 and K among them. */
export function checkpoints(K: number, perDecade = 20): number[] {
  const count = Math.round(perDecade * Math.log10(K))
  const steps = Array.from({ length: count + 1 }, (_, k) => Math.round(K ** (k / count)))
  return [...new Set(steps)]
}

/**
 * K steps of an optimiser under a batch policy, both the package's own, with independent draws.
 *
 * A batch of b draws is known by how often each sample occurs in it: that gives ḡ and Σ‖g_i‖² from the N gradients, so
 * a step costs the same at b = 8 and at b = 10⁶.
 */
export function simulate(
  problem: FiniteSum,
  optimizer: Optimizer,
  policy: BatchPolicy,
  steps: readonly number[],
  seed: string,
): Trajectory {
  const { N, d } = problem
  const stream = random(seed, 'draws')
  const x = problem.start.slice()
  const state = optimizer.init(d)
  let policyState = policy.start()
  const all = new Float64Array(N * d)
  const norms = new Float64Array(N)
  const counts = new Float64Array(N)
  const mean = new Float64Array(d)
  const K = steps[steps.length - 1]
  const kept = { least: [] as number[], average: [] as number[], samples: [] as number[], batchSizes: [] as number[] }
  let [least, total, samples, next] = [Number.POSITIVE_INFINITY, 0, 0, 0]
  for (let k = 1; k <= K; k++) {
    problem.gradients(x, all)
    let signal = 0
    norms.fill(0)
    for (let j = 0; j < d; j++) {
      let sum = 0
      for (let i = 0; i < N; i++) {
        const g = all[i * d + j]
        sum += g
        norms[i] += g * g
      }
      signal += (sum / N) ** 2
    }
    least = Math.min(least, signal)
    total += signal
    const { batchSize } = policyState
    multinomial(stream, batchSize, counts)
    let sumSquaredNorms = 0
    mean.fill(0)
    for (let i = 0; i < N; i++) {
      if (counts[i] === 0) continue
      sumSquaredNorms += counts[i] * norms[i]
      const share = counts[i] / batchSize
      for (let j = 0; j < d; j++) mean[j] += share * all[i * d + j]
    }
    samples += batchSize
    const statistics = { batchSize, mean, sumSquaredNorms }
    const rate = optimizer.learningRate({ step: k - 1, samples: samples - batchSize }) * policyState.learningRateFactor
    policyState = policy.next(policyState, { step: k - 1, samples, loss: 1, statistics }).state
    optimizer.update(x, mean, state, rate)
    if (k === steps[next]) {
      next++
      kept.least.push(least)
      kept.average.push(total / k)
      kept.samples.push(samples)
      kept.batchSizes.push(batchSize)
    }
  }
  return {
    least: Float64Array.from(kept.least),
    average: Float64Array.from(kept.average),
    samples: Float64Array.from(kept.samples),
    batchSizes: Float64Array.from(kept.batchSizes),
  }
}
