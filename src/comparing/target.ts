// What each scheme needs to become good enough, on machines of any width.
import { ConfigurationError } from '../errors.ts'
import type { TrainingRecord } from '../training/run.ts'
import { show } from '../validate.ts'

/** Good enough: at least this accuracy on the test set, as a share, or at most this loss. */
export type Target = { readonly accuracy: number } | { readonly loss: number }

/**
 * Checks what a comparison's file says of a target.
 *
 * @throws ConfigurationError for anything but one bound on accuracy or loss
 */
export function checkTarget(target: unknown, place: (path: readonly string[]) => string): Target | undefined {
  if (target === undefined) return undefined
  const entries = Object.entries(Object(target) as Record<string, unknown>)
  const [[key, value] = []] = entries
  const good =
    entries.length === 1 &&
    typeof value === 'number' &&
    ((key === 'accuracy' && value > 0 && value <= 1) || (key === 'loss' && Number.isFinite(value)))
  if (!good)
    throw new ConfigurationError(
      `${place(['target'])}: expected { accuracy: a share in (0, 1] } or { loss: a number }, got ${show(target)}`,
    )
  return target as Target
}

/** `accuracy of 95 %`, `loss of 0.1`. */
export const targetWords = (target: Target): string =>
  'accuracy' in target ? `test accuracy of ${+(100 * target.accuracy).toFixed(4)} %` : `test loss of ${target.loss}`

export function isReached(target: Target, evaluation: { readonly loss: number; readonly accuracy?: number }): boolean {
  return 'accuracy' in target ? (evaluation.accuracy ?? 0) >= target.accuracy : evaluation.loss <= target.loss
}

/** Widths of machines, in samples that are computed at once: 1, 2, 4, … */
export const widths: readonly number[] = Array.from({ length: 17 }, (_, k) => 2 ** k)

/**
 * Time on machines of all widths, counted in rounds: one that computes P samples at once makes a step of b samples in ⌈b/P⌉ of
 * them. P = 1 counts samples, P → ∞ counts steps, and what a machine loses by talking is left out.
 *
 * @returns a function that adds a step and says the rounds so far, one number for each width
 */
export function roundCounter(): (record: Pick<TrainingRecord, 'batchSize'>) => readonly number[] {
  const rounds = widths.map(() => 0)
  return ({ batchSize }) => {
    for (const [k, width] of widths.entries()) rounds[k]! += Math.ceil(batchSize / width)
    return rounds
  }
}
