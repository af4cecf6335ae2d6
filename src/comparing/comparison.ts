import { join } from 'node:path'
import { checkConfig, dotted, type Place } from '../config/check.ts'
import { didYouMean } from '../config/nearest.ts'
import type { RunConfig } from '../config/schema.ts'
import { ConfigurationError } from '../errors.ts'
import { show } from '../validate.ts'
import { foldersOf, reportFiles } from './folders.ts'
import { type Setting, settingsOf, type TuneBy } from './settings.ts'
import { checkTarget, type Target } from './target.ts'

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
  /**
   * Values to try by key, `{ learningRate: [0.002, 0.008] }`: a scheme runs with all combinations and is shown at the one
   * that validates best. A scheme may have a list of its own, or none, `{}`; what it says of a key takes the list's place.
   */
  readonly tune?: Readonly<Record<string, readonly unknown[]>>
  /** What "best" means for samples that were held out, `loss` by default; problems are tuned by their own F. */
  readonly tuneBy?: TuneBy
  /** How good is good enough: the report then says what each scheme needs to get there. */
  readonly target?: Target
  readonly [key: string]: unknown
}

/** One run of a comparison. */
export interface PlannedRun {
  readonly scheme: string
  readonly seed: number
  /** Absent where the scheme is not tuned. */
  readonly setting?: Setting
  /** Below the comparison's folder. */
  readonly folder: string
  readonly config: RunConfig
}

/** `AdAdaGrad, learningRate = 0.008, seed 1`. */
export const runName = ({ scheme, setting, seed }: PlannedRun): string =>
  `${scheme}, ${setting ? `${setting.label}, ` : ''}seed ${seed}`

/** A checked comparison. Its runs are in a fixed order: all schemes with the first seed, then with the second, … */
export interface Comparison {
  readonly title: string
  readonly schemes: readonly string[]
  readonly seeds: readonly number[]
  readonly runs: readonly PlannedRun[]
  readonly tuneBy: TuneBy
  readonly target?: Target
}

const ownKeys = ['title', 'schemes', 'seeds', 'tune', 'tuneBy', 'target']
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
  const { title = 'Comparison', schemes, seeds: given = 3, tune = {}, tuneBy = 'loss', target, ...common } = raw
  const mistakes: string[] = []
  const at: Place = (path) => (place === dotted ? dotted(path) : `${place(path)}: ${dotted(path)}`)
  if (typeof title !== 'string') mistakes.push(`${at(['title'])}: expected a text, got ${show(title)}`)
  if (!isObject(schemes) || Object.keys(schemes).length === 0)
    throw new ConfigurationError(`${at(['schemes'])}: expected schemes by name, { name: { … } }, got ${show(schemes)}`)
  const seeds = seedsOf(given)
  if (!seeds)
    mistakes.push(`${at(['seeds'])}: expected how many seeds, or a list of different whole numbers, got ${show(given)}`)
  if (tuneBy !== 'loss' && tuneBy !== 'accuracy')
    mistakes.push(`${at(['tuneBy'])}: expected loss or accuracy, got ${show(tuneBy)}`)
  const checkedTarget = collect(mistakes, () => checkTarget(target, at))
  for (const [key, instead] of [
    ['seed', 'seeds'],
    ['output', '--output'],
  ] as const)
    for (const [path, object] of [[[], common], ...Object.entries(schemes).map(([k, s]) => [['schemes', k], s])])
      if (isObject(object) && key in object)
        mistakes.push(`${at([...(path as string[]), key])}: a comparison takes ${instead} in its place`)

  const folders = foldersOf(Object.keys(schemes), Object.values(reportFiles))
  const runs: PlannedRun[] = []
  for (const seed of mistakes.length > 0 ? [] : seeds!)
    for (const [k, [scheme, own]] of Object.entries(schemes).entries()) {
      collect(mistakes, () => {
        const settings = settingsIn(scheme, own, tune, at)
        const below = foldersOf(settings.map(({ label }) => label))
        const planned = (settings.length > 0 ? settings : [undefined]).map((setting, s): PlannedRun => {
          const config = check(scheme, own, common, seed, setting?.values, at)
          if (setting) checkTuned(config, tuneBy, at)
          if (checkedTarget) checkSought(config, at)
          const folder = join(folders[k]!, ...(setting ? [below[s]!] : []), `seed-${seed}`)
          return { scheme, seed, ...(setting && { setting }), folder, config }
        })
        checkDifferent(planned, at(tunePath(scheme, own)))
        runs.push(...planned)
      })
    }
  if (mistakes.length > 0) throw new ConfigurationError([...new Set(mistakes)].join('\n'))
  return {
    title: title as string,
    schemes: Object.keys(schemes),
    seeds: seeds!,
    runs,
    tuneBy: tuneBy as TuneBy,
    ...(checkedTarget && { target: checkedTarget }),
  }
}

/** What is made, or nothing and its mistakes among the others. */
function collect<T>(mistakes: string[], make: () => T): T | undefined {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    mistakes.push(...error.message.split('\n'))
    return undefined
  }
}

/** Keys that make settings incomparable, and why. */
const untunable: Readonly<Record<string, string>> = {
  seed: 'each setting runs with all seeds',
  output: 'each run has a folder of its own',
  problem: 'settings are compared on one problem',
  data: 'settings are compared on the same samples',
  validation: 'settings are compared on the same samples',
}

/** Where it is said what a scheme tries. */
const tunePath = (scheme: string, own: unknown): string[] =>
  (Object(own) as { tune?: unknown }).tune === undefined ? ['tune'] : ['schemes', scheme, 'tune']

/** The settings that a scheme tries; none where it is not tuned. */
function settingsIn(scheme: string, own: unknown, common: unknown, at: Place): readonly Setting[] {
  const { tune: ofScheme, ...settings } = Object(own) as Record<string, unknown>
  const path = tunePath(scheme, own)
  const tune = ofScheme === undefined ? common : ofScheme
  if (!isObject(tune)) throw new ConfigurationError(`${at(path)}: expected lists of values by key, got ${show(tune)}`)
  for (const key of Object.keys(tune)) {
    const why =
      untunable[key] ?? (ofScheme !== undefined && key in settings ? 'the scheme says itself what it is' : undefined)
    if (why !== undefined) throw new ConfigurationError(`${at([...path, key])}: cannot be tuned; ${why}`)
  }
  try {
    return settingsOf(Object.fromEntries(Object.entries(tune).filter(([key]) => !(key in settings))))
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    // It begins with the key.
    const { message } = error
    const key = Object.keys(tune).find((each) => message.startsWith(`${each}: `))!
    throw new ConfigurationError(`${at([...path, key])}${message.slice(key.length)}`)
  }
}

/** Settings of one meaning would be one in all but name. */
function checkDifferent(runs: readonly PlannedRun[], place: string): void {
  const labels = new Map<string, string>()
  for (const { setting, config } of runs) {
    const text = JSON.stringify(config)
    const same = labels.get(text)
    if (same !== undefined)
      throw new ConfigurationError(`${place}: ${same} and ${setting!.label} are the same; say it once`)
    labels.set(text, setting?.label ?? '')
  }
}

/** Settings are chosen by what the final result is not judged by. */
function checkTuned({ problem, validation, evaluateTraining }: RunConfig, tuneBy: unknown, at: Place): void {
  if (problem && tuneBy === 'accuracy')
    throw new ConfigurationError(
      `${at(['tuneBy'])}: problem ${problem.name} has no accuracy, it is tuned by F at the end`,
    )
  if (problem && !evaluateTraining)
    throw new ConfigurationError(
      `${at(['tune'])}: problems are tuned by F at the end, which evaluateTraining: false leaves out`,
    )
  if (!problem && validation === undefined)
    throw new ConfigurationError(
      `${at(['tune'])}: settings are chosen by samples that are held out, never by the test set; say how many, as validation: 1000`,
    )
}

/** A target is looked for on the test set, whenever a run is evaluated. */
function checkSought({ problem, evaluateEvery }: RunConfig, at: Place): void {
  if (problem)
    throw new ConfigurationError(`${at(['target'])}: problem ${problem.name} has no test set to look for a target on`)
  if (evaluateEvery === undefined)
    throw new ConfigurationError(
      `${at(['target'])}: is looked for when runs are evaluated; without a budget in samples say how often, as evaluateEvery: 1000`,
    )
}

function check(
  scheme: string,
  own: unknown,
  common: Record<string, unknown>,
  seed: number,
  tuned: Record<string, unknown> | undefined,
  at: Place,
): RunConfig {
  if (!isObject(own ?? {}))
    throw new ConfigurationError(`${at(['schemes', scheme])}: expected an object, got ${show(own)}`)
  const { tune, ...settings } = Object(own) as Record<string, unknown>
  const below: Record<string, unknown> = { evaluateTraining: true, ...common }
  // A scheme may bring a problem of its own.
  if (settings.problem !== undefined) for (const key of ['model', 'data', 'validation']) delete below[key]
  if (settings.model !== undefined || settings.data !== undefined) delete below.problem
  const merged: Record<string, unknown> = { ...below, ...settings, ...tuned, seed }
  const { samples } = Object(merged.budget) as { samples?: unknown }
  if (merged.evaluateEvery === undefined && typeof samples === 'number' && samples > evaluations)
    merged.evaluateEvery = Math.ceil(samples / evaluations)
  const where: Place = (path) => {
    const [key, ...rest] = path
    if (key === undefined) return at(path)
    // Of a list of values the place is that of the list.
    if (tuned && key in tuned) {
      const list = [...(tune === undefined ? [] : ['schemes', scheme]), 'tune', key]
      return [at(list), ...rest.map(String)].join('.')
    }
    return at(key in settings ? ['schemes', scheme, ...path] : path)
  }
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
