import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { adaScale } from '../../src/batch-size/ada-scale.ts'
import { adaDamp, adaptive, cabs, noiseScale } from '../../src/batch-size/adaptive.ts'
import { batchSizeController, type SavedController } from '../../src/batch-size/batch-size-controller.ts'
import type { BatchPolicy } from '../../src/batch-size/policy.ts'
import { constant, geometric, linearRamp, stages } from '../../src/batch-size/scheduled.ts'
import { augmentedInnerProductTest, normTest } from '../../src/batch-size/tests.ts'
import { createSampler } from '../../src/data/sampler.ts'
import { ConfigurationError, DivergenceError } from '../../src/errors.ts'
import { adagrad } from '../../src/optim/optimizers.ts'
import { rosenbrock } from '../../src/problems/rosenbrock.ts'
import { fromPerSampleGradients } from '../../src/statistics/gradient-statistics.ts'
import { fromMeasured } from '../../src/statistics/measured.ts'
import { train } from '../../src/train.ts'
import { byDefinition } from '../../src/training/by-definition.ts'
import { createExecutor } from '../../src/training/executor.ts'
import type { TrainingRecord } from '../../src/training/run.ts'

const growth = { initial: 2, max: 40 }
const policies: BatchPolicy[] = [
  adaptive(normTest({ eta: 0.5 }), { ...growth, interval: 2, maxGrowth: 2, learningRateCoupling: 'sqrt' }),
  adaptive(augmentedInnerProductTest({ theta: 0.9, nu: 5.8 }), growth),
  cabs({ ...growth, alpha: 1 }),
  adaDamp(growth),
  noiseScale(growth),
  adaScale(noiseScale(growth)),
  geometric({ ...growth, factor: 2, every: { samples: 9 } }),
  linearRamp({ ...growth, increment: 3 }),
  stages([{ batchSize: 2, steps: 3 }, { batchSize: 8 }]),
  constant(8),
] as BatchPolicy[]

/** Gradients of a step, of any policy: noise that a step does not repeat. */
const gradients = (step: number, b: number) =>
  Array.from({ length: b }, (_, i) => [1 / (1 + step), Math.sin(7 * step + 3 * i), Math.cos(step * i)])

const stepOf = (step: number, b: number) => ({
  loss: 3 / (1 + step),
  statistics: fromPerSampleGradients(gradients(step, b)),
})

describe('batchSizeController', () => {
  it.each(policies)('drives $name as the state machine says, also when saved and restored at every step', (policy) => {
    const controller = batchSizeController(policy)
    let again = batchSizeController(policy)
    let state = policy.start()
    let samples = 0
    for (let step = 0; step < 12; step++) {
      expect([controller.batchSize, controller.learningRateFactor]).toEqual([state.batchSize, state.learningRateFactor])
      expect(controller.level).toBe(policy.levelFor(state))
      const { loss, statistics } = stepOf(step, controller.batchSize)
      samples += statistics.batchSize
      const update = policy.next(state, { step, samples, loss, statistics })
      expect(controller.next({ loss, statistics })).toEqual(update)
      expect([controller.step, controller.samples]).toEqual([step + 1, samples])
      again = batchSizeController(policy, JSON.parse(JSON.stringify(again)))
      expect(again.next({ loss, statistics })).toEqual(update)
      state = update.state
    }
    expect(JSON.stringify(again)).toBe(JSON.stringify(controller))
  })

  it('makes the run that the library’s own loop makes', async () => {
    const problem = rosenbrock({ seed: 1, noise: 5 })
    const policy = adaptive(normTest({ eta: 1 }), { initial: 4, max: 512 })
    const optimizer = adagrad({ learningRate: 1 })
    const backend = await referenceBackend()
    const initial = [-1, 1]
    const records: TrainingRecord[] = []
    for await (const record of train({
      problem,
      optimizer,
      batchSize: policy,
      budget: { steps: 30 },
      backend,
      initial,
    }))
      records.push(record)

    // The same by hand: the gradient of each sample by itself.
    const executor = await createExecutor({ backend, objective: problem.objective, dataset: problem.train })
    executor.parameters.set(initial)
    const sampler = createSampler({ size: problem.train.size, seed: 1 })
    const state = optimizer.init(2)
    const controller = batchSizeController(policy)
    for (const { samples, batchSize, loss: expected, test: judged } of records) {
      expect(controller.batchSize).toBe(batchSize)
      const { loss, statistics } = await byDefinition(executor, sampler.next(batchSize).slice(), controller.samples)
      const { test } = controller.next({ loss, statistics })
      optimizer.update(executor.parameters, statistics.mean, state, 1)
      expect(controller.samples).toBe(samples)
      expect(loss).toBeCloseTo(expected, 8)
      expect(test?.verdict).toBe(judged?.verdict)
    }
    expect(controller.batchSize).toBeGreaterThan(32)
  })

  it('refuses the state of another policy and what is none, saying what differs', () => {
    const policy = adaptive(normTest({ eta: 0.5 }), growth)
    const controller = batchSizeController(policy)
    controller.next(stepOf(0, 2))
    const saved = controller.toJSON()
    const other = (options: object) => adaptive(normTest({ eta: 0.5 }), { ...growth, ...options })
    expect(() => batchSizeController(other({ max: 80 }), saved)).toThrow(
      'saved belongs to another policy: max is 40, here 80',
    )
    expect(() => batchSizeController(adaptive(normTest({ eta: 0.1 }), growth), saved)).toThrow(
      'test is {"name":"norm","eta":0.5}, here {"name":"norm","eta":0.1}',
    )
    expect(() => batchSizeController(constant(8) as BatchPolicy<never>, saved as never)).toThrow('name is "adaptive"')
    const broken = (change: object) => () => batchSizeController(policy, { ...saved, ...change } as typeof saved)
    expect(broken({ step: -1 })).toThrow('step must be a whole number of at least 0, got -1')
    expect(broken({ state: { ...saved.state, batchSize: 41 } })).toThrow('state.batchSize is 41, above the cap, 40')
    expect(broken({ state: { ...saved.state, learningRateFactor: null } })).toThrow('learningRateFactor')
    for (const nothing of [[], {}, 'text', 7])
      expect(() => batchSizeController(policy, nothing as unknown as SavedController<never>)).toThrow(
        'expected { policy, step, samples, state }',
      )
    // Another program may have written the keys in another order.
    const { eta, name } = saved.policy.test as { eta: number; name: string }
    expect(batchSizeController(policy, { ...saved, policy: { ...saved.policy, test: { eta, name } } }).step).toBe(1)
  })

  it('is as it was after a step that it refuses', () => {
    const controller = batchSizeController(adaptive(normTest({ eta: 0.5 }), growth))
    const before = JSON.stringify(controller)
    const { statistics } = stepOf(0, 2)
    const lacking = { batchSize: 2, mean: statistics.mean }
    expect(() => controller.next({ loss: 1, statistics: lacking })).toThrow(
      "needs sumSquaredNorms: measure at level 'norms'",
    )
    expect(() => controller.next({ loss: Number.NaN, statistics })).toThrow(DivergenceError)
    expect(() => controller.next({ statistics } as never)).toThrow('loss must be a number, got undefined')
    expect(() => controller.next({ loss: 1 } as never)).toThrow('statistics.batchSize must be a whole number')
    expect(JSON.stringify(controller)).toBe(before)
    const exact = batchSizeController(adaptive(normTest({ eta: 0.5 }), { ...growth, exact: true }))
    expect(exact.populationLevel).toBe('norms')
    expect(() => exact.next({ loss: 1, statistics })).toThrow(ConfigurationError)
    expect(exact.next({ loss: 1, statistics, population: statistics }).test?.name).toBe('exact norm')
  })

  it('answers as its example says', () => {
    const controller = batchSizeController(adaptive(normTest({ eta: 0.5 }), { initial: 8, max: 4096 }))
    controller.next({ loss: 2.3, statistics: fromMeasured({ batchSize: 8, squaredNorm: 0.5, sumSquaredNorms: 40 }) })
    expect(controller.batchSize).toBe(42)
  })
})
