/** What bounds a change of the batch size. */
export interface UpdateLimits {
  /** No batch is larger. */
  readonly cap: number
  /** Largest quotient of two successive batch sizes; Infinity for none. */
  readonly maxGrowth: number
  /** The least gain that is worth a change, as a fraction of b; 0 for any. */
  readonly hysteresis: number
}

/**
 * The update b ← min(max(b, ⌈T⌉), cap) (docs/maths.md §2), with a limit on growth and a dead band (§5).
 *
 * This is the only place where a suggestion becomes a batch size: it never falls and never passes the cap. A growth
 * limit still admits one sample more, lest a small batch be stuck; from b = 1, where no variance exists, every gain
 * is worth the change.
 *
 * @param current b
 * @param suggestion T, any number from 0 to Infinity
 * @example nextBatchSize(8, 20.3, { cap: 64, maxGrowth: Infinity, hysteresis: 0 }) // 21
 */
export function nextBatchSize(
  current: number,
  suggestion: number,
  { cap, maxGrowth, hysteresis }: UpdateLimits,
): number {
  const reach = Math.max(current + 1, Math.floor(current * maxGrowth))
  const next = Math.min(Math.max(current, Math.ceil(suggestion)), reach, cap)
  return current > 1 && next <= current * (1 + hysteresis) ? current : next
}
