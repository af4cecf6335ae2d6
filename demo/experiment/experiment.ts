import type { Surroundings } from '../../src/choice.ts'
import { optimizerFamily } from '../../src/optim/optimizers.ts'
import { type Picked, rowOf } from './choose.ts'
import { needsDigits, taskFamily } from './tasks.ts'

/** One way of training: what is raced against others. The keys are those of a configuration file. */
export interface Scheme {
  readonly optimizer: Picked
  readonly learningRate: Picked
  readonly batchSize: Picked
  readonly gain: Picked
}

/** Everything that decides the numbers. */
export interface Experiment {
  readonly task: Picked
  /** One to four. */
  readonly schemes: readonly Scheme[]
  /** Samples that each scheme processes. */
  readonly samples: number
  readonly seed: number
  readonly backend: Picked
}

export const MOST_SCHEMES = 4

/** Samples of the training set, before the task is made: the digits' are known, and so are the generated ones'. */
export function trainingSamples({ task }: Experiment): number {
  if (needsDigits(task.name)) return 8000
  const { samples, size } = rowOf(taskFamily, task.name).options
  const option = samples ?? size
  const chosen = task.samples ?? task.size ?? (option && 'default' in option ? option.default : undefined)
  return typeof chosen === 'number' ? chosen : 1024
}

/** What the rest of the experiment says about a scheme's defaults. */
export const surroundingsOf = (experiment: Experiment, scheme: Scheme): Surroundings => ({
  ...rowOf(optimizerFamily, scheme.optimizer.name).implies,
  trainingSamples: trainingSamples(experiment),
  budgetSamples: experiment.samples,
})

/** The same experiment as a configuration file for `adadagrad train`. */
export function configurationOf(experiment: Experiment, scheme: Scheme) {
  const { task, samples, seed, backend } = experiment
  const what = needsDigits(task.name)
    ? { model: task, data: { name: 'digits' } }
    : { problem: { ...task, dimension: 2 } }
  return { ...what, ...scheme, backend, seed, budget: { samples } }
}
