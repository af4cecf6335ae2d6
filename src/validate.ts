import { ConfigurationError } from './errors.ts'

/** A value that survives `JSON.stringify`: what a run may record of its configuration. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A fully resolved configuration, defaults included. */
export type Config = { readonly [key: string]: Json }

/** How a value looks in an error message: `0`, `"fast"`, `[1, 2, … 40 entries]`. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value) && value.length > 6) return `[${value.slice(0, 2).join(', ')}, … ${value.length} entries]`
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

function refuse(where: string, name: string, expected: string, given: unknown): never {
  throw new ConfigurationError(`${where}: ${name} must be ${expected}, got ${show(given)}`)
}

/** The value, if it is a finite number above 0. `where` and `name` are those of the message. */
export function positive(where: string, name: string, value: number): number {
  return Number.isFinite(value) && value > 0 ? value : refuse(where, name, 'a finite number above 0', value)
}

/** The value, if it is a finite number and at least 0. */
export function nonNegative(where: string, name: string, value: number): number {
  return Number.isFinite(value) && value >= 0 ? value : refuse(where, name, 'a finite number of at least 0', value)
}

/** The value, if it is a finite number. */
export function finite(where: string, name: string, value: number): number {
  return Number.isFinite(value) ? value : refuse(where, name, 'a finite number', value)
}

/** The value, if it lies in [0, 1): a decay rate, a momentum. */
export function decay(where: string, name: string, value: number): number {
  return value >= 0 && value < 1 ? value : refuse(where, name, 'in [0, 1)', value)
}

/** The value, if it is a whole number of at least `least`. */
export function whole(where: string, name: string, value: number, least: number): number {
  return Number.isSafeInteger(value) && value >= least
    ? value
    : refuse(where, name, `a whole number of at least ${least}`, value)
}

/** The value, if it is one of the choices. */
export function oneOf<T extends string>(where: string, name: string, value: T, choices: readonly T[]): T {
  return choices.includes(value) ? value : refuse(where, name, `one of ${choices.map(show).join(', ')}`, value)
}
