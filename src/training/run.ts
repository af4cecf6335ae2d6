import type { TestResult } from '../batch-size/batch-size-test.ts'
import type { BatchPolicy, PolicyState } from '../batch-size/policy.ts'
import type { Every } from '../batch-size/scheduled.ts'
import type { Dataset } from '../data/dataset.ts'
import { createSampler } from '../data/sampler.ts'
import { ConfigurationError, DivergenceError, ShapeError } from '../errors.ts'
import { initialise } from '../nn/parameters.ts'
import type { Optimizer, OptimizerState } from '../optim/optimizer.ts'
import { squaredNorm } from '../statistics/derived.ts'
import type { GradientStatistics, StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { nonNegative, whole } from '../validate.ts'
import type { ComputeBatch, Evaluation } from './batch.ts'
import { breather } from './breathe.ts'
import type { Executor } from './executor.ts'
import { inMicroBatches } from './micro-batches.ts'

/** When a run ends: at whichever comes first. */
export interface Budget {
  /** Samples processed; the last batch is cut so that this number is met exactly. */
  readonly samples?: number
  readonly steps?: number
  /** Seconds of training. A run that is bounded by time alone does not have the same number of steps twice. */
  readonly seconds?: number
}

/** One step of a run. */
export interface TrainingRecord {
  /** 1 for the first. */
  readonly step: number
  /** Samples processed, this step's included. */
  readonly samples: number
  /** b of this step. */
  readonly batchSize: number
  readonly learningRate: number
  /** Mean loss of this step's batch, at the parameters before the step. */
  readonly loss: number
  /** ‖ḡ‖ of that batch. */
  readonly gradientNorm: number
  /** What the batch-size test said of that batch; null where it was not asked. */
  readonly test: TestResult | null
  /** Seconds since the run began, evaluations left out. */
  readonly seconds: number
  /** On the test set, after the step, where one was due. */
  readonly evaluation?: Evaluation
  /** On the samples that were held out, at the same steps. */
  readonly validation?: Evaluation
}

/** Everything that a run needs to go on from where it is, bit for bit. */
export interface Snapshot {
  readonly step: number
  readonly samples: number
  readonly seconds: number
  readonly parameters: Float32Array | Float64Array
  readonly optimizer: OptimizerState
  readonly policy: PolicyState
}

export interface RunOptions {
  readonly executor: Executor
  readonly train: Dataset
  readonly test?: Dataset
  /** Held out of the training set, to choose settings by: evaluated whenever the test set is. */
  readonly validation?: Dataset
  readonly optimizer: Optimizer
  readonly batchSize: BatchPolicy
  readonly budget: Budget
  readonly seed: number | string
  /** Draw samples independently instead of by epochs. */
  readonly replacement?: boolean
  /** Evaluate on the test and validation sets so often, and at the end; by default only at the end. */
  readonly evaluateEvery?: Every
  /** x before the first step, [d]; by default each parameter's own initialisation. */
  readonly initial?: ArrayLike<number>
  /** Go on from here instead of starting. */
  readonly resume?: Snapshot
}

/** A run in progress: iterate it to make it step. */
export interface Run extends AsyncIterable<TrainingRecord> {
  /** The state after the last record that was yielded. */
  snapshot(): Snapshot
}

/**
 * Minimises the executor's objective: the only training loop there is.
 *
 * Each step draws b samples, measures what the policy asks for at the parameters before the step, makes the step with
 * ḡ, and lets the policy choose the next b. The loop owns step and sample counters and computes the learning rate; the
 * optimiser and the policy are pure.
 *
 * @throws ConfigurationError for a budget without a bound, or counts that are not whole; ShapeError for parameters of
 *   another number than the objective has
 * @throws DivergenceError when loss or gradient are not finite; the snapshot is then that of the step before, from which
 *   they came. Also when the last step, or one after which the test set is evaluated, leads to something not finite
 * @example for await (const { batchSize, loss } of createRun(options)) console.log(batchSize, loss)
 */
export function createRun(options: RunOptions): Run {
  const { executor, train, test, validation, optimizer, budget, evaluateEvery } = options
  const policy = options.batchSize
  checkBudget(budget)
  if (evaluateEvery) for (const [unit, n] of Object.entries(evaluateEvery)) whole('run', `evaluateEvery.${unit}`, n, 1)
  const { parameters, layout } = executor
  const sampler = createSampler({ size: train.size, seed: options.seed, replacement: options.replacement ?? false })
  const breathe = breather()

  let { step, samples, seconds } = options.resume ?? { step: 0, samples: 0, seconds: 0 }
  let policyState = options.resume?.policy ?? policy.start()
  const optimizerState = options.resume ? structuredClone(options.resume.optimizer) : optimizer.init(layout)
  const first = options.resume?.parameters ?? options.initial ?? initialise(executor.objective.parameters, options.seed)
  if (first.length !== layout.size)
    throw new ShapeError(`run: ${first.length} parameters to start from, ${executor.objective.name} has ${layout.size}`)
  parameters.set(first)
  sampler.seek({ draws: samples })

  let everySample: Uint32Array | undefined
  const finished = () =>
    samples >= (budget.samples ?? Infinity) ||
    step >= (budget.steps ?? Infinity) ||
    seconds >= (budget.seconds ?? Infinity)

  const computed: ComputeBatch = (indices, firstDraw, level) =>
    policy.microBatch === undefined || level === 'none'
      ? executor.batch(indices, firstDraw, level)
      : inMicroBatches(executor.batch, indices, firstDraw, level, policy.microBatch)

  /** The statistics of the whole training set; copies, for the executor's arrays are those of its last batch. */
  async function populationAt(firstDraw: number, level: StatisticsLevel): Promise<GradientStatistics | undefined> {
    if (level === 'none') return undefined
    everySample ??= Uint32Array.from({ length: train.size }, (_, i) => i)
    const { mean, sumSquares, ...rest } = (await executor.batch(everySample, firstDraw, level)).statistics
    return { ...rest, mean: mean.slice(), ...(sumSquares && { sumSquares: sumSquares.slice() }) }
  }

  async function evaluate(data: Dataset, name: string, learningRate: number): Promise<Evaluation> {
    const evaluation = await executor.evaluate(data)
    // What a step leads to is seen by the next one; where there is none, here.
    if (!Number.isFinite(evaluation.loss))
      throw diverged(step, `the loss on the ${name} set is ${evaluation.loss} after it`, learningRate)
    return evaluation
  }

  async function* steps(): AsyncGenerator<TrainingRecord, void> {
    while (!finished()) {
      const started = performance.now()
      const batchSize = Math.min(policyState.batchSize, (budget.samples ?? Infinity) - samples)
      const learningRate = optimizer.learningRate({ step, samples }) * policyState.learningRateFactor
      nonNegative('run', `the learning rate of step ${step + 1}`, learningRate)
      const indices = sampler.next(batchSize)
      const population = await populationAt(samples, policy.populationLevelFor?.(policyState) ?? 'none')
      const { loss, statistics } = await computed(indices, samples, policy.levelFor(policyState))
      const gradientNorm = Math.sqrt(squaredNorm(statistics.mean))
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
        throw diverged(
          step + 1,
          Number.isFinite(loss) ? `the gradient norm is ${gradientNorm}` : `the loss is ${loss}`,
          step === 0 ? undefined : learningRate,
        )

      const update = policy.next(policyState, {
        step,
        samples: samples + batchSize,
        loss,
        statistics,
        ...(population && { population }),
      })
      optimizer.update(parameters, statistics.mean, optimizerState, learningRate)
      executor.backend.changed?.(parameters)
      policyState = update.state
      const before = samples
      step += 1
      samples += batchSize
      seconds += (performance.now() - started) / 1000

      const due = evaluateEvery !== undefined && isDue(evaluateEvery, before, samples, step)
      const evaluating = due || finished()
      const evaluation = test && evaluating ? await evaluate(test, 'test', learningRate) : undefined
      const validated = validation && evaluating ? await evaluate(validation, 'validation', learningRate) : undefined
      if (finished() && !parameters.every(Number.isFinite))
        throw diverged(step, 'the parameters are not finite after it', learningRate)
      yield {
        step,
        samples,
        batchSize,
        learningRate,
        loss,
        gradientNorm,
        test: update.test,
        seconds,
        ...(evaluation && { evaluation }),
        ...(validated && { validation: validated }),
      }
      const pause = breathe()
      if (pause) await pause
    }
  }

  return {
    [Symbol.asyncIterator]: steps,
    snapshot: () => ({
      step,
      samples,
      seconds,
      parameters: parameters.slice(),
      optimizer: structuredClone(optimizerState),
      policy: structuredClone(policyState),
    }),
  }
}

/** Whether a multiple of the interval lies in (before, samples], or the step is one. */
const isDue = (every: Every, before: number, samples: number, step: number): boolean =>
  'steps' in every ? step % every.steps === 0 : Math.floor(samples / every.samples) > Math.floor(before / every.samples)

function checkBudget(budget: Budget): void {
  const unknown = Object.keys(budget).find((name) => !['samples', 'steps', 'seconds'].includes(name))
  if (unknown !== undefined)
    throw new ConfigurationError(`run: the budget has samples, steps and seconds, got ${unknown}`)
  const bounds = Object.entries(budget).filter(([, bound]) => bound !== undefined)
  if (bounds.length === 0)
    throw new ConfigurationError('run: the budget needs a bound, one of samples, steps or seconds; got none')
  for (const [name, bound] of bounds)
    if (!(bound > 0 && (name === 'seconds' || Number.isInteger(bound) || bound === Number.POSITIVE_INFINITY)))
      throw new ConfigurationError(
        `run: budget.${name} must be ${name === 'seconds' ? '' : 'a whole number '}above 0, got ${bound}`,
      )
}

const diverged = (step: number, what: string, learningRate: number | undefined): DivergenceError =>
  new DivergenceError(
    `step ${step}: ${what}; the run stops here. ${
      learningRate === undefined
        ? 'No step was made before: look at the data and at the parameters that it starts from'
        : `A smaller learning rate than ${learningRate} or gradient clipping may help`
    }`,
  )
