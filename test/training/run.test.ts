import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { adaptive } from '../../src/batch-size/adaptive.ts'
import { constant } from '../../src/batch-size/scheduled.ts'
import { normTest } from '../../src/batch-size/tests.ts'
import { holdOut } from '../../src/data/hold-out.ts'
import { parseSafetensors, writeSafetensors } from '../../src/data/safetensors.ts'
import { ConfigurationError, DivergenceError } from '../../src/errors.ts'
import { fromStateDict, toStateDict } from '../../src/nn/state-dict.ts'
import { adagrad, adam, sgd } from '../../src/optim/optimizers.ts'
import { quadratic } from '../../src/problems/quadratic.ts'
import { leastSquares } from '../../src/problems/regression.ts'
import { createExecutor } from '../../src/training/executor.ts'
import { createRun, type RunOptions, type TrainingRecord } from '../../src/training/run.ts'

const problem = quadratic({ seed: 1, dimension: 6, samples: 64, condition: 10 })
const executorOf = (task = problem) =>
  createExecutor({ backend: referenceBackend(), objective: task.objective, dataset: task.train, chunkSize: 8 })

async function collect(options: Partial<RunOptions>): Promise<TrainingRecord[]> {
  const records: TrainingRecord[] = []
  const run = createRun({
    executor: await executorOf(),
    train: problem.train,
    optimizer: adagrad({ learningRate: 0.1 }),
    batchSize: constant(4),
    budget: { steps: 5 },
    seed: 1,
    ...options,
  })
  for await (const record of run) records.push(record)
  return records
}

/** A record without its clock. */
const timeless = ({ seconds: _, ...record }: TrainingRecord) => record

describe('a run', () => {
  it('counts steps and samples, and repeats itself bit for bit', async () => {
    const [first, second] = [await collect({}), await collect({})]
    expect(first.map(({ step, samples }) => [step, samples])).toEqual([1, 2, 3, 4, 5].map((k) => [k, 4 * k]))
    expect(second.map(timeless)).toEqual(first.map(timeless))
    expect((await collect({ seed: 2 })).map(timeless)).not.toEqual(first.map(timeless))
  })

  it('meets a budget of samples exactly: the last batch is cut', async () => {
    const records = await collect({ budget: { samples: 10 } })
    expect(records.map(({ batchSize }) => batchSize)).toEqual([4, 4, 2])
    expect(records.at(-1)!.samples).toBe(10)
  })

  it('stops at the first of several bounds', async () => {
    expect(await collect({ budget: { samples: 100, steps: 3 } })).toHaveLength(3)
    expect(await collect({ budget: { samples: 8, steps: 30 } })).toHaveLength(2)
  })

  it('grows the batch by the test, up to the cap, and records statistic, threshold and verdict', async () => {
    const records = await collect({
      batchSize: adaptive(normTest({ eta: 0.2 }), { initial: 2, max: 32 }),
      budget: { samples: 2000 },
    })
    const sizes = records.slice(0, -1).map(({ batchSize }) => batchSize)
    for (const [k, size] of sizes.entries()) if (k > 0) expect(size).toBeGreaterThanOrEqual(sizes[k - 1]!)
    expect(sizes.at(-1)).toBe(32)
    const { test } = records[0]!
    expect(test).toMatchObject({ name: 'norm', passed: test!.statistic! <= test!.threshold! })
    expect(records.at(-2)!.test).toBeNull() // not evaluated at the cap
  })

  it('from one sample grows to two, since one has no variance', async () => {
    const records = await collect({ batchSize: adaptive(normTest({ eta: 10 }), { initial: 1, max: 32 }) })
    expect(records[0]).toMatchObject({ batchSize: 1, test: { verdict: 'too-few-samples', statistic: null } })
    expect(records[1]!.batchSize).toBe(2)
  })

  it('evaluates on the test set when it is due, and at the end', async () => {
    const every4 = await collect({ test: problem.train, evaluateEvery: { samples: 8 } })
    expect(every4.map(({ evaluation }) => evaluation !== undefined)).toEqual([false, true, false, true, true])
    const atTheEnd = await collect({ test: problem.train })
    expect(atTheEnd.map(({ evaluation }) => evaluation !== undefined)).toEqual([false, false, false, false, true])
  })

  it('validates on what was held out whenever it evaluates, and trains as if it did not', async () => {
    const { train, validation } = holdOut(problem.train, 16)
    const plain = await collect({ train, evaluateEvery: { samples: 8 } })
    const records = await collect({ train, validation, test: problem.train, evaluateEvery: { samples: 8 } })
    expect(records.map((record) => [record.validation, record.evaluation].map((each) => each !== undefined))).toEqual(
      [false, true, false, true, true].map((due) => [due, due]),
    )
    const bare = records.map(({ evaluation: _, validation: __, ...record }) => timeless(record))
    expect(bare).toEqual(plain.map(timeless))
    // Means over disjoint sets make the mean over all.
    const onTrain = await collect({ train, test: train })
    const [all, held, kept] = [
      records.at(-1)!.evaluation!,
      records.at(-1)!.validation!,
      onTrain.at(-1)!.evaluation!,
    ].map(({ loss }) => loss) as [number, number, number]
    expect((16 * held + 48 * kept) / 64).toBeCloseTo(all, 12)
  })

  it.each([
    ['adagrad', adagrad({ learningRate: 0.1 })],
    ['adam', adam({ learningRate: 0.05 })],
    ['sgd with momentum', sgd({ learningRate: 0.05, momentum: 0.9 })],
  ])('resumed from a snapshot continues bit for bit (%s)', async (_name, optimizer) => {
    const task = leastSquares({ seed: 3, size: 50, dimension: 5, noise: 0.5 })
    const options = async () => ({
      executor: await executorOf(task),
      train: task.train,
      optimizer,
      batchSize: adaptive(normTest({ eta: 0.5 }), { initial: 2, max: 40, maxGrowth: 1.3 }),
      budget: { steps: 40 },
      seed: 7,
    })
    const whole: TrainingRecord[] = []
    const uninterrupted = createRun(await options())
    for await (const record of uninterrupted) whole.push(record)

    const first = createRun({ ...(await options()), budget: { steps: 17 } })
    for await (const _ of first);
    const resumed = createRun({ ...(await options()), resume: first.snapshot() })
    const rest: TrainingRecord[] = []
    for await (const record of resumed) rest.push(record)
    expect(rest.map(timeless)).toEqual(whole.slice(17).map(timeless))
    expect(resumed.snapshot().parameters).toEqual(uninterrupted.snapshot().parameters)
  })

  it('starts from given parameters, as exported by name', async () => {
    const executor = await executorOf()
    const values = Float32Array.from({ length: executor.layout.size }, (_, j) => (j % 5) / 4)
    const file = writeSafetensors(toStateDict(executor.layout, values))
    const { tensors } = parseSafetensors(file, 'x.safetensors')
    const initial = fromStateDict(executor.layout, tensors, { file: 'x.safetensors', model: 'quadratic' })
    const options = {
      executor,
      train: problem.train,
      optimizer: sgd({ learningRate: 1 }),
      batchSize: constant(64),
      seed: 1,
    }
    const run = createRun({ ...options, budget: { steps: 1 }, initial })
    expect([...run.snapshot().parameters]).toEqual([...values])
    for await (const { loss } of run) expect(loss).toBeGreaterThan(0)
    expect([...run.snapshot().parameters]).not.toEqual([...values])
  })

  it('that diverges stops with the step named, and the state before it stands', async () => {
    const executor = await executorOf()
    const run = createRun({
      executor,
      train: problem.train,
      optimizer: sgd({ learningRate: 1e200 }),
      batchSize: constant(4),
      budget: { steps: 50 },
      seed: 1,
    })
    const records: TrainingRecord[] = []
    const failure = (async () => {
      for await (const record of run) records.push(record)
    })()
    await expect(failure).rejects.toThrow(DivergenceError)
    await expect(failure).rejects.toThrow(new RegExp(`^step ${records.length + 1}: `))
    expect(run.snapshot().step).toBe(records.length)
  })

  it.each([
    [{}, 'needs a bound'],
    [{ epochs: 3 } as object, 'the budget has samples, steps and seconds, got epochs'],
    [{ samples: 0 }, 'budget.samples must be a whole number above 0, got 0'],
    [{ samples: 10.5 }, 'budget.samples must be a whole number above 0, got 10.5'],
    [{ steps: Number.NaN }, 'budget.steps must be a whole number above 0, got NaN'],
    [{ seconds: 0 }, 'budget.seconds must be above 0, got 0'],
  ])('refuses the budget %o', async (budget, message) => {
    await expect(collect({ budget })).rejects.toThrow(ConfigurationError)
    await expect(collect({ budget })).rejects.toThrow(message)
  })

  it('refuses a learning rate that is no number, by its step', async () => {
    const learningRate = ({ step }: { readonly step: number }) => (step < 2 ? 0.1 : Number.NaN)
    await expect(collect({ budget: { steps: 5 }, optimizer: sgd({ learningRate }) })).rejects.toThrow(
      'run: the learning rate of step 3 must be a finite number of at least 0, got NaN',
    )
  })

  it('refuses parameters of another number, and evaluations that never come', async () => {
    const budget = { steps: 1 }
    await expect(collect({ budget, initial: [1] })).rejects.toThrow(/^run: 1 parameters to start from, .* has \d+$/)
    await expect(collect({ budget, evaluateEvery: { steps: 0 } })).rejects.toThrow(
      'evaluateEvery.steps must be a whole number of at least 1, got 0',
    )
  })
})
