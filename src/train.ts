import type { Backend } from './backends/backend.ts'
import { wasmBackend } from './backends/wasm/index.ts'
import type { BatchPolicy } from './batch-size/policy.ts'
import { constant, type Every } from './batch-size/scheduled.ts'
import type { Dataset } from './data/dataset.ts'
import { ConfigurationError } from './errors.ts'
import type { Model } from './nn/models.ts'
import type { Optimizer } from './optim/optimizer.ts'
import { classification, type Objective } from './problems/objective.ts'
import type { Problem } from './problems/problem.ts'
import { createExecutor, type Executor } from './training/executor.ts'
import { type Budget, createRun, type Run, type Snapshot, type TrainingRecord } from './training/run.ts'
import { show } from './validate.ts'

/** What is minimised, in one of three ways: a model on labelled data, an objective on any data, or a ready problem. */
export type Task =
  | { readonly model: Model; readonly data: Splits }
  | { readonly objective: Objective; readonly data: Splits }
  | { readonly problem: Problem }

/** What is learned from, and what the result is evaluated on: `{ ...digits, ...data.holdOut(digits.train, 1000) }`. */
export interface Splits {
  readonly train: Dataset
  readonly test?: Dataset
  readonly validation?: Dataset
}

export type TrainOptions = Task & {
  readonly optimizer: Optimizer
  /** A policy such as `adaptive(normTest({ eta: 0.1 }), { initial: 8, max: 60_000 })`, or a fixed number of samples. */
  readonly batchSize: BatchPolicy | number
  readonly budget: Budget
  /** Decides initialisation and sampling; 1 by default. The same seed gives the same bits. */
  readonly seed?: number | string
  /** Where the arithmetic happens; WebAssembly with strict SIMD by default. */
  readonly backend?: Backend | Promise<Backend>
  /** Samples computed together; the model's own choice by default. Part of what decides the bits. */
  readonly chunkSize?: number
  /** Partial sums that a batch is gathered in, 8 by default. Part of what decides the bits. */
  readonly lanes?: number
  /** Threads that compute; 1 by default. The bits do not depend on it. */
  readonly threads?: number
  readonly replacement?: boolean
  readonly evaluateEvery?: Every
  /** x before the first step, [d], for example from `fromStateDict`; by default each parameter's own initialisation. */
  readonly initial?: ArrayLike<number>
  /** Go on from a snapshot instead of starting. */
  readonly resume?: Snapshot
}

/** A training that begins when it is first iterated. */
export interface Training extends AsyncIterable<TrainingRecord> {
  /** Builds the executor without making a step; iterating does so by itself. */
  prepare(): Promise<{ readonly executor: Executor; readonly run: Run }>
}

/**
 * Trains, and yields a record for every step.
 *
 * @throws ConfigurationError for options that do not fit together; DivergenceError when loss or gradient are not finite
 * @example
 * const run = train({
 *   model: models.mnistCnn(), data: await data.digits(),
 *   optimizer: adagrad({ learningRate: 8e-3 }),
 *   batchSize: adaptive(normTest({ eta: 0.25 }), { initial: 8, max: 8_000 }),
 *   budget: { samples: 80_000 }, seed: 1,
 * })
 * for await (const record of run) console.log(record.batchSize, record.loss)
 */
export function train(options: TrainOptions): Training {
  for (const name of ['optimizer', 'batchSize', 'budget'] as const)
    if (options[name] === undefined) throw new ConfigurationError(`train: ${name} is missing`)
  const { objective, train: samples, test, validation } = taskOf(options)
  const {
    optimizer,
    budget,
    seed = 1,
    evaluateEvery,
    initial,
    resume,
    chunkSize,
    lanes,
    threads,
    replacement,
  } = options
  const batchSize = typeof options.batchSize === 'number' ? constant(options.batchSize) : options.batchSize

  async function build() {
    const backend = await (options.backend ?? wasmBackend())
    const executor = await createExecutor({
      backend,
      objective,
      dataset: samples,
      ...(chunkSize !== undefined && { chunkSize }),
      ...(lanes !== undefined && { lanes }),
      ...(threads !== undefined && { threads }),
    })
    const run = createRun({
      executor,
      train: samples,
      optimizer,
      batchSize,
      budget,
      seed,
      ...(test && { test }),
      ...(validation && { validation }),
      ...(replacement !== undefined && { replacement }),
      ...(evaluateEvery && { evaluateEvery }),
      ...(initial && { initial }),
      ...(resume && { resume }),
    })
    return { executor, run }
  }
  let built: ReturnType<typeof build> | undefined
  const prepare = () => {
    built ??= build()
    return built
  }
  return {
    prepare,
    async *[Symbol.asyncIterator]() {
      const { run, executor } = await prepare()
      try {
        yield* run
      } finally {
        await executor.close()
      }
    },
  }
}

function taskOf(task: Task): Splits & { readonly objective: Objective } {
  if ('problem' in task) return task.problem
  if (!('model' in task || 'objective' in task))
    throw new ConfigurationError('train: expected a model, an objective or a problem; got none of them')
  // Where types are not checked, a promise is easily left unawaited.
  if (task.data?.train === undefined)
    throw new ConfigurationError(
      `train: data must be { train, test }, got ${task.data instanceof Promise ? 'a promise; await it' : show(task.data)}`,
    )
  return { ...task.data, objective: 'model' in task ? classification(task.model) : task.objective }
}
