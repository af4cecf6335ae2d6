import { expectShape, formatShape, type Shape } from '../shape.ts'
import { apply, type NumericArray, type Operation, type Value } from '../value.ts'
import { expectWindow, type Window, windowCount } from './convolution.ts'
import { type Extent, pair } from './extent.ts'

/** Windows of kernel [kh, kw] over planes [H, W] to planes [P, Q]; the leading axes of the shapes are equal. */
export interface PoolAttributes extends Window {
  readonly kernel: readonly [number, number]
  readonly input: Shape
  readonly output: Shape
}

/** Calls `visit` for each window with the positions of its inputs that lie on the plane; the list is only lent. */
function windows(
  { input, output, kernel, stride, padding }: PoolAttributes,
  visit: (output: number, inputs: readonly number[]) => void,
): void {
  const [H, W] = input.slice(-2) as [number, number]
  const [P, Q] = output.slice(-2) as [number, number]
  const planes = input.slice(0, -2).reduce((a, b) => a * b, 1)
  const inputs: number[] = []
  for (let plane = 0; plane < planes; plane++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++) {
        inputs.length = 0
        for (let i = 0; i < kernel[0]; i++) {
          const row = p * stride[0] + i - padding[0]
          if (row < 0 || row >= H) continue
          for (let j = 0; j < kernel[1]; j++) {
            const column = q * stride[1] + j - padding[1]
            if (column >= 0 && column < W) inputs.push((plane * H + row) * W + column)
          }
        }
        visit((plane * P + p) * Q + q, inputs)
      }
}

/** The first of the largest: ties go to the earlier position, row by row; NaN wins, so that it is not lost. */
const winner = (x: NumericArray, inputs: readonly number[]): number =>
  inputs.reduce((best, i) => (x[i]! > x[best]! || Number.isNaN(x[i]!) ? i : best))

export const maxPool2dOperation: Operation<PoolAttributes> = {
  name: 'maxPool2d',
  shape: (_, { output }) => output,
  evaluate(out, [x], { attributes }) {
    windows(attributes, (y, inputs) => {
      out[y] = x![winner(x!, inputs)]!
    })
  },
  vjp: ({ inputs: [x], attributes }, u) => [apply(maxPool2dScatterOperation, [u, x!], attributes)],
}

/** Each cotangent goes back to the input that won its window. Linear in u. */
export const maxPool2dScatterOperation: Operation<PoolAttributes> = {
  name: 'maxPool2dScatter',
  shape: (_, { input }) => input,
  evaluate(out, [u, x], { attributes }) {
    out.fill(0)
    windows(attributes, (y, inputs) => {
      out[winner(x!, inputs)]! += u![y]!
    })
  },
  vjp: ({ inputs: [, x], attributes }, v) => [apply(maxPool2dGatherOperation, [v, x!], attributes), null],
}

/** From v, the element at the input that won each window of x. Linear in v. */
export const maxPool2dGatherOperation: Operation<PoolAttributes> = {
  name: 'maxPool2dGather',
  shape: (_, { output }) => output,
  evaluate(out, [v, x], { attributes }) {
    windows(attributes, (y, inputs) => {
      out[y] = v![winner(x!, inputs)]!
    })
  },
  vjp: ({ inputs: [, x], attributes }, u) => [apply(maxPool2dScatterOperation, [u, x!], attributes), null],
}

export const averagePool2dOperation: Operation<PoolAttributes> = {
  name: 'averagePool2d',
  shape: (_, { output }) => output,
  evaluate(out, [x], { attributes }) {
    const count = attributes.kernel[0] * attributes.kernel[1]
    windows(attributes, (y, inputs) => {
      out[y] = inputs.reduce((total, i) => total + x![i]!, 0) / count
    })
  },
  vjp: ({ attributes }, u) => [apply(averagePool2dSpreadOperation, [u], attributes)],
}

/** Each cotangent, divided by the size of the window, goes to all inputs of its window. */
export const averagePool2dSpreadOperation: Operation<PoolAttributes> = {
  name: 'averagePool2dSpread',
  shape: (_, { input }) => input,
  evaluate(out, [u], { attributes }) {
    const count = attributes.kernel[0] * attributes.kernel[1]
    out.fill(0)
    windows(attributes, (y, inputs) => {
      for (const i of inputs) out[i]! += u![y]! / count
    })
  },
  vjp: ({ attributes }, v) => [apply(averagePool2dOperation, [v], attributes)],
}

function pool(
  operation: Operation<PoolAttributes>,
  x: Value,
  size: Extent,
  options: { stride?: Extent; padding?: Extent },
) {
  const kernel = pair(size)
  const stride = pair(options.stride ?? kernel)
  const padding = pair(options.padding ?? 0)
  const { name } = operation
  expectShape(x.shape.length === 4, name, () => `input ${formatShape(x.shape)} needs 4 axes, [B, C, H, W]`)
  expectWindow(name, kernel, { stride, padding })
  expectShape(
    padding.every((width, i) => 2 * width <= kernel[i]!),
    name,
    () => `padding ${formatShape(padding)} must be at most half of the kernel ${formatShape(kernel)}`,
  )
  const [B, C, H, W] = x.shape
  const P = windowCount(H!, kernel[0], stride[0], padding[0])
  const Q = windowCount(W!, kernel[1], stride[1], padding[1])
  expectShape(P >= 1 && Q >= 1, name, () => `kernel ${formatShape(kernel)} does not fit the input ${H} × ${W}`)
  return apply(operation, [x], { kernel, stride, padding, input: x.shape, output: [B!, C!, P, Q] })
}

/** Largest element of each window; padding never wins. x [B, C, H, W], stride defaults to the kernel. */
export const maxPool2d = (x: Value, kernel: Extent, options: { stride?: Extent; padding?: Extent } = {}): Value =>
  pool(maxPool2dOperation, x, kernel, options)

/** Mean of each window, zeros of the padding included. x [B, C, H, W], stride defaults to the kernel. */
export const averagePool2d = (x: Value, kernel: Extent, options: { stride?: Extent; padding?: Extent } = {}): Value =>
  pool(averagePool2dOperation, x, kernel, options)
