import fc from 'fast-check'
import type { Claim } from './claim.ts'
import { batchSize, descriptions, parameter, populations, realise } from './instances.ts'
import { testsOf } from './tests-by-definition.ts'

/** ⌈p/q⌉ for p, q > 0. */
const ceilQuotient = (p: bigint, q: bigint): bigint => (p + q - 1n) / q

export const leastBatchSizeClaim: Claim = {
  id: '3.5',
  title: 'T is the least batch size that the same statistics accept',
  statement: 'The same statistics pass at ⌈T⌉ and fail at ⌈T⌉ − 1, in float64 as well as in exact arithmetic.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    const minimal = (
      t: { that(what: string, holds: boolean): void },
      name: string,
      T: number,
      passes: (b: number) => boolean,
    ) => {
      const least = Math.max(1, Math.ceil(T))
      t.that(`${name}: passes at ${least}`, passes(least))
      if (least > 1) t.that(`${name}: fails at ${least - 1}`, !passes(least - 1))
    }
    await forAll(
      'every test, approximate and exact',
      [populations({ min: 2, max: 8 }), parameter],
      (t, g, p) => {
        t.size({ b: g.length, d: g[0].length })
        const s = subject.fromPerSampleGradients(g)
        for (const test of Object.values(testsOf(subject, p))) {
          const T = test.evaluate(s).suggestedBatchSize
          if (t.premise(T < 2 ** 51)) minimal(t, test.name, T, (batchSize) => test.evaluate(s, { batchSize }).passed!)
          const exact = subject.exact(test)
          const exactT = exact.evaluate(s, 1).suggestedBatchSize
          if (exactT < 2 ** 51) minimal(t, exact.name, exactT, (b) => exact.evaluate(s, b).passed!)
        }
      },
      { premise: 0.5, runs: 2000 },
    )
    await forAll(
      'the verdict on the batch itself is b ≥ ⌈T⌉',
      [populations({ min: 2, max: 8 }), parameter],
      (t, g, p) => {
        const s = subject.fromPerSampleGradients(g)
        for (const test of Object.values(testsOf(subject, p))) {
          const { passed, suggestedBatchSize } = test.evaluate(s)
          t.same(test.name, passed, g.length >= Math.ceil(suggestedBatchSize))
        }
      },
    )
    const whole = fc.integer({ min: -60, max: 60 })
    const matrix = fc
      .tuple(fc.integer({ min: 2, max: 7 }), fc.integer({ min: 1, max: 4 }))
      .chain(([b, d]) => fc.array(fc.array(whole, { minLength: d, maxLength: d }), { minLength: b, maxLength: b }))
    await forAll(
      'the norm test against exact rational arithmetic',
      [matrix, fc.integer({ min: 1, max: 64 })],
      (t, g, k) => {
        // (1/B)(Q − ‖S‖²/b)/(b − 1) ≤ η²‖S‖²/b² with integers Q = Σ‖g_i‖², S = Σ g_i and η = k/16.
        const b = BigInt(g.length)
        const sums = g[0].map((_, j) => BigInt(g.reduce((sum, row) => sum + row[j], 0)))
        const S = sums.reduce((total, s) => total + s * s, 0n)
        const Q = BigInt(g.reduce((total, row) => total + row.reduce((sum, x) => sum + x * x, 0), 0))
        if (!t.premise(S > 0n && b * Q > S)) return
        const least = ceilQuotient(b * (b * Q - S) * 256n, BigInt(k * k) * (b - 1n) * S)
        const T = subject.normTest({ eta: k / 16 }).evaluate(subject.fromPerSampleGradients(g)).suggestedBatchSize
        // ḡ is rounded, so where T is a whole number the two may settle on neighbours.
        const tie = Math.abs(T - Math.round(T)) < 1e-9 * T
        t.that(
          `⌈T⌉ = ${least}, got ${T}`,
          tie ? Math.abs(Number(least) - T) <= 1 + 1e-9 * T : BigInt(Math.ceil(T)) === least,
        )
      },
      { premise: 0.5, runs: 5000 },
    )
    const bound = fc.integer({ min: 1, max: 1 << 20 }).map((k) => k / 1021)
    await forAll(
      'also where variance/bound is a whole number up to rounding',
      [bound, fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: -3, max: 3 })],
      (t, threshold, n, ulps) => {
        const variance = n * threshold * (1 + ulps * Number.EPSILON)
        const least = Math.ceil(subject.leastBatchSize(variance, threshold))
        minimal(t, 'leastBatchSize', least, (b) => variance / b <= threshold)
        t.that(`within one of ${n}`, Math.abs(least - n) <= 1)
      },
      { runs: 20_000 },
    )
    await exists(
      'the rounded quotient alone would be off by one',
      [bound, fc.integer({ min: 2, max: 1e6 }), fc.constantFrom(-1, 1, 2)],
      (_, threshold, n, ulps) => {
        const variance = n * threshold * (1 + ulps * Number.EPSILON)
        const naive = Math.ceil(variance / threshold)
        return variance / naive > threshold || (naive > 1 && variance / (naive - 1) <= threshold)
      },
      { runs: 20_000 },
    )
    await forAll(
      'on batches of problems',
      [descriptions({ min: 2, max: 8 }), parameter, batchSize(8)],
      async (t, description, p, b) => {
        const { executor } = await realise(description, subject.createExecutor)
        const indices = Array.from({ length: b + 1 }, (_, i) => i % description.N)
        const { statistics } = await executor.batch(indices, 0, 'projections')
        for (const test of Object.values(testsOf(subject, p)).slice(0, 4)) {
          const T = test.evaluate(statistics).suggestedBatchSize
          if (T < 2 ** 51) minimal(t, test.name, T, (size) => test.evaluate(statistics, { batchSize: size }).passed!)
        }
      },
      { runs: 200 },
    )
  },
}
