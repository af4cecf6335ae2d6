import type { CheckResult, ClaimResult } from '../check-claim.ts'
import type { MutantResult } from '../mutation.ts'

/** Everything that a verification found. JSON. */
export interface Verification {
  readonly package: string
  readonly effort: 'short' | 'full'
  readonly seed: number
  readonly environment: Readonly<Record<string, string>>
  readonly seconds: number
  readonly passed: boolean
  readonly claims: readonly ClaimResult[]
  readonly mutants: readonly MutantResult[] | null
}

const count = (n: number): string => n.toLocaleString('en-US')

/** `N 2–6, b 1–4`. */
export const sizesOf = ({ sizes }: Pick<CheckResult, 'sizes'>): string =>
  Object.entries(sizes)
    .map(([name, [low, high]]) => (low === high ? `${name} ${low}` : `${name} ${low}–${high}`))
    .join(', ')

/** How close the checks came to being wrong: the largest left/right, and the largest error of an equality. */
export function marginOf(checks: readonly CheckResult[]): string {
  const ratios = checks.flatMap(({ tightest }) => (tightest === null ? [] : [tightest]))
  const errors = checks.flatMap(({ error }) => (error === null ? [] : [error]))
  const parts: string[] = []
  if (ratios.length > 0) parts.push(`≤ ${ratio(Math.max(...ratios))}`)
  if (errors.length > 0) parts.push(Math.max(...errors) === 0 ? '= exact' : `= ${Math.max(...errors).toExponential(1)}`)
  return parts.join(', ') || '—'
}

/** A ratio that never rounds up to 1. */
export const ratio = (value: number): string => {
  if (value >= 1 && value < 1.0001) return value === 1 ? '1' : '1.0000'
  return value > 0.9999 && value < 1 ? `1 − ${(1 - value).toExponential(0)}` : value.toFixed(4)
}

/** Sum of cases. */
export const casesOf = ({ checks }: ClaimResult): number => checks.reduce((sum, { cases }) => sum + cases, 0)

/** Columns of the table of claims. */
export const summaryRow = (claim: ClaimResult): string[] => [
  claim.id,
  claim.title,
  claim.kind,
  claim.passed ? 'passed' : 'FAILED',
  String(claim.checks.length),
  count(casesOf(claim)),
  marginOf(claim.checks),
  `${claim.seconds.toFixed(1)} s`,
]
export const summaryHeader = ['claim', 'title', 'kind', 'verdict', 'checks', 'cases', 'margin', 'time']

export const checkRow = (check: CheckResult): string[] => [
  check.name,
  check.role,
  check.passed ? 'passed' : 'FAILED',
  count(check.cases),
  check.premises === null ? '' : count(check.premises),
  sizesOf(check),
  check.tightest === null ? '' : ratio(check.tightest),
  check.error === null ? '' : check.error === 0 ? '0' : check.error.toExponential(1),
  `${check.seconds.toFixed(2)} s`,
]
export const checkHeader = ['check', 'role', 'verdict', 'cases', 'premise met', 'sizes', 'left/right', 'error', 'time']

export const mutantHeader = ['mutant', 'what is broken', 'caught by', 'first words against it']
export const mutantRow = ({ name, what, caughtBy }: MutantResult): string[] => [
  name,
  what,
  caughtBy.length === 0 ? 'NOTHING' : caughtBy.map(({ claim }) => claim).join(', '),
  caughtBy[0]?.message ?? '',
]

export const READING = [
  'proved: decided by its checks, up to rounding of float64; expectations are enumerated over all batches, not sampled. ' +
    'measured: a number with its uncertainty, from simulation.',
  'role holds: for every generated case; necessary: an instance without the condition, where the conclusion fails; tight: ' +
    'the bound is attained.',
  'left/right is the largest quotient of the two sides of an inequality: 1 attains the bound. error is the largest difference ' +
    'of the two sides of an equality, relative to the size of what was added up.',
  'premise met counts the cases in which the condition of an implication held; a check whose premise is rare fails as vacuous.',
]
