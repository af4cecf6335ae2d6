import type { Picked } from './choose.ts'
import type { Experiment, Scheme } from './experiment.ts'
import { needsDigits } from './tasks.ts'

const scheme = (optimizer: Picked, learningRate: number, batchSize: Picked): Scheme => ({
  optimizer,
  learningRate: { name: 'constant', value: learningRate },
  batchSize,
  gain: { name: 'none' },
})

const adagrad: Picked = { name: 'adagrad' }
const fixed = (batchSize: number): Picked => ({ name: 'constant', batchSize })
const grows = (test: Picked, initial: number, max?: number): Picked => ({
  name: 'adaptive',
  test,
  initial,
  ...(max !== undefined && { max }),
})

/** AdAdaGrad between a small and a large fixed batch. */
const race = (rate: number, eta: number, initial: number, small: number, large: number, max?: number) => [
  scheme(adagrad, rate, grows({ name: 'norm', eta }, initial, max)),
  scheme(adagrad, rate, fixed(small)),
  scheme(adagrad, rate, fixed(large)),
]

const common = { seed: 1, backend: { name: 'wasm' } } as const

/** What the page begins with, and what choosing a problem begins with. */
const presets: Readonly<Record<string, Experiment>> = {
  'mnist-cnn': { ...common, task: { name: 'mnist-cnn' }, samples: 60_000, schemes: race(0.02, 1, 8, 16, 512) },
  logistic: { ...common, task: { name: 'logistic' }, samples: 120_000, schemes: race(0.03, 1, 8, 16, 512) },
  quadratic: {
    ...common,
    task: { name: 'quadratic', condition: 4, additive: 0.4 },
    samples: 8000,
    schemes: race(0.1, 1, 4, 4, 256),
  },
  rosenbrock: {
    ...common,
    task: { name: 'rosenbrock', noise: 5 },
    samples: 40_000,
    schemes: race(1, 1, 4, 4, 256),
  },
}

/** The experiment to begin a task with. */
export function presetOf(task: string): Experiment {
  const known = presets[task]
  if (known) return known
  const base = needsDigits(task) ? presets.logistic! : presets.quadratic!
  return { ...base, task: { name: task } }
}

/** One more scheme, for a race that has room: unlike those that are there. */
export function anotherScheme({ task, schemes }: Experiment): Scheme {
  const [adaptive] = presetOf(task.name).schemes as [Scheme]
  const grown = adaptive.batchSize
  const candidates: Scheme[] = [
    adaptive,
    { ...adaptive, batchSize: { ...grown, test: { name: 'augmented' } } },
    { ...adaptive, batchSize: { ...grown, test: { name: 'inner-product' } } },
    { ...adaptive, batchSize: fixed(64) },
    { ...adaptive, batchSize: { name: 'geometric', initial: 8 } },
  ]
  const taken = new Set(schemes.map((each) => JSON.stringify(each)))
  return candidates.find((each) => !taken.has(JSON.stringify(each))) ?? adaptive
}
