/** What `adadagrad verify` runs; built into dist/verify.js, which uses the functions of the package beside it. */
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigurationError } from '../src/errors.ts'
import { makeFolder } from '../src/folder.ts'
import { plural } from '../src/report/format.ts'
import { type ClaimResult, checkClaim } from './check-claim.ts'
import type { Claim } from './claim.ts'
import { claims } from './index.ts'
import { mutants } from './mutants/index.ts'
import { type MutantResult, tryMutants } from './mutation.ts'
import { casesOf, marginOf, type Verification } from './report/document.ts'
import { isFigure } from './report/exhibit.ts'
import { html } from './report/html.ts'
import { figureFile, markdown } from './report/markdown.ts'
import { plot } from './report/plot.ts'
import { real } from './subject.ts'

export interface VerifyOptions {
  /** The short form, of less than a minute. */
  readonly short?: boolean
  /** Ids of claims; all by default. */
  readonly only?: readonly string[]
  readonly seed?: number
  /** Replay one case of the one chosen claim, as a failure's command says; writes no report. */
  readonly path?: string
  /** Try the mutants as well. */
  readonly mutants?: boolean
  /** Folder of the report; null for none. */
  readonly output?: string | null
  /** Where lines go. */
  readonly print: (line: string) => void
}

/**
 * Checks the claims, prints a table and writes a report.
 *
 * @returns whether every claim passed and every mutant was caught
 * @throws ConfigurationError for an unknown claim, a path that leads nowhere, or a folder that cannot be written to
 */
export async function verify(options: VerifyOptions): Promise<boolean> {
  const { short = false, seed = 1, path, output = join('runs', 'verify'), print } = options
  const chosen = choose(options.only)
  const folder = path === undefined ? output : null
  // Before anything is checked: that the report can be written nowhere must not be found out after ten minutes.
  if (folder !== null) prepareFolder(folder)
  const effort = short ? 'short' : 'full'
  const started = performance.now()
  const results: ClaimResult[] = []
  for (const claim of chosen) {
    const result = await checkClaim(claim, { subject: real, effort, seed, ...(path !== undefined && { path }) })
    if (results.length === 0) print(row('claim', 'title', 'verdict', 'checks', 'cases', 'margin', 'seconds'))
    results.push(result)
    printClaim(result, print)
  }
  let mutation: MutantResult[] | null = null
  if (options.mutants) {
    print('')
    print('Broken functions in place of the real ones:')
    const onResult = ({ name, what, caughtBy }: MutantResult) => {
      const by =
        caughtBy.length === 0 ? 'CAUGHT BY NOTHING' : `caught by ${caughtBy.map(({ claim }) => claim).join(', ')}`
      print(`  ${name.padEnd(40)} ${by.padEnd(44)} ${what}`)
    }
    mutation = await tryMutants(chosen, mutants, seed, { onResult })
  }
  const survivors = mutation?.filter(({ caughtBy }) => caughtBy.length === 0) ?? []
  // With some claims only, a mutant that another claim catches is none of theirs.
  const passed = results.every((result) => result.passed) && (survivors.length === 0 || options.only !== undefined)
  const seconds = (performance.now() - started) / 1000
  print('')
  print(conclusion(results, mutation, seconds))
  if (folder !== null) {
    write(folder, {
      package: `adadagrad ${version()}`,
      effort,
      seed,
      environment: { node: process.versions.node, platform: `${process.platform}-${process.arch}` },
      seconds,
      passed,
      claims: results,
      mutants: mutation,
    })
    print(`report: ${join(folder, 'report.html')}, report.md and report.json beside it`)
  }
  return passed
}

/** proofs-check/ and dist/ both lie in the package's root. */
const version = (): string => JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

function choose(only: readonly string[] | undefined): readonly Claim[] {
  if (only === undefined) return claims
  return only.map((id) => {
    const claim = claims.find((candidate) => candidate.id === id)
    if (claim) return claim
    throw new ConfigurationError(`verify: there is no claim ${id}; there are ${claims.map((c) => c.id).join(', ')}`)
  })
}

function row(id: string, title: string, verdict: string, checks: string, cases: string, margin: string, time: string) {
  const name = title.length > 58 ? `${title.slice(0, 57)}…` : title
  return `${id.padEnd(9)} ${name.padEnd(58)} ${verdict.padEnd(8)} ${checks.padStart(6)} ${cases.padStart(9)}  ${margin.padEnd(22)} ${time.padStart(7)}`
}

function printClaim(result: ClaimResult, print: (line: string) => void): void {
  const { id, title, kind, passed, checks, seconds } = result
  const verdict = passed ? (kind === 'measured' ? 'measured' : 'passed') : 'FAILED'
  const cases = casesOf(result).toLocaleString('en-US')
  print(row(id, title, verdict, String(checks.length), cases, marginOf(checks), seconds.toFixed(1)))
  for (const { name, failure } of checks) {
    if (!failure) continue
    print(`    ${name}: ${failure.message}`)
    if (failure.counterexample !== null) print(`    counterexample: ${failure.counterexample}`)
    print(`    replay: ${failure.command}`)
  }
}

function conclusion(
  results: readonly ClaimResult[],
  mutation: readonly MutantResult[] | null,
  seconds: number,
): string {
  const failed = results.filter(({ passed }) => !passed)
  const cases = results.reduce((sum, result) => sum + casesOf(result), 0)
  const verdict = failed.length === 0 ? 'all hold' : `${failed.map(({ id }) => id).join(', ')} FAILED`
  const caught = mutation?.filter(({ caughtBy }) => caughtBy.length > 0).length
  const words = mutation ? `; ${caught} of ${mutation.length} mutants caught` : ''
  return `${plural(results.length, 'claim')}, ${plural(cases, 'case')}: ${verdict}${words}; ${seconds.toFixed(1)} s`
}

function prepareFolder(folder: string): void {
  try {
    makeFolder(folder)
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'a file is in the way' : code
    throw new ConfigurationError(`--output: ${folder}: cannot be the report's folder: ${why}`, { cause })
  }
}

function write(folder: string, verification: Verification): void {
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(verification, null, 1)}\n`)
  writeFileSync(join(folder, 'report.md'), markdown(verification))
  writeFileSync(join(folder, 'report.html'), html(verification))
  for (const { id, exhibits } of verification.claims) {
    for (const [k, exhibit] of exhibits.entries()) {
      if (typeof exhibit === 'string' || !isFigure(exhibit)) continue
      writeFileSync(join(folder, figureFile(id, k)), plot(exhibit))
    }
  }
}
