import { closest, distance } from 'fastest-levenshtein'

/** The candidate that was probably meant, if any is near. */
export function nearest(given: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined
  const simple = given.toLowerCase()
  const best = closest(simple, candidates as string[])
  return distance(simple, best.toLowerCase()) <= Math.max(2, Math.floor(given.length / 3)) ? best : undefined
}

/** `, did you mean eta?`, or nothing. */
export function didYouMean(given: string, candidates: readonly string[], prefix = ''): string {
  const meant = nearest(given, candidates)
  return meant === undefined ? '' : `, did you mean ${prefix}${meant}?`
}
