import type { Summary } from '../running/execute.ts'
import { count, duration, percent, short } from './format.ts'

/** A run of a comparison at equal samples. */
export interface Compared {
  readonly label: string
  readonly adaptive: boolean
  readonly summary: Summary
  readonly testSamples: number
}

/**
 * What a comparison shows, in a few sentences made of its numbers: steps against accuracy, adaptive against fixed.
 *
 * A difference in accuracy counts only beyond twice its standard error, √(p(1 − p)/n) for each of the two.
 */
export function tradeSentences(runs: readonly Compared[]): string[] {
  const finished = runs.filter(({ summary }) => summary.outcome === 'finished' && summary.test?.accuracy !== undefined)
  const fixed = finished.filter(({ adaptive }) => !adaptive).sort((a, b) => b.summary.steps - a.summary.steps)
  const adaptive = finished.filter((run) => run.adaptive)
  const [small] = fixed
  const large = fixed.length > 1 ? fixed.at(-1) : undefined
  const sentences = runs.flatMap(({ label, summary }) =>
    summary.outcome === 'diverged' ? [`${label} diverged after ${count(summary.steps)} steps.`] : [],
  )
  if (!small || adaptive.length === 0) return sentences

  const { samples, steps } = small.summary
  const against = adaptive.map(
    (run) =>
      `${run.label} ${count(run.summary.steps)} (${factor(steps / run.summary.steps)}) and ${verdict(run, small)}`,
  )
  sentences.push(
    `Over the same ${count(samples)} samples, ${small.label} made ${count(steps)} steps to ${accuracy(small)} test accuracy; ` +
      `${against.join('; ')}.`,
  )
  if (large) {
    const beside = adaptive.map((run) => `${run.label}, with ${stepsBeside(run, large)}, ${verdict(run, large)}`)
    sentences.push(
      `Beside ${large.label} (${count(large.summary.steps)} steps, ${accuracy(large)}): ${beside.join('; ')}.`,
    )
  }
  const lower = adaptive.filter((run) => difference(run, small) < 0 && tells(run, small))
  if (lower.length === adaptive.length)
    sentences.push(
      'So fewer and larger steps were paid for in accuracy per sample: worth it where large batches are computed in ' +
        `parallel, not on this machine, where ${timesOf(adaptive, small)}.`,
    )
  else if (lower.length === 0)
    sentences.push(
      `So fewer and larger steps cost no accuracy that ${count(small.testSamples)} test samples can tell, at these settings and this seed.`,
    )
  return sentences
}

const accuracyOf = ({ summary }: Compared): number => summary.test!.accuracy!
const accuracy = (run: Compared): string => percent(accuracyOf(run))
const difference = (a: Compared, b: Compared): number => accuracyOf(a) - accuracyOf(b)

/** Whether the difference of two accuracies is beyond chance. */
function tells(a: Compared, b: Compared): boolean {
  const variance = (run: Compared) => (accuracyOf(run) * (1 - accuracyOf(run))) / run.testSamples
  return Math.abs(difference(a, b)) > 2 * Math.sqrt(variance(a) + variance(b))
}

function verdict(run: Compared, other: Compared): string {
  const points = (100 * Math.abs(difference(run, other))).toFixed(1)
  if (!tells(run, other)) return `${accuracy(run)}, no telling difference`
  return `${accuracy(run)}, ${points} points ${difference(run, other) < 0 ? 'lower' : 'higher'}`
}

const factor = (ratio: number): string =>
  ratio >= 1 ? `${short(ratio)} times fewer` : `${short(1 / ratio)} times more`

function stepsBeside(run: Compared, other: Compared): string {
  const [a, b] = [run.summary.steps, other.summary.steps]
  return a === b ? 'as many steps' : `${count(a)} steps`
}

/** How long adaptive runs trained, beside a fixed one. */
function timesOf(runs: readonly Compared[], other: Compared): string {
  const times = runs.map(({ label, summary }) => `${label} trained for ${duration(summary.seconds)}`)
  return `${times.join(', ')} and ${other.label} for ${duration(other.summary.seconds)}`
}
