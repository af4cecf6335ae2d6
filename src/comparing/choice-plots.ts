// Plots for choosing: how much each scheme depends on its setting, and which machine it is for.
import { widths } from '../report/rounds.ts'
import type { LinePoint } from './curves.ts'
import { lineSpec, spans } from './line-plot.ts'
import type { Plot } from './plots.ts'
import { type RunResult, reachedByAll } from './results.ts'
import { estimate, interval } from './statistics.ts'
import { type Target, targetWords } from './target.ts'
import type { Trial } from './tuning.ts'

/** Their names. */
export const choicePlots = ['target', 'tuning'] as const

/** What settings are chosen by against the one number that is tuned; nothing where settings are more than that. */
export function tuningPlot(schemes: readonly string[], trials: readonly Trial[], criterion: string): Plot | undefined {
  const keys = new Set(trials.flatMap(({ setting }) => Object.keys(setting.values)))
  const [key] = keys
  const at = ({ setting }: Trial) => setting.values[key!]
  if (keys.size !== 1 || !trials.every((trial) => typeof at(trial) === 'number')) return undefined
  const percent = criterion.endsWith('accuracy')
  const scale = percent ? 100 : 1
  const known = trials.flatMap(({ criterion }) => criterion?.mean ?? [])
  const logarithmic = !percent && spans(known, 8)
  const points = trials.flatMap((trial): LinePoint[] => {
    if (!trial.criterion) return []
    const [low, high] = interval(trial.criterion)
    const { mean } = trial.criterion
    const [scheme, x] = [trial.scheme, at(trial) as number]
    // A logarithmic axis has no place for 0: what reaches it goes on to the foot of the plot.
    const foot = logarithmic ? Math.max(low, mean / 1e6) : low
    return [{ scheme, x, mean: scale * mean, low: scale * foot, high: scale * high, marker: true }]
  })
  if (points.length === 0) return undefined
  const sorted = points.toSorted((a, b) => a.x - b.x)
  const xs = sorted.map(({ x }) => x)
  return {
    name: 'tuning',
    caption:
      `What settings are chosen by, ${criterion}, against ${key}: means over seeds of the runs that came to their end, bands ` +
      '95 % confidence intervals from three seeds on. A flat line is a scheme that forgives a wrong setting; a line that ends ' +
      'early diverged beyond.',
    spec: lineSpec(
      schemes,
      sorted,
      { title: key === 'learningRate' ? 'learning rate α' : key!, logarithmic: spans(xs, 5), room: 1.2 },
      { title: percent ? `${criterion} (%)` : criterion, logarithmic },
    ),
  }
}

/** Rounds until the target against the width of the machine, for schemes all of whose runs got there. */
export function targetPlot(
  schemes: readonly string[],
  results: readonly RunResult[],
  target: Target,
): Plot | undefined {
  const points = schemes.flatMap((scheme) => {
    const reached = reachedByAll(results.filter(({ run }) => run.scheme === scheme))
    if (!reached) return []
    return widths.map((x, k): LinePoint => {
      const at = estimate(reached.map(({ rounds }) => Math.log(rounds[k]!)))!
      const [low, high] = interval(at).map(Math.exp) as [number, number]
      return { scheme, x, mean: Math.exp(at.mean), low, high, marker: k % 2 === 0 }
    })
  })
  if (points.length === 0) return undefined
  return {
    name: 'target',
    caption:
      `Rounds until a ${targetWords(target)} against the width P of the machine: one that computes P samples at once makes a step ` +
      'of b samples in ⌈b/P⌉ rounds, so the left end counts samples and the right end steps; what machines lose by talking to each ' +
      'other is left out. Geometric means over seeds, bands 95 % confidence intervals on the logarithm, from three ' +
      'seeds on. Schemes are left out where a run never got there.',
    spec: lineSpec(
      schemes,
      points,
      { title: 'machine width P (samples computed at once)', logarithmic: true },
      { title: 'rounds to target', logarithmic: true },
    ),
  }
}
