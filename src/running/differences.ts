import { dotted } from '../config/check.ts'
import { show } from '../validate.ts'

/**
 * Where two plain values differ, a line for each place.
 *
 * @example differences({ a: 1 }, { a: 2 }, ['recorded', 'given']) // ['a: 1 recorded, 2 given']
 */
export function differences(
  a: unknown,
  b: unknown,
  [inA, inB]: readonly [string, string],
  path: readonly PropertyKey[] = [],
): string[] {
  if (isObject(a) && isObject(b))
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
      differences(a[key], b[key], [inA, inB], [...path, key]),
    )
  if (a === b || JSON.stringify(a) === JSON.stringify(b)) return []
  const words = (value: unknown) => (value === undefined ? 'none' : show(value))
  return [`${dotted(path)}: ${words(a)} ${inA}, ${words(b)} ${inB}`]
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
