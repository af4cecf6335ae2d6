import { type Extent, pair } from '../autodiff/operations/extent.ts'
import * as operations from '../autodiff/operations/index.ts'
import type { Value } from '../autodiff/value.ts'
import { filled, gaussian, type ParameterSpec, type Parameters, uniformFanIn } from './parameters.ts'

/**
 * A function of a value and of named parameters. Layers hold no state: parameters come in when the layer is applied,
 * so one layer can be traced any number of times.
 */
export interface Layer {
  readonly name: string
  readonly parameters: readonly ParameterSpec[]
  apply(x: Value, parameters: Parameters): Value
}

/** A layer without parameters. */
export const activation = (name: string, apply: (x: Value) => Value): Layer => ({ name, parameters: [], apply })

/** max(x, 0), element by element. */
export const relu = (): Layer => activation('relu', operations.relu)
/** The hyperbolic tangent, element by element. */
export const tanh = (): Layer => activation('tanh', operations.tanh)
/** 1/(1 + e⁻ˣ), element by element. */
export const sigmoid = (): Layer => activation('sigmoid', operations.sigmoid)
/** x Φ(x), element by element, or its tanh approximation. */
export const gelu = (approximation: 'none' | 'tanh' = 'none'): Layer =>
  activation('gelu', (x) => operations.gelu(x, approximation))
/** [B, …] to [B, n]. */
export const flatten = (): Layer => activation('flatten', operations.flatten)
/** The largest of each window of [B, C, H, W]; the stride is the kernel's extent unless given. */
export const maxPool2d = (kernel: Extent, options: { stride?: Extent; padding?: Extent } = {}): Layer =>
  activation('maxPool2d', (x) => operations.maxPool2d(x, kernel, options))
/** The mean of each window of [B, C, H, W], zeros of the padding included; the stride is the kernel's extent unless given. */
export const averagePool2d = (kernel: Extent, options: { stride?: Extent; padding?: Extent } = {}): Layer =>
  activation('averagePool2d', (x) => operations.averagePool2d(x, kernel, options))
/** Mean of each channel's plane: [B, C, H, W] to [B, C]. */
export const globalAveragePool = (): Layer => activation('globalAveragePool', (x) => operations.mean(x, [2, 3]))

/** y = x Wᵀ + b over the last axis; weight [outputs, inputs], bias [outputs], drawn as PyTorch does. */
export function linear(inputs: number, outputs: number, options: { bias?: boolean } = {}): Layer {
  const bias = options.bias ?? true
  const draw = uniformFanIn(inputs)
  return {
    name: 'linear',
    parameters: [
      { name: 'weight', shape: [outputs, inputs], initialise: draw },
      ...(bias ? [{ name: 'bias', shape: [outputs], initialise: draw }] : []),
    ],
    apply: (x, parameter) => operations.linear(x, parameter('weight'), bias ? parameter('bias') : undefined),
  }
}

/** Convolution; weight [outputs, inputs, kh, kw], bias [outputs], drawn as PyTorch does. */
export function conv2d(
  inputs: number,
  outputs: number,
  kernel: Extent,
  options: { stride?: Extent; padding?: Extent; bias?: boolean } = {},
): Layer {
  const { bias = true, stride = 1, padding = 0 } = options
  const [kh, kw] = pair(kernel)
  const draw = uniformFanIn(inputs * kh * kw)
  return {
    name: 'conv2d',
    parameters: [
      { name: 'weight', shape: [outputs, inputs, kh, kw], initialise: draw },
      ...(bias ? [{ name: 'bias', shape: [outputs], initialise: draw }] : []),
    ],
    apply: (x, parameter) =>
      operations.conv2d(x, parameter('weight'), { stride, padding, ...(bias && { bias: parameter('bias') }) }),
  }
}

const scaleAndShift = (size: number): ParameterSpec[] => [
  { name: 'weight', shape: [size], initialise: filled(1) },
  { name: 'bias', shape: [size], initialise: filled(0) },
]

/** Group normalisation over [B, C, …] with a scale and a shift for each channel. */
export const groupNorm = (groups: number, channels: number, epsilon = 1e-5): Layer => ({
  name: 'groupNorm',
  parameters: scaleAndShift(channels),
  apply: (x, parameter) => operations.groupNorm(x, groups, parameter('weight'), parameter('bias'), epsilon),
})

/** Layer normalisation over the last axis with a scale and a shift for each feature. */
export const layerNorm = (features: number, epsilon = 1e-5): Layer => ({
  name: 'layerNorm',
  parameters: scaleAndShift(features),
  apply: (x, parameter) => operations.layerNorm(x, parameter('weight'), parameter('bias'), epsilon),
})

/** Batch normalisation. It couples samples: training with per-sample statistics refuses it by name. */
export const batchNorm = (channels: number, epsilon = 1e-5): Layer => ({
  name: 'batchNorm',
  parameters: scaleAndShift(channels),
  apply: (x, parameter) => operations.batchNorm(x, parameter('weight'), parameter('bias'), epsilon),
})

/** Rows of a table [entries, width], drawn from a standard normal; takes indices. */
export const embedding = (entries: number, width: number): Layer => ({
  name: 'embedding',
  parameters: [{ name: 'weight', shape: [entries, width], initialise: gaussian(1) }],
  apply: (x, parameter) => operations.embedding(parameter('weight'), x),
})

/** The parameters of the part that is called `prefix`. */
const within =
  (parameters: Parameters, prefix: string): Parameters =>
  (name) =>
    parameters(`${prefix}.${name}`)

/** Applies a part of a larger layer; when it mixes the samples of a batch, the result says which part it was. */
function applyPart(layer: Layer, label: string, x: Value, parameters: Parameters): Value {
  const y = layer.apply(x, within(parameters, label))
  if (typeof y.sampling !== 'object' || typeof x.sampling === 'object') return y
  const { coupledBy, layer: path } = y.sampling
  if (path !== undefined) return { ...y, sampling: { coupledBy, layer: `${label}.${path}` } }
  const named = coupledBy === layer.name ? coupledBy : `${layer.name}: ${coupledBy}`
  return { ...y, sampling: { coupledBy: named, layer: label } }
}

/** A layer made of named parts, whose parameters are called `part.name`. `forward` says how the parts are joined. */
export function composite<Part extends string>(
  name: string,
  parts: Readonly<Record<Part, Layer>>,
  forward: (x: Value, part: (name: Part, x: Value) => Value) => Value,
): Layer {
  const entries = Object.entries(parts) as [Part, Layer][]
  return {
    name,
    parameters: entries.flatMap(([label, layer]) =>
      layer.parameters.map((spec) => ({ ...spec, name: `${label}.${spec.name}` })),
    ),
    apply: (x, parameters) => forward(x, (label, value) => applyPart(parts[label], label, value, parameters)),
  }
}

/** One layer after the other; parameters are called `0.weight`, `3.bias`, … as in `torch.nn.Sequential`. */
export function sequential(...layers: readonly Layer[]): Layer {
  const parts = Object.fromEntries(layers.map((layer, i) => [String(i), layer]))
  return composite('sequential', parts, (x, part) => layers.reduce((value, _, i) => part(String(i), value), x))
}
