import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as ops from '../../src/autodiff/operations/index.ts'
import { arrayDataset } from '../../src/data/dataset.ts'
import { filled } from '../../src/nn/parameters.ts'
import type { Objective } from '../../src/problems/objective.ts'
import type { StatisticsLevel } from '../../src/statistics/gradient-statistics.ts'
import type { BatchResult } from '../../src/training/batch.ts'
import { executorOf, expectClose } from './executors.ts'
import { fused, N } from './problems.ts'

const levels: readonly StatisticsLevel[] = ['none', 'norms', 'coordinates', 'projections']

describe('batches', () => {
  const problem = fc.sample(fused['convolution, max-pooling, linear'], { seed: 1, numRuns: 1 })[0]
  const copy = ({ loss, statistics: { mean, sumSquares, projections, ...rest } }: BatchResult) => ({
    ...rest,
    loss,
    mean: [...mean],
    sumSquares: [...(sumSquares ?? [])],
    projections: [...(projections ?? [])],
  })

  it('have the same bits again, whatever was computed in between', async () => {
    const executor = await executorOf(problem, { chunkSize: 4, lanes: 2, projectionMemory: 20_000 })
    const batch = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
    for (const level of levels) {
      const first = copy(await executor.batch(batch, 0, level))
      for (const other of levels) await executor.batch([8, 9, 7], 7, other)
      await executor.evaluate(problem.dataset)
      expect(copy(await executor.batch(Uint32Array.from(batch), 0, level))).toEqual(first)
    }
  })

  it('of the same samples in another order have the same statistics', async () => {
    const executor = await executorOf(problem, { chunkSize: 4, lanes: 2 })
    const a = copy(await executor.batch([1, 2, 3, 4, 5, 6, 7], 0, 'coordinates'))
    const b = copy(await executor.batch([7, 2, 4, 3, 6, 5, 1], 0, 'coordinates'))
    expectClose(a.mean, b.mean, 'mean')
    expectClose(a.sumSquares, b.sumSquares, 'sumSquares')
  })

  it('do not depend on the level', async () => {
    const executor = await executorOf(problem, { chunkSize: 4 })
    const means: number[][] = []
    for (const level of levels) means.push([...(await executor.batch([1, 2, 3, 4, 5], 0, level)).statistics.mean])
    for (const mean of means) expect(mean).toEqual(means[0])
  })

  it('have Σ g_i = b·ḡ: nothing is divided by the size of a chunk', async () => {
    const executor = await executorOf(problem, { chunkSize: 3 })
    const one = [...(await executor.batch([2], 0, 'none')).statistics.mean]
    const many = await executor.batch(new Array(10).fill(2), 0, 'norms')
    expectClose(many.statistics.mean, one, 'mean')
    const squared = one.reduce((sum, g) => sum + g * g, 0)
    expectClose([many.statistics.sumSquaredNorms!], [10 * squared], 'norms')
  })

  it('are computed one at a time', async () => {
    const executor = await executorOf(problem)
    const batch = () => executor.batch([1, 2, 3], 0, 'norms')
    const ends = await Promise.allSettled([batch(), batch(), executor.evaluate(problem.dataset)])
    expect(ends.map((end) => (end.status === 'rejected' ? end.reason.message : end.status))).toEqual([
      'fulfilled',
      'executor: the batch before is still being computed; await it first',
      'executor: the batch before is still being computed; await it first',
    ])
    await executor.batch([1, 2, 3], 0, 'norms')
  })

  it('need a sample', async () => {
    const executor = await executorOf(problem)
    expect(() => executor.batch([], 0, 'none')).toThrow('a batch needs at least one sample')
  })
})

describe('evaluation', () => {
  it('is the mean loss and the share of largest scores at the label, for every chunk size', async () => {
    const [problem] = fc.sample(fused['linear and tanh'], { seed: 3, numRuns: 1 })
    const all = Array.from({ length: N }, (_, i) => i)
    const { loss } = await (await executorOf(problem)).batch(all, 0, 'none')
    const accuracies: number[] = []
    for (const chunkSize of [1, 7, 64]) {
      const found = await (await executorOf(problem, { chunkSize })).evaluate(problem.dataset)
      expectClose([found.loss], [loss], 'loss')
      accuracies.push(found.accuracy!)
    }
    expect(new Set(accuracies).size).toBe(1)
    expect(accuracies[0] * N).toBeCloseTo(Math.round(accuracies[0] * N), 10)
  })

  it('has no accuracy where there are no scores', async () => {
    const [problem] = fc.sample(fused['a quadratic, the parameter broadcast'], { seed: 1, numRuns: 1 })
    expect(Object.keys(await (await executorOf(problem)).evaluate(problem.dataset))).toEqual(['loss'])
  })

  it('counts correctly on scores that are known', async () => {
    // The scores are x itself, times 1: predictions 1, 0, 0 (the first of equals), 1 against labels 1, 1, 0, 1.
    const objective: Objective = {
      name: 'known',
      parameters: [{ name: 'w', shape: [], initialise: filled(1) }],
      trace: (parameter, field) => {
        const scores = ops.multiply(field('x'), parameter('w'))
        return { losses: ops.softmaxCrossEntropy(scores, field('y')), scores }
      },
    }
    const dataset = arrayDataset({
      name: 'known',
      fields: {
        x: { data: Float64Array.of(0, 1, 2, 0, 3, 3, -2, -1), shape: [2] },
        y: { data: Int32Array.of(1, 1, 0, 1), dtype: 'index', classes: 2 },
      },
    })
    const executor = await executorOf({ objective, dataset }, { chunkSize: 3 })
    const { loss, accuracy } = await executor.evaluate(dataset)
    expect(accuracy).toBe(0.75)
    expect(loss).toBeCloseTo((2 * Math.log1p(Math.exp(-1)) + Math.log1p(Math.exp(2)) + Math.log(2)) / 4, 12)
  })
})

describe('breathe', () => {
  it('is called between the chunks of every sweep', async () => {
    const [problem] = fc.sample(fused['linear and tanh'], { seed: 3, numRuns: 1 })
    let breaths = 0
    const breathe = async () => void breaths++
    const executor = await executorOf(problem, { chunkSize: 2, lanes: 1, breathe })
    await executor.batch([1, 2, 3, 4, 5], 0, 'norms')
    expect(breaths).toBe(3)
    await executor.batch([1, 2, 3, 4, 5], 0, 'projections')
    expect(breaths).toBe(3 + 6)
    await executor.evaluate(problem.dataset)
    expect(breaths).toBe(9 + N / 2)
  })
})
