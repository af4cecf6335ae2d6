import { join } from 'node:path'
import { checkConfig, dotted, type Place } from '../config/check.ts'
import { didYouMean } from '../config/nearest.ts'
import type { RunConfig } from '../config/schema.ts'
import { ConfigurationError } from '../errors.ts'
import { show } from '../validate.ts'

/**
 * A comparison as it is written: everything of a run's configuration may stand at the top and then holds for all schemes,
 * and a scheme takes the place of whole keys.
 *
 * @example
 * {
 *   title: 'Logistic regression', model: 'logistic', data: 'digits', seeds: 3, budget: { samples: 80_000 },
 *   schemes: { 'AdAdaGrad': { batchSize: { test: { eta: 0.1 } } }, 'b = 64': { batchSize: 64 } },
 * }
 */
export interface ComparisonInput {
  readonly title?: string
  /** By label; an empty object is what stands at the top. */
  readonly schemes: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Seeds, or how many: 3 stands for 1, 2, 3. Each scheme runs with each. */
  readonly seeds?: number | readonly number[]
  readonly [key: string]: unknown
}

/** One run of a comparison. */
export interface PlannedRun {
  readonly scheme: string
  readonly seed: number
  /** Below the comparison's folder. */
  readonly folder: string
  readonly config: RunConfig
}

/** A checked comparison. Its runs are in a fixed order: all schemes with the first seed, then with the second, … */
export interface Comparison {
  readonly title: string
  readonly schemes: readonly string[]
  readonly seeds: readonly number[]
  readonly runs: readonly PlannedRun[]
}

const ownKeys = ['title', 'schemes', 'seeds']
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Evaluations of a run, where its budget is in samples and the comparison does not say how often. */
const evaluations = 25

/**
 * Checks a comparison and lays out its runs.
 *
 * @param raw parsed YAML or JSON
 * @param place where a value was written, for the messages
 * @throws ConfigurationError with one line for every mistake
 */
export function checkComparison(raw: unknown, place: Place = dotted): Comparison {
  if (!isObject(raw)) throw new ConfigurationError(`${place([])}: expected an object with schemes, got ${show(raw)}`)
  const { title = 'Comparison', schemes, seeds: given = 3, ...common } = raw
  const mistakes: string[] = []
  const at: Place = (path) => (place === dotted ? dotted(path) : `${place(path)}: ${dotted(path)}`)
  if (typeof title !== 'string') mistakes.push(`${at(['title'])}: expected a text, got ${show(title)}`)
  if (!isObject(schemes) || Object.keys(schemes).length === 0)
    throw new ConfigurationError(`${at(['schemes'])}: expected schemes by name, { name: { … } }, got ${show(schemes)}`)
  const seeds = seedsOf(given)
  if (!seeds)
    mistakes.push(`${at(['seeds'])}: expected how many seeds, or a list of different whole numbers, got ${show(given)}`)
  for (const [key, instead] of [
    ['seed', 'seeds'],
    ['output', '--output'],
  ] as const)
    for (const [path, object] of [[[], common], ...Object.entries(schemes).map(([k, s]) => [['schemes', k], s])])
      if (isObject(object) && key in object)
        mistakes.push(`${at([...(path as string[]), key])}: a comparison takes ${instead} in its place`)

  const folders = foldersOf(Object.keys(schemes))
  const runs: PlannedRun[] = []
  for (const seed of mistakes.length > 0 ? [] : seeds!)
    for (const [k, [scheme, own]] of Object.entries(schemes).entries()) {
      try {
        const config = check(scheme, own, common, seed, at)
        runs.push({ scheme, seed, folder: join(folders[k]!, `seed-${seed}`), config })
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error
        mistakes.push(...error.message.split('\n'))
      }
    }
  if (mistakes.length > 0) throw new ConfigurationError([...new Set(mistakes)].join('\n'))
  return { title: title as string, schemes: Object.keys(schemes), seeds: seeds!, runs }
}

function check(scheme: string, own: unknown, common: Record<string, unknown>, seed: number, at: Place): RunConfig {
  const settings = own ?? {}
  if (!isObject(settings))
    throw new ConfigurationError(`${at(['schemes', scheme])}: expected an object, got ${show(own)}`)
  const below: Record<string, unknown> = { evaluateTraining: true, ...common }
  // A scheme may bring a problem of its own.
  if (settings.problem !== undefined) for (const key of ['model', 'data']) delete below[key]
  if (settings.model !== undefined || settings.data !== undefined) delete below.problem
  const merged: Record<string, unknown> = { ...below, ...settings, seed }
  const { samples } = Object(merged.budget) as { samples?: unknown }
  if (merged.evaluateEvery === undefined && typeof samples === 'number' && samples > evaluations)
    merged.evaluateEvery = Math.ceil(samples / evaluations)
  const where: Place = (path) => at(path[0] !== undefined && path[0] in settings ? ['schemes', scheme, ...path] : path)
  try {
    return checkConfig(merged, where)
  } catch (error) {
    // At the top a comparison has keys of its own.
    const unknown = Object.keys(common).find((key) => didYouMean(key, ownKeys) !== '' && !(key in settings))
    if (
      error instanceof ConfigurationError &&
      unknown !== undefined &&
      error.message.includes(`${unknown}: unknown key`)
    )
      throw new ConfigurationError(`${where([unknown])}: unknown key${didYouMean(unknown, ownKeys)}`)
    throw error
  }
}

function seedsOf(given: unknown): readonly number[] | undefined {
  const seeds = Number.isInteger(given) ? Array.from({ length: given as number }, (_, k) => k + 1) : given
  if (!Array.isArray(seeds) || seeds.length === 0 || new Set(seeds).size !== seeds.length) return undefined
  return seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0) ? seeds : undefined
}

/** Folders of schemes: their labels in plain letters, told apart by numbers where they would be the same. */
function foldersOf(labels: readonly string[]): string[] {
  const greek: Record<string, string> = {
    η: 'eta',
    ϑ: 'theta',
    θ: 'theta',
    ν: 'nu',
    α: 'alpha',
    κ: 'kappa',
    σ: 'sigma',
  }
  const used = new Map<string, number>()
  return labels.map((label) => {
    const plain = label.toLowerCase().replaceAll(/[ηϑθνακσ]/g, (letter) => ` ${greek[letter]} `)
    const slug = plain.replaceAll(/[^a-z0-9.]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '') || 'scheme'
    const before = used.get(slug) ?? 0
    used.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before + 1}`
  })
}
