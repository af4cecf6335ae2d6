import { anyFamilies } from '../catalogue/index.ts'
import type { Family, Option } from '../choice.ts'
import { dotted, type Place } from '../config/check.ts'
import type { ConfigFile } from '../config/file.ts'
import { expand } from '../config/schema.ts'
import type { FlagRow, Owner } from './flags.ts'
import { UsageError } from './usage-error.ts'

type Raw = Record<string, unknown>
const isRaw = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A flag as it was given: texts as they stand, switches as booleans. */
export type Given = ReadonlyMap<string, string | boolean>

/**
 * Lays flags over a configuration, file or none; flags win.
 *
 * @returns the configuration, still to be checked, and where each of its values was written
 * @throws UsageError for a flag that means nothing for what is chosen
 */
export function applyFlags(
  rows: ReadonlyMap<string, FlagRow>,
  given: Given,
  file?: ConfigFile,
): { readonly raw: unknown; readonly place: Place } {
  const setBy = new Map<string, string>()
  const place: Place = (path) => {
    const flag = setBy.get(dotted(path)) ?? (path.at(-1) === 'name' ? setBy.get(dotted(path.slice(0, -1))) : undefined)
    if (flag) return `--${flag}`
    if (file) return path.length > 0 ? `${file.place(path)}: ${dotted(path)}` : file.place(path)
    const owner = [...rows.values()].find(({ owners }) => owners.some((each) => dotted(each.path) === dotted(path)))
    return owner ? `--${owner.flag}` : dotted(path)
  }
  if (file && !isRaw(file.value)) return { raw: file.value, place }
  const raw: Raw = structuredClone((file?.value as Raw) ?? {})
  for (const [key, family] of Object.entries(anyFamilies)) if (key in raw) raw[key] = expand(family, raw[key])

  // What is chosen first: it decides what the other flags mean.
  choosePieces(raw, given)
  for (const [flag, value] of given) {
    const { selects } = rows.get(flag)!
    if (!selects) continue
    raw[selects.key] = chosen(selects.family, value, raw[selects.key])
    setBy.set(selects.key, flag)
  }
  const byDepth = [...given].sort(([a], [b]) => depth(rows.get(a)!) - depth(rows.get(b)!))
  for (const [flag, value] of byDepth) {
    const row = rows.get(flag)!
    if (row.selects) continue
    const owner = row.owners.find((each) => obstacle(raw, each) === undefined)
    if (!owner) throw new UsageError(notApplicable(raw, row))
    const container = containerOf(raw, owner)
    const key = owner.path.at(-1)!
    container[key] =
      owner.option.type === 'family'
        ? chosen(owner.option.family, value, container[key])
        : converted(owner.option, value)
    setBy.set(dotted(owner.path), flag)
  }
  return { raw, place }
}

/** A flag for a problem takes the place of a file's model and data, and the other way round. */
function choosePieces(raw: Raw, given: Given): void {
  if (given.has('problem') && !given.has('model') && !given.has('data')) {
    delete raw.model
    delete raw.data
  }
  if (!given.has('problem') && (given.has('model') || given.has('data'))) delete raw.problem
}

/** The chosen name; options that were there stay if it is the same name. */
function chosen(family: Family<unknown>, value: string | boolean, before: unknown): unknown {
  const now = expand(family, String(value))
  const old = expand(family, before)
  return isRaw(now) && isRaw(old) && now.name === old.name ? { ...old, ...now } : now
}

/** The name chosen from a family, its default if there is none. */
function nameIn(family: Family<unknown>, value: unknown): unknown {
  const named = expand(family, value)
  return isRaw(named) ? named.name : family.default
}

/** The outermost choice that keeps an option from existing. */
function obstacle(raw: Raw, { path, within }: Owner): { family: Family<unknown>; name: unknown } | undefined {
  let value: unknown = raw
  for (const [level, { family, choice }] of within.entries()) {
    value = isRaw(value) ? value[path[level]!] : undefined
    if (level === 0 && absent(raw, path[0]!)) return { family, name: undefined }
    const name = nameIn(family, value)
    if (name !== choice.name) return { family, name }
    value = expand(family, value)
  }
  return undefined
}

/** A problem has no model and no data set, and a model no problem. */
const absent = (raw: Raw, key: string): boolean =>
  key === 'problem' ? raw.problem === undefined : (key === 'model' || key === 'data') && raw.problem !== undefined

/** The object that holds an option, made on the way where there was a bare name or nothing. */
function containerOf(raw: Raw, { path, within }: Owner): Raw {
  let container = raw
  for (const [level, key] of path.slice(0, -1).entries()) {
    const family = within[level]?.family
    const before = container[key]
    const next = family ? expand(family, before) : before
    container[key] = isRaw(next) ? next : family ? { name: family.default } : {}
    container = container[key] as Raw
  }
  return container
}

const depth = ({ owners }: FlagRow): number => Math.min(...owners.map(({ path }) => path.length), Number.MAX_VALUE)

/** A text as the option's type; what does not convert is left for the check to refuse. */
function converted(option: Option, value: string | boolean): unknown {
  if (typeof value === 'boolean') return value
  const number = (text: string) => (text.trim() !== '' && !Number.isNaN(Number(text)) ? Number(text) : text)
  if (option.type === 'number' || option.type === 'integer') return number(value)
  return option.type === 'integers' ? value.split(',').map(number) : value
}

/** `--eta: batch policy constant has no such option; it belongs to test norm, test coordinate` */
function notApplicable(raw: Raw, { flag, owners }: FlagRow): string {
  // The owner that is nearest to what is chosen names the choice to change.
  const [nearest] = owners.map((owner) => ({ owner, what: obstacle(raw, owner)! })).sort((a, b) => at(b) - at(a))
  const { family, name } = nearest!.what
  const belongs = owners.map(({ within }) =>
    within.map((each) => `--${each.family.flag} ${each.choice.name}`).join(' '),
  )
  const has = name === undefined ? `this run has no ${family.what}` : `${family.what} ${name} has no such option`
  return `--${flag}: ${has}; it goes with ${[...new Set(belongs)].join(', or ')}`
}

const at = ({ owner, what }: { owner: Owner; what: { family: Family<unknown> } }): number =>
  owner.within.findIndex(({ family }) => family === what.family)
