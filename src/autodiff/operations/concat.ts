import { expectShape, formatShape, normalizeAxes } from '../shape.ts'
import type { Value } from '../value.ts'
import { add } from './elementwise.ts'
import { pad } from './structure.ts'

/** Joins values along one axis: each, padded to the whole, and their sum. */
export function concat(values: readonly Value[], axis: number): Value {
  const [along] = normalizeAxes('concat', [axis], values[0]?.shape.length ?? 0)
  const first = values[0]!.shape
  for (const { shape } of values)
    expectShape(
      shape.length === first.length && shape.every((extent, i) => i === along || extent === first[i]),
      'concat',
      () => `${values.map((v) => formatShape(v.shape)).join(' and ')} may differ only at axis ${along}`,
    )
  const total = values.reduce((n, { shape }) => n + shape[along!]!, 0)
  const widths = (n: number) => first.map((_, i) => (i === along ? n : 0))
  let before = 0
  const padded = values.map((value) => {
    const extent = value.shape[along!]!
    const result = pad(value, widths(before), widths(total - before - extent))
    before += extent
    return result
  })
  return padded.reduce(add)
}
