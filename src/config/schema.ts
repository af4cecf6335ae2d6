import { z } from 'zod'
import { anyFamilies, budgetOptions, type FamilyKey, runOptions } from '../catalogue/index.ts'
import { type Choice, expected, type Family, type Option, type Options } from '../choice.ts'
import { show } from '../validate.ts'
import { didYouMean } from './nearest.ts'

/** A choice with its options: `{ "name": "norm", "eta": 0.1 }`. */
export type Named = { readonly name: string } & { readonly [option: string]: unknown }

/**
 * A checked configuration. Defaults that depend on the rest of the run may still be missing; see `complete`.
 */
export type RunConfig = { readonly [K in FamilyKey]?: Named } & {
  readonly budget?: { readonly samples?: number; readonly steps?: number; readonly seconds?: number }
  readonly seed: number
  readonly replacement: boolean
  readonly chunkSize?: number
  readonly lanes: number
  readonly validation?: number
  readonly evaluateEvery?: number
  readonly evaluateTraining: boolean
  readonly weights?: string
  readonly output?: string
  readonly checkpointEvery: number
  readonly checkpointSteps?: number
}

type Issue = { readonly code?: string | undefined; readonly input?: unknown; readonly keys?: readonly string[] }

/** What a value should have been, and what it is. */
const mismatch =
  (what: string, help?: string) =>
  ({ input }: Issue): string =>
    input === undefined
      ? `expected ${what}${help ? ` (${help})` : ''}, got none`
      : `expected ${what}, got ${show(input)}`

function optionSchema(option: Option): z.ZodType {
  const error = mismatch(expected(option), option.help)
  let schema: z.ZodType
  switch (option.type) {
    case 'boolean':
      schema = z.boolean({ error })
      break
    case 'string':
      // An empty one says nothing, and as a path it would mean some other place.
      schema = z.string({ error }).min(1, { error: mismatch('a text that is not empty') })
      break
    case 'choice':
      schema = z.enum(option.of as [string, ...string[]], { error })
      break
    case 'integers':
      schema = z.array(z.int({ error: mismatch('a whole number') }), { error })
      break
    case 'family':
      return familySchema(option.family).prefault({ name: option.family.default })
    default: {
      let number = option.type === 'integer' ? z.int({ error }) : z.number({ error })
      if (option.above !== undefined) number = number.gt(option.above, { error })
      if (option.atLeast !== undefined) number = number.gte(option.atLeast, { error })
      if (option.below !== undefined) number = number.lt(option.below, { error })
      if (option.atMost !== undefined) number = number.lte(option.atMost, { error })
      schema = number
    }
  }
  if (option.optional || option.derived) return schema.optional()
  return option.default === undefined ? schema : schema.default(option.default)
}

const shapeOf = (options: Options): Record<string, z.ZodType> =>
  Object.fromEntries(Object.entries(options).map(([key, option]) => [key, optionSchema(option)]))

/** An object with these keys and no others; an unknown one is refused with the nearest that there is. */
function strict(what: string, shape: Record<string, z.ZodType>) {
  const keys = Object.keys(shape)
  const error = (issue: Issue): string => {
    if (issue.code !== 'unrecognized_keys') return mismatch('an object')(issue)
    const known = keys.filter((key) => key !== 'name')
    const all = known.length === 0 ? `${what} has no options` : `${what} has ${known.join(', ')}`
    // A line for each.
    return issue.keys!.map((key) => `unknown key${didYouMean(key, known) || `; ${all}`}`).join('\n')
  }
  return z.strictObject(shape, { error })
}

/** What a bare value stands for: `"digits"`, `"mnist:folder"`, `256`. */
export function expand(family: Family<unknown>, input: unknown): unknown {
  if (typeof input === 'number') {
    const row = family.choices.find(({ options, shorthand }) => {
      const { type } = options[shorthand!] ?? {}
      return type === 'number' || type === 'integer'
    })
    return row ? { name: row.name, [row.shorthand!]: input } : input
  }
  if (typeof input !== 'string') return withDefaultName(family, input)
  const colon = input.indexOf(':')
  const row = family.choices.find(({ name }) => name === input.slice(0, colon))
  if (colon === -1 || !row?.shorthand) return { name: input }
  const option = row.options[row.shorthand]!
  const text = input.slice(colon + 1)
  return { name: row.name, [row.shorthand]: option.type === 'string' ? text : Number(text) }
}

/** Options without a name are those of the default. */
function withDefaultName(family: Family<unknown>, input: unknown): unknown {
  return typeof input === 'object' && input !== null && !Array.isArray(input) && !('name' in input)
    ? { name: family.default, ...input }
    : input
}

function familySchema(family: Family<unknown>) {
  const names = family.choices.map(({ name }) => name)
  const rows = family.choices.map((row: Choice<unknown>) =>
    strict(`${family.what} ${row.name}`, { name: z.literal(row.name), ...shapeOf(row.options) }),
  )
  const error = (issue: Issue): string => {
    const name = (issue.input as { name?: unknown } | null | undefined)?.name
    if (typeof issue.input !== 'object' || typeof name !== 'string')
      return mismatch(`the name of ${article(family.what)} (${names.join(', ')})`)(issue)
    return `there is no ${family.what} ${show(name)}${didYouMean(name, names)}; there are ${names.join(', ')}`
  }
  const union = z.discriminatedUnion('name', rows as unknown as [z.ZodObject, ...z.ZodObject[]], { error })
  return z.preprocess((input) => expand(family, input), union)
}

const article = (noun: string) => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`

let schema: z.ZodType<RunConfig> | undefined

/** The schema of a configuration, generated from the catalogue; made once, for a comparison checks many. */
export function runSchema(): z.ZodType<RunConfig> {
  schema ??= madeSchema()
  return schema
}

function madeSchema(): z.ZodType<RunConfig> {
  const chosen = Object.entries(anyFamilies).map(([key, family]) => {
    const schema = familySchema(family)
    // Model and data stand against problem: which of them a run has is decided when it is completed.
    const either = key === 'model' || key === 'data' || key === 'problem'
    return [key, either ? schema.optional() : schema.prefault({ name: family.default })]
  })
  return strict('a configuration', {
    ...Object.fromEntries(chosen),
    budget: strict('the budget', shapeOf(budgetOptions)).optional(),
    ...shapeOf(runOptions),
  }) as unknown as z.ZodType<RunConfig>
}
