import { bytesOf, fingerprint, fingerprintOf } from '../../demo/training/fingerprint.ts'
import { wasmBackend } from '../../src/backends/wasm/index.ts'
import { adaptive } from '../../src/batch-size/adaptive.ts'
import { geometric } from '../../src/batch-size/scheduled.ts'
import { augmentedInnerProductTest, normTest } from '../../src/batch-size/tests.ts'
import { parseDigits } from '../../src/data/digits.ts'
import { cosineOfTurns, log, power } from '../../src/elementary.ts'
import { conv2d, flatten, gelu, groupNorm, linear, sequential, tanh } from '../../src/nn/layers.ts'
import { logisticRegression, mnistCnn } from '../../src/nn/models.ts'
import { adagrad, adagradNorm, adam } from '../../src/optim/optimizers.ts'
import { warmupCosine } from '../../src/optim/schedules.ts'
import { quadratic } from '../../src/problems/quadratic.ts'
import { rosenbrock } from '../../src/problems/rosenbrock.ts'
import { random } from '../../src/random.ts'
import { averageLoss } from '../../src/running/average-loss.ts'
import { type TrainOptions, train } from '../../src/train.ts'

/** What the trainings read: the files of dist/. */
export interface Files {
  readonly digits: Uint8Array
  readonly kernels: BufferSource
}

/**
 * Fingerprints of everything that a run computes, by the name of the training: numbers that depend on no engine.
 *
 * The same module runs in Node and, bundled, in a browser's worker.
 */
export async function fingerprints({ digits, kernels }: Files): Promise<Record<string, string>> {
  const backend = await wasmBackend({ binary: kernels })
  const data = await parseDigits(digits)
  const layer = sequential(conv2d(1, 4, 5), groupNorm(2, 4), gelu(), flatten(), linear(4 * 24 * 24, 10), tanh())
  const mixed = { name: 'mixed', input: [1, 28, 28], classes: 10, chunkSize: 16, layer }
  const cnn: TrainOptions = {
    ...{ model: mnistCnn(), data, optimizer: adagrad({ learningRate: 0.02 }) },
    ...{ batchSize: adaptive(normTest({ eta: 1 }), { initial: 8, max: 1000 }), budget: { samples: 80 } },
  }
  const trainings: Record<string, TrainOptions> = {
    'CNN, AdaGrad, norm test': cnn,
    'the same on two threads': { ...cnn, threads: 2 },
    'quadratic, Adam, cosine, geometric': {
      problem: quadratic({ seed: 5, dimension: 30, condition: 1e4, noiseCondition: 50, multiplicative: 0.3 }),
      optimizer: adam({ learningRate: warmupCosine({ peak: 0.1, warmup: 1000, total: 6000 }) }),
      ...{ batchSize: geometric({ initial: 8, factor: 1.3, every: { samples: 1000 }, max: 500 }) },
      budget: { samples: 6000 },
    },
    'logistic regression, AdaGrad-Norm, augmented test, two threads': {
      ...{ model: logisticRegression(), data, optimizer: adagradNorm({ learningRate: 0.5 }) },
      batchSize: adaptive(augmentedInnerProductTest({ theta: 0.5, nu: 2 }), { initial: 16, max: 4000 }),
      ...{ budget: { samples: 1500 }, threads: 2 },
    },
    'GELU, tanh, GroupNorm, Adam': {
      ...{ model: mixed, data, optimizer: adam({ learningRate: 0.01 }), batchSize: 32, budget: { samples: 64 } },
    },
    'Rosenbrock, norm test': {
      ...{ problem: rosenbrock({ seed: 5, noise: 5 }), optimizer: adagrad({ learningRate: 1 }) },
      ...{ batchSize: adaptive(normTest({ eta: 1 }), { initial: 4, max: 1024 }), budget: { samples: 1000 } },
    },
  }
  const prints: Record<string, string> = { 'elementary functions': elementary() }
  for (const [name, options] of Object.entries(trainings)) {
    const training = train({ ...options, backend, seed: 5 })
    const records = fingerprint()
    const average = averageLoss()
    for await (const record of training) {
      records.add(bytesOf(record))
      records.add(new Uint8Array(Float64Array.of(average(record)).buffer))
    }
    const { executor } = await training.prepare()
    prints[name] = `${records.value()} ${fingerprintOf(executor.parameters)}`
  }
  return prints
}

/** Gaussian numbers, and the functions themselves over wide ranges. */
function elementary(): string {
  const { uniform, normal } = random('engines')
  const numbers = Array.from({ length: 3000 }, () => {
    const [x, y] = [uniform(), uniform()]
    return [normal(), log(1e9 * x), cosineOfTurns(100 * y), power(10 * x, 20 * y), power(x, Math.floor(1000 * y))]
  })
  return fingerprintOf(Float64Array.from(numbers.flat()))
}
