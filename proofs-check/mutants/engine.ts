import { pullback } from '../../src/autodiff/grad.ts'
import { constant, type Value } from '../../src/autodiff/value.ts'
import type { GradientStatistics } from '../../src/statistics/gradient-statistics.ts'
import type { Executor } from '../../src/training/executor.ts'
import type { Mutant } from '../mutation.ts'
import { real } from '../subject.ts'

/** An executor whose results are changed. */
const withResults =
  (change: (statistics: GradientStatistics, previous: GradientStatistics | null) => GradientStatistics) =>
  async (options: Parameters<typeof real.createExecutor>[0]): Promise<Executor> => {
    const executor = await real.createExecutor(options)
    let previous: GradientStatistics | null = null
    return {
      ...executor,
      async batch(indices, firstDraw, level) {
        const result = await executor.batch(indices, firstDraw, level)
        const statistics = change(result.statistics, previous)
        previous = structuredClone(result.statistics)
        return { ...result, statistics }
      },
    }
  }

/** The gradient where each value keeps only the last of the contributions to it. */
function overwriting(outputs: readonly (readonly [Value, Value])[]): Map<Value, Value> {
  const last = new Map<Value, Value>(outputs)
  const order: Value[] = []
  const visit = (value: Value) => {
    if (order.includes(value)) return
    for (const input of value.inputs) visit(input)
    order.push(value)
  }
  for (const [output] of outputs) visit(output)
  for (const value of order.reverse()) {
    const cotangent = last.get(value)
    if (cotangent === undefined || value.inputs.length === 0) continue
    for (const [i, part] of value.operation.vjp(value, cotangent).entries()) {
      if (part !== null && value.inputs[i].dtype === 'float') last.set(value.inputs[i], part)
    }
  }
  return last
}

/** Mistakes in what computes: differentiation, executors, sampler, runs. */
export const engineMutants: readonly Mutant[] = [
  {
    name: 'ḡ of another batch',
    what: 'statistics with the mean gradient of the batch before',
    functions: {
      createExecutor: withResults((own, previous) => (previous === null ? own : { ...own, mean: previous.mean })),
    },
  },
  {
    name: 'projections on another ḡ',
    what: '⟨g_i, ḡ⟩ with ḡ of the batch before',
    functions: {
      createExecutor: withResults((own, previous) =>
        previous?.projections?.length === own.batchSize ? { ...own, projections: previous.projections } : own,
      ),
    },
  },
  {
    name: 'gradients divided by b',
    what: 'g_i are those of the mean loss',
    functions: {
      createExecutor: withResults((own) =>
        own.sumSquaredNorms === undefined ? own : { ...own, sumSquaredNorms: own.sumSquaredNorms / own.batchSize ** 2 },
      ),
    },
  },
  {
    name: 'contributions overwritten',
    what: 'a value used twice keeps one of its two cotangents',
    functions: {
      pullback: overwriting,
      grad: (loss, by) => {
        const found = overwriting([[loss, constant(1)]])
        return by.map((value) => found.get(value) ?? constant(0, value.shape))
      },
    },
  },
  {
    name: 'gradient of twice the loss',
    what: 'the cotangent of the loss is 2',
    functions: {
      grad: (loss, by) => {
        const found = pullback([[loss, constant(2)]])
        return by.map((value) => found.get(value) ?? constant(0, value.shape))
      },
    },
  },
  {
    name: 'sampler by batch',
    what: 'draws depend on how they are cut into batches',
    functions: {
      createSampler: (options) => {
        const sampler = real.createSampler(options)
        return { ...sampler, next: (b) => sampler.next(b).sort() }
      },
    },
  },
  {
    name: 'resumed at the start',
    what: 'a resumed run forgets the optimiser’s state',
    functions: {
      createRun: ({ resume, ...options }) =>
        real.createRun({
          ...options,
          ...(resume && { resume: { ...resume, optimizer: options.optimizer.init(resume.parameters.length) } }),
        }),
    },
  },
]
