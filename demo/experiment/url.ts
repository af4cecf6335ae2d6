import { backendFamily } from '../../src/backends/choices.ts'
import { gainFamily } from '../../src/batch-size/ada-scale.ts'
import { policyFamily } from '../../src/batch-size/policies.ts'
import type { Family, Option } from '../../src/choice.ts'
import { optimizerFamily } from '../../src/optim/optimizers.ts'
import { scheduleFamily } from '../../src/optim/schedules.ts'
import { AXES, type Axis } from '../training/history.ts'
import { inRange, type Picked, rowOf, untyped } from './choose.ts'
import { type Experiment, MOST_SCHEMES, type Scheme } from './experiment.ts'
import { presetOf } from './presets.ts'
import { taskFamily } from './tasks.ts'

/** What is looked at, and how fast. */
export interface View {
  readonly axis: Axis
  /** The scheme whose test, guesses and gradients are shown. */
  readonly focus: number
  /** Samples a second; Infinity for as fast as it goes. */
  readonly pace: number
}

export interface PageState {
  readonly experiment: Experiment
  readonly view: View
}

/** The families of a scheme under its keys. */
export const schemeFamilies: Readonly<Record<keyof Scheme, Family<unknown>>> = {
  optimizer: untyped(optimizerFamily),
  learningRate: scheduleFamily,
  batchSize: policyFamily,
  gain: gainFamily,
}
const schemeKeys = Object.keys(schemeFamilies) as (keyof Scheme)[]

export const defaultPace = (task: string): number => (task in slow ? slow[task]! : Number.POSITIVE_INFINITY)
const slow: Readonly<Record<string, number>> = {
  quadratic: 300,
  rosenbrock: 1000,
  'least-squares': 300,
  'logistic-regression': 300,
  nonconvex: 300,
}

/**
 * The whole state as the fragment of an address: `task=mnist-cnn&s1.batchSize.test.eta=0.5`, values as in a configuration.
 *
 * A race that is as its problem's preset has it is not spelled out.
 */
export function toFragment({ experiment, view }: PageState): string {
  const entries = new URLSearchParams()
  const write = (key: string, picked: Picked) => {
    entries.set(key, picked.name)
    for (const [option, value] of Object.entries(picked)) {
      if (option === 'name' || value === undefined) continue
      if (Array.isArray(value)) entries.set(`${key}.${option}`, value.join(','))
      else if (typeof value === 'object') write(`${key}.${option}`, value as Picked)
      else entries.set(`${key}.${option}`, String(value))
    }
  }
  const preset = presetOf(experiment.task.name)
  write('task', experiment.task)
  if (JSON.stringify(experiment.task) === JSON.stringify(preset.task))
    for (const key of [...entries.keys()]) if (key !== 'task') entries.delete(key)
  if (experiment.samples !== preset.samples) entries.set('samples', String(experiment.samples))
  if (experiment.seed !== preset.seed) entries.set('seed', String(experiment.seed))
  if (JSON.stringify(experiment.schemes) !== JSON.stringify(preset.schemes))
    for (const [k, scheme] of experiment.schemes.entries())
      for (const key of schemeKeys) write(`s${k + 1}.${key}`, scheme[key])
  if (JSON.stringify(experiment.backend) !== JSON.stringify(preset.backend)) write('backend', experiment.backend)
  if (view.axis !== 'samples') entries.set('x', view.axis)
  if (view.focus !== 0) entries.set('focus', String(view.focus + 1))
  if (view.pace !== defaultPace(experiment.task.name)) entries.set('pace', String(view.pace))
  return entries.toString()
}

/**
 * The state that a fragment says. What it does not say, or says wrongly, is as the preset has it.
 *
 * @returns the state, and what was wrong
 */
export function fromFragment(fragment: string): PageState & { readonly mistakes: readonly string[] } {
  const entries = new URLSearchParams(fragment.replace(/^#/, ''))
  const mistakes: string[] = []
  const pick = (key: string, family: Family<unknown>, fallback: Picked): Picked => {
    const name = entries.get(key)
    if (name === null) return fallback
    try {
      const { options } = rowOf(family, name)
      const picked: Record<string, unknown> & Picked = { name }
      for (const [option, described] of Object.entries(options)) {
        const value = read(described, `${key}.${option}`)
        if (value !== undefined) picked[option] = value
      }
      return picked
    } catch (error) {
      mistakes.push((error as Error).message)
      return fallback
    }
  }
  const read = (option: Option, key: string): unknown => {
    const text = entries.get(key)
    if (text === null) return undefined
    const value = parse(option, text)
    if (option.type === 'family') return pick(key, option.family, { name: option.family.default })
    if (value === undefined) mistakes.push(`${key}=${text} is not a value of this option`)
    return value
  }
  const number = (key: string, least: number, fallback: number): number => {
    const text = entries.get(key)
    if (text === null) return fallback
    const value = Number(text)
    if (value >= least) return value
    mistakes.push(`${key}=${text} must be at least ${least}`)
    return fallback
  }

  const named = entries.get('task') ?? taskFamily.default
  const known = taskFamily.choices.some(({ name }) => name === named)
  if (!known) mistakes.push(`there is no problem ${named}`)
  const preset = presetOf(known ? named : taskFamily.default)
  const spelled = [...entries.keys()].some((key) => key.startsWith('task.'))
  const task = spelled ? pick('task', untyped(taskFamily), preset.task) : preset.task
  const [first] = preset.schemes as [Scheme]
  const schemes = [...Array(MOST_SCHEMES).keys()]
    .filter((k) => schemeKeys.some((key) => entries.has(`s${k + 1}.${key}`)))
    .map((k) => {
      const like = preset.schemes[k] ?? first
      const chosen = schemeKeys.map((key) => [key, pick(`s${k + 1}.${key}`, schemeFamilies[key], like[key])])
      return Object.fromEntries(chosen) as Scheme
    })
  const experiment: Experiment = {
    ...preset,
    task,
    schemes: schemes.length > 0 ? schemes : preset.schemes,
    samples: Math.round(number('samples', 1, preset.samples)),
    seed: Math.round(number('seed', 0, preset.seed)),
    backend: pick('backend', untyped(backendFamily), preset.backend),
  }
  const view: View = {
    axis: AXES.find((axis) => axis === entries.get('x')) ?? 'samples',
    focus: Math.min(experiment.schemes.length, number('focus', 1, 1)) - 1,
    pace: number('pace', 1, defaultPace(task.name)),
  }
  return { experiment, view, mistakes }
}

/** A value from text; undefined where it is none of this option. */
function parse(option: Option, text: string): unknown {
  switch (option.type) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined
    case 'string':
      return text
    case 'choice':
      return option.of.includes(text) ? text : undefined
    case 'integers': {
      const list = text.split(',').map(Number)
      return list.every(Number.isSafeInteger) ? list : undefined
    }
    case 'family':
      return text
    default: {
      const value = Number(text)
      return text.trim() !== '' && inRange(option, value) ? value : undefined
    }
  }
}
