import { describe, expect, it } from 'vitest'
import { checkClaim } from '../proofs-check/check-claim.ts'
import { claims } from '../proofs-check/index.ts'
import { mutants } from '../proofs-check/mutants/index.ts'
import { tryMutants } from '../proofs-check/mutation.ts'
import { real } from '../proofs-check/subject.ts'

describe('the mathematics (short form of `npm run verify`)', () => {
  for (const claim of claims) {
    it(`${claim.id} ${claim.title}`, async () => {
      const { checks } = await checkClaim(claim, { subject: real, effort: 'short', seed: 1 })
      const failures = checks.flatMap(({ name, failure }) =>
        failure ? [`${name}: ${failure.message}; ${failure.counterexample ?? ''}; ${failure.command}`] : [],
      )
      expect(failures).toEqual([])
      expect(checks.length).toBeGreaterThan(1)
    })
  }

  it('every claim that is proved has an instance without its condition, or a bound that is attained', async () => {
    const roles = new Map<string, Set<string>>()
    for (const claim of claims.filter(({ kind }) => kind === 'proved')) {
      const { checks } = await checkClaim(claim, { subject: real, effort: 'mutant', seed: 2 })
      roles.set(claim.id, new Set(checks.map(({ role }) => role)))
    }
    const bare = [...roles].filter(([, found]) => found.size === 1).map(([id]) => id)
    // Named outcomes and formulas of steps have no condition to drop: mutants take its place.
    expect(bare).toEqual(['2.edges'])
  })
})

describe('the checks, checked', () => {
  it(`each of ${mutants.length} broken functions is caught`, async () => {
    const results = await tryMutants(claims, mutants, 1, { first: true })
    expect(results.filter(({ caughtBy }) => caughtBy.length === 0).map(({ name }) => name)).toEqual([])
  })

  it('a failure names the shrunk counterexample and a command that replays it', async () => {
    const claim = claims.find(({ id }) => id === '3.2')!
    const subject = { ...real, exact: mutants.find(({ name }) => name === 'exact test, no 1/b')!.functions.exact! }
    const first = await checkClaim(claim, { subject, effort: 'short', seed: 5 })
    const failed = first.checks.find(({ passed }) => !passed)!
    expect(failed.failure!.counterexample).not.toBeNull()
    const [, seed, path] = /--only 3\.2 --seed (\d+) --path (\S+)$/.exec(failed.failure!.command)!
    const replay = await checkClaim(claim, { subject, effort: 'full', seed: Number(seed), path })
    expect(replay.checks).toHaveLength(1)
    expect(replay.checks[0].cases).toBe(1)
    expect(replay.checks[0].failure!.counterexample).toBe(failed.failure!.counterexample)
  })
})
