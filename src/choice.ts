import type { Json } from './validate.ts'

// Everything that a user chooses by name is described here as data, beside the thing itself. Flags, the check of
// configuration files, the help text and the catalogue page are generated from the description.

interface Described {
  /** One phrase, lower case, no full stop. */
  readonly help: string
  /** The letter in formulas: η. */
  readonly symbol?: string
  /** Name of the flag without dashes, where it is not the option's own name in kebab case. */
  readonly flag?: string
  /** May be left out, and then means what `help` says. */
  readonly optional?: true
}

/** Allowed range of a number; infinite and NaN never are. */
export interface Bounds {
  readonly above?: number
  readonly atLeast?: number
  readonly below?: number
  readonly atMost?: number
}

/** What a run implies for options that were left open: the budget, the number of training samples, … */
export type Surroundings = Readonly<Record<string, Json | undefined>>

interface WithDefault<T> {
  readonly default?: T
  /** A default that depends on the rest of the run; it goes before `default`. */
  readonly derived?: { readonly says: string; from(surroundings: Surroundings, values: Values): T | undefined }
}

export type NumberOption = Described & Bounds & WithDefault<number> & { readonly type: 'number' | 'integer' }
export type BooleanOption = Described & WithDefault<boolean> & { readonly type: 'boolean' }
export type StringOption = Described & WithDefault<string> & { readonly type: 'string' }
export type WordOption = Described & WithDefault<string> & { readonly type: 'choice'; readonly of: readonly string[] }
/** A list of whole numbers; on the command line separated by commas. */
export type ListOption = Described & WithDefault<readonly number[]> & { readonly type: 'integers' }
/** A choice within the choice, as the test within the adaptive policy. */
export type FamilyOption = Described & { readonly type: 'family'; readonly family: Family<unknown> }

export type Option = NumberOption | BooleanOption | StringOption | WordOption | ListOption | FamilyOption
export type Options = Readonly<Record<string, Option>>

/** Values of options, as a configuration has them. */
export type Values = Readonly<Record<string, unknown>>

type ValueOf<O extends Option> = O extends { type: 'number' | 'integer' }
  ? number
  : O extends { type: 'boolean' }
    ? boolean
    : O extends { type: 'choice'; of: readonly (infer Word)[] }
      ? Word
      : O extends { type: 'integers' }
        ? readonly number[]
        : O extends { type: 'family'; family: Family<infer T> }
          ? T
          : string

type OptionalKeys<O extends Options> = { [K in keyof O]: O[K] extends { optional: true } ? K : never }[keyof O]

/** What `make` is handed: a value for every option, those marked optional only if given. */
export type ValuesOf<O extends Options> = { readonly [K in Exclude<keyof O, OptionalKeys<O>>]: ValueOf<O[K]> } & {
  readonly [K in OptionalKeys<O>]?: ValueOf<O[K]>
}

/**
 * One thing that can be chosen by name, and how it is made.
 *
 * @typeParam T what is made
 * @typeParam C what making it needs to know beside its options
 */
export interface Choice<T, C = void> {
  readonly name: string
  readonly summary: string
  /** In plain Unicode: (1/b)‖Var‖₁ ≤ η²‖ḡ‖². */
  readonly formula?: string
  /** What the formula asks, in a full sentence for those who do not read formulas. */
  readonly plainly?: string
  readonly options: Options
  /** The option that a bare value stands for: `8` for `{ "name": "constant", "batchSize": 8 }`, `mnist:folder`. */
  readonly shorthand?: string
  /** What choosing this says about the defaults of other choices. */
  readonly implies?: Surroundings
  make(values: Values, context: C): T
}

/** Choices of one kind, of which a run has one. */
export interface Family<T, C = void> {
  /** In messages: optimiser. */
  readonly what: string
  /** The flag that selects one, without dashes. */
  readonly flag: string
  readonly help: string
  readonly default: string
  readonly choices: readonly Choice<T, C>[]
}

/**
 * A choice whose `make` is typed by its options.
 *
 * @example
 * choice({
 *   name: 'norm',
 *   summary: 'the variance of ḡ against its square',
 *   options: { eta: { type: 'number', above: 0, default: 0.1, symbol: 'η', help: 'tolerated ratio of noise to signal' } },
 *   make: normTest, // called with { eta }
 * })
 */
export function choice<const O extends Options, T, C = void>(
  row: Omit<Choice<T, C>, 'options' | 'make' | 'shorthand'> & {
    readonly options: O
    readonly shorthand?: keyof O & string
    make(values: ValuesOf<O>, context: C): T
  },
): Choice<T, C> {
  return row as unknown as Choice<T, C>
}

/** The flag of an option, without dashes: `maxGrowth` → `max-growth`. */
export const flagOf = (key: string, option: Option): string =>
  option.type === 'family' ? option.family.flag : (option.flag ?? kebab(key))

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** What an option accepts, for messages and help: `a number above 0`. */
export function expected(option: Option): string {
  switch (option.type) {
    case 'boolean':
      return 'true or false'
    case 'string':
      return 'a text'
    case 'choice':
      return `one of ${option.of.map((word) => JSON.stringify(word)).join(', ')}`
    case 'integers':
      return 'a list of whole numbers'
    case 'family':
      return `one of ${option.family.choices.map(({ name }) => JSON.stringify(name)).join(', ')}`
    default:
      return [option.type === 'integer' ? 'a whole number' : 'a number', range(option)].filter(Boolean).join(' ')
  }
}

function range({ above, atLeast, below, atMost }: Bounds): string {
  if (atLeast !== undefined && below !== undefined) return `in [${atLeast}, ${below})`
  if (above !== undefined && atMost !== undefined) return `in (${above}, ${atMost}]`
  if (atLeast !== undefined && atMost !== undefined) return `in [${atLeast}, ${atMost}]`
  if (above !== undefined) return `above ${above}`
  return atLeast !== undefined ? `of at least ${atLeast}` : ''
}
