// Everything that a run is made of and can be chosen by name, under the keys of its configuration. The rows lie beside
// the things that they describe; a new thing in one of those files needs no change here.
import { backendFamily } from '../backends/choices.ts'
import { gainFamily } from '../batch-size/ada-scale.ts'
import { policyFamily } from '../batch-size/policies.ts'
import type { Family, Options } from '../choice.ts'
import { dataFamily } from '../data/files.ts'
import { modelFamily } from '../nn/models.ts'
import { optimizerFamily } from '../optim/optimizers.ts'
import { scheduleFamily } from '../optim/schedules.ts'
import { problemFamily } from '../problems/choices.ts'

/** Families by their key in a configuration. */
export const families = {
  model: modelFamily,
  data: dataFamily,
  problem: problemFamily,
  optimizer: optimizerFamily,
  learningRate: scheduleFamily,
  batchSize: policyFamily,
  gain: gainFamily,
  backend: backendFamily,
} as const

export type FamilyKey = keyof typeof families

/** The families without their types, for those who walk over them. */
export const anyFamilies = families as unknown as Readonly<Record<FamilyKey, Family<unknown>>>

/** When a run ends: at whichever comes first. */
export const budgetOptions = {
  samples: { type: 'integer', atLeast: 1, optional: true, help: 'samples to process; 80000 if no bound is given' },
  steps: { type: 'integer', atLeast: 1, optional: true, help: 'steps to make' },
  seconds: { type: 'number', above: 0, optional: true, help: 'seconds of training' },
} as const satisfies Options

/** The budget of a run that names none. */
export const defaultBudget = { samples: 80_000 } as const

/** Everything else: options of the run as a whole. */
export const runOptions = {
  seed: { type: 'integer', atLeast: 0, default: 1, help: 'decides initialisation, sampling and augmentation' },
  replacement: { type: 'boolean', default: false, help: 'draw samples independently instead of by epochs' },
  chunkSize: {
    type: 'integer',
    atLeast: 1,
    optional: true,
    help: "samples computed together; the model's if left out",
  },
  lanes: { type: 'integer', atLeast: 1, default: 8, help: 'partial sums that a batch is gathered in' },
  validation: {
    type: 'integer',
    atLeast: 1,
    optional: true,
    help: 'training samples to hold out and validate on, the same for all seeds; none if left out',
  },
  evaluateEvery: {
    type: 'integer',
    atLeast: 1,
    optional: true,
    help: 'evaluate on test and validation sets every so many samples; only at the end if left out',
  },
  evaluateTraining: { type: 'boolean', default: false, help: 'evaluate on the training set at the end, too' },
  weights: {
    type: 'string',
    optional: true,
    help: "safetensors file to start from, with PyTorch's names; the model's own initialisation if left out",
  },
  output: { type: 'string', optional: true, help: 'folder to record the run in' },
  checkpointEvery: { type: 'number', above: 0, default: 30, help: 'seconds between two checkpoints' },
  checkpointSteps: {
    type: 'integer',
    atLeast: 1,
    optional: true,
    help: 'steps between two checkpoints; by seconds alone if left out',
  },
} as const satisfies Options
