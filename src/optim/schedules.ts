import { choice, type Family, type Options, type Surroundings, type Values } from '../choice.ts'
import { cosineOfTurns, power } from '../elementary.ts'
import { ConfigurationError } from '../errors.ts'
import { type Config, nonNegative, oneOf, whole } from '../validate.ts'

/** How far a run is before a step: steps made and samples processed, both 0 at the first. */
export interface Progress {
  readonly step: number
  readonly samples: number
}

/**
 * The learning rate of a step, from the run's progress alone. Any function will do; those made here can be recorded.
 */
export interface Schedule {
  (progress: Progress): number
  /** Name and resolved options; absent for a function of your own. */
  readonly config?: Config
}

/** What progress is counted in. With batches that change, samples are the measure that stays comparable. */
export type Unit = 'samples' | 'steps'

function schedule(config: Config, rate: (progress: Progress) => number): Schedule & { readonly config: Config } {
  return Object.freeze(Object.assign((progress: Progress) => rate(progress), { config: Object.freeze(config) }))
}

const at = ({ step, samples }: Progress, unit: Unit) => (unit === 'samples' ? samples : step)

/**
 * The same learning rate throughout.
 *
 * @param value ≥ 0
 * @throws ConfigurationError unless it is finite and at least 0
 */
export function constantRate(value: number): Schedule {
  nonNegative('constantRate', 'value', value)
  return schedule({ name: 'constantRate', value }, () => value)
}

/** Options of a warm-up followed by a decay. */
export interface WarmupOptions {
  /** The learning rate at the end of the warm-up, the highest. */
  readonly peak: number
  /** The learning rate from `total` on; 0 by default. */
  readonly end?: number
  /** Length of the warm-up; 0 by default. */
  readonly warmup?: number
  /** When the decay ends, the warm-up included. */
  readonly total: number
  /** The learning rate at the very beginning; 0 by default. */
  readonly start?: number
  /** What `warmup` and `total` are counted in; samples by default. */
  readonly unit?: Unit
}

/** start → peak linearly over the warm-up, then peak → end along `shape`, which falls from 1 to 0. */
function warmupThen(name: string, options: WarmupOptions, shape: (fraction: number) => number): Schedule {
  const peak = nonNegative(name, 'peak', options.peak)
  const end = nonNegative(name, 'end', options.end ?? 0)
  const start = nonNegative(name, 'start', options.start ?? 0)
  const warmup = whole(name, 'warmup', options.warmup ?? 0, 0)
  const total = whole(name, 'total', options.total, 1)
  const unit = oneOf(name, 'unit', options.unit ?? 'samples', ['samples', 'steps'])
  if (total <= warmup) throw new ConfigurationError(`${name}: total must be above warmup (${warmup}), got ${total}`)
  return schedule({ name, peak, end, warmup, total, start, unit }, (progress) => {
    const p = at(progress, unit)
    if (p < warmup) return start + ((peak - start) * p) / warmup
    if (p >= total) return end
    return end + (peak - end) * shape((p - warmup) / (total - warmup))
  })
}

/**
 * Linear warm-up, then half a cosine down: end + (peak − end)·½(1 + cos πt), t the part of the decay that is done.
 *
 * @throws ConfigurationError for a rate below 0, or a total that does not exceed the warm-up
 * @example warmupCosine({ peak: 0.05, end: 0.005, warmup: 1_000_000, total: 9_000_000 })
 * @see Loshchilov, Hutter 2017, arXiv 1608.03983
 */
export function warmupCosine(options: WarmupOptions): Schedule {
  return warmupThen('warmupCosine', options, (t) => 0.5 * (1 + cosineOfTurns(t / 2)))
}

/**
 * Linear warm-up, then linear decay: end + (peak − end)·(1 − t).
 *
 * The official code's schedule of this name rises instead (docs/maths.md §6, 7); that is not reproduced.
 *
 * @throws ConfigurationError for a rate below 0, or a total that does not exceed the warm-up
 */
export function warmupLinear(options: WarmupOptions): Schedule {
  return warmupThen('warmupLinear', options, (t) => 1 - t)
}

/**
 * initial·factorᵏ once k milestones are reached.
 *
 * @param options.initial ≥ 0
 * @param options.milestones ascending, in samples (by default) or steps
 * @param options.factor ≥ 0; 0.1 by default
 * @throws ConfigurationError unless the milestones are whole and ascend
 * @example multistep({ initial: 0.1, milestones: [3_000_000, 6_000_000] })
 */
export function multistep(options: {
  readonly initial: number
  readonly milestones: readonly number[]
  readonly factor?: number
  readonly unit?: Unit
}): Schedule {
  const initial = nonNegative('multistep', 'initial', options.initial)
  const factor = nonNegative('multistep', 'factor', options.factor ?? 0.1)
  const unit = oneOf('multistep', 'unit', options.unit ?? 'samples', ['samples', 'steps'])
  const milestones = options.milestones.map((milestone, k) => whole('multistep', `milestones[${k}]`, milestone, 0))
  if (milestones.some((milestone, k) => k > 0 && milestone <= milestones[k - 1])) {
    throw new ConfigurationError(`multistep: milestones must ascend, got [${milestones.join(', ')}]`)
  }
  return schedule({ name: 'multistep', initial, milestones, factor, unit }, (progress) => {
    const p = at(progress, unit)
    return initial * power(factor, milestones.filter((milestone) => milestone <= p).length)
  })
}

const rateOption = {
  type: 'number',
  atLeast: 0,
  symbol: 'α',
  flag: 'learning-rate',
  derived: { says: "the optimiser's", from: ({ learningRate }: Surroundings) => learningRate as number },
} as const
const unit = {
  type: 'choice',
  of: ['samples', 'steps'],
  default: 'samples',
  flag: 'schedule-unit',
  help: 'what progress is counted in',
} as const

const warmupOptions = {
  peak: { ...rateOption, help: 'learning rate after the warm-up, the highest' },
  end: { type: 'number', atLeast: 0, default: 0, flag: 'final-learning-rate', help: 'learning rate after the decay' },
  warmup: { type: 'integer', atLeast: 0, default: 0, help: 'length of the warm-up' },
  total: {
    type: 'integer',
    atLeast: 1,
    flag: 'decay-until',
    derived: {
      says: 'the budget',
      from: ({ budgetSamples, budgetSteps }: Surroundings, { unit }: Values) =>
        (unit === 'steps' ? budgetSteps : budgetSamples) as number | undefined,
    },
    help: 'when the decay ends, the warm-up included',
  },
  start: {
    type: 'number',
    atLeast: 0,
    default: 0,
    flag: 'initial-learning-rate',
    help: 'learning rate before the warm-up',
  },
  unit,
} as const satisfies Options

/** Every schedule of the learning rate, as it can be chosen by name. */
export const scheduleFamily: Family<Schedule> = {
  what: 'schedule',
  flag: 'schedule',
  help: 'how the learning rate changes',
  default: 'constant',
  choices: [
    choice({
      name: 'constant',
      summary: 'the same learning rate throughout',
      options: { value: { ...rateOption, help: 'learning rate' } },
      shorthand: 'value',
      make: ({ value }) => constantRate(value),
    }),
    choice({
      name: 'cosine',
      summary: 'linear warm-up, then half a cosine down',
      formula: 'end + (peak − end)·½(1 + cos πt)',
      options: warmupOptions,
      make: warmupCosine,
    }),
    choice({
      name: 'linear',
      summary: 'linear warm-up, then linearly down',
      formula: 'end + (peak − end)·(1 − t)',
      options: warmupOptions,
      make: warmupLinear,
    }),
    choice({
      name: 'multistep',
      summary: 'a factor at each milestone',
      formula: 'initial·factorᵏ after k milestones',
      options: {
        initial: { ...rateOption, help: 'learning rate before the first milestone' },
        milestones: { type: 'integers', help: 'when the factor is applied' },
        factor: {
          type: 'number',
          atLeast: 0,
          default: 0.1,
          flag: 'decay-factor',
          help: 'what each milestone multiplies by',
        },
        unit,
      },
      make: multistep,
    }),
  ],
}
