import { anyFamilies, defaultBudget } from '../catalogue/index.ts'
import { ConfigurationError } from '../errors.ts'
import { expand, type RunConfig, runSchema } from './schema.ts'

/** Where the value at a path was written: a flag, or a place in a file. */
export type Place = (path: readonly PropertyKey[]) => string

/** A path as it is written in messages: batchSize.test.eta. */
export const dotted = (path: readonly PropertyKey[]): string => path.map(String).join('.')

/**
 * Checks a configuration and fills in the defaults that depend on nothing else.
 *
 * @param raw parsed JSON, bare names and values included: `{ "optimizer": "adam", "batchSize": 64 }`
 * @param place where a value was written, for the messages
 * @throws ConfigurationError with one line for every mistake: unknown keys with the nearest, wrong types and ranges
 * @example checkConfig({ optimizer: 'adam' }).learningRate.name // 'constant'
 */
export function checkConfig(raw: unknown, place: Place = dotted): RunConfig {
  const parsed = runSchema().safeParse(withDefaults(raw, place), { reportInput: true })
  if (parsed.success) return parsed.data
  const lines = parsed.error.issues.flatMap((issue) => {
    // An unknown key is reported at the object that has it.
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path]
    const messages = issue.message.split('\n')
    return paths.map((path, k) => `${place(path)}: ${messages[k]}`)
  })
  throw new ConfigurationError(lines.join('\n'))
}

/** What does not go with a problem, and why. */
const noneOfAProblem = {
  model: 'brings its own model and data; name one or the other',
  data: 'brings its own model and data; name one or the other',
  validation: 'is the finite sum of all its samples; hold out samples of a data set',
} as const

/** Model and data, unless there is a problem; a budget; and without what a recorded run says of its surroundings. */
function withDefaults(raw: unknown, place: Place): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw
  const { environment: _, ...config } = raw as Record<string, unknown>
  if (config.problem === undefined) {
    config.model ??= anyFamilies.model.default
    config.data ??= anyFamilies.data.default
  } else
    for (const [key, why] of Object.entries(noneOfAProblem))
      if (config[key] !== undefined) {
        const { name } = Object(expand(anyFamilies.problem, config.problem)) as { name?: unknown }
        throw new ConfigurationError(`${place([key])}: problem ${name} ${why}`)
      }
  return { ...config, budget: config.budget ?? defaultBudget }
}
