import { type Divisor, squaredNorm } from '../../src/statistics/derived.ts'
import type { GradientStatistics } from '../../src/statistics/gradient-statistics.ts'
import type { Mutant } from '../mutation.ts'
import { real } from '../subject.ts'

/** Var⟨g_i, ḡ⟩ as the official code has it with a tensor for each coordinate: what it does with many tensors. */
export const withoutCross = (s: GradientStatistics, divisor: Divisor): number =>
  real.coordinateVariances(s, divisor)!.reduce((sum, v, j) => sum + v * s.mean[j] ** 2, 0)

/** The divisor b where a sample wants b − 1. */
export const biased: typeof real.varianceL1 = (s, divisor) => {
  const value = real.varianceL1(s, divisor)
  return value === undefined || divisor === 'population' ? value : (value * (s.batchSize - 1)) / s.batchSize
}

/** Mistakes in the statistics. */
export const statisticsMutants: readonly Mutant[] = [
  { name: 'variance, divisor b', what: '‖Var‖₁ divided by b for b − 1', functions: { varianceL1: biased } },
  {
    name: 'variance of b − 1 mean',
    what: '‖Var‖₁ = (Σ‖g_i‖² − (b − 1)‖ḡ‖²)/(b − 1)',
    functions: {
      varianceL1: (s, divisor) => {
        const value = real.varianceL1(s, divisor)
        return value === undefined
          ? value
          : value + squaredNorm(s.mean) / (divisor === 'population' ? s.batchSize : s.batchSize - 1)
      },
    },
  },
  {
    name: 'coordinates, divisor b',
    what: 'Var_j divided by b for b − 1',
    functions: {
      coordinateVariances: (s, divisor) =>
        real
          .coordinateVariances(s, divisor)
          ?.map((v) => (divisor === 'population' ? v : (v * (s.batchSize - 1)) / s.batchSize)),
    },
  },
  {
    name: 'inner product variance, no cross terms',
    what: 'the statistic itself without covariances between coordinates',
    functions: {
      innerProductVariance: (s, divisor) =>
        s.batchSize < 2 && divisor !== 'population' ? undefined : withoutCross(s, divisor ?? 'sample'),
    },
  },
  {
    name: 'per-tensor projection',
    what: 'r_i made orthogonal to ḡ within each tensor',
    functions: {
      orthogonalVariance: (s, divisor) => {
        const each = real.coordinateVariances(s, divisor)
        return each?.reduce((sum, v, j) => sum + (s.mean[j] === 0 ? v : 0), 0)
      },
    },
  },
  {
    name: 'merge, equal weights',
    what: 'ḡ = (ḡ_1 + ḡ_2)/2 whatever the sizes',
    functions: {
      merge: (a, b) => {
        const merged = real.merge(a, b)
        if (a.batchSize === 0 || b.batchSize === 0) return merged
        return { ...merged, mean: a.mean.map((m, j) => (m + b.mean[j]) / 2) }
      },
    },
  },
  {
    name: 'merge, mean of squares',
    what: 'Σ‖g_i‖² averaged instead of added',
    functions: {
      merge: (a, b) => {
        const merged = real.merge(a, b)
        if (a.batchSize === 0 || b.batchSize === 0 || merged.sumSquaredNorms === undefined) return merged
        return { ...merged, sumSquaredNorms: merged.sumSquaredNorms / 2 }
      },
    },
  },
  {
    name: 'merge keeps projections',
    what: '⟨g_i, ḡ_1⟩ survive although ḡ has changed',
    functions: {
      merge: (a, b) => ({
        ...real.merge(a, b),
        ...(a.projections && b.projections && { projections: Float64Array.from([...a.projections, ...b.projections]) }),
      }),
    },
  },
  {
    name: 'variance of means, unscaled',
    what: 'the variance of the workers’ means for that of a gradient: σ²/b_k',
    functions: {
      fromWorkerMeans: (workers) => real.fromPerSampleGradients(workers.map(({ mean }) => mean)),
    },
  },
  {
    name: 'lengths of workers, divisor m',
    what: 'V = Σ b_k(‖ḡ_k‖² − ‖ḡ‖²)/m',
    functions: {
      fromWorkerNorms(workers, square) {
        const s = real.fromWorkerNorms(workers, square)
        const signal = s.batchSize * square
        const spread = (s.sumSquaredNorms! - signal) * (1 - 1 / workers.length)
        return { ...s, sumSquaredNorms: signal + spread }
      },
    },
  },
  {
    name: 'biased noise scale',
    what: '‖ḡ‖² for the unbiased signal',
    functions: {
      simpleNoiseScale: (s) => {
        const value = real.simpleNoiseScale(s)
        return value && { ...value, signal: squaredNorm(s.mean) }
      },
    },
  },
  {
    name: 'Cockpit without 1/b',
    what: 'θ = √(‖Var‖₁/‖ḡ‖²)',
    functions: {
      cockpit: (s) => {
        const radii = real.cockpit(s)
        return radii && { ...radii, norm: radii.norm * Math.sqrt(s.batchSize) }
      },
    },
  },
  {
    name: 'pooled without the between part',
    what: 'the official pooling forgets the variance between micro-batches',
    functions: {
      officialPooledVariance: (parts) =>
        parts.reduce((sum, part) => sum + (real.varianceL1(part) ?? 0), 0) / parts.length,
    },
  },
]
