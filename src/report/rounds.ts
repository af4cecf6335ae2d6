// Time as a parallel machine has it: between samples and steps.
import type { TrainingRecord } from '../training/run.ts'

/** Widths of machines, in samples that are computed at once: 1, 2, 4, … */
export const widths: readonly number[] = Array.from({ length: 17 }, (_, k) => 2 ** k)

/** When a run was first seen to be good enough. */
export interface Reached {
  readonly samples: number
  readonly steps: number
  /** On machines of all `widths`, see `roundCounter`. */
  readonly rounds: readonly number[]
}

/** The least width from which on the first is ahead of the second; none where it is not on the widest, 1 where it always is. */
export function aheadFrom(first: Reached, second: Reached): number | undefined {
  const behind = widths.findLastIndex((_, k) => first.rounds[k]! >= second.rounds[k]!)
  return widths[behind + 1]
}

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
