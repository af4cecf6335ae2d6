import { ConfigurationError } from '../errors.ts'

/** A part of a comparison's runs. */
export interface Task {
  /** 1 … `of` */
  readonly number: number
  readonly of: number
}

/**
 * Reads `2/8`: the second of eight tasks.
 *
 * @throws ConfigurationError for anything else
 */
export function parseTask(text: string): Task {
  const [, number, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number)
  if (number !== undefined && of !== undefined && number >= 1 && number <= of) return { number, of }
  const zero = number === 0 ? '; tasks count from 1, as in --array=1-8' : ''
  throw new ConfigurationError(`expected a task of so many, as 2/8, got ${JSON.stringify(text)}${zero}`)
}

/**
 * Whether a task makes the run of this index.
 *
 * Tasks get the same number of runs, or one less. Where the number of tasks is one of schemes, each takes a different scheme
 * in turn: otherwise one task would get all the slow ones.
 */
export function isOfTask({ number, of }: Task, index: number): boolean {
  return (index + Math.floor(index / of)) % of === number - 1
}
