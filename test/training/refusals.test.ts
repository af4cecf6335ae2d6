import { describe, expect, it } from 'vitest'
import * as ops from '../../src/autodiff/operations/index.ts'
import type { Value } from '../../src/autodiff/value.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { arrayDataset, type Dataset } from '../../src/data/dataset.ts'
import { ConfigurationError } from '../../src/errors.ts'
import * as nn from '../../src/nn/layers.ts'
import type { Objective } from '../../src/problems/objective.ts'
import { createExecutor, type ExecutorOptions } from '../../src/training/executor.ts'
import { classifier, drawn, samples } from './problems.ts'

describe('objectives that couple the samples of a batch are refused', () => {
  const dataset = samples([2, 2], 2, 1)
  const refused = async (objective: Objective, message: string) => {
    const made = createExecutor({ backend: referenceBackend(), objective, dataset })
    await expect(made).rejects.toThrow(ConfigurationError)
    await expect(made).rejects.toThrow(message)
  }

  it('batchNorm, by the name of its layer, however deep', async () => {
    const direct = nn.sequential(nn.linear(2, 3), nn.batchNorm(2), nn.flatten(), nn.linear(6, 2))
    await refused(classifier(direct, dataset).objective, 'network: layer 1 (batchNorm) couples the samples of a batch')
    const block = nn.composite('block', { conv1: nn.linear(2, 2), bn1: nn.batchNorm(2) }, (x, part) =>
      part('bn1', part('conv1', x)),
    )
    const deep = nn.sequential(nn.sequential(nn.tanh(), block), nn.flatten(), nn.linear(4, 2))
    await refused(classifier(deep, dataset).objective, 'layer 0.1.bn1 (batchNorm) couples')
  })

  const couplings: Record<string, [(x: Value) => Value, string]> = {
    'mean over the batch': [(x) => ops.subtract(x, ops.mean(x, [0])), 'sum over the batch axis'],
    'max over the batch': [(x) => ops.subtract(x, ops.max(x, [0])), 'max over the batch axis'],
    'softmax over the batch': [
      (x) => ops.multiply(x, ops.broadcastTo(ops.softmax(ops.sum(x, [1])), x.shape, [0])),
      'softmax over the batch axis',
    ],
    'logSoftmax over the batch': [
      (x) => ops.multiply(x, ops.broadcastTo(ops.logSoftmax(ops.sum(x, [1])), x.shape, [0])),
      'softmax over the batch axis',
    ],
    'similarities of samples': [(x) => ops.matmul(ops.matmul(x, x, { transposeB: true }), x), 'matmul'],
    transpose: [(x) => ops.transpose(ops.tanh(ops.transpose(x))), 'transpose of the batch axis'],
    reshape: [(x) => ops.reshape(ops.tanh(ops.reshape(x, [2 * x.shape[0] * 2])), x.shape), 'reshape across the batch'],
    'a sample for all': [(x) => ops.add(x, ops.slice(x, [0, 0], [1, x.shape[1]])), 'slice of the batch axis'],
    'neighbouring samples': [
      (x) => ops.concat([ops.slice(x, [1, 0], [...x.shape]), ops.slice(x, [0, 0], [1, x.shape[1]])], 0),
      'slice of the batch axis',
    ],
  }
  for (const [name, [couple, reason]] of Object.entries(couplings))
    it(name, () =>
      refused(
        {
          name: 'coupled',
          parameters: [drawn('w', [2, 4])],
          trace: (parameter, field) => ({
            losses: ops.softmaxCrossEntropy(ops.linear(couple(ops.flatten(field('x'))), parameter('w')), field('y')),
          }),
        },
        `coupled: ${reason}`,
      ),
    )
})

describe('objectives that do not fit are refused', () => {
  const dataset = samples([2], 2, 1)
  const made = (trace: Objective['trace'], rest: Partial<ExecutorOptions> = {}) =>
    createExecutor({
      backend: referenceBackend(),
      objective: { name: 'misfit', parameters: [drawn('w', [2, 2])], trace },
      dataset,
      ...rest,
    })
  const scores: Objective['trace'] = (parameter, field) => ({
    losses: ops.sum(ops.linear(field('x'), parameter('w')), [1]),
  })

  it('an unknown parameter or field, with those that there are', async () => {
    await expect(made((parameter) => ({ losses: parameter('v') }))).rejects.toThrow('no parameter v; there are w')
    await expect(made((_, field) => ({ losses: field('z') }))).rejects.toThrow('has no field z; it has x, y')
  })

  it('losses that are no vector of the batch', async () => {
    const mean: Objective['trace'] = (parameter, field) => ({
      losses: ops.mean(ops.linear(field('x'), parameter('w'))),
    })
    await expect(made(mean)).rejects.toThrow('losses of 2 samples must have shape [2], got []')
  })

  describe('labels and look-ups that reach beyond what they choose from', () => {
    const labelled = (labels: number[], width = 2, classes?: number) =>
      arrayDataset({
        name: 'labelled',
        fields: {
          x: { data: new Float32Array(labels.length * width), shape: [width] },
          y: { data: Int32Array.from(labels), dtype: 'index', ...(classes !== undefined && { classes }) },
        },
      })
    const network = (dataset: Dataset) => {
      const { objective } = classifier(nn.linear(2, 3), dataset)
      return createExecutor({ backend: referenceBackend(), objective, dataset })
    }

    it('where they enter', async () => {
      const message = 'softmaxCrossEntropy: indices reach 3, logits [2, 3] has 0 … 2'
      await expect(network(labelled([0, 3, 1]))).rejects.toThrow(message)
      await expect(network(labelled([0, 1], 2, 4))).rejects.toThrow(message)
      await network(labelled([0, 2]))
    })

    it('through operations that move them', async () => {
      const look: Objective['trace'] = (parameter, field) => ({
        losses: ops.sum(ops.embedding(parameter('w'), ops.reshape(field('y'), [field('y').shape[0]!, 1])), [1, 2]),
      })
      await expect(made(look, { dataset: labelled([1, 2]) })).rejects.toThrow(
        'embedding: indices reach 2, table [2, 2] has 0 … 1',
      )
      const hot: Objective['trace'] = (_, field) => ({ losses: ops.sum(ops.oneHot(field('y'), 2), [1]) })
      await expect(made(hot, { dataset: labelled([1, 2]) })).rejects.toThrow('oneHot: indices reach 2')
    })

    it('in a data set of their own making, as they are read', async () => {
      const made = (classes?: number): Dataset => {
        const { fields, ...rest } = labelled([0, 1, 2])
        const y = { shape: [], dtype: 'index', ...(classes !== undefined && { classes }) } as const
        return {
          ...rest,
          fields: { ...fields, y },
          read: (_, { y }, at) => void y?.fill(7, at),
        }
      }
      await expect(network(made())).rejects.toThrow('labelled.y: indices need classes')
      const executor = await network(made(3))
      const message = 'labelled.y: sample 1 has 7, expected 0 … 2'
      await expect(executor.batch([1, 2], 0, 'norms')).rejects.toThrow(message)
      await expect((await network(labelled([2]))).evaluate(made(3))).rejects.toThrow('sample 0 has 7')
    })

    it('in a data set to evaluate on, whose fields must be like the others', async () => {
      const executor = await network(labelled([0, 1, 2]))
      await expect(executor.evaluate(labelled([0, 4]))).rejects.toThrow('indices reach 4, logits [2, 3] has 0 … 2')
      await expect(executor.evaluate(labelled([0, 1], 1))).rejects.toThrow(
        'field x of data set labelled is float [1], that of labelled is float [2]',
      )
      await executor.evaluate(labelled([1, 1]))
    })
  })

  it('chunk sizes and lanes that are no whole numbers', async () => {
    await expect(made(scores, { chunkSize: 0 })).rejects.toThrow(
      'chunkSize must be a whole number of at least 1, got 0',
    )
    await expect(made(scores, { lanes: 1.5 })).rejects.toThrow('lanes must be a whole number of at least 1, got 1.5')
  })
})
