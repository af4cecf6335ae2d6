import { expectShape, formatShape, type Shape } from '../shape.ts'
import {
  apply,
  type NumericArray,
  type Operation,
  type PerSampleRule,
  rowwise,
  rowwiseIf,
  type Value,
} from '../value.ts'
import { add, multiply } from './elementwise.ts'
import { broadcastTo, sum } from './structure.ts'

// A convolution is linear in the input, in the weight and, as a pairing with a cotangent, in that too:
// ⟨U, conv(X, W)⟩ = ⟨conv2dInput(U, W), X⟩ = ⟨conv2dWeight(X, U), W⟩. The three are each other's gradients.

export interface Window {
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number]
}

/** Extents of a convolution of input [B, C, H, W] with weight [O, C, kh, kw] to [B, O, P, Q]. */
export interface ConvolutionAttributes extends Window {
  readonly input: Shape
  readonly weight: Shape
  readonly output: Shape
}

/** Extent of the result along one axis: how often a window of `kernel` fits, `stride` apart. */
export const windowCount = (extent: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((extent + 2 * padding - kernel) / stride) + 1

/** Visits every product of the convolution: the flat positions in input, weight and output. */
function products(
  { input, weight, output, stride, padding }: ConvolutionAttributes,
  visit: (x: number, w: number, y: number, sample: number) => void,
): void {
  const [B, C, H, W] = input as [number, number, number, number]
  const [O, , kh, kw] = weight as [number, number, number, number]
  const [, , P, Q] = output as [number, number, number, number]
  for (let b = 0; b < B; b++)
    for (let o = 0; o < O; o++)
      for (let p = 0; p < P; p++)
        for (let q = 0; q < Q; q++) {
          const y = ((b * O + o) * P + p) * Q + q
          for (let c = 0; c < C; c++)
            for (let i = 0; i < kh; i++) {
              const row = p * stride[0] + i - padding[0]
              if (row < 0 || row >= H) continue
              for (let j = 0; j < kw; j++) {
                const column = q * stride[1] + j - padding[1]
                if (column < 0 || column >= W) continue
                visit(((b * C + c) * H + row) * W + column, ((o * C + c) * kh + i) * kw + j, y, b)
              }
            }
        }
}

export const conv2dOperation: Operation<ConvolutionAttributes> = {
  name: 'conv2d',
  shape: (_, { output }) => output,
  sampling: (inputs) => rowwiseIf(inputs[1]!.sampling === 'shared', inputs, 'conv2d'),
  evaluate(out, [x, w], { attributes }) {
    out.fill(0)
    products(attributes, (i, j, k) => {
      out[k]! += x![i]! * w![j]!
    })
  },
  vjp: ({ inputs: [x, w], attributes }, u) => [conv2dInput(u, w!, attributes), conv2dWeight(x!, u, attributes)],
  perSample({ inputs: [x], attributes }, index, u): PerSampleRule | null {
    if (index !== 1 || x!.sampling !== 'each') return null
    return {
      gradients: () => apply(conv2dWeightEachOperation, [x!, u], attributes),
      norms: () => apply(conv2dWeightNormsOperation, [x!, u], attributes),
      squares: () => apply(conv2dWeightSquaresOperation, [x!, u], attributes),
      // ⟨δ_i ⋆ x_i, D⟩ = ⟨δ_i, conv(x_i, D)⟩
      projections: (direction) => sum(multiply(u, apply(conv2dOperation, [x!, direction], attributes)), [1, 2, 3]),
    }
  },
}

export const conv2dInputOperation: Operation<ConvolutionAttributes> = {
  name: 'conv2dInput',
  shape: (_, { input }) => input,
  sampling: (inputs) => rowwiseIf(inputs[1]!.sampling === 'shared', inputs, 'conv2dInput'),
  evaluate(out, [u, w], { attributes }) {
    out.fill(0)
    products(attributes, (i, j, k) => {
      out[i]! += u![k]! * w![j]!
    })
  },
  vjp: ({ inputs: [u, w], attributes }, v) => [
    apply(conv2dOperation, [v, w!], attributes),
    conv2dWeight(v, u!, attributes),
  ],
}

export const conv2dWeightOperation: Operation<ConvolutionAttributes> = {
  name: 'conv2dWeight',
  shape: (_, { weight }) => weight,
  sampling: (inputs) => rowwiseIf(false, inputs, 'conv2dWeight'),
  evaluate(out, [x, u], { attributes }) {
    out.fill(0)
    products(attributes, (i, j, k) => {
      out[j]! += x![i]! * u![k]!
    })
  },
  vjp: ({ inputs: [x, u], attributes }, v) => [
    conv2dInput(u!, v, attributes),
    apply(conv2dOperation, [x!, v], attributes),
  ],
}

const conv2dInput = (u: Value, w: Value, attributes: ConvolutionAttributes) =>
  apply(conv2dInputOperation, [u, w], attributes)
const conv2dWeight = (x: Value, u: Value, attributes: ConvolutionAttributes) =>
  apply(conv2dWeightOperation, [x, u], attributes)

/** Weight gradients sample by sample, [B, O, C, kh, kw]. */
export const conv2dWeightEachOperation: Operation<ConvolutionAttributes> = {
  name: 'conv2dWeightEach',
  shape: (_, { input, weight }) => [input[0]!, ...weight],
  sampling: rowwise,
  evaluate(out, [x, u], { attributes }) {
    perSampleGradients(attributes, x!, u!, out)
  },
  // For each sample a convolution of its own; the general law is not needed anywhere yet.
  vjp: ({ operation }) => {
    throw new Error(`${operation.name}: derivatives of per-sample statistics are not provided`)
  },
}

/** ‖g_i‖² of the weight gradient of each sample, [B]. */
export const conv2dWeightNormsOperation: Operation<ConvolutionAttributes> = {
  name: 'conv2dWeightNorms',
  shape: (_, { input }) => [input[0]!],
  sampling: rowwise,
  evaluate(out, [x, u], { attributes }) {
    const gradients = perSampleGradients(attributes, x!, u!)
    const size = gradients.length / out.length
    out.fill(0)
    for (let i = 0; i < gradients.length; i++) out[Math.floor(i / size)]! += gradients[i]! ** 2
  },
  vjp: conv2dWeightEachOperation.vjp,
}

/** Σ_i g_i∘g_i of the weight gradients, [O, C, kh, kw]. */
export const conv2dWeightSquaresOperation: Operation<ConvolutionAttributes> = {
  name: 'conv2dWeightSquares',
  shape: (_, { weight }) => weight,
  sampling: (inputs) => rowwiseIf(false, inputs, 'conv2dWeightSquares'),
  evaluate(out, [x, u], { attributes }) {
    const gradients = perSampleGradients(attributes, x!, u!)
    out.fill(0)
    for (let i = 0; i < gradients.length; i++) out[i % out.length]! += gradients[i]! ** 2
  },
  vjp: conv2dWeightEachOperation.vjp,
}

function perSampleGradients(
  attributes: ConvolutionAttributes,
  x: NumericArray,
  u: NumericArray,
  out: NumericArray = new Float64Array(attributes.input[0]! * attributes.weight.reduce((a, b) => a * b)),
): NumericArray {
  const size = attributes.weight.reduce((a, b) => a * b)
  out.fill(0)
  products(attributes, (i, j, k, sample) => {
    out[sample * size + j]! += x[i]! * u[k]!
  })
  return out
}

const pair = (n: number | readonly [number, number]): readonly [number, number] => (typeof n === 'number' ? [n, n] : n)

/**
 * Two-dimensional convolution (cross-correlation, as in every framework) with zero padding.
 *
 * y[b, o, p, q] = Σ x[b, c, p·s + i − pad, q·s + j − pad] w[o, c, i, j] (+ bias[o])
 *
 * @param x [B, C, H, W]
 * @param weight [O, C, kh, kw]
 * @param options stride (1), padding (0), each one number or [vertical, horizontal]; bias [O]
 * @throws ShapeError when channels disagree or the kernel does not fit
 */
export function conv2d(
  x: Value,
  weight: Value,
  options: {
    stride?: number | readonly [number, number]
    padding?: number | readonly [number, number]
    bias?: Value
  } = {},
): Value {
  const [stride, padding] = [pair(options.stride ?? 1), pair(options.padding ?? 0)]
  const [B, C, H, W] = x.shape
  const [O, channels, kh, kw] = weight.shape
  expectShape(
    x.shape.length === 4 && weight.shape.length === 4,
    'conv2d',
    () => `input ${formatShape(x.shape)} and weight ${formatShape(weight.shape)} need 4 axes each`,
  )
  expectShape(
    C === channels,
    'conv2d',
    () => `input has ${C} channels, weight ${formatShape(weight.shape)} expects ${channels}`,
  )
  const P = windowCount(H!, kh!, stride[0], padding[0])
  const Q = windowCount(W!, kw!, stride[1], padding[1])
  expectShape(
    P >= 1 && Q >= 1,
    'conv2d',
    () => `kernel ${kh} × ${kw} does not fit the input ${H} × ${W} with padding ${formatShape(padding)}`,
  )
  const output = [B!, O!, P, Q]
  const y = apply(conv2dOperation, [x, weight], { stride, padding, input: x.shape, weight: weight.shape, output })
  return options.bias === undefined ? y : add(y, broadcastTo(options.bias, output, [1]))
}
