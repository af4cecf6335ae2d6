import { afterAll, expect, test } from 'vitest'
import { mean } from '../../src/autodiff/operations/index.ts'
import type { Backend } from '../../src/backends/backend.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { wasmBackend } from '../../src/backends/wasm/index.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import * as nn from '../../src/nn/layers.ts'
import { mnistCnn } from '../../src/nn/models.ts'
import { initialise } from '../../src/nn/parameters.ts'
import type { StatisticsLevel } from '../../src/statistics/gradient-statistics.ts'
import { createExecutor } from '../../src/training/executor.ts'
import { classifier, type Problem, samples } from '../training/problems.ts'
import { closeAll, describeOnAdapter, open } from './adapter.ts'
import { relativeError } from './compare.ts'

// Whole models: loss, gradient and every statistic of a batch in chunks, beside wasm and the float64 reference.

afterAll(closeAll)

/** The first of the samples: evaluation goes over all. */
const few = (dataset: Dataset, size: number): Dataset => ({ ...dataset, size })

const problems: Record<string, () => { problem: Problem; b: number; chunkSize: number }> = {
  'the MNIST network': () => ({
    problem: classifier(mnistCnn().layer, few(samples([1, 28, 28], 10, 1), 6)),
    b: 3,
    chunkSize: 2,
  }),
  'convolutions with GroupNorm, strides and a shortcut': () => {
    const block = nn.composite(
      'block',
      { conv: nn.conv2d(4, 4, 3, { padding: 1, bias: false }), norm: nn.groupNorm(2, 4) },
      (x, part) => nn.relu().apply(part('norm', part('conv', x)), () => x),
    )
    const layer = nn.sequential(
      nn.conv2d(3, 4, 3, { stride: 2, padding: 1 }),
      nn.gelu(),
      block,
      nn.conv2d(4, 6, 1),
      nn.averagePool2d(2),
      nn.flatten(),
      nn.layerNorm(6 * 4),
      nn.linear(6 * 4, 5),
    )
    return { problem: classifier(layer, samples([3, 8, 8], 5, 2)), b: 21, chunkSize: 8 }
  },
  'an embedding': () => {
    const layer = nn.sequential(
      nn.embedding(11, 5),
      nn.linear(5, 7),
      nn.tanh(),
      nn.activation('mean over time', (x) => mean(x, [1])),
      nn.linear(7, 3),
    )
    return { problem: classifier(layer, samples([6], 3, 3, 11)), b: 20, chunkSize: 7 }
  },
}
const levels: readonly StatisticsLevel[] = ['none', 'norms', 'coordinates', 'projections']

async function measure(backend: Backend, { objective, dataset }: Problem, b: number, chunkSize: number) {
  const executor = await createExecutor({ backend, objective, dataset, chunkSize })
  executor.parameters.set(initialise(objective.parameters, 'weights').map((x) => x / 3))
  const indices = Uint32Array.from({ length: b }, (_, i) => (7 * i) % dataset.size)
  const found: Record<string, Float64Array> = {}
  for (const level of levels) {
    const { loss, statistics } = await executor.batch(indices, 0, level)
    found[`${level}: loss`] = Float64Array.of(loss)
    // Numbers alone: beside projections the statistics also say which parameter arrays there are.
    for (const [name, value] of Object.entries(statistics))
      if (typeof value === 'number') found[`${level}: ${name}`] = Float64Array.of(value)
      else if (value instanceof Float64Array) found[`${level}: ${name}`] = Float64Array.from(value)
  }
  // The parameters move: what was copied to the device is old.
  for (let j = 0; j < executor.parameters.length; j++) executor.parameters[j]! *= 0.9
  const { loss, accuracy } = await executor.evaluate(dataset)
  found.evaluation = Float64Array.of(loss, accuracy ?? 0)
  return found
}

describeOnAdapter('models on the GPU', () => {
  test.each(Object.keys(problems))(
    '%s',
    async (name) => {
      const { problem, b, chunkSize } = problems[name]!()
      const found = await measure(await open(), problem, b, chunkSize)
      for (const [oracle, backend] of [
        ['wasm', await wasmBackend()],
        ['reference', referenceBackend()],
      ] as const) {
        if (oracle === 'reference' && name === 'the MNIST network') continue
        const exact = await measure(backend, problem, b, chunkSize)
        for (const [what, values] of Object.entries(exact))
          expect(relativeError(found[what]!, values), `${what}, beside ${oracle}`).toBeLessThan(1e-4)
      }
    },
    180_000,
  )
})
