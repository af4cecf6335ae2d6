import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad, pullback } from '../../src/autodiff/grad.ts'
import * as ops from '../../src/autodiff/operations/index.ts'
import { type Shape, sizeOf } from '../../src/autodiff/shape.ts'
import { apply, type Value } from '../../src/autodiff/value.ts'
import { normal, uniform } from '../support/arrays.ts'
import { array, evaluate, indices, type Literal } from '../support/evaluate.ts'
import { convolutions, pools } from '../support/operation-cases.ts'

const options = { seed: 1, numRuns: 50 }

/** sin(f·k + p): numbers that this file and the PyTorch script both compute. */
const wave = (shape: Shape, f = 1, p = 0): Literal =>
  array(
    Array.from({ length: sizeOf(shape) }, (_, k) => Math.sin(f * k + p)),
    shape,
  )

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-11) {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++)
    expect(Math.abs(found[i] - expected[i]), `element ${i}: ${found[i]} for ${expected[i]}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(expected[i])),
    )
}

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

describe('the same numbers as PyTorch 1.13 (Debian python3-torch, float64)', () => {
  const image = wave([2, 3, 5, 4], 0.7, 0.1)
  const kernel = wave([2, 3, 3, 2], 1.3, 0.2)
  const convolve = (x: Value, w: Value, b: Value) => ops.conv2d(x, w, { stride: [2, 1], padding: [1, 0], bias: b })

  it('conv2d and its weight gradient: stride (2, 1), padding (1, 0)', () => {
    const bias = array([0.5, -0.25])
    expectClose(
      evaluate(convolve, image, kernel, bias),
      [
        -4.18505730969, -2.58108165528, 0.471974844836, -5.19170391652, -6.95465054927, -5.21155854657, 0.459364421676,
        -2.9361148356, -4.71553559491, 1.5077163087, 5.179669119, 6.29796370171, -4.35323656649, 2.22272510258,
        7.63572551851, -6.11006259931, -3.03584724171, 1.34859560373, 1.65941156595, -1.58036726538, -3.84171686517,
        7.18891955734, 3.49587423198, -1.60617755651, 5.3605602085, 5.55553266456, 3.3728091136, -6.76516371101,
        -5.82930453535, -2.26941125768, -6.59155090753, -9.76733718487, -8.46697107167, -0.319192089501, -4.44137826011,
        -6.59229374289,
      ],
    )
    const gradient = (x: Value, w: Value, b: Value) => grad(ops.sum(ops.square(convolve(x, w, b))), [w])[0]
    expectClose(
      evaluate(gradient, image, kernel, bias),
      [
        51.1658653205, 82.6067234993, -25.8714051722, -85.2414995444, -7.60603869259, 37.4640464116, 73.8441564016,
        29.7711355395, -104.185506204, -72.1251911835, 65.5134658737, 60.8795709711, -30.971376266, -74.4650789862,
        -2.62066741957, 65.5171035341, 25.52229685, -20.8150400511, -93.2464186635, -65.7953641935, 136.801894716,
        123.943100435, -89.7483388524, -105.930996763, -4.2569296449, 57.0061458683, 48.4006190507, -47.6430240145,
        -69.6088474054, -1.06398848909, 92.082257228, 81.3850878071, -123.565562699, -136.972249577, 70.7120985387,
        105.640023111,
      ],
      1e-10,
    )
  })

  it('pooling with overlap and padding', () => {
    const x = wave([1, 1, 4, 4], 2, 0.3)
    const window = { stride: 2, padding: 1 }
    expectClose(
      evaluate((v) => ops.maxPool2d(v, 3, window), x),
      [0.902171833756, 0.986771964275, 0.919677644662, 0.992766405836],
    )
    expectClose(
      evaluate((v) => ops.averagePool2d(v, 3, window), x),
      [0.130634604759, -0.0219769401048, -0.0851084197041, 0.0131159636431],
    )
    expectClose(
      evaluate((v) => ops.averagePool2d(v, 2, { stride: 1 }), x),
      [
        0.293927860708, -0.300344581426, -0.0439529658391, -0.23646870923, -0.14011494623, 0.353085492483,
        -0.225115450332, 0.341118040253, -0.0587949363483,
      ],
    )
  })

  it('ties of max-pooling: the first, row by row', () => {
    const x = array([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 3, 0, 3, 3, 0, 3], [1, 1, 4, 4])
    const cotangent = array([1, 2, 3, 4], [1, 1, 2, 2])
    const gradient = (v: Value, u: Value) => pullback([[ops.maxPool2d(v, 2), u]]).get(v)!
    expect(evaluate(gradient, x, cotangent)).toEqual([1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0])
  })

  it('cross-entropy, softmax and logSoftmax, with large logits', () => {
    const logits = array([1000, 1001, 999, -1000, 0, 3, 0.1, 0.2, 0.3], [3, 3])
    const labels = indices([2, 0, 1])
    expectClose(evaluate(ops.softmaxCrossEntropy, logits, labels), [2.40760596444, 1003.04858735, 1.10194284823])
    expectClose(
      evaluate(ops.logSoftmax, logits),
      [
        -1.40760596444, -0.407605964444, -2.40760596444, -1003.04858735, -3.04858735157, -0.0485873515737,
        -1.20194284823, -1.10194284823, -1.00194284823,
      ],
    )
    expectClose(
      evaluate(ops.softmax, logits),
      [
        0.244728471055, 0.665240955775, 0.0900305731704, 0, 0.0474258731776, 0.952574126822, 0.300609605356,
        0.332224993533, 0.367165401111,
      ],
    )
    const gradient = (x: Value, y: Value) => grad(ops.sum(ops.softmaxCrossEntropy(x, y)), [x])[0]
    expectClose(
      evaluate(gradient, logits, labels),
      [
        0.244728471055, 0.665240955775, -0.90996942683, -1, 0.0474258731776, 0.952574126822, 0.300609605356,
        -0.667775006467, 0.367165401111,
      ],
    )
  })

  it('activations', () => {
    const x = array([-6, -2, -0.5, 0, 0.5, 2, 6])
    expectClose(
      evaluate((v) => ops.gelu(v), x),
      [-5.91952586948e-9, -0.0455002638964, -0.154268769363, 0, 0.345731230637, 1.9544997361, 5.99999999408],
    )
    expectClose(
      evaluate((v) => ops.gelu(v, 'tanh'), x),
      [-8.43964897967e-11, -0.0454023059122, -0.154285990175, 0, 0.345714009825, 1.95459769409, 5.99999999992],
    )
    expectClose(evaluate(ops.softplus, x), [
      0.00247568513773,
      0.126928011043,
      0.47407698418,
      Math.LN2,
      0.97407698418,
      2.12692801104,
      6.00247568514,
    ])
    expectClose(
      evaluate(ops.sigmoid, x),
      [0.00247262315663, 0.119202922022, 0.377540668798, 0.5, 0.622459331202, 0.880797077978, 0.997527376843],
    )
  })

  it('normalisations, affine: groups of 2 of 4 channels, the last axis, the batch', () => {
    const x = wave([2, 4, 3], 0.9, 0.4)
    const [scale, shift] = [wave([4], 1.1, 1), wave([4], 1.7, 0.5)]
    expectClose(
      evaluate((v, g, s) => ops.groupNorm(v, 2, g, s), x, scale, shift),
      [
        0.83696083624, 1.49464436814, 1.31701938459, 0.766522766259, -0.171660422686, -0.436822763095, -0.629931692323,
        -0.710357462108, -0.762442353499, -1.55730857985, -0.434043281014, 0.71644238562, -0.880800849136,
        -0.229417787534, 0.840553979486, 1.87531800672, 1.64343823504, 0.658796833044, -0.628214513822, -0.613122514025,
        -0.654515126435, -1.15391794734, -1.80283679186, -1.5650686212,
      ],
    )
    const last = (v: Value, g: Value, s: Value) => ops.layerNorm(ops.transpose(v, [0, 2, 1]), g, s)
    expectClose(
      evaluate(last, x, scale, shift),
      [
        0.838983330619, 0.530014821944, -0.605231004093, -1.83072422876, 1.56182232486, -0.455670606018,
        -0.710704584422, -0.434498126566, 1.24044650228, -0.154322818022, -0.751054660626, 0.168716675951,
        -0.439195834235, 1.92830772553, -0.638393159435, -1.21781684358, -0.0679635300956, 1.54783933676,
        -0.612414426197, -1.62516984812, 0.90147421342, 0.456393519949, -0.606960751674, -1.81367615954,
      ],
    )
    expectClose(
      evaluate((v, g, s) => ops.batchNorm(v, g, s), x, scale, shift),
      [
        0.720301662856, 1.42130934256, 1.23198351709, 0.844281140782, -0.113714490402, -0.384476497928, -0.666261853362,
        -0.740690625508, -0.788891774519, -1.28312806622, -0.0947219442787, 1.12248311924, -0.950713453088,
        -0.304172742519, 0.757844904728, 1.96071857839, 1.74022682417, 0.803942867907, -0.639403536783, -0.622516055394,
        -0.668833109538, -0.725380108496, -1.55550873177, -1.25134409572,
      ],
    )
  })

  it('linear, embedding, mean squared error', () => {
    expectClose(
      evaluate(ops.linear, wave([2, 3]), wave([4, 3], 0.5), wave([4], 2)),
      [
        1.16857008135, 2.21863400872, -1.74013496496, -1.72786845452, -1.16973739769, -0.211984100915, 0.254302267271,
        0.984911472537,
      ],
    )
    expectClose(
      evaluate(ops.embedding, wave([4, 2]), indices([3, 0, 1, 3], [2, 2])),
      [
        -0.279415498199, 0.656986598719, 0, 0.841470984808, 0.909297426826, 0.14112000806, -0.279415498199,
        0.656986598719,
      ],
    )
    expectClose(evaluate(ops.meanSquaredError, wave([2, 3]), wave([2, 3], 0.5)), [0.0452257771179, 1.97825021987])
  })
})

/** Every position of an array of that shape, in order. */
function positions(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (all, extent) => all.flatMap((position) => Array.from({ length: extent }, (_, i) => [...position, i])),
    [[]],
  )
}

/** The element at a position; 0 outside. */
const at = ({ shape, data }: Literal, position: readonly number[]): number =>
  shape.some((extent, i) => position[i] < 0 || position[i] >= extent)
    ? 0
    : data[shape.reduce((index, extent, i) => index * extent + position[i], 0)]

describe('operations that move elements, position by position', () => {
  const x = normal([2, 3, 4], 1)
  it('transpose', () => {
    for (const permutation of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 0, 2],
    ])
      expect(evaluate((v) => ops.transpose(v, permutation), x)).toEqual(
        positions(permutation.map((axis) => x.shape[axis])).map((p) =>
          at(
            x,
            [0, 1, 2].map((axis) => p[permutation.indexOf(axis)]),
          ),
        ),
      )
  })
  it('slice and pad', () => {
    expect(evaluate((v) => ops.slice(v, [1, 0, 2], [2, 2, 4]), x)).toEqual(
      positions([1, 2, 2]).map(([i, j, k]) => at(x, [i + 1, j, k + 2])),
    )
    expect(evaluate((v) => ops.pad(v, [0, 1, 2], [1, 0, 1]), x)).toEqual(
      positions([3, 4, 7]).map(([i, j, k]) => at(x, [i, j - 1, k - 2])),
    )
  })
  it('concat', () => {
    const y = normal([2, 1, 4], 2)
    expect(evaluate((a, b) => ops.concat([a, b], 1), x, y)).toEqual(
      positions([2, 4, 4]).map(([i, j, k]) => (j < 3 ? at(x, [i, j, k]) : at(y, [i, j - 3, k]))),
    )
  })
  it('broadcast, by the last axes and by given ones', () => {
    const row = normal([3, 1], 3)
    expect(evaluate((v) => ops.broadcastTo(v, [2, 3, 4]), row)).toEqual(
      positions([2, 3, 4]).map(([, j]) => at(row, [j, 0])),
    )
    expect(evaluate((v) => ops.broadcastTo(v, [3, 2, 4], [0, 2]), row)).toEqual(
      positions([3, 2, 4]).map(([i]) => at(row, [i, 0])),
    )
  })
  it('sum, mean and max over axes', () => {
    const left = positions([2, 4]).map(([i, k]) => [0, 1, 2].map((j) => at(x, [i, j, k])))
    const total = (row: readonly number[]) => row.reduce((a, b) => a + b)
    expectClose(
      evaluate((v) => ops.sum(v, [1]), x),
      left.map(total),
      1e-15,
    )
    expectClose(
      evaluate((v) => ops.mean(v, [-2]), x),
      left.map((row) => total(row) / 3),
      1e-15,
    )
    expect(evaluate((v) => ops.max(v, [1]), x)).toEqual(left.map((row) => Math.max(...row)))
    expect(evaluate((v) => ops.max(v), x)).toEqual([Math.max(...Array.from(x.data))])
  })
  it('oneHot and addRows', () => {
    expect(evaluate((i) => ops.oneHot(i, 3), indices([2, 0]))).toEqual([0, 0, 1, 1, 0, 0])
    const add = (u: Value, i: Value) => apply(ops.addRowsOperation, [u, i], { entries: 3 })
    expect(evaluate(add, array([1, 2, 3, 4, 5, 6], [3, 2]), indices([2, 0, 2]))).toEqual([3, 4, 0, 0, 6, 8])
  })
})

describe('matmul', () => {
  it('is the sum of outer products of columns and rows, transposed or not, stacked or shared', () => {
    const [a, b] = [normal([2, 3, 4], 1), normal([2, 4, 5], 2)]
    const expected = positions([2, 3, 5]).map(([s, i, j]) =>
      [3, 2, 1, 0].reduce((total, p) => total + at(a, [s, i, p]) * at(b, [s, p, j]), 0),
    )
    const flip = (v: Value) => ops.transpose(v, [0, 2, 1])
    expectClose(
      evaluate((x, y) => ops.matmul(x, y), a, b),
      expected,
      1e-14,
    )
    for (const transposeA of [false, true])
      for (const transposeB of [false, true]) {
        const product = (x: Value, y: Value) =>
          ops.matmul(transposeA ? flip(x) : x, transposeB ? flip(y) : y, { transposeA, transposeB })
        expectClose(evaluate(product, a, b), expected, 1e-14)
      }
    const shared = normal([4, 5], 3)
    const copied = (x: Value, y: Value) => ops.matmul(x, ops.broadcastTo(y, [2, 4, 5]))
    expectClose(
      evaluate((x, y) => ops.matmul(x, y), a, shared),
      evaluate(copied, a, shared),
      1e-14,
    )
  })
})

/** x [B, C, H, W] unfolded by coordinates: rows (b, p, q), columns (c, i, j); 0 beyond the border. */
function unfold(x: Literal, kernel: Shape, stride: Shape, padding: Shape, output: Shape): number[][] {
  const [B, C] = x.shape
  return positions([B, ...output.slice(2)]).map(([b, p, q]) =>
    positions([C, ...kernel]).map(([c, i, j]) =>
      at(x, [b, c, p * stride[0] + i - padding[0], q * stride[1] + j - padding[1]]),
    ),
  )
}

describe('convolution', () => {
  it('is the product of the unfolded input with the weight as a matrix', () => {
    fc.assert(
      fc.property(convolutions, ({ input, weight, output, stride, padding, seed }) => {
        const [x, w] = [normal(input, `${seed}x`), normal(weight, `${seed}w`)]
        const rows = unfold(x, weight.slice(2), stride, padding, output)
        const [O, size] = [weight[0], sizeOf(weight.slice(1))]
        const matrix = array(rows.flat(), [rows.length, size])
        const product = (columns: Value, v: Value) => {
          const y = ops.matmul(columns, ops.reshape(v, [O, size]), { transposeB: true })
          return ops.transpose(ops.reshape(y, [output[0], output[2], output[3], O]), [0, 3, 1, 2])
        }
        const found = evaluate((a, b) => ops.conv2d(a, b, { stride, padding }), x, w)
        expectClose(found, evaluate(product, matrix, w), 1e-13)
      }),
      options,
    )
  })

  it('⟨U, conv(X, W)⟩ = ⟨conv2dInput(U, W), X⟩ = ⟨conv2dWeight(X, U), W⟩', () => {
    fc.assert(
      fc.property(convolutions, (c) => {
        const [x, w, u] = [normal(c.input, 'x'), normal(c.weight, 'w'), normal(c.output, 'u')]
        const pairing = (a: Literal, b: readonly number[]) => Array.from(a.data).reduce((s, t, i) => s + t * b[i], 0)
        const y = pairing(
          u,
          evaluate((p, q) => apply(ops.conv2dOperation, [p, q], c), x, w),
        )
        const scale = 1e-13 * (1 + Math.abs(y) + sizeOf(c.output))
        const toInput = evaluate((p, q) => apply(ops.conv2dInputOperation, [p, q], c), u, w)
        const toWeight = evaluate((p, q) => apply(ops.conv2dWeightOperation, [p, q], c), x, u)
        expect(Math.abs(pairing(x, toInput) - y)).toBeLessThan(scale)
        expect(Math.abs(pairing(w, toWeight) - y)).toBeLessThan(scale)
      }),
      options,
    )
  })

  it('per-sample weight gradients add up to the batch gradient; norms and squares are theirs', () => {
    fc.assert(
      fc.property(convolutions, (c) => {
        const [x, u] = [normal(c.input, 'x'), normal(c.output, 'u')]
        const each = (a: Value, b: Value) => apply(ops.conv2dWeightEachOperation, [a, b], c)
        const reduced = (reduce: (g: Value) => Value) => evaluate((a, b) => reduce(each(a, b)), x, u)
        const direct = (operation: typeof ops.conv2dWeightOperation) =>
          evaluate((a, b) => apply(operation, [a, b], c), x, u)
        expectClose(
          reduced((g) => ops.sum(g, [0])),
          direct(ops.conv2dWeightOperation),
          1e-12,
        )
        expectClose(
          reduced((g) => ops.sum(ops.square(g), [0])),
          direct(ops.conv2dWeightSquaresOperation),
          1e-12,
        )
        expectClose(
          reduced((g) => ops.sum(ops.square(g), [1, 2, 3, 4])),
          direct(ops.conv2dWeightNormsOperation),
          1e-12,
        )
      }),
      options,
    )
  })
})

describe('pooling', () => {
  it('is the largest, or the mean, of each unfolded window', () => {
    fc.assert(
      fc.property(pools, ({ input, output, kernel, stride, padding, seed }) => {
        const x = normal(input, seed)
        // Channels as samples, so that a row holds one window; for the maximum, the border counts as −∞.
        const planes = { shape: [input[0] * input[1], 1, input[2], input[3]], data: x.data }
        const inside = { shape: planes.shape, data: Array.from(x.data, () => 1) }
        const windows = unfold(planes, kernel, stride, padding, output)
        const there = unfold(inside, kernel, stride, padding, output)
        const largest = windows.map((row, i) => Math.max(...row.map((v, j) => (there[i][j] ? v : -Infinity))))
        expect(evaluate((v) => ops.maxPool2d(v, kernel, { stride, padding }), x)).toEqual(largest)
        const means = windows.map((row) => row.reduce((a, b) => a + b) / row.length)
        expectClose(
          evaluate((v) => ops.averagePool2d(v, kernel, { stride, padding }), x),
          means,
          1e-14,
        )
      }),
      options,
    )
  })
})
