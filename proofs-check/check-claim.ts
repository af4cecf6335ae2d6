import fc from 'fast-check'
import { ConfigurationError } from '../src/errors.ts'
import {
  type Arbitraries,
  type CheckOptions,
  type Claim,
  type Context,
  type Effort,
  Refuted,
  ROUNDING,
  type Role,
  type Trial,
} from './claim.ts'
import type { Figure, Table } from './report/exhibit.ts'
import type { Subject } from './subject.ts'

/** What one check tried and found. JSON. */
export interface CheckResult {
  readonly name: string
  readonly role: Role
  readonly passed: boolean
  readonly cases: number
  /** Cases that met the premise, where the check has one. */
  readonly premises: number | null
  /** Least and largest of every size that occurred. */
  readonly sizes: Readonly<Record<string, readonly [number, number]>>
  /** Largest left/right of all inequalities: 1 attains the bound. */
  readonly tightest: number | null
  /** Largest |left − right|/scale of all equalities. */
  readonly error: number | null
  readonly seconds: number
  readonly failure: Failure | null
}

export interface Failure {
  readonly message: string
  /** The shrunk input. */
  readonly counterexample: string | null
  /** Replays just this case. */
  readonly command: string
}

export interface ClaimResult {
  readonly id: string
  readonly title: string
  readonly statement: string
  readonly kind: Claim['kind']
  readonly passed: boolean
  readonly seed: number
  readonly seconds: number
  readonly checks: readonly CheckResult[]
  readonly exhibits: readonly (Table | Figure | string)[]
}

export interface VerifyClaimOptions {
  readonly subject: Subject
  readonly effort: Effort
  readonly seed: number
  /** `<check>/<path>`: replay one case of one check. */
  readonly path?: string
}

/** How many times the nominal number of cases. */
const share: Record<Effort, number> = { mutant: 0.05, short: 0.4, full: 10 }

/**
 * Checks a claim. Under effort `mutant` the first failure ends it, unshrunk.
 *
 * @throws ConfigurationError for a path that leads to no case: nothing would be checked, and nothing may pass so
 */
export async function checkClaim(claim: Claim, options: VerifyClaimOptions): Promise<ClaimResult> {
  const { effort, seed, subject } = options
  const results: CheckResult[] = []
  const exhibits: (Table | Figure | string)[] = []
  const started = performance.now()
  const lost = (what: string) =>
    new ConfigurationError(
      `verify: --path ${options.path}: ${what}; expected what a failure of claim ${claim.id} printed, as 0/17:2:1`,
    )
  if (options.path !== undefined && !/^\d+(\/\d+(:\d+)*)?$/.test(options.path)) throw lost('not a path')
  const [onlyCheck, onlyPath] = options.path?.split('/') ?? []
  let position = 0

  async function run(
    name: string,
    { role = 'holds', runs = 1000, premise, attains }: CheckOptions,
    explore: (record: Ledger, seed: number, runs: number, path: string | undefined) => Promise<Outcome>,
  ): Promise<void> {
    const at = String(position++)
    if (onlyCheck !== undefined && onlyCheck !== at) return
    if (effort === 'mutant' && results.some((result) => !result.passed)) return
    const record = new Ledger()
    const began = performance.now()
    const checkSeed = hash(`${seed}/${claim.id}/${name}`)
    const count = Math.max(Math.min(20, runs), Math.ceil(runs * share[effort]))
    let { cases, message, counterexample, path } = await explore(record, checkSeed, count, onlyPath)
    if (message === null && onlyPath === undefined) {
      message = vacuous(record, cases, premise) ?? loose(record, attains)
    }
    const command = `adadagrad verify --only ${claim.id} --seed ${seed}${path === null ? '' : ` --path ${at}/${path}`}`
    results.push({
      name,
      role,
      passed: message === null,
      cases,
      premises: record.asked ? record.met : null,
      sizes: Object.fromEntries(record.sizes),
      tightest: record.tightest,
      error: record.error,
      seconds: (performance.now() - began) / 1000,
      failure: message === null ? null : { message, counterexample, command },
    })
  }

  const context: Context = {
    subject,
    effort,
    seed,
    pick: (short, full) => (effort === 'full' ? full : short),
    forAll: (name, inputs, body, checkOptions = {}) =>
      run(name, checkOptions, async (record, checkSeed, runs, path) => {
        const property = fc.asyncProperty(...(inputs as Arbitraries<[unknown]>), async (...values: unknown[]) => {
          await body(record, ...(values as never))
        })
        const details = await fc.check(property, {
          seed: checkSeed,
          numRuns: path === undefined ? runs : 1,
          ...(path !== undefined && { path }),
          endOnFailure: effort === 'mutant' || path !== undefined,
        })
        const cases = details.numRuns
        if (!details.failed) return { cases, message: null, counterexample: null, path: null }
        return {
          cases,
          message: messageOf(details.errorInstance),
          counterexample: fc.stringify(details.counterexample),
          path: details.counterexamplePath,
        }
      }),
    exists: (name, inputs, body, checkOptions = {}) =>
      run(name, { role: 'necessary', ...checkOptions }, async (record, checkSeed, runs) => {
        // No shrinking of a search: the instances are drawn and the first one found ends it.
        const draws = fc.sample(fc.tuple(...(inputs as Arbitraries<[unknown]>)), { seed: checkSeed, numRuns: runs })
        for (const [k, values] of draws.entries()) {
          const found = await body(record, ...(values as never))
          if (found) return { cases: k + 1, message: null, counterexample: null, path: null }
        }
        return { cases: runs, message: `no instance among ${runs}`, counterexample: null, path: null }
      }),
    example: (name, body, checkOptions = {}) =>
      run(name, checkOptions, async (record) => {
        try {
          await body(record)
          return { cases: 1, message: null, counterexample: null, path: null }
        } catch (error) {
          return { cases: 1, message: messageOf(error), counterexample: null, path: null }
        }
      }),
    show: (exhibit) => void exhibits.push(exhibit),
  }

  // A broken function may fail where a claim prepares its checks.
  await claim.check(context).catch((error) => {
    if (effort !== 'mutant') throw error
    return context.example('the claim is checked at all', () => Promise.reject(error))
  })
  if (onlyCheck !== undefined && results.length === 0) throw lost(`there is no check ${onlyCheck} among ${position}`)
  if (onlyPath !== undefined && results[0]!.cases === 0) throw lost('there is no such case')
  const { id, title, statement, kind } = claim
  const passed = results.every((result) => result.passed)
  const seconds = (performance.now() - started) / 1000
  return { id, title, statement, kind, passed, seed, seconds, checks: results, exhibits }
}

interface Outcome {
  readonly cases: number
  readonly message: string | null
  readonly counterexample: string | null
  readonly path: string | null
}

/** The assertions of a check and what they recorded. */
class Ledger implements Trial {
  asked = false
  met = 0
  tightest: number | null = null
  error: number | null = null
  readonly sizes = new Map<string, [number, number]>()

  size(sizes: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(sizes)) {
      const [low, high] = this.sizes.get(name) ?? [value, value]
      this.sizes.set(name, [Math.min(low, value), Math.max(high, value)])
    }
  }

  premise(holds: boolean): boolean {
    this.asked = true
    if (holds) this.met++
    return holds
  }

  atMost(what: string, left: number, right: number, scale = Math.abs(right)): void {
    if (!(left <= right + ROUNDING * scale)) throw new Refuted(`${what}: ${left} ≤ ${right} does not hold`)
    // A ratio of rounding errors says nothing about the bound.
    if (right > 1e3 * ROUNDING * scale) this.tightest = Math.max(this.tightest ?? 0, left / right)
  }

  equal(what: string, left: number, right: number, scale = Math.max(Math.abs(left), Math.abs(right))): void {
    if (left === right) {
      this.error ??= 0
      return
    }
    const error = Math.abs(left - right) / scale
    if (!(error <= ROUNDING))
      throw new Refuted(`${what}: ${left} = ${right} does not hold, off by ${error} of its scale`)
    this.error = Math.max(this.error ?? 0, error)
  }

  same(what: string, left: unknown, right: unknown): void {
    if (!identical(left, right)) throw new Refuted(`${what}: ${show(left)} is not ${show(right)}`)
    this.error ??= 0
  }

  that(what: string, holds: boolean): void {
    if (!holds) throw new Refuted(`${what} does not hold`)
  }
}

function vacuous({ asked, met }: Ledger, cases: number, least: number | undefined): string | null {
  if (!asked) return null
  const needed = Math.max(1, Math.ceil((least ?? 0.05) * cases))
  return met >= needed ? null : `vacuous: the premise held in ${met} of ${cases} cases, ${needed} are needed`
}

function loose({ tightest }: Ledger, attains: number | undefined): string | null {
  if (attains === undefined || (tightest !== null && tightest >= attains)) return null
  return `not tight: the largest left/right is ${tightest}, expected at least ${attains}`
}

/** Equality of numbers, arrays and records to the last bit; NaN equals itself, 0 is not −0. */
export function identical(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [keys, others] = [Object.keys(a), Object.keys(b)]
  return (
    keys.length === others.length &&
    keys.every((key) => identical((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  )
}

const show = (value: unknown): string => {
  const text = fc.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const kind = error instanceof Refuted ? '' : `${error.name}: `
  return kind + error.message.split('\n')[0]
}

/** FNV-1a, 32 bits, as a signed integer: the seeds of checks must not depend on their order. */
export function hash(text: string): number {
  let h = 0x811c9dc5
  for (let k = 0; k < text.length; k++) h = Math.imul(h ^ text.charCodeAt(k), 0x01000193)
  return h | 0
}
