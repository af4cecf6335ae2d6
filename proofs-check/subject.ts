import { grad, pullback } from '../src/autodiff/grad.ts'
import { adaScale } from '../src/batch-size/ada-scale.ts'
import { adaDamp, adaptive, cabs, noiseScale } from '../src/batch-size/adaptive.ts'
import { exact, leastBatchSize } from '../src/batch-size/batch-size-test.ts'
import { coordinateTest } from '../src/batch-size/coordinate-test.ts'
import { constant, geometric, linearRamp, stages } from '../src/batch-size/scheduled.ts'
import { augmentedInnerProductTest, innerProductTest, normTest, orthogonalityTest } from '../src/batch-size/tests.ts'
import { nextBatchSize } from '../src/batch-size/update.ts'
import { createSampler } from '../src/data/sampler.ts'
import { officialAdagradNorm } from '../src/optim/official-adagrad-norm.ts'
import { adagrad, adagradNorm, adam, adamw, rmsprop, sgd } from '../src/optim/optimizers.ts'
import { constantRate, multistep, warmupCosine, warmupLinear } from '../src/optim/schedules.ts'
import { coordinateVariances, innerProductVariance, orthogonalVariance, varianceL1 } from '../src/statistics/derived.ts'
import { empty, fromPerSampleGradients, merge, withProjections } from '../src/statistics/gradient-statistics.ts'
import {
  adaDampBatchSize,
  adaScaleGain,
  cabsBatchSize,
  cockpit,
  noiseScaleOfTwo,
  simpleNoiseScale,
} from '../src/statistics/neighbours.ts'
import {
  officialInnerProductVariance,
  officialOrthogonalVariance,
  officialPooledVariance,
} from '../src/statistics/official.ts'
import { fromWorkerMeans, fromWorkerNorms } from '../src/statistics/workers.ts'
import { createExecutor } from '../src/training/executor.ts'
import { createRun } from '../src/training/run.ts'

/** The functions under test. Claims reach them through their context only. */
export const real = {
  fromPerSampleGradients,
  empty,
  merge,
  withProjections,
  fromWorkerMeans,
  fromWorkerNorms,
  varianceL1,
  innerProductVariance,
  orthogonalVariance,
  coordinateVariances,
  cockpit,
  simpleNoiseScale,
  noiseScaleOfTwo,
  adaScaleGain,
  cabsBatchSize,
  adaDampBatchSize,
  officialInnerProductVariance,
  officialOrthogonalVariance,
  officialPooledVariance,
  normTest,
  innerProductTest,
  orthogonalityTest,
  augmentedInnerProductTest,
  coordinateTest,
  exact,
  leastBatchSize,
  nextBatchSize,
  constant,
  stages,
  linearRamp,
  geometric,
  adaptive,
  cabs,
  adaDamp,
  noiseScale,
  adaScale,
  sgd,
  adagrad,
  adagradNorm,
  rmsprop,
  adam,
  adamw,
  officialAdagradNorm,
  constantRate,
  warmupCosine,
  warmupLinear,
  multistep,
  grad,
  pullback,
  createSampler,
  createExecutor,
  createRun,
}

export type Subject = typeof real
