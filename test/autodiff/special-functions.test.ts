import { describe, expect, it } from 'vitest'
import * as ops from '../../src/autodiff/operations/index.ts'
import { normal, uniform } from '../support/arrays.ts'
import { expectClose } from '../support/close.ts'
import { array, evaluate, indices } from '../support/evaluate.ts'

// Computed with mpmath to 40 digits, then rounded to float64.
const erfs = [
  [1e-10, 1.1283791670955126e-10],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [2.4375, 0.9994334567454198],
  [2.5, 0.999593047982555],
  [3, 0.9999779095030014],
  [4, 0.9999999845827421],
  [5.5, 0.9999999999999927],
] as const
const gelus = [
  [-3, -0.0040496940948902835],
  [-0.75, -0.16997051428265114],
  [0.25, 0.14967658142073093],
  [1, 0.8413447460685429],
  [2.5, 2.4844758366855597],
] as const

describe('special functions', () => {
  it('erf to 1e-15, odd, with its limits', () => {
    for (const [x, y] of erfs) {
      const [found, mirrored] = evaluate(ops.erf, array([x, -x]))
      expect(Math.abs(found - y) / y).toBeLessThan(2e-15)
      expect(mirrored).toBe(-found)
    }
    expect(evaluate(ops.erf, array([0, 7, -7, Infinity, NaN]))).toEqual([0, 1, -1, 1, NaN])
  })

  it('gelu is x Φ(x)', () => {
    expectClose(
      evaluate((x) => ops.gelu(x), array(gelus.map(([x]) => x))),
      gelus.map(([, y]) => y),
      1e-15,
    )
  })

  it('identities: σ(x) = (1 + tanh(x/2))/2, softplus′ = σ, ln(1 + x), xᵖ = e^(p ln x)', () => {
    const x = normal([20], 1)
    const p = uniform([20], 2, 0.1, 3)
    expectClose(
      evaluate(ops.sigmoid, x),
      Array.from(x.data, (t) => (1 + Math.tanh(t / 2)) / 2),
      1e-15,
    )
    expectClose(
      evaluate(ops.softplus, x),
      Array.from(x.data, (t) => Math.log(1 + Math.exp(t))),
      1e-15,
    )
    expectClose(
      evaluate(ops.log1p, p),
      Array.from(p.data, (t) => Math.log(1 + t)),
      1e-14,
    )
    expectClose(
      evaluate((t) => ops.power(t, -1.7), p),
      Array.from(p.data, (t) => Math.exp(-1.7 * Math.log(t))),
      1e-13,
    )
    expectClose(
      evaluate((t) => ops.subtract(ops.square(ops.cos(t)), ops.square(ops.sin(t))), x),
      Array.from(x.data, (t) => Math.cos(2 * t)),
      1e-15,
    )
  })

  it('extremes overflow nowhere', () => {
    expect(evaluate(ops.softplus, array([-1000, 1000]))).toEqual([0, 1000])
    expect(evaluate(ops.sigmoid, array([-1000, 1000]))).toEqual([0, 1])
    expect(evaluate(ops.logSoftmax, array([-2000, 0, 2000], [1, 3]))).toEqual([-4000, -2000, 0])
    expect(evaluate(ops.softmax, array([1e308, 1e308], [1, 2]))).toEqual([0.5, 0.5])
    expect(evaluate(ops.softmaxCrossEntropy, array([5000, 0], [1, 2]), indices([1]))).toEqual([5000])
    // −∞ is a logit, for example of a class that is masked.
    expect(evaluate(ops.softmax, array([0, -Infinity], [1, 2]))).toEqual([1, 0])
  })

  it('NaN stays NaN', () => {
    for (const operation of [ops.relu, ops.tanh, ops.erf, ops.softplus, ops.abs, ops.sign, ops.gelu])
      expect(evaluate((x) => operation(x), array([NaN]))).toEqual([NaN])
    for (const operation of [ops.maximum, ops.minimum, ops.add, ops.multiply])
      expect(evaluate(operation, array([NaN, 1]), array([1, NaN]))).toEqual([NaN, NaN])
    for (const place of [0, 1, 2, 3]) {
      const values = [1, 2, 3, 4].with(place, NaN)
      expect(evaluate((x) => ops.max(x), array(values))).toEqual([NaN])
      expect(evaluate((x) => ops.maxPool2d(x, 2), array(values, [1, 1, 2, 2]))).toEqual([NaN])
    }
  })
})
