import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError, ShapeError } from '../../src/errors.ts'
import { officialAdagradNorm } from '../../src/optim/official-adagrad-norm.ts'
import { type Optimizer, optimizer } from '../../src/optim/optimizer.ts'
import { adagrad, adagradNorm, adam, adamw, rmsprop, sgd } from '../../src/optim/optimizers.ts'
import { constantRate, warmupCosine } from '../../src/optim/schedules.ts'
import { flattenState, restoreState } from '../../src/optim/transformation.ts'
import { momentum, weightDecay } from '../../src/optim/transformations.ts'

type Gradient = (x: Float64Array, step: number) => ArrayLike<number>

/** The parameters after so many steps. */
function descend(rule: Optimizer, start: readonly number[], gradient: Gradient, steps: number): Float64Array {
  const x = Float64Array.from(start)
  const layout = { slots: [{ name: 'x', shape: [x.length], offset: 0, size: x.length }], size: x.length }
  const state = rule.init(layout)
  for (let step = 0; step < steps; step++) {
    rule.update(x, Float64Array.from(gradient(x, step)), state, rule.learningRate({ step, samples: step }))
  }
  return x
}

function expectClose(actual: Float64Array, expected: readonly number[], tolerance = 1e-12) {
  expect(actual.length).toBe(expected.length)
  for (const [j, value] of expected.entries()) expect(Math.abs(actual[j] - value)).toBeLessThan(tolerance)
}

describe('agree with PyTorch 1.13 in float64', () => {
  // Four steps from (1, −2, ½) on ½(x₀² + 3x₁² + ¼x₂²), whose gradient every second step is 0.3 larger.
  const curvature = [1, 3, 0.25]
  const gradient: Gradient = (x, step) => x.map((value, j) => curvature[j] * value + 0.3 * (step % 2))
  const cases: [string, Optimizer, number[]][] = [
    ['SGD', sgd({ learningRate: 0.1 }), [0.6018000000000001, -0.5248999999999999, 0.39332519531250004]],
    [
      'SGD, momentum',
      sgd({ learningRate: 0.1, momentum: 0.9 }),
      [0.1265999999999999, 1.2058000000000004, 0.2826884765625],
    ],
    [
      'SGD, momentum, dampening, weight decay',
      sgd({ learningRate: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.01 }),
      [0.373261002250125, 0.7583949740497503, 0.36583454216100003],
    ],
    [
      'SGD, Nesterov, weight decay',
      sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
      [-0.043468161616427844, 0.7669360414154958, 0.20113508001806474],
    ],
    ['Adagrad', adagrad({ learningRate: 0.1 }), [0.7244987887825617, -1.7310145794762364, 0.22092890691665806]],
    [
      'Adagrad, every option',
      adagrad({
        learningRate: 0.1,
        learningRateDecay: 0.05,
        weightDecay: 0.01,
        initialAccumulator: 0.2,
        epsilon: 1e-3,
      }),
      [0.7519841688332339, -1.7455605994029344, 0.34681407471050374],
    ],
    ['RMSprop', rmsprop(), [0.723701168947255, -1.730167592568031, 0.2204126785515689]],
    [
      'RMSprop, every option',
      rmsprop({ decay: 0.9, epsilon: 1e-3, weightDecay: 0.01, momentum: 0.8, centered: true }),
      [0.7771490710072368, -1.7816529751104697, 0.2834311742914078],
    ],
    ['Adam', adam({ learningRate: 0.01 }), [0.9601307988620233, -1.9600489822937088, 0.46353148654361764]],
    [
      'Adam, every option',
      adam({ learningRate: 0.01, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.01 }),
      [0.9601004911712605, -1.9600780002002023, 0.4632761369520242],
    ],
    ['AdamW', adamw({ learningRate: 0.01 }), [0.9597369817463444, -1.9592553731922258, 0.4633373949799119]],
    [
      'AdamW, every option',
      adamw({ learningRate: 0.01, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.2 }),
      [0.9522520935358839, -1.944254382933826, 0.45952190710766083],
    ],
  ]
  for (const [name, rule, expected] of cases) {
    it(name, () => expectClose(descend(rule, [1, -2, 0.5], gradient, 4), expected))
  }
})

describe('by hand', () => {
  it('AdaGrad-Norm shares one scalar', () => {
    const x = descend(adagradNorm({ learningRate: 3, initialNorm: 2 }), [0, 0], () => [3, 6], 2)
    // v = 4 + 45 = 49, then 94: x = −3·(3, 6)·(1/7 + 1/√94).
    const sum = 1 / 7 + 1 / Math.sqrt(94)
    expectClose(x, [-9 * sum, -18 * sum])
  })

  it('AdaGrad-Norm is AdaGrad in one dimension', () => {
    const gradient: Gradient = (x) => [2 * x[0] + 1]
    const norm = descend(adagradNorm({ learningRate: 0.3, initialNorm: 0.5 }), [4], gradient, 20)
    const plain = descend(adagrad({ learningRate: 0.3, initialAccumulator: 0.25, epsilon: 0 }), [4], gradient, 20)
    expectClose(norm, [...plain])
  })

  it('clipping leaves short gradients and shortens long ones', () => {
    const clipped = (g: number[]) => descend(sgd({ learningRate: 1, clipNorm: 5 }), [0, 0], () => g, 1)
    expect([...clipped([3, 4])]).toEqual([-3, -4])
    expectClose(clipped([6, 8]), [-3, -4])
    expect([...clipped([0, 0])]).toEqual([0, 0])
  })

  it('decoupled weight decay is not rescaled, L2 is', () => {
    const still: Gradient = () => [0]
    // Decoupled: x(1 − 0.1·0.5)². L2: AdaGrad's first step has length α whatever λ.
    expectClose(descend(adagrad({ learningRate: 0.1, decoupledWeightDecay: 0.5 }), [2], still, 2), [2 * 0.95 ** 2])
    expectClose(descend(adagrad({ learningRate: 0.1, weightDecay: 0.5 }), [2], still, 1), [1.9], 1e-9)
  })

  it('scheduled rates reach the step', () => {
    const rule = sgd({ learningRate: ({ step }) => step })
    expect([...descend(rule, [0], () => [1], 4)]).toEqual([-(0 + 1 + 2 + 3)])
    expect(rule.config.learningRate).toEqual({ name: 'custom' })
  })
})

describe('the sums behind the rates (docs/maths.md §3.8)', () => {
  it('Σ a_k/S_k ≤ ln(S_K/S_0) and Σ a_k/√S_k ≤ 2(√S_K − √S_0), as AdaGrad-Norm accumulates them', () => {
    const gradients = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(gradients, fc.double({ min: 0.1, max: 10, noNaN: true }), (gs, b0) => {
        const rule = adagradNorm({ initialNorm: b0 })
        const state = rule.init(1)
        const sums = () => Object.values(flattenState(state))[0] as number
        const x = new Float64Array(1)
        let [logarithmic, root] = [0, 0]
        for (const g of gs) {
          rule.update(x, Float64Array.of(g), state, 1)
          logarithmic += g ** 2 / sums()
          root += g ** 2 / Math.sqrt(sums())
        }
        expect(logarithmic).toBeLessThanOrEqual(Math.log(sums() / b0 ** 2) + 1e-9)
        expect(root).toBeLessThanOrEqual(2 * (Math.sqrt(sums()) - b0) + 1e-9)
      }),
      { seed: 1, numRuns: 200 },
    )
  })
})

const everyOptimizer: [Optimizer, Optimizer, number][] = [
  // For the parabola, for Rosenbrock, and where the second must arrive.
  [sgd({ learningRate: 0.05 }), sgd({ learningRate: 0.001 }), 0.1],
  [sgd({ learningRate: 0.01, momentum: 0.9 }), sgd({ learningRate: 2e-4, momentum: 0.9 }), 0.1],
  [
    sgd({ learningRate: 0.01, momentum: 0.9, nesterov: true }),
    sgd({ learningRate: 2e-4, momentum: 0.9, nesterov: true }),
    0.1,
  ],
  [adagrad({ learningRate: 0.5 }), adagrad({ learningRate: 0.5 }), 0.1],
  [adagradNorm({ learningRate: 1 }), adagradNorm({ learningRate: 2 }), 0.1],
  [
    rmsprop({ learningRate: warmupCosine({ peak: 0.05, total: 2000, unit: 'steps' }) }),
    rmsprop({ learningRate: 1e-3 }),
    0.1,
  ],
  [adam({ learningRate: 0.05 }), adam({ learningRate: 0.01 }), 0.1],
  [adamw({ learningRate: 0.05, weightDecay: 0 }), adamw({ learningRate: 0.01, weightDecay: 0 }), 0.1],
  [officialAdagradNorm({ learningRate: 0.5 }), officialAdagradNorm({ learningRate: 0.5 }), 0.1],
]

describe('every optimiser finds the minimum', () => {
  const parabola: Gradient = ([x, y]) => [x - 3, 10 * (y + 2)]
  const rosenbrock: Gradient = ([x, y]) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]
  for (const [k, [onParabola, onRosenbrock, radius]] of everyOptimizer.entries()) {
    it(`${onParabola.name} ${k}`, () => {
      expectClose(descend(onParabola, [0, 0], parabola, 2000), [3, -2], 1e-2)
      expectClose(descend(onRosenbrock, [-1.2, 1], rosenbrock, 20_000), [1, 1], radius)
    })
  }
})

describe('as values', () => {
  it('leave the gradient alone and allocate their scratch once', () => {
    for (const [rule] of everyOptimizer) {
      const gradient = Float64Array.of(1, -2)
      descend(rule, [1, 2], () => gradient, 3)
      expect([...gradient]).toEqual([1, -2])
    }
  })

  it('update float32 parameters', () => {
    const x = Float32Array.of(1, 2)
    const rule = adagrad({ learningRate: 0.1 })
    rule.update(x, Float64Array.of(3, -4), rule.init(2), 0.1)
    expect([...x]).toEqual([Math.fround(0.9), Math.fround(2.1)])
  })

  it('go on from a saved state to the bit', () => {
    const gradient: Gradient = ([x, y], step) => [x - step / 7, Math.sin(y) + x]
    for (const [rule] of everyOptimizer) {
      const layout = { slots: [{ name: 'x', shape: [2], offset: 0, size: 2 }], size: 2 }
      const [straight, resumed] = [Float64Array.of(1, 2), Float64Array.of(1, 2)]
      const state = rule.init(layout)
      let again = rule.init(layout)
      for (let step = 0; step < 6; step++) {
        rule.update(straight, Float64Array.from(gradient(straight, step)), state, 0.1)
        const saved = structuredClone(flattenState(again))
        again = rule.init(layout)
        restoreState(again, saved)
        rule.update(resumed, Float64Array.from(gradient(resumed, step)), again, 0.1)
      }
      expect(resumed).toEqual(straight)
    }
  })

  it('tell transformations of a kind apart', () => {
    const [slow, fast] = [0.9, 0.5].map((decay) => momentum({ decay }))
    const state = optimizer('mine', constantRate(1), [slow, weightDecay(0), fast, slow]).init(1)
    const kinds = Object.keys(flattenState(state)).map((name) => name.split('.')[0])
    expect([...new Set(kinds)]).toEqual(['momentum', 'momentum2', 'momentum3'])
  })

  it('may stand still', () => {
    expect([...descend(sgd({ learningRate: 0 }), [1], () => [1], 1)]).toEqual([1])
  })

  it('refuse a state of another optimiser or model', () => {
    const state = adam().init(2)
    expect(() => restoreState(state, flattenState(sgd({ learningRate: 1, momentum: 0.9 }).init(2)))).toThrow(
      'unexpected',
    )
    expect(() => restoreState(state, {})).toThrow('no array scaleByAdam.first')
    expect(() => restoreState(state, { ...flattenState(state), more: 1 })).toThrow('unexpected more')
    expect(() => restoreState(state, flattenState(adam().init(3)))).toThrow(ShapeError)
  })

  it('record their whole configuration, frozen', () => {
    const rule = adagrad({ learningRate: 8e-3 })
    expect({ name: rule.name, ...rule.config }).toEqual({
      name: 'adagrad',
      learningRate: { name: 'constantRate', value: 8e-3 },
      epsilon: 1e-10,
      initialAccumulator: 0,
      learningRateDecay: 0,
      weightDecay: 0,
      decoupledWeightDecay: 0,
      clipNorm: null,
    })
    expect(adamw().config).toMatchObject({ weightDecay: 0, decoupledWeightDecay: 0.01 })
    for (const [each] of everyOptimizer) {
      expect(Object.isFrozen(each) && Object.isFrozen(each.config)).toBe(true)
      expect(JSON.parse(JSON.stringify(each.config))).toEqual(each.config)
    }
    expect(optimizer('mine', constantRate(1), []).config).toEqual({
      learningRate: { name: 'constantRate', value: 1 },
      transformations: [],
    })
  })

  it('refuse options outside their domain, saying what was given', () => {
    expect(() => sgd({ learningRate: -1 })).toThrow('sgd: learningRate must be a finite number of at least 0, got -1')
    expect(() => sgd({ learningRate: 1, momentum: 1 })).toThrow('momentum: decay must be in [0, 1), got 1')
    expect(() => sgd({ learningRate: 1, nesterov: true })).toThrow(ConfigurationError)
    expect(() => adagrad({ epsilon: 0 })).toThrow('epsilon or initialAccumulator must be above 0')
    expect(() => adagradNorm({ initialNorm: 0 })).toThrow('initialNorm must be a finite number above 0, got 0')
    expect(() => adam({ beta2: 1 })).toThrow('adam: beta2 must be in [0, 1), got 1')
    expect(() => adam({ weightDecay: -1 })).toThrow('adam: weightDecay')
    expect(() => adam({ clipNorm: 0 })).toThrow('adam: clipNorm')
    expect(() => adam().update(new Float32Array(2), new Float64Array(3), {}, 1)).toThrow(ShapeError)
  })
})
