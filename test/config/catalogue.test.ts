import { describe, expect, it } from 'vitest'
import { testFamily } from '../../src/batch-size/tests.ts'
import { anyFamilies, families } from '../../src/catalogue/index.ts'
import type { Family, Options } from '../../src/choice.ts'
import { catalogueFlags } from '../../src/cli/flags.ts'
import { checkConfig } from '../../src/config/check.ts'
import { complete, completeAll, make, surroundingsOf } from '../../src/config/complete.ts'
import type { Named } from '../../src/config/schema.ts'
import type { Optimizer } from '../../src/optim/optimizer.ts'
import { constantRate } from '../../src/optim/schedules.ts'

const surroundings = { trainingSamples: 1000, budgetSamples: 5000, learningRate: 0.1, threads: 1 }
/** Options without a default need a value to be made. */
const needed: Record<string, Record<string, unknown>> = {
  stages: { stages: '8:100,16' },
  multistep: { milestones: [100, 200] },
}

/** A choice with its defaults, as the resolved configuration of a run would have it. */
function completed(key: keyof typeof families, name: string): Named {
  const checked = checkConfig({ [key]: { name, ...needed[name] } })
  return complete(anyFamilies[key], checked[key]!, surroundings, String, [key])
}
const constantOf = ({ config }: Optimizer) => (config.learningRate as { value?: number }).value
const names = (key: keyof typeof families) => anyFamilies[key].choices.map(({ name }) => name)

describe('the catalogue', () => {
  it('gives every flag to one family, and every option a phrase', () => {
    expect(catalogueFlags().size).toBeGreaterThan(60)
    const walk = (family: Family<unknown>) => {
      expect(family.choices.map(({ name }) => name)).toContain(family.default)
      for (const { name, summary, options } of family.choices) {
        expect(name).toMatch(/^[a-z][a-z0-9-]*$/)
        for (const phrase of [summary, ...Object.values(options as Options).map(({ help }) => help)]) {
          expect(phrase).not.toMatch(/\.$/)
          expect(phrase.length).toBeGreaterThan(5)
        }
        for (const option of Object.values(options)) if (option.type === 'family') walk(option.family)
      }
    }
    for (const family of Object.values(anyFamilies)) walk(family)
  })

  it.each(testFamily.choices.map(({ name, plainly }) => [name, plainly]))(
    'the test %s says in a sentence what it asks',
    (_, plainly) => {
      expect(plainly).toMatch(/^[A-Z].{20,}\.$/)
    },
  )

  // The rows repeat the defaults of the functions they make things with; both have to say the same.
  it.each(names('optimizer'))('optimiser %s: the row says the defaults that the function has', (name) => {
    const { name: _, ...values } = completed('optimizer', name)
    const row = families.optimizer.choices.find((choice) => choice.name === name)!
    const rate = constantRate(0.1)
    const { learningRate: _rate, ...config } = row.make(values, rate).config
    expect(row.make({}, rate).config).toEqual(row.make(values, rate).config)
    // SGD has to be told its rate.
    const own = name === 'sgd' ? row.implies : { learningRate: constantOf(row.make({}, undefined as never)) }
    expect(row.implies).toEqual(own)
    expect(config).toMatchObject(name === 'adamw' ? { decoupledWeightDecay: values.weightDecay } : values)
  })

  it.each(names('batchSize'))('batch policy %s: is made as it says', (name) => {
    const named = completed('batchSize', name)
    const policy = make(families.batchSize, named, undefined)
    expect(policy.initial).toBe(named.initial ?? named.batchSize ?? 8)
    expect(policy.cap).toBe(named.max ?? named.batchSize ?? 16)
    const config = policy.config as Record<string, unknown>
    for (const key of ['interval', 'hysteresis', 'learningRateCoupling', 'metricOnly', 'alpha', 'multiple', 'minimum'])
      if (key in named) expect(config[key]).toEqual(named[key])
  })

  it.each(names('batchSize'))('batch policy %s: the row says the defaults that the function has', (name) => {
    const { name: _, ...values } = completed('batchSize', name)
    const told = ['test', 'initial', 'max', 'batchSize', 'alpha', 'increment', 'factor', 'period', 'stages']
    const policy = (options: object) => make(families.batchSize, { name, ...options }, undefined)
    for (const key of Object.keys(values).filter((key) => !told.includes(key)))
      expect(policy({ ...values, [key]: undefined }).config, key).toEqual(policy(values).config)
  })

  it.each(testFamily.choices.map(({ name }) => name))('test %s: the row says the defaults that it has', (name) => {
    const { options, make } = testFamily.choices.find((choice) => choice.name === name)!
    const values = Object.fromEntries(
      Object.entries(options as Options).flatMap(([key, option]) =>
        'default' in option ? [[key, option.default]] : [],
      ),
    )
    const told = ['eta', 'theta', 'nu']
    for (const key of Object.keys(values).filter((key) => !told.includes(key)))
      expect(make({ ...values, [key]: undefined }, undefined).parameters, key).toEqual(
        make(values, undefined).parameters,
      )
  })

  it.each(names('problem'))('problem %s: is made', (name) => {
    const problem = make(families.problem, completed('problem', name), { seed: 1 })
    expect(problem.train.size).toBe(1024)
  })

  it.each(names('learningRate'))('schedule %s: is made', (name) => {
    const schedule = make(families.learningRate, completed('learningRate', name), undefined)
    expect(schedule({ step: 0, samples: 0 })).toBeGreaterThanOrEqual(0)
    expect(schedule.config).toBeDefined()
  })

  it('takes a default from the rest of the run', () => {
    const of = (raw: unknown) => {
      const config = checkConfig(raw)
      return completeAll(config, { trainingSamples: 500, threads: 2, ...surroundingsOf(config) })
    }
    expect(of({ optimizer: 'adam' }).learningRate).toEqual({ name: 'constant', value: 1e-3 })
    expect(of({}).batchSize).toMatchObject({ max: 500 })
    expect(of({ learningRate: 'cosine', budget: { samples: 70 } }).learningRate).toMatchObject({
      total: 70,
      peak: 0.01,
    })
    const steps = { name: 'linear', unit: 'steps' }
    expect(of({ learningRate: steps, budget: { steps: 9 } }).learningRate).toMatchObject({ total: 9 })
    expect(of({ model: 'resnet18', data: 'cifar10:x' }).data).toMatchObject({ scaling: 'resnet', augment: true })
    expect(of({ model: 'cifar-cnn', data: 'cifar10:x' }).data).toMatchObject({ scaling: 'cnn', augment: false })
  })
})
