import type { Summary } from '../running/execute.ts'
import { count, percent } from './format.ts'
import { aheadFrom, type Reached } from './rounds.ts'

/** A run of a comparison at equal samples. */
export interface Compared {
  readonly label: string
  readonly adaptive: boolean
  readonly summary: Summary
  readonly testSamples: number
  /** What it took to get to an accuracy that all runs got to. */
  readonly reached?: Reached
}

/**
 * What a comparison shows, in a few sentences made of its numbers: steps against accuracy, adaptive against fixed.
 *
 * A difference in accuracy counts only beyond twice its standard error, √(p(1 − p)/n) for each of the two.
 *
 * @param target the accuracy, as a share, that `reached` speaks of
 */
export function tradeSentences(runs: readonly Compared[], target?: number): string[] {
  const finished = runs.filter(({ summary }) => summary.outcome === 'finished' && summary.test?.accuracy !== undefined)
  const fixed = finished.filter(({ adaptive }) => !adaptive).sort((a, b) => b.summary.steps - a.summary.steps)
  const adaptive = finished.filter((run) => run.adaptive)
  const [small] = fixed
  const large = fixed.length > 1 ? fixed.at(-1) : undefined
  const sentences = runs.flatMap(({ label, summary }) =>
    summary.outcome === 'diverged' ? [`${label} diverged after ${count(summary.steps)} steps.`] : [],
  )
  if (!small || adaptive.length === 0) return sentences

  const took = (run: Compared, detail = '') => `${run.label} took ${stepsOf(run)}${detail}`
  const { samples, steps } = small.summary
  const beside = (other: Compared, detail: (run: Compared) => string) =>
    adaptive.map((run) => `${took(run, detail(run))} and reached ${verdict(run, other)}`).join('; ')
  sentences.push(
    `Over the same ${count(samples)} samples, ${took(small)} and reached ${accuracy(small)} test accuracy; ` +
      `${beside(small, (run) => ` (${factor(steps / run.summary.steps)})`)}.`,
  )
  if (large) sentences.push(`Beside that, ${took(large)} and reached ${accuracy(large)}; ${beside(large, () => '')}.`)

  if (target !== undefined) sentences.push(...widthSentences(adaptive, small, target))

  const lower = adaptive.filter((run) => difference(run, small) < 0 && tells(run, small))
  if (lower.length === adaptive.length) {
    sentences.push(`So fewer and larger steps were paid for in accuracy per sample. ${timeSentence(adaptive, small)}`)
  } else if (lower.length === 0)
    sentences.push(
      `So fewer and larger steps cost no accuracy that ${count(small.testSamples)} test samples can tell, at these settings and this seed.`,
    )
  return sentences
}

const stepsOf = ({ summary: { steps } }: Compared): string => (steps === 1 ? '1 step' : `${count(steps)} steps`)
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

const factor = (ratio: number): string => {
  const many = (n: number) => (n >= 10 ? count(n) : n.toFixed(1))
  return ratio >= 1 ? `${many(ratio)} times fewer` : `${many(1 / ratio)} times more`
}

/** How wide a machine has to be for the larger batches to get to an accuracy first. */
function widthSentences(adaptive: readonly Compared[], small: Compared, target: number): string[] {
  const needs = ({ label, reached }: Compared) =>
    `${label} needs ${count(reached!.samples)} samples in ${count(reached!.steps)} steps`
  const others = adaptive.filter(({ reached }) => reached)
  if (!small.reached || others.length === 0) return []
  const clauses = others.map((run) => {
    const width = aheadFrom(run.reached!, small.reached!)
    const somewhere = run.reached!.rounds.some((rounds, k) => rounds < small.reached!.rounds[k]!)
    const when =
      width === undefined
        ? `it is ${somewhere ? 'ahead on narrow machines only' : 'not ahead on a machine of any width'}`
        : width === 1
          ? 'it is ahead on a machine of any width'
          : `it gets there first where a machine computes ${count(width)} samples or more at once`
    return `${needs(run)}: ${when}`
  })
  return [`To ${percent(target, 0)} test accuracy ${needs(small)}; ${clauses.join('; ')}.`]
}

/** Whether fewer steps saved time; a tenth more or less may be the machine's. */
function timeSentence(adaptive: readonly Compared[], small: Compared): string {
  const times = adaptive.map(({ summary }) => `${summary.seconds.toFixed(0)} s`).join(' and ')
  const against = `${times} against ${small.summary.seconds.toFixed(0)} s`
  const shares = adaptive.map(({ summary }) => summary.seconds / small.summary.seconds)
  if (shares.every((share) => share < 0.8)) return `They saved time: training took ${against}.`
  const parallel = 'they pay where the samples of a large batch are computed in parallel'
  if (shares.every((share) => share > 0.9))
    return `They saved no time here, where training took ${against}: ${parallel}.`
  return `Training took ${against}: ${parallel}.`
}
