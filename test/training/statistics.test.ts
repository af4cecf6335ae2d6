import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromPerSampleGradients, type StatisticsLevel } from '../../src/statistics/gradient-statistics.ts'
import type { ExecutorOptions } from '../../src/training/executor.ts'
import { executorOf, expectClose, strictBackend } from './executors.ts'
import { fused, general, N, type Problem, perturbed } from './problems.ts'

const options = { seed: 1, numRuns: 25 }
const FIRST_DRAW = 100

/** g_i of each sample by a batch of its own, and their mean loss. */
async function perSampleGradients(problem: Problem, batch: readonly number[]) {
  const executor = await executorOf(problem, { chunkSize: 1, lanes: 1 })
  const gradients: number[][] = []
  let loss = 0
  for (const [k, i] of batch.entries()) {
    const result = await executor.batch([i], FIRST_DRAW + k, 'none')
    gradients.push([...result.statistics.mean])
    loss += result.loss / batch.length
  }
  return { gradients, loss, layout: executor.layout }
}

const levels: readonly StatisticsLevel[] = ['none', 'norms', 'coordinates', 'projections']
const settings = fc.record({
  backend: fc.boolean().map(strictBackend),
  chunkSize: fc.constantFrom(1, 2, 3, 5, 64),
  lanes: fc.constantFrom(1, 2, 3, 8),
  // 0: recomputed but for the last chunk; some: a part is kept; much: everything is.
  projectionMemory: fc.constantFrom(0, 500, 2_000, 8_000, 30_000, 2 ** 28),
})
const batches = fc.array(fc.integer({ min: 0, max: N - 1 }), { minLength: 1, maxLength: 21 })

async function expectOracle({ objective, dataset }: Problem, batch: readonly number[], rest: Partial<ExecutorOptions>) {
  const problem = { objective, dataset: perturbed(dataset) }
  const { gradients, loss, layout } = await perSampleGradients(problem, batch)
  const expected = fromPerSampleGradients(gradients)
  const executor = await executorOf(problem, rest)
  for (const level of levels) {
    const result = await executor.batch(batch, FIRST_DRAW, level)
    const { statistics, tensorProjections } = result
    expect(statistics.batchSize).toBe(batch.length)
    expectClose([result.loss], [loss], `${level}: loss`)
    expectClose(statistics.mean, expected.mean, `${level}: mean`)
    const has = (field: string) => expect(Object.keys(statistics).includes(field), `${level}: ${field}`)
    has('sumSquaredNorms').toBe(level !== 'none')
    has('sumSquares').toBe(level === 'coordinates')
    has('projections').toBe(level === 'projections')
    if (level !== 'none') expectClose([statistics.sumSquaredNorms!], [expected.sumSquaredNorms], `${level}: norms`)
    if (level === 'coordinates') expectClose(statistics.sumSquares!, expected.sumSquares, 'sumSquares')
    if (level !== 'projections') continue
    expectClose(statistics.projections!, expected.projections, 'projections')
    const scale = Math.max(...gradients.flat().map(Math.abs)) ** 2
    for (const [p, { name, offset, size }] of layout.slots.entries())
      for (const [i, g] of gradients.entries()) {
        let product = 0
        for (let j = offset; j < offset + size; j++) product += g[j] * expected.mean[j]
        expect(Math.abs(tensorProjections![p][i] - product), `${name}, sample ${i}`).toBeLessThan(1e-9 * (1e-3 + scale))
      }
  }
  return executor
}

describe('statistics equal the sample-by-sample oracle', () => {
  for (const [name, problems] of Object.entries(fused))
    it(`${name}: out of the backward pass`, async () => {
      await fc.assert(
        fc.asyncProperty(problems, batches, settings, async (problem, batch, rest) => {
          const executor = await expectOracle(problem, batch, rest)
          expect(executor.perSample).toBe('fused')
        }),
        options,
      )
    })
  for (const [name, [problems, reason]] of Object.entries(general))
    it(`${name}: sample by sample, and the reason is told`, async () => {
      await fc.assert(
        fc.asyncProperty(problems, batches, settings, async (problem, batch, rest) => {
          const { perSample } = await expectOracle(problem, batch, rest)
          expect(perSample).toMatchObject({ sampleBySample: expect.stringMatching(reason) })
        }),
        options,
      )
    })
})
