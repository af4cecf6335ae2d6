/** Policies that grow the batch by what its gradients say. */
import { choice, type Options } from '../choice.ts'
import {
  adaDampBatchSize,
  cabsBatchSize,
  noiseScale as noiseScaleOf,
  simpleNoiseScale,
} from '../statistics/neighbours.ts'
import { decay, finite, positive } from '../validate.ts'
import { type BatchSizeTest, exact as exactTest, type TestResult } from './batch-size-test.ts'
import { type ControllerOptions, type ControllerState, controller } from './controller.ts'
import type { BatchPolicy } from './policy.ts'
import { growthOptions } from './scheduled.ts'
import { testFamily } from './tests.ts'

/**
 * Adaptive batch sizes by a test: b ← min(max(b, ⌈T⌉), cap) whenever it is evaluated (docs/maths.md §2).
 *
 * AdAdaGrad is this policy with AdaGrad, AdAdaGradNorm the same with AdaGrad-Norm. The test is not evaluated at the cap;
 * b = 1, which has no variance, grows to 2.
 *
 * @param test any of the tests, or one of your own
 * @param options initial ≥ 1 and max ≥ initial in samples; interval, maxGrowth, hysteresis, learningRateCoupling, metricOnly
 * @param options.exact hold the test against ∇F and σ² of the whole training set in place of the batch's estimates; each
 *   time that costs a pass over all of it, so it is for finite sums of moderate size
 * @throws ConfigurationError for an option outside its domain
 * @example adaptive(normTest({ eta: 0.1 }), { initial: 8, max: 60_000 })
 * @see Lau, Liu, Kolar, arXiv 2402.11215
 */
export function adaptive(
  test: BatchSizeTest,
  options: ControllerOptions & { readonly exact?: boolean },
): BatchPolicy<ControllerState> {
  const { name, level, parameters, microBatch } = test
  const { exact = false } = options
  const onPopulation = exactTest(test)
  return controller(
    {
      name: 'adaptive',
      level,
      exact,
      microBatch,
      config: { test: { name, ...parameters }, exact },
      judge: ({ statistics, population }, _, { batchSize }) => ({
        test: exact ? onPopulation.evaluate(population!, batchSize) : test.evaluate(statistics),
      }),
    },
    options,
  )
}

/** A suggestion T of a rule that is no test, as the result of "is b at least T?". */
function suggestion(name: string, batchSize: number, suggested: number | undefined): TestResult {
  if (suggested === undefined) {
    return { name, verdict: 'too-few-samples', statistic: null, threshold: null, passed: null, suggestedBatchSize: 2 }
  }
  const passed = suggested <= batchSize
  const verdict = passed ? 'passed' : 'failed'
  // The record holds numbers only: a boundless T has no finite left side.
  const statistic = Number.isFinite(suggested) ? suggested : null
  return { name, verdict, statistic, threshold: batchSize, passed, suggestedBatchSize: suggested }
}

/**
 * CABS: T = α·‖Var‖₁/F (docs/maths.md §7), here without shrinking: b never falls.
 *
 * @param options.alpha α > 0, in the paper the learning rate
 * @throws ConfigurationError for an option outside its domain
 * @see Balles, Romero, Hennig 2017, arXiv 1612.05086
 */
export function cabs(options: ControllerOptions & { readonly alpha: number }): BatchPolicy<ControllerState> {
  const alpha = positive('cabs', 'alpha', options.alpha)
  return controller(
    {
      name: 'cabs',
      level: 'norms',
      config: { alpha },
      judge: ({ statistics, loss }) => ({
        test: suggestion('cabs', statistics.batchSize, cabsBatchSize(statistics, loss, alpha)),
      }),
    },
    options,
  )
}

/**
 * AdaDamp: T = b₀·(F₀ − F*)/(F_k − F*) with the batch losses for F (docs/maths.md §7).
 *
 * @param options.minimum F*, 0 by default
 * @throws ConfigurationError for an option outside its domain
 * @see Sievert, Shah 2019, arXiv 1910.08222
 */
export function adaDamp(options: ControllerOptions & { readonly minimum?: number }): BatchPolicy<ControllerState> {
  const minimum = finite('adaDamp', 'minimum', options.minimum ?? 0)
  return controller(
    {
      name: 'adaDamp',
      level: 'none',
      config: { minimum },
      judge({ loss }, { initialLoss = loss }, { batchSize }) {
        const suggested = adaDampBatchSize(options.initial, initialLoss, loss, minimum)
        return { test: suggestion('adaDamp', batchSize, suggested), memory: { initialLoss } }
      },
    },
    options,
  )
}

/**
 * Batches in proportion to the simple noise scale: T = multiple·B_simple (docs/maths.md §7).
 *
 * Noise and signal are averaged over the judged steps, each by itself, before they are divided: a quotient of noisy
 * estimates is biased.
 *
 * @param options.multiple > 0, 1 by default
 * @param options.smoothing decay of the running averages in [0, 1), 0.9 by default
 * @throws ConfigurationError for an option outside its domain
 * @see McCandlish et al. 2018, arXiv 1812.06162
 */
export function noiseScale(
  options: ControllerOptions & { readonly multiple?: number; readonly smoothing?: number },
): BatchPolicy<ControllerState> {
  const multiple = positive('noiseScale', 'multiple', options.multiple ?? 1)
  const smoothing = decay('noiseScale', 'smoothing', options.smoothing ?? 0.9)
  return controller(
    {
      name: 'noiseScale',
      level: 'norms',
      config: { multiple, smoothing },
      judge({ statistics }, memory) {
        const measured = simpleNoiseScale(statistics)
        if (!measured) return { test: suggestion('noiseScale', statistics.batchSize, undefined) }
        const { noise = measured.noise, signal = measured.signal } = memory
        const averages = {
          noise: smoothing * noise + (1 - smoothing) * measured.noise,
          signal: smoothing * signal + (1 - smoothing) * measured.signal,
        }
        const suggested = multiple * noiseScaleOf(averages.noise, averages.signal).scale
        return { test: suggestion('noiseScale', statistics.batchSize, suggested), memory: averages }
      },
    },
    options,
  )
}

const controllerOptions = {
  ...growthOptions,
  interval: { type: 'integer', atLeast: 1, default: 1, flag: 'test-interval', help: 'judge every so many steps' },
  maxGrowth: {
    type: 'number',
    above: 1,
    optional: true,
    help: 'largest growth from one batch to the next; none if left out',
  },
  hysteresis: { type: 'number', atLeast: 0, default: 0, help: 'grow only by more than this fraction' },
  metricOnly: { type: 'boolean', default: false, help: 'judge and record, but leave the batch size as it is' },
} as const satisfies Options

const smoothing = { type: 'number', atLeast: 0, below: 1, default: 0.9, help: 'decay of the running averages' } as const

/** Policies that measure, as they can be chosen by name. */
export const adaptiveChoices = [
  choice({
    name: 'adaptive',
    summary: 'grows to what a test suggests: AdAdaGrad with AdaGrad, AdAdaGradNorm with AdaGrad-Norm',
    formula: 'b ← min(max(b, ⌈T⌉), cap)',
    options: {
      test: { type: 'family', family: testFamily, help: testFamily.help },
      ...controllerOptions,
      exact: {
        type: 'boolean',
        default: false,
        help: 'hold the test against the true gradient and variance: each time a pass over the whole training set',
      },
    },
    make: ({ test, ...options }) => adaptive(test, options),
  }),
  choice({
    name: 'cabs',
    summary: 'CABS: the variance against the loss',
    formula: 'T = α·‖Var‖₁/F',
    options: {
      alpha: { type: 'number', above: 0, default: 0.1, symbol: 'α', help: 'in the paper the learning rate' },
      ...controllerOptions,
    },
    make: cabs,
  }),
  choice({
    name: 'adadamp',
    summary: 'AdaDamp: in proportion to how far the loss has fallen',
    formula: 'T = b₀·(F₀ − F*)/(F_k − F*)',
    options: {
      minimum: {
        type: 'number',
        default: 0,
        symbol: 'F*',
        flag: 'minimum-loss',
        help: 'the least loss that can be reached',
      },
      ...controllerOptions,
    },
    make: adaDamp,
  }),
  choice({
    name: 'noise-scale',
    summary: 'in proportion to the simple noise scale',
    formula: 'T = multiple·σ²/‖∇F‖²',
    options: {
      multiple: { type: 'number', above: 0, default: 1, help: 'batch size in units of the noise scale' },
      smoothing,
      ...controllerOptions,
    },
    make: noiseScale,
  }),
]
