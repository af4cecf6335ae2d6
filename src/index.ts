// The public interface. What most programs need has a name of its own; families are namespaces.

export { grad, pullback } from './autodiff/grad.ts'
export * as operations from './autodiff/operations/index.ts'
export { apply, leaf, type Operation, type PerSampleRule, type Value } from './autodiff/value.ts'
export type { Backend, Buffers, Graph, Output, Plan } from './backends/backend.ts'
export { DeviceError, type GpuBackend, type GpuOptions, gpuBackend } from './backends/gpu/index.ts'
export { referenceBackend } from './backends/reference/index.ts'
export { wasmBackend } from './backends/wasm/index.ts'

export { adaScale } from './batch-size/ada-scale.ts'
export { adaDamp, adaptive, cabs, noiseScale } from './batch-size/adaptive.ts'
export {
  type BatchSizeController,
  batchSizeController,
  type ObservedStep,
  type SavedController,
} from './batch-size/batch-size-controller.ts'
export {
  type BatchSizeTest,
  batchSizeTest,
  type Criterion,
  exact,
  type TestResult,
  type Verdict,
} from './batch-size/batch-size-test.ts'
export { coordinateTest } from './batch-size/coordinate-test.ts'
export { officialInnerProductTest, officialNormTest } from './batch-size/official-tests.ts'
export type { BatchPolicy, Observation, PolicyState, PolicyUpdate } from './batch-size/policy.ts'
export { constant, type Every, geometric, linearRamp, stages } from './batch-size/scheduled.ts'
export {
  augmentedInnerProductTest,
  innerProductTest,
  normTest,
  orthogonalityTest,
} from './batch-size/tests.ts'
export type { Dataset, FieldSpec, TrainTest } from './data/dataset.ts'
export * as data from './data/index.ts'
export {
  AdadagradError,
  ConfigurationError,
  DataError,
  DivergenceError,
  ShapeError,
} from './errors.ts'

export * as layers from './nn/index.ts'
export * as models from './nn/models.ts'
export { fromStateDict, toStateDict } from './nn/state-dict.ts'

export { officialAdagradNorm } from './optim/official-adagrad-norm.ts'
export { type Optimizer, optimizer } from './optim/optimizer.ts'
export { adagrad, adagradNorm, adam, adamw, rmsprop, sgd } from './optim/optimizers.ts'
export { constantRate, multistep, type Schedule, warmupCosine, warmupLinear } from './optim/schedules.ts'
export { chain, type Transformation, transformation } from './optim/transformation.ts'
export * as transformations from './optim/transformations.ts'
export type { Objective, Problem } from './problems/index.ts'
export * as problems from './problems/index.ts'
export { type Random, random } from './random.ts'
export type { GradientStatistics, Measured, StatisticsLevel, WorkerMean } from './statistics/index.ts'
export * as statistics from './statistics/index.ts'

export { type Splits, type Task, type Training, type TrainOptions, train } from './train.ts'
export type { BatchResult, Evaluation } from './training/batch.ts'
export { createExecutor, type Executor } from './training/executor.ts'
export { type Measurement, measure } from './training/measure.ts'
export {
  type Budget,
  createRun,
  type Run,
  type RunOptions,
  type Snapshot,
  type TrainingRecord,
} from './training/run.ts'
