// What the folders of a comparison hold: made of records, never of live state; Node only.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { plural } from '../report/format.ts'
import { type Reached, roundCounter } from '../report/rounds.ts'
import { averageLoss } from '../running/average-loss.ts'
import type { ResolvedConfig } from '../running/resolved-config.ts'
import { recordsOf } from '../running/resume.ts'
import { runFiles } from '../running/run-folder.ts'
import type { Comparison } from './comparison.ts'
import { isDone, type RunState } from './runs.ts'
import type { Setting } from './settings.ts'
import { type Estimate, estimate } from './statistics.ts'
import { isReached, type Target, targetWords } from './target.ts'
import { edgeNotes, isShown, trialsOf } from './tuning.ts'

/** A step of a run as plots need it. */
export interface CurvePoint {
  readonly samples: number
  readonly steps: number
  readonly seconds: number
  /** Running mean of the batch losses. */
  readonly loss: number
  readonly batchSize: number
  readonly learningRate: number
  /** ‖ḡ‖, the geometric mean over the steps since the last point. */
  readonly gradientNorm: number
}

/** A verdict as plots need it: geometric means over the steps since the last one, since both sides are ratios of noise. */
export interface TestPoint {
  readonly samples: number
  readonly statistic: number
  readonly threshold: number
}

export interface EvaluationPoint {
  readonly samples: number
  readonly steps: number
  readonly seconds: number
  readonly testLoss: number
  readonly accuracy?: number
}

/** One run: what it came to, and its thinned curves. */
export interface RunResult extends RunState {
  readonly config: ResolvedConfig | undefined
  readonly curve: readonly CurvePoint[]
  readonly tests: readonly TestPoint[]
  readonly evaluations: readonly EvaluationPoint[]
  /** Absent where it never was, or there is no target. */
  readonly reached?: Reached
}

/** Points that a curve is thinned to, about, beside the first steps. */
const points = 400

/** Reads the runs of a comparison. */
export async function readResults(states: readonly RunState[], target?: Target): Promise<readonly RunResult[]> {
  const results: RunResult[] = []
  for (const state of states) results.push(await readResult(state, target))
  return results
}

async function readResult(state: RunState, target: Target | undefined): Promise<RunResult> {
  const file = join(state.path, runFiles.config)
  const config: ResolvedConfig | undefined =
    state.summary && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  const curve: CurvePoint[] = []
  const tests: TestPoint[] = []
  const evaluations: EvaluationPoint[] = []
  if (!config) return { ...state, config, curve, tests, evaluations }

  const stride = state.summary!.samples / points
  const average = averageLoss()
  const [statistics, thresholds, norms] = [geometricMean(), geometricMean(), geometricMean()]
  const rounds = roundCounter()
  let reached: Reached | undefined
  let last: CurvePoint | undefined
  for await (const record of recordsOf(state.path)) {
    const { step: steps, samples, seconds, batchSize, learningRate, test, evaluation } = record
    // The budget may cut the last batch: that is none of the policy's.
    const cut = last && samples === config.budget?.samples && batchSize < last.batchSize
    last = {
      samples,
      steps,
      seconds,
      loss: average(record),
      batchSize: cut ? last!.batchSize : batchSize,
      learningRate,
      gradientNorm: Number.NaN,
    }
    const soFar = rounds(record)
    if (target && evaluation && !reached && isReached(target, evaluation))
      reached = { samples, steps, rounds: [...soFar] }
    if (evaluation) {
      const { loss: testLoss, accuracy } = evaluation
      evaluations.push({ samples, steps, seconds, testLoss, ...(accuracy !== undefined && { accuracy }) })
    }
    norms.add(record.gradientNorm)
    if (test && !cut) {
      statistics.add(test.statistic)
      thresholds.add(test.threshold)
    }
    const kept = curve.at(-1)
    // Evenly in samples, and the beginning, where logarithmic axes look, evenly in their logarithm.
    if (kept && samples - kept.samples < stride && samples < 1.05 * kept.samples) continue
    last = { ...last, gradientNorm: norms.take() }
    curve.push(last)
    const [statistic, threshold] = [statistics.take(), thresholds.take()]
    if (statistic > 0 && threshold > 0) tests.push({ samples, statistic, threshold })
  }
  if (last && curve.at(-1) !== last) curve.push({ ...last, gradientNorm: norms.take() })
  return { ...state, config, curve, tests, evaluations, ...(reached && { reached }) }
}

/** A geometric mean since it was last taken; NaN of nothing. */
function geometricMean() {
  let [n, sum] = [0, 0]
  return {
    add(value: number | null) {
      if (!(value! > 0)) return
      n++
      sum += Math.log(value!)
    },
    mean: () => (n === 0 ? Number.NaN : Math.exp(sum / n)),
    take() {
      const mean = this.mean()
      ;[n, sum] = [0, 0]
      return mean
    },
  }
}

/**
 * What runs took to get to the target: of all that came to an end, or of none where one never got there or there is none yet. A
 * mean over those that got there alone would be too good; one that diverged before has not.
 */
export function reachedByAll(runs: readonly RunResult[]): readonly Reached[] | undefined {
  const ended = runs.filter(({ summary }) => isDone(summary))
  const reached = ended.flatMap((run) => run.reached ?? [])
  return reached.length > 0 && reached.length === ended.length ? reached : undefined
}

/** What a scheme came to, over its seeds. */
export interface SchemeRow {
  readonly scheme: string
  /** At which of the settings that were tried; absent where none were, or all runs of all of them failed. */
  readonly setting?: Setting
  /** Runs that reached their budget, of how many. */
  readonly finished: number
  readonly planned: number
  /** In words, what became of the others. */
  readonly notes: readonly string[]
  readonly quantities: Readonly<Partial<Record<QuantityKey, Estimate>>>
}

/** The columns of a table. */
export const quantities = [
  { key: 'averageBatchSize', title: 'average b', unit: 'samples' },
  { key: 'finalBatchSize', title: 'final b', unit: 'samples' },
  { key: 'steps', title: 'steps', unit: '' },
  { key: 'samples', title: 'samples', unit: '' },
  { key: 'seconds', title: 'seconds', unit: 's' },
  { key: 'samplesToTarget', title: 'samples to target', unit: 'samples' },
  { key: 'stepsToTarget', title: 'steps to target', unit: '' },
  { key: 'trainLoss', title: 'train loss', unit: '' },
  { key: 'validationLoss', title: 'validation loss', unit: '' },
  { key: 'testLoss', title: 'test loss', unit: '' },
  { key: 'testAccuracy', title: 'test accuracy', unit: '%' },
] as const
export type QuantityKey = (typeof quantities)[number]['key']

/** A row for each scheme, over its runs that reached their budget, at the setting that is chosen for it. */
export function schemeRows(comparison: Comparison, results: readonly RunResult[]): SchemeRow[] {
  const trials = trialsOf(comparison, results)
  return comparison.schemes.map((scheme) => {
    const runs = results.filter(({ run }) => run.scheme === scheme && isShown(trials, run))
    const finished = runs.filter(({ summary }) => summary?.outcome === 'finished')
    const done = finished.map(({ summary }) => summary!)
    const sought = runs.filter(({ summary }) => isDone(summary))
    const reached = reachedByAll(runs)
    const toTarget = (count: (reached: Reached) => number) => estimate(reached?.map(count) ?? [])
    const of: Record<QuantityKey, Estimate | undefined> = {
      averageBatchSize: estimate(done.map(({ averageBatchSize }) => averageBatchSize)),
      finalBatchSize: estimate(done.map(({ finalBatchSize }) => finalBatchSize)),
      steps: estimate(done.map(({ steps }) => steps)),
      samples: estimate(done.map(({ samples }) => samples)),
      seconds: estimate(done.map(({ seconds }) => seconds)),
      samplesToTarget: toTarget(({ samples }) => samples),
      stepsToTarget: toTarget(({ steps }) => steps),
      trainLoss: estimate(done.map(({ training }) => training?.loss)),
      validationLoss: estimate(done.map(({ validation }) => validation?.loss)),
      testLoss: estimate(done.map(({ test }) => test?.loss)),
      testAccuracy: estimate(done.map(({ test }) => test?.accuracy)),
    }
    const setting = trials.find((trial) => trial.scheme === scheme && trial.chosen)?.setting
    const notes = runs.flatMap(({ run, summary, error }) => {
      const which = `${run.setting && !setting ? `${run.setting.label}, ` : ''}seed ${run.seed}`
      if (error !== undefined) return [`${which} failed: ${error.split('\n')[0]}`]
      if (!summary) return [`${which} has not run to its end`]
      if (summary.outcome === 'finished') return []
      const { outcome, reason, samples } = summary
      return [`${which} ${outcome === 'diverged' ? `diverged: ${reason}` : `interrupted at ${samples} samples`}`]
    })
    const open = results.filter(({ run, summary }) => run.scheme === scheme && run.setting && !isDone(summary))
    if (setting && open.length > 0)
      notes.push(`${plural(open.length, 'run')} of its settings not at their end: what is chosen may change`)
    const { target } = comparison
    if (target && !reached && sought.length > 0)
      notes.push(
        `${sought.filter((run) => run.reached).length} of ${sought.length} runs got to a ${targetWords(target)}`,
      )
    notes.push(...edgeNotes(trials, scheme))
    const known = Object.entries(of).filter(([, value]) => value !== undefined)
    return {
      scheme,
      ...(setting && { setting }),
      finished: done.length,
      planned: runs.length,
      notes,
      quantities: Object.fromEntries(known),
    }
  })
}
