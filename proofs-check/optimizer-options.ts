import fc from 'fast-check'
import type { Claim } from './claim.ts'
import { alike, byHand, runs, trajectory } from './trajectories.ts'

export const optimizerOptions: Claim = {
  id: '5.options',
  title: 'Options of optimisers, and schedules',
  statement:
    'Dampening, RMSProp’s momentum and centring, AdaGrad’s decay of the learning rate, decoupled decay and clipping compose ' +
    'as documented: clip, then L2, then the rule, then decoupled decay. Schedules are functions of samples (or steps) alone: ' +
    'warm-up with cosine or linear decay falls to its end, multistep multiplies at each milestone.',
  kind: 'proved',
  async check({ subject, forAll, exists, example }) {
    const { sgd, adagrad, rmsprop } = subject
    await forAll(
      'dampening: the first gradient enters whole',
      [runs],
      (t, { start, gradients: g, α, decay: μ, λ: τ }) => {
        const m = start.map(() => 0)
        const expected = byHand(start, g, α, (j, k) => {
          m[j] = μ === 0 || k === 0 ? g[k][j] : μ * m[j] + (1 - τ) * g[k][j]
          return m[j]
        })
        alike(t, 'SGD', trajectory(sgd({ learningRate: 1, momentum: μ, dampening: τ }), start, g, α), expected)
      },
    )
    await forAll('RMSProp, centred and with momentum', [runs], (t, { start, gradients: g, α, decay: ρ }) => {
      const [v, m, buffer] = [start.map(() => 0), start.map(() => 0), start.map(() => 0)]
      const expected = byHand(start, g, α, (j, k) => {
        v[j] = ρ * v[j] + (1 - ρ) * g[k][j] ** 2
        m[j] = ρ * m[j] + (1 - ρ) * g[k][j]
        buffer[j] = 0.5 * buffer[j] + g[k][j] / (Math.sqrt(Math.max(0, v[j] - m[j] ** 2)) + 1)
        return buffer[j]
      })
      const optimizer = rmsprop({ decay: ρ, epsilon: 1, centered: true, momentum: 0.5 })
      alike(t, 'RMSProp', trajectory(optimizer, start, g, α), expected)
    })
    await forAll('AdaGrad’s decay: α/(1 + k·rate) at step k', [runs], (t, { start, gradients: g, α, decay }) => {
      const v = start.map(() => 1)
      const expected = byHand(start, g, α, (j, k) => {
        v[j] += g[k][j] ** 2
        return g[k][j] / (Math.sqrt(v[j]) + 0.5) / (1 + k * decay)
      })
      const optimizer = adagrad({ initialAccumulator: 1, epsilon: 0.5, learningRateDecay: decay })
      alike(t, 'AdaGrad', trajectory(optimizer, start, g, α), expected)
    })
    await forAll('clip, L2, the rule, decoupled decay: in this order', [runs], (t, { start, gradients: g, α, λ }) => {
      const v = start.map(() => 1)
      const expected = byHand(start, g, α, (j, k, x) => {
        const norm = Math.hypot(...g[k])
        const gradient = g[k][j] * Math.min(1, 4 / norm || 1) + λ * x[j]
        v[j] += gradient ** 2
        return gradient / (Math.sqrt(v[j]) + 0.5) + 2 * λ * x[j]
      })
      const optimizer = adagrad({
        initialAccumulator: 1,
        epsilon: 0.5,
        clipNorm: 4,
        weightDecay: λ,
        decoupledWeightDecay: 2 * λ,
      })
      alike(t, 'AdaGrad', trajectory(optimizer, start, g, α), expected)
    })
    const shapes = fc.record({
      peak: fc.integer({ min: 1, max: 64 }).map((k) => k / 64),
      end: fc.integer({ min: 0, max: 16 }).map((k) => k / 1024),
      start: fc.integer({ min: 0, max: 16 }).map((k) => k / 1024),
      warmup: fc.integer({ min: 0, max: 1000 }),
      decay: fc.integer({ min: 1, max: 5000 }),
      at: fc.integer({ min: 0, max: 7000 }),
      unit: fc.constantFrom<'samples' | 'steps'>('samples', 'steps'),
    })
    await forAll(
      'warm-up with cosine and linear decay',
      [shapes],
      (t, { peak, end, start, warmup, decay, at, unit }) => {
        const options = { peak, end, start, warmup, total: warmup + decay, unit }
        // The other counter must not matter.
        const progress = unit === 'samples' ? { samples: at, step: 3 } : { samples: 3, step: at }
        const done = Math.min(1, Math.max(0, (at - warmup) / decay))
        const rising = start + ((peak - start) * at) / Math.max(1, warmup)
        const expected = (shape: number) => (at < warmup ? rising : end + (peak - end) * shape)
        t.equal('linear', subject.warmupLinear(options)(progress), expected(1 - done), 1)
        t.equal('cosine', subject.warmupCosine(options)(progress), expected((1 + Math.cos(Math.PI * done)) / 2), 1)
        t.equal('constant', subject.constantRate(peak)(progress), peak)
      },
    )
    await forAll('a decay towards a smaller end never rises', [shapes, fc.nat(500)], (t, shape, further) => {
      const { peak, warmup, decay, at } = shape
      const options = { peak, end: Math.min(shape.end, peak), warmup, total: warmup + decay }
      for (const schedule of [subject.warmupLinear(options), subject.warmupCosine(options)]) {
        const rate = (samples: number) => schedule({ samples: warmup + samples, step: 0 })
        t.atMost('later rate', rate(at + further), rate(at), peak)
      }
    })
    await example('multistep', (t) => {
      const schedule = subject.multistep({ initial: 1, milestones: [10, 20], factor: 0.5 })
      const rates = [0, 9, 10, 19, 20, 100].map((samples) => schedule({ samples, step: 0 }))
      t.same('rates', rates, [1, 1, 0.5, 0.5, 0.25, 0.25])
    })
    await exists('decay before the rule is not decay after it', [runs], (_, { start, gradients: g, α }) => {
      const before = trajectory(adagrad({ weightDecay: 0.5 }), start, g, α)
      const after = trajectory(adagrad({ decoupledWeightDecay: 0.5 }), start, g, α)
      return before.some((x, k) => x.some((value, j) => Math.abs(value - after[k][j]) > 0.01))
    })
  },
}
