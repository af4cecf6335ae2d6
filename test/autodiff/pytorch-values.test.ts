import { describe, expect, it } from 'vitest'
import { grad, pullback } from '../../src/autodiff/grad.ts'
import * as ops from '../../src/autodiff/operations/index.ts'
import { type Shape, sizeOf } from '../../src/autodiff/shape.ts'
import type { Value } from '../../src/autodiff/value.ts'
import { expectClose } from '../support/close.ts'
import { array, evaluate, indices, type Literal } from '../support/evaluate.ts'

/** sin(f·k + p): numbers that this file and the PyTorch script both compute. */
const wave = (shape: Shape, f = 1, p = 0): Literal =>
  array(
    Array.from({ length: sizeOf(shape) }, (_, k) => Math.sin(f * k + p)),
    shape,
  )

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
