import { expectShape, formatShape, sameShape, sizeOf } from '../shape.ts'
import { apply, type Operation, type Value } from '../value.ts'
import { add, multiply, power, square, subtract } from './elementwise.ts'
import { mean } from './reductions.ts'
import { broadcastTo, reshape } from './structure.ts'

/** Each run of `block` consecutive elements is standardised on its own. */
export interface StandardizeAttributes {
  readonly block: number
  readonly epsilon: number
}

/** Mean and 1/√(variance + ε) of n elements from `start`; the variance has divisor n. */
function moments(x: ArrayLike<number>, start: number, n: number, epsilon: number): [mean: number, scale: number] {
  let total = 0
  for (let j = start; j < start + n; j++) total += x[j]!
  const center = total / n
  let squares = 0
  for (let j = start; j < start + n; j++) squares += (x[j]! - center) ** 2
  return [center, 1 / Math.sqrt(squares / n + epsilon)]
}

export const standardizeOperation: Operation<StandardizeAttributes> = {
  name: 'standardize',
  shape([x], { block }) {
    expectShape(
      sizeOf(x!.shape.slice(1)) % block === 0,
      'standardize',
      () => `blocks of ${block} elements do not divide the samples of ${formatShape(x!.shape)}`,
    )
    return x!.shape
  },
  evaluate(out, [x], { attributes: { block, epsilon } }) {
    for (let i = 0; i < out.length; i += block) {
      const [center, scale] = moments(x!, i, block, epsilon)
      for (let j = i; j < i + block; j++) out[j] = (x![j]! - center) * scale
    }
  },
  vjp: ({ inputs: [x], attributes }, u) => [apply(standardizeGradientOperation, [x!, u], attributes)],
}

/** r (u − mean(u) − y mean(u y)) with y the standardised x and r its scale: the gradient, linear in u and symmetric. */
export const standardizeGradientOperation: Operation<StandardizeAttributes> = {
  name: 'standardizeGradient',
  shape: ([x]) => x!.shape,
  evaluate(out, [x, u], { attributes: { block, epsilon } }) {
    for (let i = 0; i < out.length; i += block) {
      const [center, scale] = moments(x!, i, block, epsilon)
      let meanU = 0
      let meanUY = 0
      for (let j = i; j < i + block; j++) {
        meanU += u![j]! / block
        meanUY += (u![j]! * (x![j]! - center) * scale) / block
      }
      for (let j = i; j < i + block; j++) out[j] = scale * (u![j]! - meanU - (x![j]! - center) * scale * meanUY)
    }
  },
  // In u the map is symmetric.
  vjp: ({ inputs: [x, u], attributes }, v) => [
    standardizeCurvature(x!, u!, v, attributes),
    apply(standardizeGradientOperation, [x!, v], attributes),
  ],
}

/**
 * The derivative of ⟨v, r (u − mean(u) − y mean(u y))⟩ by x, with u and v held: for each block
 * r² (y (3 mean(uy) mean(vy) − cov(u, v)) − mean(vy)(u − mean u) − mean(uy)(v − mean v)). Symmetric in u and v.
 *
 * In closed form and not by a pullback through the formula: u mostly depends on x, and a pullback would go on through u.
 */
function standardizeCurvature(x: Value, u: Value, v: Value, { block, epsilon }: StandardizeAttributes): Value {
  const rows = [sizeOf(x.shape) / block, block]
  const spread = (m: Value) => broadcastTo(m, rows, [0])
  const average = (m: Value) => mean(m, [1])
  const centered = (m: Value) => {
    const flat = reshape(m, rows)
    return subtract(flat, spread(average(flat)))
  }
  const [a, b, c] = [centered(x), centered(u), centered(v)]
  const scale = power(add(average(square(a)), epsilon), -0.5)
  const y = multiply(a, spread(scale))
  const [ofU, ofV] = [average(multiply(b, y)), average(multiply(c, y))]
  const along = subtract(multiply(multiply(ofU, ofV), 3), average(multiply(b, c)))
  const across = add(multiply(b, spread(ofV)), multiply(c, spread(ofU)))
  return reshape(multiply(subtract(multiply(y, spread(along)), across), spread(square(scale))), x.shape)
}

/** (x − mean) / √(variance + ε) over each run of `block` consecutive elements. */
export const standardize = (x: Value, block: number, epsilon = 1e-5): Value =>
  apply(standardizeOperation, [x], { block, epsilon })

/**
 * Group normalisation: each sample's channels, in `groups` groups, are standardised, then scaled and shifted.
 *
 * @param x [B, C, ..]
 * @param scale, shift [C] each
 * @throws ShapeError when the groups do not divide the channels
 * @see Wu and He, arXiv 1803.08494
 */
export function groupNorm(x: Value, groups: number, scale?: Value, shift?: Value, epsilon = 1e-5): Value {
  expectShape(
    x.shape.length >= 2 && Number.isInteger(groups) && groups >= 1 && x.shape[1]! % groups === 0,
    'groupNorm',
    () => `${groups} groups do not divide the ${x.shape[1]} channels of ${formatShape(x.shape)}`,
  )
  return affine('groupNorm', standardize(x, sizeOf(x.shape.slice(1)) / groups, epsilon), 1, scale, shift)
}

/**
 * Layer normalisation over the last axis, then scale and shift.
 *
 * @param x [.., D]
 * @param scale, shift [D] each
 * @see Ba, Kiros and Hinton, arXiv 1607.06450
 */
export function layerNorm(x: Value, scale?: Value, shift?: Value, epsilon = 1e-5): Value {
  const axis = x.shape.length - 1
  expectShape(axis >= 1, 'layerNorm', () => `input ${formatShape(x.shape)} needs a batch axis and a feature axis`)
  return affine('layerNorm', standardize(x, x.shape[axis]!, epsilon), axis, scale, shift)
}

/** x scaled and shifted by a number for each position along one axis. */
function affine(name: string, x: Value, axis: number, scale?: Value, shift?: Value): Value {
  const along = (v: Value) => {
    expectShape(
      sameShape(v.shape, [x.shape[axis]!]),
      name,
      () => `scale and shift must be [${x.shape[axis]}] for ${formatShape(x.shape)}, got ${formatShape(v.shape)}`,
    )
    return broadcastTo(v, x.shape, [axis])
  }
  const scaled = scale === undefined ? x : multiply(x, along(scale))
  return shift === undefined ? scaled : add(scaled, along(shift))
}

/**
 * Batch normalisation with the statistics of the batch at hand. It couples the samples of a batch, so per-sample
 * statistics of a network that contains it do not exist, and whoever asks for them is told so. Use `groupNorm`.
 *
 * @param x [B, C, ..]
 */
export function batchNorm(x: Value, scale?: Value, shift?: Value, epsilon = 1e-5): Value {
  expectShape(x.shape.length >= 2, 'batchNorm', () => `input ${formatShape(x.shape)} needs a batch axis and channels`)
  const axes = x.shape.map((_, i) => i).filter((axis) => axis !== 1)
  const spread = (m: Value) => broadcastTo(m, x.shape, [1])
  const centered = subtract(x, spread(mean(x, axes)))
  const scaleBy = power(add(mean(square(centered), axes), epsilon), -0.5)
  const y = affine('batchNorm', multiply(centered, spread(scaleBy)), 1, scale, shift)
  return { ...y, sampling: y.sampling === 'shared' ? 'shared' : { coupledBy: 'batchNorm' } }
}
