import { normalizeAxes, sizeOf, stridesOf } from '../shape.ts'
import { apply, type Operation, rowwiseIf, type Value } from '../value.ts'
import { divide, equal, multiply } from './elementwise.ts'
import { expand, type ReduceAttributes, reduction, sum, walk } from './structure.ts'

/** Mean over some axes, or over all; they disappear. */
export function mean(x: Value, axes?: readonly number[]): Value {
  const total = sum(x, axes)
  return multiply(total, sizeOf(total.shape) / sizeOf(x.shape))
}

const maxOperation: Operation<ReduceAttributes> = {
  name: 'max',
  shape: ([x], { axes }) => reduction(x!.shape, axes).shape,
  sampling: (inputs, { axes }) => rowwiseIf(!axes.includes(0), inputs, 'max over the batch axis'),
  evaluate(out, [x], { inputs, attributes }) {
    const { shape } = inputs[0]!
    out.fill(-Infinity)
    walk(shape, reduction(shape, attributes.axes).strides, stridesOf(shape), (to, from) => {
      // NaN wins, so that it is not lost.
      if (x![from]! > out[to]! || Number.isNaN(x![from]!)) out[to] = x![from]!
    })
  },
  // Ties share the cotangent equally.
  vjp(y, u) {
    const [x] = y.inputs
    const { axes } = y.attributes
    const winners = equal(x!, expand(y, x!.shape, axes))
    return [multiply(winners, expand(divide(u, sum(winners, axes)), x!.shape, axes))]
  },
}

/** Largest element along some axes, or of all; they disappear. */
export function max(x: Value, axes?: readonly number[]): Value {
  const along = normalizeAxes('max', axes ?? x.shape.map((_, i) => i), x.shape.length)
  return along.length === 0 ? x : apply(maxOperation, [x], { axes: along })
}
