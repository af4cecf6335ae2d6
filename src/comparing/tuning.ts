// Which of the settings that were tried each scheme is shown at.
import type { Summary } from '../running/execute.ts'
import type { Comparison, PlannedRun } from './comparison.ts'
import type { RunState } from './runs.ts'
import type { Setting, TuneBy } from './settings.ts'
import { type Estimate, estimate } from './statistics.ts'

/** A scheme at one of its settings, over all seeds. */
export interface Trial {
  readonly scheme: string
  readonly setting: Setting
  /** What settings are chosen by; absent where no run came to its end. */
  readonly criterion?: Estimate
  /** Runs that reached their budget, where what settings are chosen by is finite, of how many. */
  readonly finished: number
  readonly planned: number
  /** Whether the scheme is shown at it. */
  readonly chosen: boolean
}

/** What settings are chosen by, in words. */
export function criterionWords({ runs, tuneBy }: Comparison): string {
  const tuned = runs.filter(({ setting }) => setting)
  const words = tuned.map(({ config }) => (config.problem ? 'F at the end' : `validation ${tuneBy}`))
  return [...new Set(words)].join(' or ')
}

/** `validation` where samples were held out; a problem, which has none to hold out, is its own F. */
function criterionOf({ validation, training }: Summary, by: TuneBy): number | undefined {
  return validation ? validation[by] : training?.loss
}

/**
 * All trials of a comparison in its order.
 *
 * Chosen is the least mean loss over seeds, or the largest accuracy, among the settings whose runs all came to their end: a
 * mean over the seeds that did not diverge would favour what sometimes does. Where there is no such setting, those with the
 * most runs at their end are compared.
 */
export function trialsOf(comparison: Comparison, states: readonly RunState[]): Trial[] {
  const { schemes, tuneBy } = comparison
  return schemes.flatMap((scheme) => {
    const own = states.filter(({ run }) => run.scheme === scheme)
    const settings = new Map(own.flatMap(({ run: { setting } }) => (setting ? [[setting.label, setting]] : [])))
    const trials = [...settings.values()].map((setting) => {
      const runs = own.filter(({ run }) => run.setting?.label === setting.label)
      const found = runs
        .flatMap(({ summary }) => (summary?.outcome === 'finished' ? [criterionOf(summary, tuneBy)] : []))
        .filter(Number.isFinite)
      const criterion = estimate(found)
      return { scheme, setting, finished: found.length, planned: runs.length, ...(criterion && { criterion }) }
    })
    const best = bestOf(trials, tuneBy)
    return trials.map((trial) => ({ ...trial, chosen: trial === best }))
  })
}

type Candidate = Omit<Trial, 'chosen'>

function bestOf(trials: readonly Candidate[], by: TuneBy): Candidate | undefined {
  const most = Math.max(...trials.map(({ finished }) => finished))
  const sign = by === 'accuracy' ? -1 : 1
  return trials
    .filter(({ finished, criterion }) => finished === most && criterion)
    .reduce<Candidate | undefined>(
      (best, trial) => (best && sign * best.criterion!.mean <= sign * trial.criterion!.mean ? best : trial),
      undefined,
    )
}

/** Whether a run is one of those that its scheme is shown by: all of them where there is nothing to choose. */
export function isShown(trials: readonly Trial[], { scheme, setting }: PlannedRun): boolean {
  const chosen = trials.find((trial) => trial.scheme === scheme && trial.chosen)
  return !chosen || chosen.setting.label === setting?.label
}

/** Where the best is the last that was tried, there may be better beyond: `learningRate = 0.1 is the largest that was tried`. */
export function edgeNotes(trials: readonly Trial[], scheme: string): string[] {
  const own = trials.filter((trial) => trial.scheme === scheme)
  const chosen = own.find((trial) => trial.chosen)
  return Object.entries(chosen?.setting.values ?? {}).flatMap(([key, value]) => {
    const tried = own.map(({ setting }) => setting.values[key])
    if (typeof value !== 'number' || !tried.every((each) => typeof each === 'number')) return []
    const numbers = tried as number[]
    if (numbers.every((each) => each === value)) return []
    const end = value === Math.max(...numbers) ? 'largest' : value === Math.min(...numbers) ? 'smallest' : undefined
    return end ? [`${key} = ${value} is the ${end} that was tried: there may be better beyond`] : []
  })
}
