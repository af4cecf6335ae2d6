import { ConfigurationError } from '../errors.ts'
import type { GradientStatistics, StatisticsLevel } from '../statistics/gradient-statistics.ts'
import { type Config, positive, show, whole } from '../validate.ts'
import type { BatchPolicy, PolicyState, PolicyUpdate } from './policy.ts'

/** What a step of your own training loop showed. */
export interface ObservedStep {
  /** Mean loss of the batch, before the step. */
  readonly loss: number
  /** Of the batch that makes the step, at the parameters before it. */
  readonly statistics: GradientStatistics
  /** Those of the whole training set, for exact tests. */
  readonly population?: GradientStatistics
}

/** A controller between two steps, as JSON. */
export interface SavedController<S extends PolicyState = PolicyState> {
  /** Name and resolved options of the policy. */
  readonly policy: Config
  readonly step: number
  readonly samples: number
  readonly state: S
}

/** A batch policy with its state, for a training loop of your own. */
export interface BatchSizeController<S extends PolicyState = PolicyState> {
  /** b of the coming step. */
  readonly batchSize: number
  /** What the coming step's scheduled learning rate is to be multiplied by. */
  readonly learningRateFactor: number
  /** What the coming step has to measure beside ḡ; `none` between two tests, at the cap, and for one sample. */
  readonly level: StatisticsLevel
  /** What the coming step has to measure on the whole training set: `none` but for exact tests. */
  readonly populationLevel: StatisticsLevel
  /** Steps so far. */
  readonly step: number
  /** Samples so far, by the statistics of each step. */
  readonly samples: number
  /**
   * Hears of a step and decides the next batch size.
   *
   * The batch may be smaller than `batchSize` (the end of an epoch) or larger (rounded up to whole micro-batches).
   *
   * @throws ConfigurationError where the statistics lack what `level` asked for; the controller is then as it was before
   * @throws DivergenceError where loss or statistics are not finite; likewise
   */
  next(step: ObservedStep): PolicyUpdate<S>
  /** What a checkpoint needs; `JSON.stringify(controller)` calls it. */
  toJSON(): SavedController<S>
}

/**
 * A controller of the batch size for a training loop of your own: it is fed statistics and says the next batch size.
 *
 * It knows nothing of models, data or optimisers; the statistics may come from anywhere, see `statistics.fromMeasured`.
 *
 * @param policy `adaptive(test, …)` or any other
 * @param saved go on from there: the parsed JSON of another controller with the same policy
 * @throws ConfigurationError where `saved` is that of another policy, with the differences, or no controller at all
 * @example
 * const controller = batchSizeController(adaptive(normTest({ eta: 0.5 }), { initial: 8, max: 4096 }))
 * controller.next({ loss: 2.3, statistics: statistics.fromMeasured({ batchSize: 8, squaredNorm: 0.5, sumSquaredNorms: 40 }) })
 * controller.batchSize // T = (40 − 8 · 0.5)/7/(0.5² · 0.5), rounded up: 42
 */
export function batchSizeController<S extends PolicyState>(
  policy: BatchPolicy<S>,
  saved?: SavedController<S>,
): BatchSizeController<S> {
  const description: Config = { name: policy.name, ...policy.config }
  let { step, samples, state } = saved
    ? restored(saved, description, policy)
    : { step: 0, samples: 0, state: policy.start() }
  return {
    get batchSize() {
      return state.batchSize
    },
    get learningRateFactor() {
      return state.learningRateFactor
    },
    get level() {
      return policy.levelFor(state)
    },
    get populationLevel() {
      return policy.populationLevelFor?.(state) ?? 'none'
    },
    get step() {
      return step
    },
    get samples() {
      return samples
    },
    next({ loss, statistics, population }) {
      if (typeof loss !== 'number')
        throw new ConfigurationError(`batchSizeController: loss must be a number, got ${show(loss)}`)
      const processed = samples + whole('batchSizeController', 'statistics.batchSize', statistics?.batchSize, 1)
      if (population === undefined && (policy.populationLevelFor?.(state) ?? 'none') !== 'none')
        throw new ConfigurationError(
          `batchSizeController: ${policy.name} is exact: expected population, the statistics of the whole training set`,
        )
      const observation = { step, samples: processed, loss, statistics, ...(population && { population }) }
      const update = policy.next(state, observation)
      state = update.state
      samples = processed
      step++
      return update
    },
    toJSON: () => ({ policy: description, step, samples, state: structuredClone(state) }),
  }
}

/** A saved controller, checked: it may come from a file that another program has written. */
function restored<S extends PolicyState>(
  saved: SavedController<S>,
  description: Config,
  { cap }: BatchPolicy<S>,
): Pick<SavedController<S>, 'step' | 'samples' | 'state'> {
  const where = 'batchSizeController: saved'
  const { policy, state } = Object(saved) as Partial<SavedController<S>>
  if (typeof policy !== 'object' || policy === null || typeof state !== 'object' || state === null)
    throw new ConfigurationError(`${where}: expected { policy, step, samples, state }, got ${show(saved)}`)
  const differing = [...new Set([...Object.keys(description), ...Object.keys(policy)])].filter(
    (key) => canonical(description[key]) !== canonical(policy[key]),
  )
  if (differing.length > 0) {
    const words = differing.map((key) => `${key} is ${said(policy[key])}, here ${said(description[key])}`)
    throw new ConfigurationError(`${where} belongs to another policy: ${words.join('; ')}`)
  }
  const batchSize = whole(where, 'state.batchSize', state.batchSize, 1)
  if (batchSize > cap) throw new ConfigurationError(`${where}: state.batchSize is ${batchSize}, above the cap, ${cap}`)
  positive(where, 'state.learningRateFactor', state.learningRateFactor)
  return {
    step: whole(where, 'step', saved.step, 0),
    samples: whole(where, 'samples', saved.samples, 0),
    state: structuredClone(state),
  }
}

/** JSON with keys in order, so that a file that another program has written again compares equal. */
const canonical = (value: unknown): string | undefined =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

const said = (value: unknown): string => (value === undefined ? 'not there' : show(value))
