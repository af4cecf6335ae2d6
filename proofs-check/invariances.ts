import fc from 'fast-check'
import type { Claim } from './claim.ts'
import { dot, meanOf, sumOfSquaredNorms } from './dense.ts'
import { directed, parameter, rotate, rotation } from './instances.ts'
import { testsOf } from './tests-by-definition.ts'

export const invariances: Claim = {
  id: '3.6',
  title: 'What T does not depend on, and how it depends on η, ϑ, ν',
  statement:
    'T does not change when the loss is scaled by c > 0, when samples are permuted, or (norm, inner product, ' +
    'orthogonality, augmented) when the parameters are rotated. T falls as η, ϑ, ν grow, with their square.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    const g0 = directed({ min: 2, max: 8 }, { min: 1, max: 6 })
    const suggestions = (g: number[][], p: number) => {
      const s = subject.fromPerSampleGradients(g)
      return Object.entries(testsOf(subject, p)).map(
        ([name, test]) => [name, test.evaluate(s).suggestedBatchSize] as const,
      )
    }
    /** T in units of what its rounding errors are: Σ‖g_i‖²/(p²·least bound). */
    const scaleOf = (g: number[][], p: number) => {
      const mean = meanOf(g)
      const least = Math.min(dot(mean, mean), ...mean.map((m) => m * m))
      return sumOfSquaredNorms(g) / (p ** 2 * least)
    }
    await forAll(
      'the scale of the loss',
      [g0, parameter, fc.integer({ min: 1, max: 4096 }).map((k) => k / 509)],
      (t, g, p, c) => {
        t.size({ b: g.length, d: g[0].length })
        const scaled = suggestions(
          g.map((row) => row.map((x) => c * x)),
          p,
        )
        const scale = scaleOf(g, p)
        for (const [k, [name, T]] of suggestions(g, p).entries()) t.equal(`T of ${name}`, scaled[k][1], T, scale)
      },
    )
    await forAll('the order of the samples', [g0, parameter, fc.nat()], (t, g, p, seed) => {
      const order = g.map((_, i) => i).sort((a, b) => (((a + 1) * (seed + 7)) % 11) - (((b + 1) * (seed + 7)) % 11))
      const scale = scaleOf(g, p)
      const permuted = suggestions(
        order.map((i) => g[i]),
        p,
      )
      for (const [k, [name, T]] of suggestions(g, p).entries()) t.equal(`T of ${name}`, permuted[k][1], T, scale)
    })
    await forAll('a rotation of the parameters', [g0, parameter, fc.nat(1e6)], (t, g, p, seed) => {
      t.size({ d: g[0].length })
      const rotated = suggestions(rotate(g, rotation(seed, g[0].length)), p)
      const scale = scaleOf(g, p)
      for (const [k, [name, T]] of suggestions(g, p).entries()) {
        if (name !== 'coordinate') t.equal(`T of ${name}`, rotated[k][1], T, scale)
      }
    })
    await forAll(
      'T falls with the square of the parameter',
      [g0, parameter, fc.integer({ min: 17, max: 80 }).map((k) => k / 16)],
      (t, g, p, factor) => {
        const looser = suggestions(g, p * factor)
        for (const [k, [name, T]] of suggestions(g, p).entries()) {
          t.equal(`T of ${name}`, looser[k][1] * factor ** 2, T, scaleOf(g, p))
          if (T > 1e-9) t.that(`T of ${name} falls`, looser[k][1] < T)
        }
      },
    )
    await exists(
      'the coordinate-wise T does change under a rotation',
      [g0, parameter, fc.nat(1e6)],
      (_, g, p, seed) => {
        const T = (rows: number[][]) =>
          subject.coordinateTest({ eta: p }).evaluate(subject.fromPerSampleGradients(rows)).suggestedBatchSize
        return Math.abs(T(rotate(g, rotation(seed, g[0].length))) - T(g)) > 0.1 * T(g)
      },
    )
    await exists('with a floor, the coordinate-wise T does depend on the scale', [g0, parameter], (_, g, p) => {
      const T = (c: number) =>
        subject
          .coordinateTest({ eta: p, floor: 1.5 })
          .evaluate(subject.fromPerSampleGradients(g.map((row) => row.map((x) => c * x)))).suggestedBatchSize
      return Math.abs(T(0.1) - T(1)) > 0.1 * T(1)
    })
    await exists(
      'gradients divided by b, as a mean loss would give them, have another T at another b',
      [g0],
      (_, g) => {
        // The trap that §1 names: were g_i scaled by 1/b, Σ‖g_i‖² − b‖ḡ‖² with an unscaled ḡ would not scale along.
        const wrong = sumOfSquaredNorms(g.map((row) => row.map((x) => x / g.length))) - dot(meanOf(g), meanOf(g))
        const right = sumOfSquaredNorms(g) - g.length * dot(meanOf(g), meanOf(g))
        return Math.abs(wrong - right) > 0.1 * Math.abs(right)
      },
    )
  },
}
