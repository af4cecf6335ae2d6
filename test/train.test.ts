import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../src/backends/reference/index.ts'
import { arrayDataset } from '../src/data/dataset.ts'
import { logisticRegression } from '../src/nn/models.ts'
import { adagrad } from '../src/optim/optimizers.ts'
import { type TrainOptions, train } from '../src/train.ts'

const samples = (value: number) =>
  arrayDataset({
    name: 'points',
    fields: {
      x: { data: new Float64Array(4).fill(value), shape: [2] },
      y: { data: Int32Array.of(0, 1), dtype: 'index' },
    },
  })
const options = {
  model: logisticRegression([2], 2),
  data: { train: samples(1) },
  optimizer: adagrad(),
  batchSize: 2,
  budget: { steps: 3 },
  backend: referenceBackend(),
}
/** As from JavaScript, where nothing checks types. */
const given = (rest: Readonly<Record<string, unknown>>) => train({ ...options, ...rest } as unknown as TrainOptions)

describe('train', () => {
  it('makes the steps of its budget', async () => {
    const steps: number[] = []
    for await (const { step } of train(options)) steps.push(step)
    expect(steps).toEqual([1, 2, 3])
  })

  it('says what is missing, where types do not', () => {
    for (const name of ['optimizer', 'batchSize', 'budget'])
      expect(() => given({ [name]: undefined })).toThrow(`train: ${name} is missing`)
    expect(() => given({ data: undefined })).toThrow('train: data must be { train, test }, got undefined')
    expect(() => given({ data: Promise.resolve() })).toThrow('got a promise; await it')
    const { model: _, ...none } = options
    expect(() => train(none as unknown as TrainOptions)).toThrow('expected a model, an objective or a problem')
  })

  it('does not blame the learning rate for data that are no numbers', async () => {
    const first = given({ data: { train: samples(Number.NaN) } })
      [Symbol.asyncIterator]()
      .next()
    await expect(first).rejects.toThrow(/^step 1: the loss is NaN; .* look at the data/)
  })
})
