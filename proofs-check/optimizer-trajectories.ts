import fc from 'fast-check'
import type { Optimizer } from '../src/optim/optimizer.ts'
import type { Claim } from './claim.ts'
import { dot } from './dense.ts'
import { rotate, rotation } from './instances.ts'
import { alike, byHand, runs, trajectory } from './trajectories.ts'

export const optimizerTrajectories: Claim = {
  id: '5',
  title: 'The optimisers take the steps of their formulas',
  statement:
    'AdaGrad: v ← v + g∘g, x ← x − αg/(√v + ε). AdaGrad-Norm: the scalar v ← v + ‖g‖², x ← x − αg/√v, v₀ = b₀² > 0. SGD, ' +
    'momentum, Nesterov, RMSProp, Adam, AdamW, clipping, L2 and decoupled weight decay as in their sources.',
  kind: 'proved',
  async check({ subject, forAll, exists, example }) {
    const { sgd, adagrad, adagradNorm, rmsprop, adam, adamw } = subject
    await example('trajectories by hand', (t) => {
      const one = (optimizer: Optimizer, gradients: number[], start = 0) =>
        trajectory(
          optimizer,
          [start],
          gradients.map((g) => [g]),
        ).flat()
      const check = (what: string, got: number[], expected: number[]) => {
        for (const [k, x] of expected.entries()) t.equal(`${what}, step ${k + 1}`, got[k], x, 1)
      }
      const α = { learningRate: 1 }
      check('SGD', one(sgd(α), [2, -1], 1), [-1, 0])
      // m = 1, 1.5, 1.75; Nesterov steps along g + μm = 1.5, 1.75, 1.875.
      check('momentum ½', one(sgd({ ...α, momentum: 0.5 }), [1, 1, 1]), [-1, -2.5, -4.25])
      check('Nesterov ½', one(sgd({ ...α, momentum: 0.5, nesterov: true }), [1, 1, 1]), [-1.5, -3.25, -5.125])
      // v = 16, 25.
      check('AdaGrad, v₀ = 7, ε = 0', one(adagrad({ initialAccumulator: 7, epsilon: 0 }), [3, 3]), [
        -3 / 4,
        -3 / 4 - 3 / 5,
      ])
      check('AdaGrad, v₀ = 0, ε = 1', one(adagrad({ epsilon: 1 }), [3, 4]), [-3 / 4, -3 / 4 - 4 / 6])
      check('AdaGrad by default: v₀ = 0, ε = 1e-10', one(adagrad(), [3, 4]), [
        -3 / (3 + 1e-10),
        -3 / (3 + 1e-10) - 4 / (5 + 1e-10),
      ])
      // √v = 13 after (12, 0), 85 after (0, 84): one scalar for both coordinates.
      const norm = trajectory(
        adagradNorm({ initialNorm: 5 }),
        [0, 0],
        [
          [12, 0],
          [0, 84],
        ],
      )
      check('AdaGrad-Norm, b₀ = 5', norm.flat(), [-12 / 13, 0, -12 / 13, -84 / 85])
      // v = 1, 1.75.
      check('RMSProp ρ = ¾, ε = 1', one(rmsprop({ decay: 0.75, epsilon: 1 }), [2, 2]), [
        -1,
        -1 - 2 / (Math.sqrt(1.75) + 1),
      ])
      // m̂ = 3, 5/3 and v̂ = 9, 11/3.
      const half = { beta1: 0.5, beta2: 0.5, epsilon: 1 }
      const second = 5 / 3 / (Math.sqrt(11 / 3) + 1)
      check('Adam β = ½, ε = 1', one(adam(half), [3, 1]), [-0.75, -0.75 - second])
      check('AdamW λ = 0.1', one(adamw({ ...half, weightDecay: 0.1 }), [3], 2), [2 - 0.75 - 0.2])
      check('L2 λ = 0.1', one(sgd({ ...α, weightDecay: 0.1 }), [3], 2), [2 - 3.2])
      check('clipping at 5', trajectory(sgd({ ...α, clipNorm: 5 }), [0, 0], [[6, 8]]).flat(), [-3, -4])
      check('no clipping below 5', trajectory(sgd({ ...α, clipNorm: 5 }), [0, 0], [[3, 3]]).flat(), [-3, -3])
    })
    await forAll('AdaGrad and AdaGrad-Norm', [runs], (t, { start, gradients: g, α, decay }) => {
      t.size({ d: start.length, K: g.length })
      const v0 = decay + 1 / 16
      const past = (j: number, k: number) => g.slice(0, k + 1).reduce((sum, row) => sum + row[j] ** 2, v0)
      const own = trajectory(adagrad({ initialAccumulator: v0, epsilon: 1e-3 }), start, g, α)
      alike(
        t,
        'AdaGrad',
        own,
        byHand(start, g, α, (j, k) => g[k][j] / (Math.sqrt(past(j, k)) + 1e-3)),
      )
      const total = (k: number) => g.slice(0, k + 1).reduce((sum, row) => sum + dot(row, row), v0)
      const norm = trajectory(adagradNorm({ initialNorm: Math.sqrt(v0) }), start, g, α)
      alike(
        t,
        'AdaGrad-Norm',
        norm,
        byHand(start, g, α, (j, k) => g[k][j] / Math.sqrt(total(k))),
      )
    })
    await forAll('SGD with momentum, Nesterov and L2', [runs], (t, { start, gradients: g, α, decay: μ, λ }) => {
      for (const nesterov of μ > 0 ? [false, true] : [false]) {
        const m = start.map(() => 0)
        const expected = byHand(start, g, α, (j, k, x) => {
          const gradient = g[k][j] + λ * x[j]
          m[j] = μ * m[j] + gradient
          return nesterov ? gradient + μ * m[j] : m[j]
        })
        const own = trajectory(sgd({ learningRate: 1, momentum: μ, nesterov, weightDecay: λ }), start, g, α)
        alike(t, `momentum ${μ}, nesterov ${nesterov}, λ ${λ}`, own, expected)
      }
    })
    await forAll('RMSProp, Adam and AdamW', [runs], (t, { start, gradients: g, α, decay: β, λ }) => {
      const average = (j: number, k: number, rate: number, power: number) =>
        g.slice(0, k + 1).reduce((sum, row, i) => sum + (1 - rate) * rate ** (k - i) * row[j] ** power, 0)
      const rms = byHand(start, g, α, (j, k) => g[k][j] / (Math.sqrt(average(j, k, β, 2)) + 0.1))
      alike(t, 'RMSProp', trajectory(rmsprop({ decay: β, epsilon: 0.1 }), start, g, α), rms)
      const β2 = 0.875
      const scaled = (j: number, k: number) =>
        average(j, k, β, 1) / (1 - β ** (k + 1)) / (Math.sqrt(average(j, k, β2, 2) / (1 - β2 ** (k + 1))) + 0.1)
      const options = { beta1: β, beta2: β2, epsilon: 0.1 }
      alike(t, 'Adam', trajectory(adam(options), start, g, α), byHand(start, g, α, scaled))
      const decoupled = byHand(start, g, α, (j, k, x) => scaled(j, k) + λ * x[j])
      alike(t, 'AdamW', trajectory(adamw({ ...options, weightDecay: λ }), start, g, α), decoupled)
    })
    await forAll('clipping: the direction is kept, its norm is min(‖g‖, limit)', [runs], (t, { gradients: g, α }) => {
      const limit = 8 * α
      for (const row of g) {
        const step = trajectory(
          sgd({ learningRate: 1, clipNorm: limit }),
          row.map(() => 0),
          [row],
        )[0]
        const norm = Math.sqrt(dot(row, row))
        t.equal('‖step‖', Math.sqrt(dot(step, step)), Math.min(norm, limit), limit)
        t.equal('direction', -dot(step, row), Math.sqrt(dot(step, step)) * norm, limit * norm)
      }
    })
    await forAll(
      'AdaGrad-Norm turns with the parameters',
      [runs, fc.nat(1e6)],
      (t, { start, gradients: g, α }, seed) => {
        const q = rotation(seed, start.length)
        const optimizer = adagradNorm({ initialNorm: 1 })
        const turned = trajectory(optimizer, rotate([start], q)[0], rotate(g, q), α)
        alike(t, 'AdaGrad-Norm', turned, rotate(trajectory(optimizer, start, g, α), q))
      },
    )
    await exists('AdaGrad does not turn with them', [runs, fc.nat(1e6)], (_, { start, gradients: g, α }, seed) => {
      const q = rotation(seed, start.length)
      const turned = trajectory(adagrad(), rotate([start], q)[0], rotate(g, q), α)
      const expected = rotate(trajectory(adagrad(), start, g, α), q)
      return turned.some((x, k) => x.some((value, j) => Math.abs(value - expected[k][j]) > 0.01))
    })
    await forAll(
      'AdaGrad with v₀ = 0 does not see the scale of the loss',
      [runs],
      (t, { start, gradients, α, decay }) => {
        const c = 2 ** (16 * decay - 8)
        const bounded = gradients.map((row) => row.map((x) => (x === 0 ? 1 : x)))
        const scaled = trajectory(
          adagrad({ epsilon: 1e-300 }),
          start,
          bounded.map((row) => row.map((x) => c * x)),
          α,
        )
        alike(t, 'AdaGrad', scaled, trajectory(adagrad({ epsilon: 1e-300 }), start, bounded, α))
      },
    )
    await exists('AdaGrad-Norm does see it, through b₀', [runs], (_, { start, gradients: g, α }) => {
      const norm = adagradNorm({ initialNorm: 1 })
      const scaled = trajectory(
        norm,
        start,
        g.map((row) => row.map((x) => x / 64)),
        α,
      )
      return trajectory(norm, start, g, α).some((x, k) => x.some((value, j) => Math.abs(value - scaled[k][j]) > 0.01))
    })
    await exists(
      'L2 and decoupled decay differ once the gradient is rescaled',
      [runs],
      (_, { start, gradients: g, α }) => {
        const coupled = trajectory(adam({ weightDecay: 0.1 }), start, g, α)
        const decoupled = trajectory(adamw({ weightDecay: 0.1 }), start, g, α)
        return coupled.some((x, k) => x.some((value, j) => Math.abs(value - decoupled[k][j]) > 0.01))
      },
    )
    await forAll(
      'all of them minimise a parabola',
      [
        fc.array(
          fc.integer({ min: 32, max: 512 }).map((k) => k / 128),
          { minLength: 1, maxLength: 4 },
        ),
      ],
      (t, curvature) => {
        const all = [
          [sgd({ learningRate: 0.1 }), 0.1],
          [sgd({ learningRate: 0.1, momentum: 0.5, nesterov: true }), 0.1],
          [adagrad({ learningRate: 0.5 }), 0.5],
          [adagradNorm({ learningRate: 0.5 }), 0.5],
          [rmsprop({ learningRate: 0.002, decay: 0.9 }), 0.002],
          [adam({ learningRate: 0.01 }), 0.01],
          [adamw({ learningRate: 0.01, weightDecay: 0 }), 0.01],
        ] as const
        for (const [optimizer, α] of all) {
          const x = Float64Array.from(curvature, () => 1)
          const state = optimizer.init(x.length)
          for (let k = 0; k < 2000; k++)
            optimizer.update(
              x,
              x.map((value, j) => curvature[j] * value),
              state,
              α,
            )
          t.that(`${optimizer.name} ends at ${Math.hypot(...x)}`, Math.hypot(...x) < 0.02)
        }
      },
      { runs: 100 },
    )
  },
}
