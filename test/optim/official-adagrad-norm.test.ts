import { describe, expect, it } from 'vitest'
import { officialAdagradNorm } from '../../src/optim/official-adagrad-norm.ts'
import type { Optimizer } from '../../src/optim/optimizer.ts'

/** A vector before any matrix; a kernel and vectors that its 4 row norms fit, fit in pairs, and do not fit; a matrix. */
const shapes = [[3], [4, 1, 1, 2], [4], [2], [3], [2, 3], [2], [4]]

function layoutOf(list: readonly (readonly number[])[]) {
  let size = 0
  const slots = list.map((shape, t) => {
    const slot = { name: `t${t}`, shape, offset: size, size: shape.reduce((a, b) => a * b, 1) }
    size += slot.size
    return slot
  })
  return { slots, size }
}

/** Three steps from x_k = ((7k mod 11) − 5)/4 with the gradient (1 + (3k mod 5)/2)·x_k + step/10. */
function threeSteps(rule: Optimizer): Float64Array {
  const layout = layoutOf(shapes)
  const x = Float64Array.from({ length: layout.size }, (_, k) => (((7 * k) % 11) - 5) / 4)
  const state = rule.init(layout)
  for (let step = 0; step < 3; step++) {
    const gradient = x.map((value, k) => (1 + ((3 * k) % 5) / 2) * value + 0.1 * step)
    rule.update(x, gradient, state, rule.learningRate({ step, samples: 0 }))
  }
  return x
}

describe('officialAdagradNorm', () => {
  // From the official adagradnorm.py at cc126fb, run with PyTorch 1.13 in float64.
  it('agrees with the official code', () => {
    const expected = [
      -0.41028166621136, -0.07960695790498, -0.13165156858177, 0.31721330324936, 0.08361452938456, -0.47130206885887,
      0.14261971736661, -0.04128669697559, -0.1904355931737, -0.03084096496783, -0.16298729127565, -0.61287480728556,
      0.17270065173635, -0.13402840911345, 0.39125955470368, 0.12591587323867, -0.21535024602727, 0.09504685590699,
      0.13983025044558, -0.20780518354396, 0.31753979182129, -0.07524424941239, -0.45659222829099, -0.0157587209671,
      -0.15406635763544, 0.58214739056238, -0.01592090637812, -0.33709162411351, 0.12463108391829, 0.12806855900574,
      -0.2630529684339, -0.02145828888453,
    ]
    const x = threeSteps(officialAdagradNorm({ learningRate: 0.5 }))
    for (const [j, value] of expected.entries()) expect(x[j]).toBeCloseTo(value, 12)
  })

  it('agrees with momentum, weight decay, learning-rate decay and another accumulator, too', () => {
    const expected = [
      -0.78744224481112, 0.04436482101685, -0.16240627516479, 0.48074850567044, 0.12313103613884, -0.57153956766888,
      0.3803084755404, -0.02202871725041, -0.35450831270947, 0.2432199598805, -0.19097759747358, -0.67499784703261,
      0.28835287880914, -0.20092499988323, 0.64342375909178, 0.16812248089303, -0.34233899327579, 0.47550518808225,
      -0.06200529127453, -0.45367330316931, 0.50272731439291, -0.11035249947894, -0.74074009113939, 0.10899418010853,
      -0.25683841086002, 0.86399424218738, 0.06642921930366, -0.47573900123556, 0.32222424887842, -0.06611191517434,
      -0.58438430670932, 0.20287169667198,
    ]
    const rule = officialAdagradNorm({
      learningRate: 0.5,
      momentum: 0.8,
      weightDecay: 0.1,
      learningRateDecay: 0.05,
      initialAccumulator: 0.3,
    })
    const x = threeSteps(rule)
    for (const [j, value] of expected.entries()) expect(x[j]).toBeCloseTo(value, 12)
  })

  it('wants to know the arrays, and only those the official code treats', () => {
    expect(() => officialAdagradNorm().init(10)).toThrow('expected a layout of parameter arrays, got only their number')
    expect(() => officialAdagradNorm().init(layoutOf([[2, 2, 2]]))).toThrow('got t0 [2, 2, 2]')
  })
})
