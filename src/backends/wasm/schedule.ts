import { sizeOf, stridesOf } from '../../autodiff/shape.ts'
import { constantOf, isLeaf, topologicalOrder, type Value } from '../../autodiff/value.ts'
import type { Graph } from '../backend.ts'

/** What is computed when, and who needs it. */
export interface Schedule {
  /** For each stage its values, each after its inputs; leaves and constants are not among them. */
  readonly stages: readonly (readonly Value[])[]
  readonly stageOf: ReadonlyMap<Value, number>
  /** Position in the order of all stages. */
  readonly positionOf: ReadonlyMap<Value, number>
  readonly consumersOf: ReadonlyMap<Value, readonly Value[]>
  readonly outputs: ReadonlySet<Value>
  /** Values that are read where another one lies, and from which of its elements on. */
  readonly aliases: ReadonlyMap<Value, Alias>
}

type Timing = Omit<Schedule, 'aliases'>

/** Each stage computes what earlier ones have not. */
export function schedule({ stages }: Graph): Schedule {
  const stageOf = new Map<Value, number>()
  const positionOf = new Map<Value, number>()
  const consumersOf = new Map<Value, Value[]>()
  const outputs = new Set(stages.flatMap((stage) => stage.map(({ value }) => value)))
  const orders = stages.map((stage, s) => {
    const order = topologicalOrder(stage.map(({ value }) => value)).filter((value) => !stageOf.has(value))
    for (const value of order) {
      stageOf.set(value, s)
      positionOf.set(value, positionOf.size)
      for (const input of new Set(value.inputs)) {
        const consumers = consumersOf.get(input)
        if (consumers === undefined) consumersOf.set(input, [value])
        else consumers.push(value)
      }
    }
    return order.filter((value) => !isLeaf(value) && constantOf(value) === undefined)
  })
  const timing = { stages: orders, stageOf, positionOf, consumersOf, outputs }
  return { ...timing, aliases: findAliases(timing) }
}

function findAliases(timing: Timing): Map<Value, Alias> {
  const aliases = new Map<Value, Alias>()
  for (const value of timing.stages.flat()) {
    const alias = aliasOf(value)
    if (alias === undefined) continue
    const { of, offset } = aliases.get(alias.of) ?? { of: alias.of, offset: 0 }
    // A leaf may be written before a later stage, which needs what it held in this one: that is copied.
    if (!(isLeaf(of) && isKept(timing, value))) aliases.set(value, { of, offset: offset + alias.offset })
  }
  return aliases
}

/** `value` is needed by `consumer` alone, in the same stage: nobody misses it when it is never stored. */
export const feedsOnly = ({ consumersOf, stageOf, outputs }: Timing, value: Value, consumer: Value): boolean =>
  !outputs.has(value) &&
  !isLeaf(value) &&
  stageOf.get(value) === stageOf.get(consumer) &&
  consumersOf.get(value)!.every((other) => other === consumer)

/** Whether a later stage needs the value. */
export const isKept = ({ consumersOf, stageOf }: Timing, value: Value): boolean =>
  consumersOf.get(value)?.some((consumer) => stageOf.get(consumer)! > stageOf.get(value)!) ?? false

/** Elements of another value, from `offset` on, without a copy. */
export interface Alias {
  readonly of: Value
  readonly offset: number
}

/** Where the elements of a value lie in its input as they are: reshapes, slices of whole runs, axes of extent 1. */
export function aliasOf(value: Value): Alias | undefined {
  const [input] = value.inputs
  const size = sizeOf(value.shape)
  switch (value.operation.name) {
    case 'reshape':
    case 'stopGradient':
      return { of: input!, offset: 0 }
    case 'broadcast':
    case 'sum':
    case 'max':
      return sizeOf(input!.shape) === size ? { of: input!, offset: 0 } : undefined
    case 'transpose': {
      // Only axes of extent 1 change places.
      const { permutation } = value.attributes as { permutation: readonly number[] }
      const moved = permutation.filter((axis) => input!.shape[axis] !== 1)
      return moved.every((axis, i) => i === 0 || moved[i - 1]! < axis) ? { of: input!, offset: 0 } : undefined
    }
    case 'slice': {
      const { start } = value.attributes as { start: readonly number[] }
      const strides = stridesOf(input!.shape)
      // One run: whole below the first axis that is cut, and a single index above it.
      const last = value.shape.findLastIndex((extent, axis) => extent !== input!.shape[axis])
      const isRun = value.shape.slice(0, Math.max(last, 0)).every((extent) => extent === 1)
      return isRun
        ? { of: input!, offset: start.reduce((sum, from, axis) => sum + from * strides[axis]!, 0) }
        : undefined
    }
    default:
      return undefined
  }
}
