import fc from 'fast-check'
import type { Claim } from './claim.ts'
import { dot, expectation, meanOf, sigmaSquared, sumOfSquaredNorms } from './dense.ts'
import { directed, parameter, populations } from './instances.ts'

export const neighbours: Claim = {
  id: '7',
  title: 'Neighbouring quantities',
  statement:
    'Cockpit: the norm test passes iff θ ≤ η, and T/b = θ²/η². Noise scale: ‖Var‖₁ and ‖ḡ‖² − ‖Var‖₁/b are unbiased for ' +
    'σ² and ‖∇F‖² with independent draws, from one batch and from two batch sizes. AdaScale: the gain lies in [1, S].',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    await forAll('Cockpit’s radii and the tests', [directed({ min: 2, max: 8 }), parameter], (t, g, p) => {
      t.size({ b: g.length, d: g[0].length })
      const s = subject.fromPerSampleGradients(g)
      const radii = subject.cockpit(s)!
      const pairs = [
        [radii.norm, subject.normTest({ eta: p })],
        [radii.innerProduct, subject.innerProductTest({ theta: p })],
        [radii.orthogonality, subject.orthogonalityTest({ nu: p })],
      ] as const
      for (const [radius, test] of pairs) {
        const { passed, suggestedBatchSize } = test.evaluate(s)
        t.equal(`T/b of ${test.name}`, suggestedBatchSize / g.length, (radius / p) ** 2)
        if (Math.abs(radius - p) > 1e-9 * p) t.same(`${test.name} passes iff θ ≤ η`, passed, radius <= p)
      }
    })
    const inputs = [populations({ min: 1, max: 4 }, { min: 1, max: 3 }), fc.integer({ min: 2, max: 4 })] as const
    await forAll('noise and signal are unbiased, all tuples', [...inputs], (t, g, b) => {
      t.size({ N: g.length, b })
      const scale = sumOfSquaredNorms(g) / g.length
      const estimate = (which: 'noise' | 'signal') =>
        expectation(g, b, 'tuples', (batch) => subject.simpleNoiseScale(subject.fromPerSampleGradients(batch))![which])
      t.equal('E noise = σ²', estimate('noise'), sigmaSquared(g), scale)
      t.equal('E signal = ‖∇F‖²', estimate('signal'), dot(meanOf(g), meanOf(g)), scale)
    })
    await forAll('from two batch sizes as well', [...inputs], (t, g, b) => {
      const square = (size: number) => ({
        batchSize: size,
        squaredNorm: expectation(g, size, 'tuples', (batch) => dot(meanOf(batch), meanOf(batch))),
      })
      const { noise, signal } = subject.noiseScaleOfTwo(square(1), square(b))
      const scale = sumOfSquaredNorms(g) / g.length
      t.equal('noise', noise, sigmaSquared(g), scale)
      t.equal('signal', signal, dot(meanOf(g), meanOf(g)), scale)
    })
    const positive = fc.integer({ min: 0, max: 4096 }).map((k) => k / 64)
    await forAll(
      'AdaScale’s gain lies in [1, S] and attains S without signal, 1 without noise',
      [positive, positive, fc.integer({ min: 1, max: 64 })],
      (t, noise, signal, S) => {
        const gain = subject.adaScaleGain(noise, signal, S)
        t.atMost('1 ≤ gain', 1, gain)
        t.atMost('gain ≤ S', gain, S)
        if (noise > 0) t.equal('without signal', subject.adaScaleGain(noise, 0, S), S)
        if (signal > 0) t.equal('without noise', subject.adaScaleGain(0, signal, S), 1)
      },
    )
    await exists('‖ḡ‖² is biased for ‖∇F‖²', [...inputs], (_, g, b) => {
      const plain = expectation(g, b, 'tuples', (batch) => dot(meanOf(batch), meanOf(batch)))
      return plain > 1.5 * dot(meanOf(g), meanOf(g))
    })
  },
}
