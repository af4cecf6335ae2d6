import { type ReduceAttributes, sum } from '../../autodiff/operations/index.ts'
import { topologicalOrder, type Value } from '../../autodiff/value.ts'
import type { Graph } from '../backend.ts'

/**
 * The same graph with less to do. What is written twice in a stage is computed once, and:
 *
 * - gate(u, x) reads relu(x) where that is computed anyway, since both are positive together: x need not be stored;
 * - a sum over several axes starts from one over fewer of them, where that is computed anyway: the bias gradient of a
 *   convolution from its parts for each sample.
 *
 * Stages share nothing but what they shared before: leaves may be written in between.
 */
export function rewrite(graph: Graph): Graph {
  const renewed = new Map<Value, Value>()
  const numbers = new Map<object, number>()
  const numberOf = (thing: object): number => {
    if (!numbers.has(thing)) numbers.set(thing, numbers.size)
    return numbers.get(thing)!
  }

  const stages = graph.stages.map((outputs) => {
    const fresh = topologicalOrder(outputs.map(({ value }) => value)).filter((value) => !renewed.has(value))
    const sums = axesOfSums(fresh)
    const known = new Map<string, Value>()
    const relus = new Map<Value, Value>()

    const unique = (value: Value): Value => {
      const { operation, inputs, attributes } = value
      const key = `${numberOf(operation)} ${inputs.map(numberOf)} ${JSON.stringify(attributes, legible)}`
      if (!known.has(key)) known.set(key, value)
      return known.get(key)!
    }

    for (const original of fresh) {
      const inputs = original.inputs.map((input) => renewed.get(input)!)
      let value: Value = inputs.every((input, i) => input === original.inputs[i]) ? original : { ...original, inputs }
      const [first, second] = inputs
      if (value.operation.name === 'gate') value = { ...value, inputs: [first!, relus.get(second!) ?? second!] }
      if (value.operation.name === 'sum') {
        const { axes } = value.attributes as ReduceAttributes
        const part = largestPart(axes, sums.get(original.inputs[0]!)!)
        if (part !== undefined) {
          // The other axes, counted among those that the first sum leaves.
          const rest = axes.filter((axis) => !part.includes(axis))
          const left = rest.map((axis) => axis - part.filter((other) => other < axis).length)
          value = sum(unique(sum(first!, part)), left)
        }
      }
      value = unique(value)
      if (value.operation.name === 'relu') relus.set(first!, value)
      renewed.set(original, value)
    }
    return outputs.map((output) => ({ ...output, value: renewed.get(output.value)! }))
  })
  return { stages }
}

/** Over which axes each value is summed. */
function axesOfSums(values: readonly Value[]): Map<Value, (readonly number[])[]> {
  const sums = new Map<Value, (readonly number[])[]>()
  for (const { operation, inputs, attributes } of values) {
    if (operation.name !== 'sum') continue
    sums.set(inputs[0]!, [...(sums.get(inputs[0]!) ?? []), (attributes as ReduceAttributes).axes])
  }
  return sums
}

const largestPart = (axes: readonly number[], candidates: readonly (readonly number[])[]) =>
  candidates
    .filter((some) => some.length < axes.length && some.every((axis) => axes.includes(axis)))
    .sort((a, b) => b.length - a.length)[0]

/** JSON has no word for ∞, NaN and −0, and constants may be any of them. */
const legible = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)) ? `${1 / value} ${value}` : value
