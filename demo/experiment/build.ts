import type { Backend } from '../../src/backends/backend.ts'
import { gainFamily } from '../../src/batch-size/ada-scale.ts'
import { policyFamily } from '../../src/batch-size/policies.ts'
import type { BatchPolicy } from '../../src/batch-size/policy.ts'
import type { TrainTest } from '../../src/data/dataset.ts'
import type { Optimizer } from '../../src/optim/optimizer.ts'
import { optimizerFamily } from '../../src/optim/optimizers.ts'
import { scheduleFamily } from '../../src/optim/schedules.ts'
import type { Problem } from '../../src/problems/problem.ts'
import { breather } from '../../src/training/breathe.ts'
import { createExecutor, type Executor } from '../../src/training/executor.ts'
import { createRun, type Run } from '../../src/training/run.ts'
import { make } from './choose.ts'
import { type Experiment, type Scheme, surroundingsOf } from './experiment.ts'
import { needsDigits, taskFamily } from './tasks.ts'

/** The optimiser and the policy of a scheme, checked. */
export function makeScheme(
  experiment: Experiment,
  scheme: Scheme,
): { readonly optimizer: Optimizer; readonly policy: BatchPolicy } {
  const surroundings = surroundingsOf(experiment, scheme)
  const schedule = make(scheduleFamily, scheme.learningRate, surroundings, undefined)
  const gain = make(gainFamily, scheme.gain, surroundings, undefined)
  return {
    optimizer: make(optimizerFamily, scheme.optimizer, surroundings, schedule),
    policy: gain(make(policyFamily, scheme.batchSize, surroundings, undefined)),
  }
}

export const makeTask = ({ task, seed }: Experiment, digits?: TrainTest): Problem =>
  make(taskFamily, task, {}, { seed, ...(digits && { digits }) })

/** Samples between two evaluations: enough of them for a curve, few enough that they cost less than the training. */
const evaluateEvery = ({ task, samples }: Experiment): number =>
  needsDigits(task.name) ? Math.max(1000, Math.round(samples / 40)) : Math.max(1, Math.round(samples / 250))

/**
 * A scheme as a run of the library's own loop.
 *
 * @param wrap lets the caller look at each batch on its way
 */
export async function prepare(
  experiment: Experiment,
  scheme: Scheme,
  problem: Problem,
  { backend, threads }: { readonly backend: Backend; readonly threads?: number },
  wrap: (executor: Executor) => Executor = (executor) => executor,
): Promise<{ readonly executor: Executor; readonly run: Run }> {
  const { samples, seed } = experiment
  const { optimizer, policy } = makeScheme(experiment, scheme)
  const { objective, train, test } = problem
  const executor = await createExecutor({
    backend,
    objective,
    dataset: train,
    breathe: breather(),
    ...(threads !== undefined && { threads }),
  })
  const run = createRun({
    executor: wrap(executor),
    train,
    optimizer,
    batchSize: policy,
    budget: { samples },
    seed,
    ...(test && { test, evaluateEvery: { samples: evaluateEvery(experiment) } }),
  })
  return { executor, run }
}
