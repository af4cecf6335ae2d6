import fc from 'fast-check'
import { referenceBackend } from '../src/backends/reference/index.ts'
import { arrayDataset } from '../src/data/dataset.ts'
import { gelu, linear, sequential, sigmoid, tanh } from '../src/nn/layers.ts'
import { initialise } from '../src/nn/parameters.ts'
import { classification } from '../src/problems/objective.ts'
import type { Problem } from '../src/problems/problem.ts'
import { quadratic } from '../src/problems/quadratic.ts'
import { leastSquares, logisticRegressionProblem, nonconvexClassification } from '../src/problems/regression.ts'
import { random } from '../src/random.ts'
import { createExecutor, type Executor } from '../src/training/executor.ts'
import { type Matrix, meanOf } from './dense.ts'

interface Extent {
  readonly min: number
  readonly max: number
}

/** Whole multiples of 1/256 in [−16, 16]: no denormals, and sums of squares are exact. */
const grid = fc.integer({ min: -4096, max: 4096 }).map((k) => k / 256)
/** ±2^k, over 12 decades: one sample dominates. */
const heavy = fc.tuple(fc.integer({ min: -20, max: 20 }), fc.boolean(), grid).map(([k, negative, x]) => {
  const value = 2 ** k * (1 + Math.abs(x) / 16)
  return negative ? -value : value
})

const rows = (entry: fc.Arbitrary<number>, N: number, d: number): fc.Arbitrary<number[][]> =>
  fc.array(fc.array(entry, { minLength: d, maxLength: d }), { minLength: N, maxLength: N })

const shift = (g: number[][], by: ArrayLike<number>): number[][] => g.map((row) => row.map((x, j) => x + by[j]))

/**
 * Gradients of the N samples of a finite sum, of every kind that a test has to cope with: on a grid, heavy-tailed, nearly
 * zero in the mean, zero in the mean, tiny, interpolating (multiples of one vector), all equal, and with one silent
 * coordinate.
 */
export function populations(samples: Extent, coordinates: Extent = { min: 1, max: 4 }): fc.Arbitrary<number[][]> {
  return fc.tuple(fc.integer(samples), fc.integer(coordinates)).chain(([N, d]) => {
    const onGrid = rows(grid, N, d)
    const vector = fc.array(grid, { minLength: d, maxLength: d })
    const centred = onGrid.map((g) => {
      const mean = meanOf(g)
      return g.map((row) => row.map((x, j) => x - mean[j]))
    })
    return fc.oneof(
      { weight: 4, arbitrary: onGrid },
      { weight: 2, arbitrary: rows(heavy, N, d) },
      {
        weight: 4,
        arbitrary: fc.tuple(onGrid, vector).map(([g, by]) =>
          shift(
            g,
            by.map((x) => 8 * x),
          ),
        ),
      },
      { weight: 1, arbitrary: centred },
      {
        weight: 1,
        arbitrary: fc.tuple(centred, vector).map(([g, by]) =>
          shift(
            g,
            by.map((x) => 1e-4 * x),
          ),
        ),
      },
      { weight: 1, arbitrary: onGrid.map((g) => g.map((row) => row.map((x) => 1e-12 * x))) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(vector, fc.array(fc.integer({ min: 0, max: 512 }), { minLength: N, maxLength: N }))
          .map(([x, a]) => a.map((factor) => x.map((value) => (factor / 256) * value))),
      },
      { weight: 1, arbitrary: vector.map((x) => Array.from({ length: N }, () => [...x])) },
      { weight: 1, arbitrary: onGrid.map((g) => g.map((row) => row.map((x, j) => (j === 0 ? 0 : x)))) },
    )
  })
}

/**
 * Gradients with a mean well away from 0 in every coordinate (|ḡ_j| ≥ 1), for statements about T itself: where ḡ is all
 * but 0, T is ill-conditioned and two right answers differ.
 */
export function directed(samples: Extent, coordinates: Extent = { min: 1, max: 5 }): fc.Arbitrary<number[][]> {
  return fc.tuple(fc.integer(samples), fc.integer(coordinates)).chain(([b, d]) => {
    const target = fc.tuple(fc.integer({ min: 256, max: 1024 }), fc.boolean()).map(([k, n]) => (n ? -k : k) / 256)
    return fc.tuple(rows(grid, b, d), fc.array(target, { minLength: d, maxLength: d })).map(([g, mean]) =>
      shift(
        g,
        meanOf(g).map((m, j) => mean[j] - m),
      ),
    )
  })
}

/** η, ϑ, ν. */
export const parameter = fc.integer({ min: 1, max: 48 }).map((k) => k / 16)
/** The same over three decades. */
export const wideParameter = fc.integer({ min: -12, max: 20 }).map((k) => 2 ** (k / 4))
export const batchSize = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })

/** A finite sum of the package with a point x, whose gradients come out of the real backward pass. */
export interface ProblemInstance {
  readonly label: string
  readonly problem: Problem
  readonly executor: Executor
  /** ∇f_i(x) of all samples, [N][d], each from a batch of its own. */
  gradients(): Promise<number[][]>
}

export const problemKinds = [
  'quadratic',
  'interpolating quadratic',
  'least squares',
  'interpolating least squares',
  'logistic regression',
  'nonconvex classification',
  'network',
] as const
export type ProblemKind = (typeof problemKinds)[number]

/** A problem with a random point: kind, seed, N, d and the distance of x from 0 say all. */
export interface ProblemDescription {
  readonly kind: ProblemKind
  readonly seed: number
  readonly N: number
  readonly d: number
  readonly spread: number
}

export const descriptions = (samples: Extent, coordinates: Extent = { min: 2, max: 4 }) =>
  fc.record({
    kind: fc.constantFrom(...problemKinds),
    seed: fc.nat(1e6),
    N: fc.integer(samples),
    d: fc.integer(coordinates),
    spread: fc.constantFrom(0.1, 1, 3),
  }) satisfies fc.Arbitrary<ProblemDescription>

/** The problem of a description, at its point x. */
export async function realise(
  { kind, seed, N, d, spread }: ProblemDescription,
  build: typeof createExecutor = createExecutor,
): Promise<ProblemInstance> {
  const problem = problemOf(kind, seed, N, d)
  const executor = await build({ backend: referenceBackend(), objective: problem.objective, dataset: problem.train })
  const { normal } = random(seed, 'point')
  const start = initialise(problem.objective.parameters, seed)
  executor.parameters.set(start.map((x) => x + spread * normal()))
  return {
    label: `${kind}, N = ${N}, d = ${executor.layout.size}`,
    problem,
    executor,
    async gradients() {
      const all: number[][] = []
      for (let i = 0; i < N; i++) all.push(Array.from((await executor.batch([i], i, 'none')).statistics.mean))
      return all
    },
  }
}

function problemOf(kind: ProblemKind, seed: number, N: number, d: number): Problem {
  const options = { seed, size: N, dimension: d, condition: 10 }
  switch (kind) {
    case 'quadratic':
      return quadratic({ seed, samples: N, dimension: d, condition: 10, additive: 1, multiplicative: 0.3 })
    case 'interpolating quadratic':
      return quadratic({ seed, samples: N, dimension: d, condition: 10, additive: 0, multiplicative: 0.5 })
    case 'least squares':
      return leastSquares({ ...options, noise: 0.5 })
    case 'interpolating least squares':
      return leastSquares({ ...options, noise: 0 })
    case 'logistic regression':
      return logisticRegressionProblem({ ...options, labelNoise: 0.2, regularisation: 0.01 })
    case 'nonconvex classification':
      return nonconvexClassification({ ...options, labelNoise: 0.1 })
    case 'network':
      return network(seed, N, d)
  }
}

/** A network of two layers with random weights on random inputs and labels; the activation depends on the seed. */
function network(seed: number, N: number, d: number): Problem {
  const { normal, integer } = random(seed, 'network')
  const activation = [tanh, sigmoid, gelu][seed % 3]
  const layer = sequential(linear(d, 3), activation(), linear(3, 2))
  return {
    name: 'network',
    objective: classification({ name: 'network', input: [d], classes: 2, layer, chunkSize: 8 }),
    train: arrayDataset({
      name: 'random',
      fields: {
        x: { data: Float64Array.from({ length: N * d }, normal), shape: [d] },
        y: { data: Int32Array.from({ length: N }, () => integer(2)), dtype: 'index', classes: 2 },
      },
    }),
  }
}

/** A random orthogonal d × d matrix: a product of Householder reflections. */
export function rotation(seed: number, d: number): number[][] {
  const { normal } = random(seed, 'rotation')
  let q: number[][] = Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => (i === j ? 1 : 0)))
  for (let k = 0; k < d; k++) {
    const v = Array.from({ length: d }, normal)
    const square = v.reduce((sum, x) => sum + x * x, 0)
    q = q.map((row) => {
      const along = (2 * row.reduce((sum, x, j) => sum + x * v[j], 0)) / square
      return row.map((x, j) => x - along * v[j])
    })
  }
  return q
}

export const rotate = (g: Matrix, q: Matrix): number[][] =>
  g.map((row) => q.map((axis) => axis.reduce((sum, x, j) => sum + x * row[j], 0)))
