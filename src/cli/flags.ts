// Flags from the catalogue: one for each family, which chooses from it, and one for each option of its choices.
import { type Command, Option as Flag } from 'commander'
import { anyFamilies, budgetOptions, runOptions } from '../catalogue/index.ts'
import { type Choice, type Family, flagOf, type Option, type Options } from '../choice.ts'

/** An option that a flag can set, and the choices that one has to make for it to exist. */
export interface Owner {
  readonly option: Option
  /** From the configuration's root: `['batchSize', 'test', 'eta']`. */
  readonly path: readonly string[]
  /** Outermost first: batch policy adaptive, test norm. Empty for options of the run itself. */
  readonly within: readonly { readonly family: Family<unknown>; readonly choice: Choice<unknown> }[]
}

/** A flag without its dashes, and every option that it means somewhere. */
export interface FlagRow {
  readonly flag: string
  /** Heading in the help. */
  readonly group: string
  /** The family that it chooses from, at the configuration's root. */
  readonly selects?: { readonly key: string; readonly family: Family<unknown> }
  readonly owners: Owner[]
}

/**
 * All flags of the catalogue by name.
 *
 * Choices of one family may share a flag (`--epsilon`); two families may not.
 */
export function catalogueFlags(): Map<string, FlagRow> {
  const rows = new Map<string, FlagRow>()
  const add = (flag: string, group: string, owner?: Owner, selects?: FlagRow['selects']) => {
    let row = rows.get(flag)
    if (row && row.group !== group) throw new Error(`--${flag} would belong to ${row.group} and to ${group}`)
    if (!row) {
      row = { flag, group, owners: [], ...(selects && { selects }) }
      rows.set(flag, row)
    }
    if (owner) row.owners.push(owner)
  }
  const walk = (family: Family<unknown>, path: readonly string[], within: Owner['within']) => {
    for (const choice of family.choices)
      for (const [key, option] of Object.entries(choice.options)) {
        const owner = { option, path: [...path, key], within: [...within, { family, choice }] }
        const group = heading(option.type === 'family' ? option.family : family)
        add(flagOf(key, option), group, owner)
        if (option.type === 'family') walk(option.family, owner.path, owner.within)
      }
  }
  for (const [key, family] of Object.entries(anyFamilies)) {
    add(family.flag, heading(family), undefined, { key, family })
    walk(family, [key], [])
  }
  const run = (options: Options, path: readonly string[], group: string) => {
    for (const [key, option] of Object.entries(options))
      add(flagOf(key, option), group, { option, path: [...path, key], within: [] })
  }
  run(budgetOptions, ['budget'], 'Budget:')
  run(runOptions, [], 'Run:')
  return rows
}

const heading = ({ what }: Family<unknown>) => `${what[0]!.toUpperCase()}${what.slice(1)}:`

/** The flags as commander wants them; values stay texts until it is known which option they are for. */
export function commanderFlags(rows: ReadonlyMap<string, FlagRow>): Flag[] {
  return [...rows.values()].flatMap(({ flag, group, selects, owners }) => {
    const family = selects?.family ?? familyOf(owners[0]!.option)
    if (family) {
      const names = family.choices.map(({ name }) => name).join(', ')
      const help = `${family.help}: ${names} (default: ${family.default})`
      return [new Flag(`--${flag} <name>`, help).helpGroup(group)]
    }
    const help = helpOf(owners)
    if (owners[0]!.option.type !== 'boolean')
      return [new Flag(`--${flag} <${placeholder(owners[0]!.option)}>`, help).helpGroup(group)]
    return [
      new Flag(`--${flag}`, help).helpGroup(group),
      new Flag(`--no-${flag}`, `not --${flag}`).helpGroup(group).hideHelp(),
    ]
  })
}

/** The catalogue's flags among those that were given to a command. */
export function givenFlags(
  command: Command,
  rows: ReadonlyMap<string, FlagRow>,
  values: Record<string, unknown>,
): ReadonlyMap<string, string | boolean> {
  const found = new Map<string, string | boolean>()
  for (const option of command.options) {
    const value = values[option.attributeName()]
    const flag = option.name().replace(/^no-/, '')
    if (value !== undefined && rows.has(flag)) found.set(flag, value as string | boolean)
  }
  return found
}

const familyOf = (option: Option) => (option.type === 'family' ? option.family : undefined)

function placeholder(option: Option): string {
  if (option.type === 'integers') return 'n,n,…'
  if (option.type === 'integer') return 'n'
  return option.type === 'number' ? 'number' : option.type === 'choice' ? option.of.join('|') : 'text'
}

/** What a flag means, and for which choices with which default. */
function helpOf(owners: readonly Owner[]): string {
  const meanings = [
    ...new Set(owners.map(({ option: { symbol, help } }) => (symbol ? `${symbol}, ${help}` : help))),
  ].join('; ')
  const defaults = new Map<string, string[]>()
  for (const { option, within } of owners) {
    const value = defaultOf(option)
    const names = defaults.get(value) ?? []
    if (within.length > 0) names.push(within.at(-1)!.choice.name)
    defaults.set(value, names)
  }
  const parts = [...defaults].map(([value, names]) => {
    if (names.length === 0) return value && `default: ${value}`
    return value ? `${names.join(', ')}: ${value}` : names.join(', ')
  })
  return parts.some(Boolean) ? `${meanings} (${parts.join('; ')})` : meanings
}

function defaultOf(option: Option): string {
  if (option.type === 'family') return option.family.default
  if (option.derived) return option.derived.says
  return option.default === undefined ? '' : String(option.default)
}
