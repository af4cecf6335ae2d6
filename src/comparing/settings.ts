// Settings that a comparison tries for each of its schemes.
import { ConfigurationError } from '../errors.ts'
import { show } from '../validate.ts'

/** Values of the keys that are tuned, one combination of those that are tried. */
export interface Setting {
  /** In words: `learningRate = 0.008`. */
  readonly label: string
  /** In place of a configuration's own keys. */
  readonly values: Readonly<Record<string, unknown>>
}

/** What settings are chosen by. */
export type TuneBy = 'loss' | 'accuracy'

/**
 * All combinations of the values that `tune` lists by key; none where it lists nothing.
 *
 * @param tune `{ learningRate: [0.002, 0.008, 0.032] }`
 * @throws ConfigurationError, beginning with the key, for what is no list of different values
 * @example settingsOf({ learningRate: [0.1, 1] }).map(({ label }) => label) // ['learningRate = 0.1', 'learningRate = 1']
 */
export function settingsOf(tune: Readonly<Record<string, unknown>>): readonly Setting[] {
  let settings: readonly Setting[] = [{ label: '', values: {} }]
  for (const [key, list] of Object.entries(tune)) {
    const texts = Array.isArray(list) ? list.map(words) : []
    if (!Array.isArray(list) || list.length === 0 || new Set(texts).size !== texts.length)
      throw new ConfigurationError(`${key}: expected a list of different values to try, got ${show(list)}`)
    settings = settings.flatMap(({ label, values }) =>
      list.map((value) => ({
        label: `${label}${label && ', '}${key} = ${words(value)}`,
        values: { ...values, [key]: value },
      })),
    )
  }
  return settings.filter(({ label }) => label !== '')
}

/** `0.008`, `cosine, peak 0.05`, `adaptive, test (norm, eta 0.5), initial 8`. */
function words(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(words).join(', ')}]`
  const inBrackets = (inner: unknown) => {
    const text = words(inner)
    return text.includes(', ') && !Array.isArray(inner) ? `(${text})` : text
  }
  return Object.entries(value)
    .map(([key, inner]) => (key === 'name' ? words(inner) : `${key} ${inBrackets(inner)}`))
    .join(', ')
}
