// What each scheme needs to become good enough, on machines of any width.
import { ConfigurationError } from '../errors.ts'
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
