import { checkClaim } from './check-claim.ts'
import type { Claim } from './claim.ts'
import { real, type Subject } from './subject.ts'

/** A function under test with one deliberate mistake. */
export interface Mutant {
  readonly name: string
  /** The mistake, for the report. */
  readonly what: string
  /** What stands in the place of the real functions. */
  readonly functions: Partial<Subject>
}

/** Who caught a mutant. JSON. */
export interface MutantResult {
  readonly name: string
  readonly what: string
  readonly caughtBy: readonly { readonly claim: string; readonly message: string }[]
}

/** A subject that remembers which of its functions were asked for. */
function watched(subject: Subject): { subject: Subject; used: Set<string> } {
  const used = new Set<string>()
  const proxy = new Proxy(subject, {
    get(target, name) {
      used.add(String(name))
      return Reflect.get(target, name)
    },
  })
  return { subject: proxy, used }
}

/**
 * Puts each mutant in the place of the real functions and lists the claims that then fail.
 *
 * A claim is tried only if it uses a function that is broken: which ones it uses is seen in a run with the real ones,
 * which must pass.
 *
 * @param options.onResult called after each mutant
 * @param options.first be content with one claim that catches a mutant
 */
export async function tryMutants(
  claims: readonly Claim[],
  mutants: readonly Mutant[],
  seed: number,
  { onResult = () => {}, first = false }: { onResult?: (result: MutantResult) => void; first?: boolean } = {},
): Promise<MutantResult[]> {
  const proved = claims.filter(({ kind }) => kind === 'proved')
  const uses = new Map<Claim, Set<string>>()
  for (const claim of proved) {
    const { subject, used } = watched(real)
    const { passed } = await checkClaim(claim, { subject, effort: 'mutant', seed })
    if (!passed) throw new Error(`claim ${claim.id} fails on the real functions: mutants would say nothing`)
    uses.set(claim, used)
  }
  const results: MutantResult[] = []
  for (const { name, what, functions } of mutants) {
    const caughtBy: { claim: string; message: string }[] = []
    for (const claim of proved) {
      if (first && caughtBy.length > 0) break
      if (!Object.keys(functions).some((key) => uses.get(claim)!.has(key))) continue
      const result = await checkClaim(claim, { subject: { ...real, ...functions }, effort: 'mutant', seed })
      const failed = result.checks.find(({ passed }) => !passed)
      if (failed) caughtBy.push({ claim: claim.id, message: `${failed.name}: ${failed.failure!.message}` })
    }
    results.push({ name, what, caughtBy })
    onResult(results[results.length - 1])
  }
  return results
}
