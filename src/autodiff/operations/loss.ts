import { expectShape, formatShape } from '../shape.ts'
import { apply, expectBelow, expectSameShape, type Operation, rowwiseIf, type Value } from '../value.ts'
import { multiply, square, subtract } from './elementwise.ts'
import { mean } from './reductions.ts'
import { broadcastTo, sum } from './structure.ts'

/** Copies each row's number along its last axis. */
const alongRows = (u: Value, x: Value): Value =>
  broadcastTo(
    u,
    x.shape,
    u.shape.map((_, axis) => axis),
  )
const lastAxis = (x: Value): number[] => [x.shape.length - 1]

/** max and Σ e^(x − max) of n numbers from `start`: with the largest taken out first, nothing overflows or cancels. */
function exponentials(x: ArrayLike<number>, start: number, n: number): [largest: number, total: number] {
  let largest = -Infinity
  for (let j = start; j < start + n; j++) largest = Math.max(largest, x[j]!)
  let total = 0
  for (let j = start; j < start + n; j++) total += Math.exp(x[j]! - largest)
  return [largest, total]
}

/** Along the last axis samples stay apart, unless it is the batch axis. */
const alongOtherAxes = (inputs: readonly Value[]) =>
  rowwiseIf(inputs[0]!.shape.length > 1, inputs, 'softmax over the batch axis')

export const softmaxOperation: Operation<null> = {
  name: 'softmax',
  shape([x]) {
    expectShape(x!.shape.length >= 1, 'softmax', () => 'a scalar has no last axis')
    return x!.shape
  },
  sampling: alongOtherAxes,
  evaluate(out, [x], { shape }) {
    const n = shape.at(-1)!
    for (let i = 0; i < out.length; i += n) {
      const [largest, total] = exponentials(x!, i, n)
      for (let j = i; j < i + n; j++) out[j] = Math.exp(x![j]! - largest) / total
    }
  },
  // ds = s∘(dx − ⟨s, dx⟩)
  vjp: (s, u) => [multiply(s, subtract(u, alongRows(sum(multiply(s, u), lastAxis(s)), s)))],
}

/** e^x / Σ e^x over the last axis. */
export const softmax = (x: Value): Value => apply(softmaxOperation, [x], null)

const logSoftmaxOperation: Operation<null> = {
  name: 'logSoftmax',
  shape: softmaxOperation.shape,
  sampling: alongOtherAxes,
  evaluate(out, [x], { shape }) {
    const n = shape.at(-1)!
    for (let i = 0; i < out.length; i += n) {
      const [largest, total] = exponentials(x!, i, n)
      for (let j = i; j < i + n; j++) out[j] = x![j]! - largest - Math.log(total)
    }
  },
  // d ln s = dx − ⟨s, dx⟩
  vjp: ({ inputs: [x] }, u) => [subtract(u, multiply(softmax(x!), alongRows(sum(u, lastAxis(u)), u)))],
}

/** x − ln Σ e^x over the last axis, without overflow. */
export const logSoftmax = (x: Value): Value => apply(logSoftmaxOperation, [x], null)

const oneHotOperation: Operation<{ readonly classes: number }> = {
  name: 'oneHot',
  shape([labels], { classes }) {
    expectShape(labels!.dtype === 'index', 'oneHot', () => `labels must be indices, got ${labels!.dtype}`)
    expectBelow('oneHot', labels!, classes, `a row of ${classes}`)
    return [...labels!.shape, classes]
  },
  evaluate(out, [labels], { attributes: { classes } }) {
    out.fill(0)
    for (let i = 0; i < labels!.length; i++) out[i * classes + labels![i]!] = 1
  },
  vjp: () => [null],
}

/** 1 at the label, 0 elsewhere: [..] indices become [.., classes]. */
export const oneHot = (labels: Value, classes: number): Value => apply(oneHotOperation, [labels], { classes })

/** ln Σ e^x − x_label; where the label has the largest score, as ln(1 + Σ of the others): a small loss keeps its digits. */
function crossEntropy(x: ArrayLike<number>, start: number, n: number, label: number): number {
  const own = x[start + label]!
  const [largest, total] = exponentials(x, start, n)
  if (own < largest) return Math.log(total) - (own - largest)
  let others = 0
  for (let j = 0; j < n; j++) if (j !== label) others += Math.exp(x[start + j]! - own)
  return Math.log1p(others)
}

export const softmaxCrossEntropyOperation: Operation<null> = {
  name: 'softmaxCrossEntropy',
  shape([x, labels]) {
    expectShape(
      x!.shape.length === 2 &&
        labels!.dtype === 'index' &&
        labels!.shape.length === 1 &&
        labels!.shape[0] === x!.shape[0],
      'softmaxCrossEntropy',
      () =>
        `logits ${formatShape(x!.shape)} and ${labels!.dtype} labels ${formatShape(labels!.shape)} must be [B, classes] and indices [B]`,
    )
    expectBelow('softmaxCrossEntropy', labels!, x!.shape[1]!, `logits ${formatShape(x!.shape)}`)
    return labels!.shape
  },
  evaluate(out, [x, labels], { inputs }) {
    const n = inputs[0]!.shape[1]!
    for (let i = 0; i < out.length; i++) out[i] = crossEntropy(x!, i * n, n, labels![i]!)
  },
  // dℓ = ⟨softmax(x) − e_label, dx⟩
  vjp: ({ inputs: [x, labels] }, u) => [multiply(alongRows(u, x!), residual(x!, labels!)), null],
}

/**
 * softmax(x) − e_label, [B, classes], to full relative precision: at the label it is −Σ of the other probabilities.
 *
 * As p_label − 1 it would lose what the sample still has to learn: where p_label = 1 − 1e-4, float32 keeps three digits
 * of the gradient, and where a network is sure of a sample, none.
 */
function residual(x: Value, labels: Value): Value {
  const own = oneHot(labels, x.shape[1]!)
  const others = multiply(softmax(x), subtract(1, own))
  return subtract(others, multiply(own, alongRows(sum(others, lastAxis(x)), x)))
}

/**
 * Cross-entropy of softmax(x) with the labels, sample by sample: ℓ_i = ln Σ_j e^(x_ij) − x_i,label.
 *
 * @param logits [B, classes]
 * @param labels indices [B]
 * @returns [B]; a batch loss is the mean of these
 */
export const softmaxCrossEntropy = (logits: Value, labels: Value): Value =>
  apply(softmaxCrossEntropyOperation, [logits, labels], null)

/**
 * Mean over a sample's elements of (x − target)², sample by sample.
 *
 * @param x [B, ..]
 * @param target the same shape
 * @returns [B]
 */
export function meanSquaredError(x: Value, target: Value): Value {
  // A target [B] would otherwise broadcast against [B, 1] to [B, B].
  expectSameShape('meanSquaredError', x, target)
  const error = square(subtract(x, target))
  const axes = error.shape.slice(1).map((_, i) => i + 1)
  return axes.length === 0 ? error : mean(error, axes)
}
