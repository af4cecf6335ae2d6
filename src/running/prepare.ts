import { availableParallelism } from 'node:os'
import { families } from '../catalogue/index.ts'
import { dotted, type Place } from '../config/check.ts'
import { complete, completeAll, make, surroundingsOf } from '../config/complete.ts'
import type { RunConfig } from '../config/schema.ts'
import { readSafetensors } from '../data/files.ts'
import { holdOut } from '../data/hold-out.ts'
import { ConfigurationError } from '../errors.ts'
import type { Model } from '../nn/models.ts'
import { fromStateDict } from '../nn/state-dict.ts'
import { classification } from '../problems/objective.ts'
import type { Problem } from '../problems/problem.ts'
import { breather } from '../training/breathe.ts'
import { createExecutor, type Executor } from '../training/executor.ts'
import { createRun, type Run } from '../training/run.ts'
import { show } from '../validate.ts'
import { type Checkpoint, restore } from './checkpoint.ts'
import { environment } from './environment.ts'
import type { ResolvedConfig } from './resolved-config.ts'

/** A run that is ready to make its first step. */
export interface PreparedRun {
  /** Every default filled in, with what the run was found to depend on: what a run records. */
  readonly config: ResolvedConfig
  readonly problem: Problem
  readonly executor: Executor
  readonly run: Run
}

/**
 * Makes everything that a configuration names, and completes it by what is only known then.
 *
 * @param options.place where a value was written, for messages
 * @param options.checkpoint go on from there
 * @throws ConfigurationError for parts that do not fit together, DataError for files
 * @example const { run, config } = await prepare(checkConfig({ optimizer: 'adam' }))
 */
export async function prepare(
  config: RunConfig,
  options: { readonly place?: Place; readonly checkpoint?: Checkpoint | undefined } = {},
): Promise<PreparedRun> {
  const { place = dotted, checkpoint } = options
  const { seed, lanes, replacement, evaluateEvery } = config
  const implied = {
    ...surroundingsOf(config),
    // Chunks of a synthetic problem take less time than handing them to a thread.
    threads: config.problem ? 1 : Math.min(availableParallelism(), lanes),
  }
  const backendConfig = complete(families.backend, config.backend!, implied, place, ['backend'])
  const [backend, problem] = await Promise.all([
    make(families.backend, backendConfig, undefined),
    makeProblem(config, implied, place),
  ])
  const { objective, train, test, validation } = problem
  const completed = completeAll(config, { ...implied, trainingSamples: train.size }, place) as ResolvedConfig

  const policy = make(
    families.gain,
    completed.gain!,
    undefined,
  )(make(families.batchSize, completed.batchSize, undefined))
  const optimizer = make(
    families.optimizer,
    completed.optimizer,
    make(families.learningRate, completed.learningRate, undefined),
  )
  const executor = await createExecutor({
    backend,
    objective,
    dataset: train,
    lanes,
    breathe: breather(),
    ...(backendConfig.threads !== undefined && { threads: backendConfig.threads as number }),
    ...(config.chunkSize !== undefined && { chunkSize: config.chunkSize }),
  })
  const { chunkSize, layout } = executor
  const resolved = { ...completed, chunkSize, environment: environment(executor, problem) }
  const resume = checkpoint && restore(checkpoint, { config: resolved, layout, optimizer })
  const initial = resume || config.weights === undefined ? undefined : await readWeights(config.weights, executor)
  const run = createRun({
    executor,
    train,
    ...(test && { test }),
    ...(validation && { validation }),
    optimizer,
    batchSize: policy,
    budget: completed.budget!,
    seed,
    replacement,
    ...(evaluateEvery !== undefined && { evaluateEvery: { samples: evaluateEvery } }),
    ...(initial && { initial }),
    ...(resume && { resume }),
  })
  return { config: resolved, problem, executor, run }
}

/** Parameters of the same network from a file. */
async function readWeights(file: string, { layout, objective }: Executor): Promise<Float32Array> {
  return fromStateDict(layout, (await readSafetensors(file)).tensors, { file, model: objective.name })
}

async function makeProblem(
  config: RunConfig,
  implied: ReturnType<typeof surroundingsOf>,
  place: Place,
): Promise<Problem> {
  const completed = (key: 'model' | 'data' | 'problem') => complete(families[key], config[key]!, implied, place, [key])
  if (config.problem) return make(families.problem, completed('problem'), { seed: config.seed })
  const data = completed('data')
  const { train: stored, test, augment } = await make(families.data, data, { seed: config.seed })
  const { train: kept, validation } =
    config.validation === undefined ? { train: stored, validation: undefined } : holdOut(stored, config.validation)
  const train = augment ? augment(kept) : kept
  const input = train.fields.x!.shape
  const classes = train.fields.y!.classes!
  const model: Model = make(families.model, completed('model'), { input, classes })
  if (String(model.input) !== String(input) || model.classes !== classes)
    throw new ConfigurationError(
      `${place(['model'])}: ${model.name} takes images ${show(model.input)} of ${model.classes} classes, but ` +
        `${data.name} has ${show(input)} of ${classes}`,
    )
  return {
    name: `${model.name} on ${data.name}`,
    objective: classification(model),
    train,
    test,
    ...(validation && { validation }),
  }
}
