import { expectShape, formatShape, type Shape, sameShape, sizeOf } from '../shape.ts'
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
import { type Extent, pair } from './extent.ts'
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

/** Throws unless windows of that kernel, stride and padding can be laid. */
export function expectWindow(name: string, kernel: readonly number[], { stride, padding }: Window): void {
  const whole = (least: number) => (n: number) => Number.isInteger(n) && n >= least
  expectShape(
    kernel.every(whole(1)) && stride.every(whole(1)) && padding.every(whole(0)),
    name,
    () =>
      `kernel ${formatShape(kernel)}, stride ${formatShape(stride)} and padding ${formatShape(padding)} must be whole ` +
      'numbers of at least 1, 1 and 0',
  )
}

/** Extent of the result along one axis: how often a window of `kernel` fits, `stride` apart. */
export const windowCount = (extent: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((extent + 2 * padding - kernel) / stride) + 1

/**
 * Visits every tap of the convolution: one weight w, and the block of outputs from y on whose inputs, from x on, it
 * meets without touching the padding. Consecutive rows of the block lie Q outputs and `stride[0]·W` inputs apart.
 *
 * A convolution is the sum over its taps of a weight times a shifted plane; what differs is which of the three is sought.
 */
function taps(
  { input, weight, output, stride, padding }: ConvolutionAttributes,
  samples: readonly [from: number, to: number],
  visit: (x: number, w: number, y: number, rows: number, columns: number) => void,
): void {
  const [, C, H, W] = input as [number, number, number, number]
  const [O, , kh, kw] = weight as [number, number, number, number]
  const [, , P, Q] = output as [number, number, number, number]
  // The blocks of one plane; those of the others are the same, further on.
  const blocks = Array.from({ length: kh * kw }, (_, w) => {
    const [i, j] = [Math.floor(w / kw), w % kw]
    const [p, rows] = inside(H, P, i, stride[0], padding[0])
    const [q, columns] = inside(W, Q, j, stride[1], padding[1])
    return { x: (p * stride[0] + i - padding[0]) * W + q * stride[1] + j - padding[1], y: p * Q + q, rows, columns }
  })
  for (let b = samples[0]; b < samples[1]; b++)
    for (let o = 0; o < O; o++)
      for (let c = 0; c < C; c++)
        for (let w = 0; w < kh * kw; w++) {
          const { x, y, rows, columns } = blocks[w]!
          visit((b * C + c) * H * W + x, (o * C + c) * kh * kw + w, (b * O + o) * P * Q + y, rows, columns)
        }
}

/** The outputs along an axis whose input p·stride + offset − padding exists: the first of them, and how many. */
function inside(extent: number, count: number, offset: number, stride: number, padding: number): [number, number] {
  const first = Math.max(0, Math.ceil((padding - offset) / stride))
  const last = Math.min(count - 1, Math.floor((extent - 1 + padding - offset) / stride))
  return [first, Math.max(0, last - first + 1)]
}

const everySample = ({ input }: ConvolutionAttributes): [number, number] => [0, input[0]!]

export const conv2dOperation: Operation<ConvolutionAttributes> = {
  name: 'conv2d',
  shape: (_, { output }) => output,
  sampling: (inputs) => rowwiseIf(inputs[1]!.sampling === 'shared', inputs, 'conv2d'),
  evaluate(out, [x, w], { attributes }) {
    const [W, Q, [down, across]] = [attributes.input[3]!, attributes.output[3]!, attributes.stride]
    out.fill(0)
    taps(attributes, everySample(attributes), (i, j, k, rows, columns) => {
      const factor = w![j]!
      for (let r = 0; r < rows; r++)
        for (let n = 0, from = i + r * down * W, to = k + r * Q; n < columns; n++, from += across, to++)
          out[to]! += factor * x![from]!
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
    const [W, Q, [down, across]] = [attributes.input[3]!, attributes.output[3]!, attributes.stride]
    out.fill(0)
    taps(attributes, everySample(attributes), (i, j, k, rows, columns) => {
      const factor = w![j]!
      for (let r = 0; r < rows; r++)
        for (let n = 0, to = i + r * down * W, from = k + r * Q; n < columns; n++, from++, to += across)
          out[to]! += factor * u![from]!
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
    addWeightGradient(out, x!, u!, attributes, everySample(attributes))
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
    const size = sizeOf(attributes.weight)
    out.fill(0)
    for (let b = 0; b < attributes.input[0]!; b++)
      addWeightGradient(out.subarray(b * size, (b + 1) * size), x!, u!, attributes, [b, b + 1])
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
    out.fill(0)
    eachWeightGradient(x!, u!, attributes, (gradient, sample) => {
      for (let i = 0; i < gradient.length; i++) out[sample]! += gradient[i]! ** 2
    })
  },
  vjp: conv2dWeightEachOperation.vjp,
}

/** Σ_i g_i∘g_i of the weight gradients, [O, C, kh, kw]. */
export const conv2dWeightSquaresOperation: Operation<ConvolutionAttributes> = {
  name: 'conv2dWeightSquares',
  shape: (_, { weight }) => weight,
  sampling: (inputs) => rowwiseIf(false, inputs, 'conv2dWeightSquares'),
  evaluate(out, [x, u], { attributes }) {
    out.fill(0)
    eachWeightGradient(x!, u!, attributes, (gradient) => {
      for (let i = 0; i < gradient.length; i++) out[i]! += gradient[i]! ** 2
    })
  },
  vjp: conv2dWeightEachOperation.vjp,
}

/** Adds the weight gradients of some samples to `out`. */
function addWeightGradient(
  out: NumericArray,
  x: NumericArray,
  u: NumericArray,
  attributes: ConvolutionAttributes,
  samples: readonly [from: number, to: number],
): void {
  const [W, Q, [down, across]] = [attributes.input[3]!, attributes.output[3]!, attributes.stride]
  taps(attributes, samples, (i, j, k, rows, columns) => {
    let total = 0
    for (let r = 0; r < rows; r++)
      for (let n = 0, a = i + r * down * W, b = k + r * Q; n < columns; n++, a += across, b++) total += x[a]! * u[b]!
    out[j]! += total
  })
}

/** Visits the weight gradient of each sample, one after the other in the same storage. */
function eachWeightGradient(
  x: NumericArray,
  u: NumericArray,
  attributes: ConvolutionAttributes,
  visit: (gradient: Float64Array, sample: number) => void,
): void {
  const gradient = new Float64Array(sizeOf(attributes.weight))
  for (let b = 0; b < attributes.input[0]!; b++) {
    gradient.fill(0)
    addWeightGradient(gradient, x, u, attributes, [b, b + 1])
    visit(gradient, b)
  }
}

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
    stride?: Extent
    padding?: Extent
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
  expectWindow('conv2d', [kh!, kw!], { stride, padding })
  const { bias } = options
  expectShape(
    bias === undefined || sameShape(bias.shape, [O!]),
    'conv2d',
    () =>
      `bias ${formatShape(bias!.shape)} must be [${O}], a number for each output channel of ${formatShape(weight.shape)}`,
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
  return bias === undefined ? y : add(y, broadcastTo(bias, output, [1]))
}
