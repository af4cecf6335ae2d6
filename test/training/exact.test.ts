import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { adaptive } from '../../src/batch-size/adaptive.ts'
import { exact } from '../../src/batch-size/batch-size-test.ts'
import { officialInnerProductTest, officialNormTest } from '../../src/batch-size/official-tests.ts'
import { augmentedInnerProductTest, normTest } from '../../src/batch-size/tests.ts'
import { adagrad } from '../../src/optim/optimizers.ts'
import { leastSquares } from '../../src/problems/regression.ts'
import { type MicroBatchedStatistics, perTensorFromPerSampleGradients } from '../../src/statistics/official.ts'
import { createExecutor } from '../../src/training/executor.ts'
import { inMicroBatches } from '../../src/training/micro-batches.ts'
import { createRun, type TrainingRecord } from '../../src/training/run.ts'

const { objective, train } = leastSquares({ seed: 3, size: 48, dimension: 4, noise: 0.5 })
const executor = () => createExecutor({ backend: referenceBackend(), objective, dataset: train, chunkSize: 16 })

async function collect(batchSize: ReturnType<typeof adaptive>, steps = 12) {
  const made = await executor()
  const options = { train, optimizer: adagrad({ learningRate: 0.05 }), budget: { steps }, seed: 1 }
  const run = createRun({ executor: made, ...options, batchSize })
  const records: TrainingRecord[] = []
  const at: Float64Array[] = [Float64Array.from(made.parameters)]
  for await (const record of run) {
    records.push(record)
    at.push(Float64Array.from(run.snapshot().parameters))
  }
  return { records, at }
}

describe('a run with an exact test', () => {
  it.each([
    ['norm', normTest({ eta: 0.4 })],
    ['augmented', augmentedInnerProductTest({ theta: 0.3, nu: 0.8 })],
  ])('holds ∇F and σ² at the parameters before each step against the batch size (%s)', async (_, test) => {
    const { records, at } = await collect(adaptive(test, { initial: 1, max: 48, exact: true }))
    const everything = Uint32Array.from({ length: train.size }, (_, i) => i)
    const other = await executor()
    let growths = 0
    for (const [k, record] of records.entries()) {
      if (!record.test) continue
      // Parameters before the first step are the initial ones, which only a run writes.
      if (k === 0) continue
      other.parameters.set(at[k]!)
      const { statistics } = await other.batch(everything, 0, test.level)
      const expected = exact(test).evaluate(statistics, record.batchSize)
      expect(record.test).toMatchObject({ name: expected.name, verdict: expected.verdict })
      expect(record.test.suggestedBatchSize).toBeCloseTo(expected.suggestedBatchSize, 9)
      const next = records[k + 1]?.batchSize
      if (next === undefined) continue
      expect(next).toBe(Math.min(48, Math.max(record.batchSize, Math.ceil(record.test.suggestedBatchSize))))
      growths += Number(next > record.batchSize)
    }
    expect(records[0]).toMatchObject({ batchSize: 1, test: { name: `exact ${test.name}` } })
    expect(growths).toBeGreaterThan(0)
  })

  it('makes the steps of the batch alone: the whole set is only looked at', async () => {
    const policy = (exact: boolean) =>
      adaptive(normTest({ eta: 0.4 }), { initial: 4, max: 48, metricOnly: true, exact })
    const [looked, plain] = [await collect(policy(true)), await collect(policy(false))]
    expect(looked.at).toEqual(plain.at)
    expect(looked.records.map(({ loss }) => loss)).toEqual(plain.records.map(({ loss }) => loss))
  })
})

describe('the official code’s tests in a run', () => {
  it('pool micro-batches of one size', async () => {
    const made = await executor()
    made.parameters.fill(0.3)
    const indices = Uint32Array.from({ length: 14 }, (_, i) => 3 * i)
    const { statistics, loss } = await inMicroBatches(made.batch, indices, 0, 'norms', 5)
    // 14 = 3 micro-batches of 4, and 2 samples that are left over.
    const { microBatches } = statistics as MicroBatchedStatistics
    expect(microBatches.map(({ batchSize }) => batchSize)).toEqual([4, 4, 4])
    const part = (await made.batch(indices.subarray(4, 8), 0, 'norms')).statistics
    expect([...microBatches[1]!.mean]).toEqual([...part.mean])
    const whole = await made.batch(indices, 0, 'norms')
    expect(loss).toBeCloseTo(whole.loss, 12)
    expect(statistics.batchSize).toBe(14)
    expect(statistics.sumSquaredNorms).toBeCloseTo(whole.statistics.sumSquaredNorms!, 9)
    for (const [j, value] of whole.statistics.mean.entries()) expect(statistics.mean[j]).toBeCloseTo(value, 12)

    const { records } = await collect(adaptive(officialNormTest({ eta: 0.6, microBatch: 6 }), { initial: 4, max: 48 }))
    const plain = await collect(adaptive(normTest({ eta: 0.6 }), { initial: 4, max: 48 }))
    expect(records[0]!.test).toMatchObject({ name: 'official-norm' })
    // One micro-batch: the same verdict. From the second step on there are several.
    expect(records[0]!.test!.suggestedBatchSize).toBeCloseTo(plain.records[0]!.test!.suggestedBatchSize, 9)
    expect(records[1]!.batchSize).toBe(plain.records[1]!.batchSize)
    expect(records[1]!.test!.statistic).not.toBeCloseTo(plain.records[1]!.test!.statistic!, 9)
  })

  it('sees the projections of each parameter array', async () => {
    const test = officialInnerProductTest({ theta: 0.2, nu: 0.5 })
    const { records } = await collect(adaptive(test, { initial: 4, max: 48 }))
    expect(records[0]!.test).toMatchObject({ name: 'official-inner-product', components: [{}, {}] })

    const made = await executor()
    made.parameters.fill(0.3)
    const indices = [0, 5, 7, 11, 20]
    const gradients = await Promise.all(
      indices.map(async (i) => {
        const single = await executor()
        single.parameters.fill(0.3)
        return Float64Array.from((await single.batch([i], 0, 'none')).statistics.mean)
      }),
    )
    const expected = test.evaluate(perTensorFromPerSampleGradients(gradients, made.layout.slots))
    const { statistics } = await made.batch(indices, 0, 'projections')
    const found = test.evaluate(statistics)
    expect(found.suggestedBatchSize / expected.suggestedBatchSize).toBeCloseTo(1, 9)
  })
})
