import {
  type Choice,
  expected,
  type Family,
  type NumberOption,
  type Option,
  type Options,
  type Surroundings,
} from '../../src/choice.ts'
import { ConfigurationError } from '../../src/errors.ts'

/** A choice by name with those of its options that differ from the defaults: the form of a configuration file. */
export interface Picked {
  readonly name: string
  readonly [option: string]: unknown
}

/** A family without its types, for those who walk over families. */
export const untyped = <T, C>(family: Family<T, C>): Family<unknown> => family as unknown as Family<unknown>

/** The row of that name. */
export function rowOf<T, C>(family: Family<T, C>, name: string): Choice<T, C> {
  const row = family.choices.find((choice) => choice.name === name)
  if (row === undefined)
    throw new ConfigurationError(
      `there is no ${family.what} ${JSON.stringify(name)}; there are ${family.choices.map((c) => c.name).join(', ')}`,
    )
  return row
}

/** What an option is when nothing was chosen; undefined where it may be left out. */
export function defaultOf(option: Option, surroundings: Surroundings, values: Picked): unknown {
  if (option.type === 'family') return { name: option.family.default }
  return option.derived?.from(surroundings, values) ?? option.default
}

/** Whether a number lies in the option's range. */
export const inRange = ({ type, above, atLeast, below, atMost }: NumberOption, value: number): boolean =>
  Number.isFinite(value) &&
  (type === 'number' || Number.isSafeInteger(value)) &&
  (above === undefined || value > above) &&
  (atLeast === undefined || value >= atLeast) &&
  (below === undefined || value < below) &&
  (atMost === undefined || value <= atMost)

const fits = (option: Option, value: unknown): boolean => {
  switch (option.type) {
    case 'boolean':
    case 'string':
      return typeof value === option.type
    case 'choice':
      return option.of.includes(value as string)
    case 'integers':
      return Array.isArray(value) && value.every(Number.isSafeInteger)
    case 'family':
      return typeof value === 'object'
    default:
      return typeof value === 'number' && inRange(option, value)
  }
}

/**
 * Every option of a choice with its value: the chosen one, or the default. A choice within the choice is made.
 *
 * @throws ConfigurationError for a value outside its option's range
 */
export function valuesOf(
  where: string,
  options: Options,
  picked: Picked,
  surroundings: Surroundings,
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [key, option] of Object.entries(options)) {
    const value = picked[key] ?? defaultOf(option, surroundings, picked)
    if (value === undefined && option.optional) continue
    if (!fits(option, value))
      throw new ConfigurationError(`${where}: ${key} must be ${expected(option)}, got ${JSON.stringify(value)}`)
    values[key] = option.type === 'family' ? make(option.family, value as Picked, surroundings, undefined) : value
  }
  return values
}

/** Makes what was picked. */
export function make<T, C>(family: Family<T, C>, picked: Picked, surroundings: Surroundings, context: C): T {
  const row = rowOf(family, picked.name)
  return row.make(valuesOf(`${family.what} ${row.name}`, row.options, picked, surroundings), context)
}
