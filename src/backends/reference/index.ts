import { sizeOf } from '../../autodiff/shape.ts'
import { isLeaf, type NumericArray, topologicalOrder, type Value } from '../../autodiff/value.ts'
import type { Backend, Buffers, Graph, Plan } from '../backend.ts'

/**
 * Float64 and plain loops: every operation by its own definition, one after the other.
 *
 * It is the oracle of the other backends and the place to look up what an operation means.
 *
 * @example const backend = referenceBackend()
 */
export function referenceBackend(): Backend {
  return {
    name: 'reference',
    details: { precision: 'float64' },
    allocate: (length) => new Float64Array(length),
    allocateIndices: (length) => new Int32Array(length),
    allocateDouble: (length) => new Float64Array(length),
    accumulate(into, from) {
      for (let i = 0; i < into.length; i++) into[i]! += from[i]!
    },
    compile: layOut,
  }
}

function layOut(graph: Graph, buffers: Buffers): Plan {
  const seen = new Set<Value>()
  // Each stage computes what earlier ones have not.
  const stages = graph.stages.map((outputs) => {
    const order = topologicalOrder(outputs.map(({ value }) => value)).filter((value) => !seen.has(value))
    for (const value of order) seen.add(value)
    return { outputs, order: order.filter((value) => !isLeaf(value)) }
  })

  const store = (value: Value): NumericArray => {
    const size = sizeOf(value.shape)
    if (!isLeaf(value)) return value.dtype === 'index' ? new Int32Array(size) : new Float64Array(size)
    const { buffer, offset } = value.attributes
    return bound(buffers, buffer).subarray(offset, offset + size)
  }
  const slots: Map<Value, NumericArray>[] = []
  const slotBytes = [...seen].reduce((bytes, value) => (isLeaf(value) ? bytes : bytes + 8 * sizeOf(value.shape)), 0)

  return {
    slotBytes,
    run(stage, slot) {
      slots[slot] ??= new Map([...seen].map((value) => [value, store(value)]))
      const arrays = slots[slot]
      const { order, outputs } = stages[stage]!
      for (const value of order) {
        const inputs = value.inputs.map((input) => arrays.get(input)!)
        value.operation.evaluate(arrays.get(value)!, inputs, value)
      }
      for (const { value, buffer, offset } of outputs) bound(buffers, buffer).set(arrays.get(value)!, offset)
    },
  }
}

/** The array of that name; a graph that names another is a mistake of the program, not of the user. */
export function bound(buffers: Buffers, name: string): NumericArray {
  const array = buffers[name]
  if (array === undefined) throw new Error(`no array is bound to the name ${name}; bound are ${Object.keys(buffers)}`)
  return array
}
