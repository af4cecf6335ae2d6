/** Policies that follow the run's progress and measure nothing. */
import { choice, type Options } from '../choice.ts'
import { power } from '../elementary.ts'
import { ConfigurationError } from '../errors.ts'
import { type Config, oneOf, whole } from '../validate.ts'
import { type BatchPolicy, COUPLINGS, coupledFactor, type LearningRateCoupling, updated } from './policy.ts'

/** How far the run is: steps made, samples processed. */
interface Progress {
  readonly steps: number
  readonly samples: number
}

/** A policy whose batch size is a function of progress alone. */
function scheduled(
  name: string,
  config: Config & { readonly learningRateCoupling: LearningRateCoupling },
  bounds: { readonly initial: number; readonly cap: number },
  batchSizeAt: (progress: Progress) => number,
): BatchPolicy {
  return Object.freeze({
    name,
    ...bounds,
    level: 'none' as const,
    config: Object.freeze(config),
    start: () => ({ batchSize: bounds.initial, learningRateFactor: 1 }),
    levelFor: () => 'none' as const,
    next(state, { step, samples }) {
      const batchSize = batchSizeAt({ steps: step + 1, samples })
      const learningRateFactor = coupledFactor(config.learningRateCoupling, bounds.initial, batchSize)
      return updated(state, { batchSize, learningRateFactor }, null)
    },
  } satisfies BatchPolicy)
}

/** An option that all growing policies share. */
export interface CouplingOption {
  /** What growth by κ multiplies the learning rate by: 1 (`none`, the default), √κ (`sqrt`) or κ (`linear`). */
  readonly learningRateCoupling?: LearningRateCoupling
}

const couplingOf = (name: string, { learningRateCoupling = 'none' }: CouplingOption) =>
  oneOf(name, 'learningRateCoupling', learningRateCoupling, COUPLINGS)

/**
 * The same batch size throughout.
 *
 * @param batchSize b ≥ 1
 * @throws ConfigurationError unless b is a whole number of at least 1
 */
export function constant(batchSize: number): BatchPolicy {
  whole('constant', 'batchSize', batchSize, 1)
  const bounds = { initial: batchSize, cap: batchSize }
  return scheduled('constant', { batchSize, learningRateCoupling: 'none' }, bounds, () => batchSize)
}

/** A batch size and how long it lasts, in samples or in steps; the last stage lasts to the end of the run. */
export interface Stage {
  readonly batchSize: number
  readonly samples?: number
  readonly steps?: number
}

/**
 * A list of batch sizes, each for a number of samples or steps.
 *
 * Stage k ends once the lengths of stages 0 to k are processed *in total*: a step that overshoots shortens the next stage.
 *
 * @param list the stages; all in samples or all in steps, the last one's length optional
 * @throws ConfigurationError for an empty list, mixed or missing units, or numbers that are not whole and positive
 * @example stages([{ batchSize: 512, samples: 750_000 }, { batchSize: 1024 }])
 */
export function stages(list: readonly Stage[], options: CouplingOption = {}): BatchPolicy {
  if (list.length === 0) throw new ConfigurationError('stages: expected at least one stage, got none')
  const unit = list.some(({ steps }) => steps !== undefined) ? 'steps' : 'samples'
  const other = unit === 'steps' ? 'samples' : 'steps'
  const ends: number[] = []
  for (const [k, stage] of list.entries()) {
    whole('stages', `stage ${k}'s batchSize`, stage.batchSize, 1)
    if (stage[other] !== undefined) {
      throw new ConfigurationError(`stages: stage ${k} is in ${other}, another in ${unit}; give all in the same unit`)
    }
    const length = stage[unit]
    if (length === undefined && k < list.length - 1) {
      throw new ConfigurationError(`stages: stage ${k} has no length; only the last one may last to the end`)
    }
    if (length !== undefined) whole('stages', `stage ${k}'s ${unit}`, length, 1)
    ends.push((ends[k - 1] ?? 0) + (length ?? Number.POSITIVE_INFINITY))
  }
  const sizes = list.map(({ batchSize }) => batchSize)
  const config = { stages: list.map((stage) => ({ ...stage })), learningRateCoupling: couplingOf('stages', options) }
  return scheduled('stages', config, { initial: sizes[0], cap: Math.max(...sizes) }, (progress) => {
    const stage = ends.findIndex((end) => progress[unit] < end)
    return sizes[stage === -1 ? sizes.length - 1 : stage]
  })
}

/** Options of the policies that grow from one size to another. */
export interface GrowthOptions extends CouplingOption {
  /** b of the first step, a whole number of at least 1. */
  readonly initial: number
  /** The cap, a whole number of at least `initial`. */
  readonly max: number
}

/** Checked bounds of a growing policy. */
export function boundsOf(name: string, { initial, max }: GrowthOptions): { initial: number; cap: number } {
  whole(name, 'initial', initial, 1)
  whole(name, 'max', max, 1)
  if (max < initial) throw new ConfigurationError(`${name}: max must be at least initial (${initial}), got ${max}`)
  return { initial, cap: max }
}

/**
 * Linear ramp: b_k = min(initial + k·increment, max) at step k.
 *
 * @throws ConfigurationError unless the numbers are whole, positive, and max ≥ initial
 * @example linearRamp({ initial: 256, increment: 256, max: 60_000 })
 */
export function linearRamp(options: GrowthOptions & { readonly increment: number }): BatchPolicy {
  const bounds = boundsOf('linearRamp', options)
  const increment = whole('linearRamp', 'increment', options.increment, 1)
  const learningRateCoupling = couplingOf('linearRamp', options)
  const config = { initial: bounds.initial, increment, max: bounds.cap, learningRateCoupling }
  return scheduled('linearRamp', config, bounds, ({ steps }) =>
    Math.min(bounds.initial + steps * increment, bounds.cap),
  )
}

/** A length in samples or in steps. */
export type Every = { readonly samples: number } | { readonly steps: number }

/**
 * Geometric growth: b = min(initial·factor^k, max), to the nearest whole number, after k whole periods.
 *
 * @param options.factor > 1
 * @param options.every the period, in samples or in steps
 * @throws ConfigurationError for a factor of at most 1, a period that is not whole, or max < initial
 * @example geometric({ initial: 64, factor: 2, every: { samples: 100_000 }, max: 4096 })
 */
export function geometric(options: GrowthOptions & { readonly factor: number; readonly every: Every }): BatchPolicy {
  const bounds = boundsOf('geometric', options)
  const { factor, every } = options
  if (!(Number.isFinite(factor) && factor > 1)) {
    throw new ConfigurationError(`geometric: factor must be a finite number above 1, got ${factor}`)
  }
  const unit = 'samples' in every ? 'samples' : 'steps'
  const period = whole('geometric', `every.${unit}`, 'samples' in every ? every.samples : every.steps, 1)
  const learningRateCoupling = couplingOf('geometric', options)
  const config = { initial: bounds.initial, factor, every: { [unit]: period }, max: bounds.cap, learningRateCoupling }
  return scheduled('geometric', config, bounds, (progress) =>
    Math.min(Math.round(bounds.initial * power(factor, Math.floor(progress[unit] / period))), bounds.cap),
  )
}

/** Options of the growing policies, as they can be chosen by name. */
export const growthOptions = {
  initial: {
    type: 'integer',
    atLeast: 1,
    default: 8,
    symbol: 'b₀',
    flag: 'batch-size',
    help: 'batch size of the first step',
  },
  max: {
    type: 'integer',
    atLeast: 1,
    flag: 'max-batch-size',
    derived: { says: 'the number of training samples', from: ({ trainingSamples }) => trainingSamples as number },
    help: 'cap of the batch size',
  },
  learningRateCoupling: {
    type: 'choice',
    of: COUPLINGS,
    default: 'none',
    help: 'what growth by κ multiplies the learning rate by: 1, √κ or κ',
  },
} as const satisfies Options

/** Scheduled policies, as they can be chosen by name. */
export const scheduledChoices = [
  choice({
    name: 'constant',
    summary: 'the same batch size throughout',
    formula: 'b_k = b',
    options: {
      batchSize: { type: 'integer', atLeast: 1, default: 64, symbol: 'b', help: 'batch size of every step' },
    },
    shorthand: 'batchSize',
    make: ({ batchSize }) => constant(batchSize),
  }),
  choice({
    name: 'stages',
    summary: 'a list of batch sizes, each for a number of samples',
    options: {
      stages: { type: 'string', help: 'batch size:samples of each stage, the last without samples: 64:10000,512' },
      learningRateCoupling: growthOptions.learningRateCoupling,
    },
    shorthand: 'stages',
    make: ({ stages: list, learningRateCoupling }) => stages(parseStages(list), { learningRateCoupling }),
  }),
  choice({
    name: 'linear-ramp',
    summary: 'a fixed number of samples more every step',
    formula: 'b_k = min(b₀ + k·increment, cap)',
    options: {
      ...growthOptions,
      increment: {
        type: 'integer',
        atLeast: 1,
        default: 8,
        help: 'samples that each batch has more than the one before',
      },
    },
    make: linearRamp,
  }),
  choice({
    name: 'geometric',
    summary: 'a fixed factor every so many samples',
    formula: 'b = min(b₀·factorᵏ, cap) after k periods',
    options: {
      ...growthOptions,
      factor: { type: 'number', above: 1, default: 2, flag: 'growth-factor', help: 'growth of the batch size' },
      period: {
        type: 'integer',
        atLeast: 1,
        default: 10_000,
        flag: 'growth-period',
        help: 'samples between two growths',
      },
    },
    make: ({ period, ...options }) => geometric({ ...options, every: { samples: period } }),
  }),
]

/** `64:10000,512` → 64 for 10,000 samples, then 512. */
function parseStages(text: string): Stage[] {
  return text.split(',').map((part) => {
    const match = /^\s*(\d+)(?::(\d+))?\s*$/.exec(part)
    if (!match)
      throw new ConfigurationError(
        `stages: expected batch size:samples separated by commas, got ${JSON.stringify(part)}`,
      )
    return { batchSize: Number(match[1]), ...(match[2] !== undefined && { samples: Number(match[2]) }) }
  })
}
