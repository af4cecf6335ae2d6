import { type ConvolutionAttributes, type MatmulAttributes, matmulExtents } from '../../autodiff/operations/index.ts'
import type { Value } from '../../autodiff/value.ts'
import { call, type Lower, type Lowering, type Step } from './step.ts'

export const matmul: Lower = (value, { kernels }) => {
  if (kernels.matmul === undefined) return undefined
  const [a, b] = value.inputs as [Value, Value]
  const attributes = value.attributes as MatmulAttributes
  const { batch, m, n, k } = matmulExtents(a.shape, b.shape, attributes)
  const extents = [batch, m, n, k, Number(attributes.transposeA), Number(attributes.transposeB)]
  return {
    name: 'matmul',
    reads: [a, b],
    writes: [value],
    workspace: kernels.matmulWorkspace(...extents)!,
    bind: ({ address, workspace }) => [
      call(kernels.matmul, address(a), address(b), address(value), ...extents, workspace),
    ],
  }
}

/** B, C, H, W, O, kh, kw, sh, sw, ph, pw, P, Q. */
export function convolutionExtents({ input, weight, output, stride, padding }: ConvolutionAttributes): number[] {
  const [O, , kh, kw] = weight as [number, number, number, number]
  return [...input, O, kh, kw, ...stride, ...padding, ...output.slice(2)]
}

/** y = conv(x, w) (+ bias) (then relu), delivered as `value`. */
export function convolution(
  product: Value,
  { kernels }: Lowering,
  value = product,
  bias?: Value,
  relu = false,
): Step | undefined {
  if (kernels.conv2d === undefined) return undefined
  const [x, w] = product.inputs as [Value, Value]
  const extents = convolutionExtents(product.attributes as ConvolutionAttributes)
  return {
    name: `conv2d${bias ? ' + bias' : ''}${relu ? ' + relu' : ''}`,
    reads: bias ? [x, w, bias] : [x, w],
    writes: [value],
    workspace: kernels.conv2dWorkspace(...extents)!,
    bind: ({ address, workspace }) => [
      call(
        kernels.conv2d,
        address(x),
        address(w),
        address(value),
        ...extents,
        bias ? address(bias) : 0,
        Number(relu),
        workspace,
      ),
    ],
  }
}

export const conv2d: Lower = (value, lowering) => convolution(value, lowering)

export const conv2dInput: Lower = (value, { kernels }) => {
  if (kernels.conv2dInput === undefined) return undefined
  const [u, w] = value.inputs as [Value, Value]
  const extents = convolutionExtents(value.attributes as ConvolutionAttributes)
  return {
    name: 'conv2dInput',
    reads: [u, w],
    writes: [value],
    workspace: kernels.conv2dInputWorkspace(...extents)!,
    bind: ({ address, workspace }) => [
      call(kernels.conv2dInput, address(u), address(w), address(value), ...extents, workspace),
    ],
  }
}

/** What one sweep over the samples can deliver, in the order of the kernel's arguments. */
const sweepParts = ['conv2dWeight', 'conv2dWeightNorms', 'conv2dWeightSquares', 'conv2dWeightEach'] as const

/** The weight gradient, its norms and squares sample by sample: those that are wanted of the same operands, at once. */
export function weightSweep(values: readonly Value[], { kernels }: Lowering): Step | undefined {
  if (kernels.conv2dWeight === undefined) return undefined
  const [first] = values
  const [x, u] = first!.inputs as [Value, Value]
  const extents = convolutionExtents(first!.attributes as ConvolutionAttributes)
  const parts = sweepParts.map((name) => values.find((value) => value.operation.name === name))
  return {
    name: values.map((value) => value.operation.name).join(' + '),
    reads: [x, u],
    writes: values,
    workspace: kernels.conv2dWeightWorkspace(...extents)!,
    bind: ({ address, workspace }) => [
      call(
        kernels.conv2dWeight,
        address(x),
        address(u),
        ...parts.map((part) => (part === undefined ? 0 : address(part))),
        ...extents,
        workspace,
      ),
    ],
  }
}

export const isWeightSweep = (value: Value): boolean => (sweepParts as readonly string[]).includes(value.operation.name)
