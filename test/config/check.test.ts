import { describe, expect, it } from 'vitest'
import { applyFlags } from '../../src/cli/apply-flags.ts'
import { catalogueFlags } from '../../src/cli/flags.ts'
import { checkConfig } from '../../src/config/check.ts'
import { parseConfig } from '../../src/config/file.ts'

describe('checkConfig', () => {
  it('takes bare names and values', () => {
    const config = checkConfig({ data: 'mnist:some/folder', batchSize: 256, learningRate: 0.1, optimizer: 'adam' })
    expect(config).toMatchObject({
      data: { name: 'mnist', folder: 'some/folder' },
      batchSize: { name: 'constant', batchSize: 256 },
      learningRate: { name: 'constant', value: 0.1 },
      optimizer: { name: 'adam', beta1: 0.9 },
      budget: { samples: 80_000 },
      seed: 1,
    })
  })

  it.each<[string, unknown, string]>([
    [
      'an ill-typed value',
      { batchSize: { test: { eta: 'x' } } },
      'batchSize.test.eta: expected a number above 0, got "x"',
    ],
    [
      'a value out of range',
      { batchSize: { initial: 0 } },
      'batchSize.initial: expected a whole number of at least 1, got 0',
    ],
    ['a fraction', { budget: { samples: 1.5 } }, 'budget.samples: expected a whole number of at least 1, got 1.5'],
    ['an unknown key', { batchSise: 8 }, 'batchSise: unknown key, did you mean batchSize?'],
    [
      'an unknown option',
      { optimizer: { name: 'adam', momentum: 0.9 } },
      'optimizer.momentum: unknown key; optimiser adam has beta1, beta2, epsilon, weightDecay, decoupledWeightDecay, clipNorm',
    ],
    [
      'an unknown name',
      { optimizer: 'addam' },
      'optimizer.name: there is no optimiser "addam", did you mean adam?; there are adagrad, adagrad-norm, sgd, rmsprop, adam, adamw, official-adagrad-norm',
    ],
    [
      'a number that no choice stands for',
      { optimizer: 3 },
      'optimizer: expected the name of an optimiser (adagrad, adagrad-norm, sgd, rmsprop, adam, adamw, official-adagrad-norm), got 3',
    ],
    [
      'a missing value',
      { learningRate: 'multistep' },
      'learningRate.milestones: expected a list of whole numbers (when the factor is applied), got none',
    ],
    [
      'a problem with a model',
      { problem: 'quadratic', model: 'logistic' },
      'model: problem quadratic brings its own model and data; name one or the other',
    ],
    ['no object', [1], ': expected an object, got [1]'],
  ])('refuses %s', (_, config, message) => {
    expect(() => checkConfig(config)).toThrow(message)
  })

  it('says every mistake, each on a line', () => {
    expect(() => checkConfig({ seed: -1, lanes: 'many' })).toThrow(
      'seed: expected a whole number of at least 0, got -1\nlanes: expected a whole number of at least 1, got "many"',
    )
  })
})

describe('parseConfig', () => {
  it.each([
    ['{\n  "seed": 1,\n}', 'run.json:3:1: not JSON: property name expected'],
    ['{ "seed": 1 // one\n}', 'run.json:1:13: not JSON: invalid comment token'],
    ['{ "seed" 1 }', 'run.json:1:10: not JSON: colon expected'],
    ['', 'run.json:1:1: not JSON: value expected'],
  ])('places %j', (text, message) => {
    expect(() => parseConfig(text, 'run.json')).toThrow(message)
  })
})

describe('applyFlags', () => {
  const rows = catalogueFlags()
  const apply = (flags: Record<string, string | boolean>, text?: string) => {
    const file = text === undefined ? undefined : parseConfig(text, 'run.json')
    const { raw, place } = applyFlags(rows, new Map(Object.entries(flags)), file)
    return checkConfig(raw, place)
  }

  it('overrides a file, and keeps what the flags do not touch', () => {
    const file = '{ "optimizer": { "name": "adam", "beta1": 0.8 }, "batchSize": { "test": { "eta": 0.3 } }, "seed": 5 }'
    expect(apply({ beta2: '0.9', 'batch-size': '16' }, file)).toMatchObject({
      optimizer: { name: 'adam', beta1: 0.8, beta2: 0.9 },
      batchSize: { initial: 16, test: { eta: 0.3 } },
      seed: 5,
    })
    // Another choice begins with its own defaults.
    expect(apply({ optimizer: 'adamw' }, file).optimizer).toMatchObject({ name: 'adamw', beta1: 0.9 })
    expect(apply({ optimizer: 'adam' }, file).optimizer).toMatchObject({ name: 'adam', beta1: 0.8 })
    expect(apply({ problem: 'quadratic' }, '{ "model": "logistic" }')).not.toHaveProperty('model')
  })

  it('gives one flag to the option that the chosen things have', () => {
    expect(apply({ 'batch-policy': 'constant', 'batch-size': '32' }).batchSize).toEqual({
      name: 'constant',
      batchSize: 32,
    })
    expect(apply({ test: 'coordinate', eta: '2' }).batchSize).toMatchObject({ test: { name: 'coordinate', eta: 2 } })
    expect(apply({ schedule: 'multistep', milestones: '10,20', 'learning-rate': '0.5' }).learningRate).toMatchObject({
      initial: 0.5,
      milestones: [10, 20],
    })
    expect(apply({ optimizer: 'sgd', nesterov: true, momentum: '.9' }).optimizer).toMatchObject({ nesterov: true })
  })

  it.each<[Record<string, string>, string | undefined, string]>([
    [{ eta: '-1' }, undefined, '--eta: expected a number above 0, got -1'],
    [{ eta: '-1' }, '{}', '--eta: expected a number above 0, got -1'],
    [{ seed: '2' }, '{\n "lanes": 0 }', 'run.json:2:2: lanes: expected a whole number of at least 1, got 0'],
    [
      { test: 'augmented', eta: '1' },
      undefined,
      '--eta: test augmented has no such option; it goes with --batch-policy adaptive --test norm',
    ],
    [{ eta: '1' }, '{ "batchSize": 64 }', '--eta: batch policy constant has no such option'],
    [
      { groups: '4', problem: 'quadratic' },
      undefined,
      '--groups: this run has no model; it goes with --model resnet18',
    ],
    [{ problem: 'quadratic', data: 'digits' }, undefined, '--data: problem quadratic brings its own model and data'],
    [{ milestones: '10,x', schedule: 'multistep' }, undefined, 'expected a whole number, got "x"'],
  ])('refuses %j over %j', (flags, text, message) => {
    expect(() => apply(flags, text)).toThrow(message)
  })
})
