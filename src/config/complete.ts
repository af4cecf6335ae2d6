import { anyFamilies, type FamilyKey } from '../catalogue/index.ts'
import type { Choice, Family, Surroundings } from '../choice.ts'
import { ConfigurationError } from '../errors.ts'
import { dotted, type Place } from './check.ts'
import type { Named, RunConfig } from './schema.ts'

/** The row that a checked configuration names. */
export function rowOf<T, C>(family: Family<T, C>, { name }: Named): Choice<T, C> {
  const row = family.choices.find((choice) => choice.name === name)
  if (!row) throw new ConfigurationError(`there is no ${family.what} ${name}`)
  return row
}

/** What a configuration itself says about open defaults: its budget, and what its choices imply. */
export function surroundingsOf(config: RunConfig): Surroundings {
  const implied = Object.entries(anyFamilies).map(([key, family]) => {
    const named = config[key as FamilyKey]
    return named ? rowOf(family, named).implies : undefined
  })
  const { samples, steps } = config.budget ?? {}
  return Object.assign({ budgetSamples: samples, budgetSteps: steps }, ...implied)
}

/**
 * A choice with every option that has a default.
 *
 * @throws ConfigurationError where the run says nothing that the default could be taken from
 */
export function complete(
  family: Family<unknown, never>,
  named: Named,
  surroundings: Surroundings,
  place: Place,
  path: readonly string[],
): Named {
  const values: Record<string, unknown> = { ...named }
  for (const [key, option] of Object.entries(rowOf(family, named).options)) {
    if (option.type === 'family')
      values[key] = complete(option.family, values[key] as Named, surroundings, place, [...path, key])
    else if (option.derived && values[key] === undefined) {
      const value = option.derived.from(surroundings, values) ?? option.default
      if (value === undefined) {
        const { help, derived } = option
        const { name, shorthand } = rowOf(family, named)
        // What can stand behind the name is asked for there.
        const [where, what] =
          key === shorthand && option.type === 'string'
            ? [path, `${name} needs its ${key} (${help}): ${name}:${key.toUpperCase()}`]
            : [[...path, key], `needs a value (${help})`]
        throw new ConfigurationError(`${place(where)}: ${what}; the default would be ${derived.says}`)
      }
      values[key] = value
    }
  }
  return values as Named
}

/** Makes what a completed choice names, the choices within it first. */
export function make<T, C>(family: Family<T, C>, named: Named, context: C): T {
  const row = rowOf(family, named)
  const { name: _, ...values } = named as Record<string, unknown>
  for (const [key, option] of Object.entries(row.options))
    if (option.type === 'family') values[key] = make(option.family, values[key] as Named, undefined)
  return row.make(values, context)
}

/** Completes all choices but those that are not there; `dotted` paths are their places. */
export function completeAll(config: RunConfig, surroundings: Surroundings, place: Place = dotted): RunConfig {
  const chosen = Object.entries(anyFamilies).flatMap(([key, family]) => {
    const named = config[key as FamilyKey]
    return named ? [[key, complete(family, named, surroundings, place, [key])]] : []
  })
  return { ...config, ...Object.fromEntries(chosen) }
}
