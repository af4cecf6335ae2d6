import fc from 'fast-check'
import type { Claim } from './claim.ts'
import { dot, expectation, meanOf, sigmaSquared, sumOfSquaredNorms, totalVariance } from './dense.ts'
import { directed, parameter, populations } from './instances.ts'

export const neighbours: Claim = {
  id: '7',
  title: 'Neighbouring quantities',
  statement:
    'Cockpit: the norm test passes iff θ ≤ η, and T/b = θ²/η². Noise scale: ‖Var‖₁ and ‖ḡ‖² − ‖Var‖₁/b are unbiased for ' +
    'σ² and ‖∇F‖² with independent draws, from one batch and from two batch sizes. AdaScale: the gain lies in [1, S]. CABS and AdaDamp ' +
    'are their quotients.',
  kind: 'proved',
  async check({ subject, forAll, exists, example }) {
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
      const { noise, signal } = subject.noiseScaleOfTwo(square(2), square(b + 1))
      const scale = sumOfSquaredNorms(g) / g.length
      t.equal('noise', noise, sigmaSquared(g), scale)
      t.equal('signal', signal, dot(meanOf(g), meanOf(g)), scale)
    })
    await forAll('B_simple is their quotient, boundless where the signal is lost', [inputs[0]], (t, g) => {
      if (g.length < 2) return
      const { noise, signal, scale } = subject.simpleNoiseScale(subject.fromPerSampleGradients(g))!
      if (noise === 0) t.same('without noise', scale, 0)
      else if (signal > 0) t.equal('σ²/‖∇F‖²', scale, noise / signal)
      else t.same('signal lost', scale, Infinity)
      // From two batch sizes either estimate may be negative.
      const two = subject.noiseScaleOfTwo({ batchSize: 2, squaredNorm: 1 }, { batchSize: 4, squaredNorm: 2 })
      t.same('negative noise counts as none', [two.noise, two.signal, two.scale], [-4, 3, 0])
    })
    await example('Cockpit at ḡ = 0, with noise and without', (t) => {
      const radii = (g: number[][]) => ({ ...subject.cockpit(subject.fromPerSampleGradients(g)) })
      t.same('with', radii([[1], [-1]]), { norm: Infinity, innerProduct: Infinity, orthogonality: Infinity })
      t.same('without', radii([[0], [0]]), { norm: 0, innerProduct: 0, orthogonality: 0 })
      t.same('one sample has none', subject.cockpit(subject.fromPerSampleGradients([[1]])), undefined)
      t.same(
        'AdaDamp: F* is 0 unless known, and no loss above F₀ shrinks below 0',
        [subject.adaDampBatchSize(8, 4, 2), subject.adaDampBatchSize(8, -1, 2)],
        [16, 0],
      )
    })
    const positive = fc.integer({ min: 0, max: 4096 }).map((k) => k / 64)
    await forAll(
      'AdaScale’s gain lies in [1, S] and attains S without signal, 1 without noise',
      [positive, positive, fc.integer({ min: 1, max: 64 })],
      (t, noise, signal, S) => {
        const gain = subject.adaScaleGain(noise, signal, S)
        t.atMost('1 ≤ gain', 1, gain)
        t.atMost('gain ≤ S', gain, S)
        const formula = noise + signal > 0 ? (noise + signal) / (noise / S + signal) : 1
        t.equal('(σ² + μ²)/(σ²/S + μ²)', gain, formula)
        t.same('without noise and signal', subject.adaScaleGain(0, 0, S), 1)
        if (noise > 0) t.equal('without signal', subject.adaScaleGain(noise, 0, S), S)
        if (signal > 0) t.equal('without noise', subject.adaScaleGain(0, signal, S), 1)
      },
    )
    await forAll(
      'CABS and AdaDamp by their formulas, boundless at their minimum',
      [directed({ min: 2, max: 8 }), positive, positive, positive, fc.integer({ min: 1, max: 64 })],
      (t, g, loss, fall, minimum, initial) => {
        const s = subject.fromPerSampleGradients(g)
        const noise = totalVariance(g)
        const alpha = initial / 8
        if (loss > 0 && noise > 0) {
          const scale = (alpha * sumOfSquaredNorms(g)) / loss
          t.equal('α‖Var‖₁/F', subject.cabsBatchSize(s, loss, alpha)!, (alpha * noise) / loss, scale)
          t.same('F = 0', subject.cabsBatchSize(subject.fromPerSampleGradients([[0], [2]]), 0, alpha), Infinity)
        }
        const damped = subject.adaDampBatchSize(initial, minimum + loss + fall, minimum + loss, minimum)
        if (loss > 0) t.equal('b₀(F₀ − F*)/(F_k − F*)', damped, (initial * (loss + fall)) / loss)
        else t.same('F_k = F*', damped, fall > 0 ? Infinity : 0)
      },
    )
    await exists('‖ḡ‖² is biased for ‖∇F‖²', [...inputs], (_, g, b) => {
      const plain = expectation(g, b, 'tuples', (batch) => dot(meanOf(batch), meanOf(batch)))
      return plain > 1.5 * dot(meanOf(g), meanOf(g))
    })
  },
}
