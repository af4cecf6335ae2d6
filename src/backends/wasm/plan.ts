import { sizeOf } from '../../autodiff/shape.ts'
import { constantOf, isLeaf, type NumericArray, type Value } from '../../autodiff/value.ts'
import { AdadagradError } from '../../errors.ts'
import type { Buffers, Graph, Plan } from '../backend.ts'
import { bound } from '../reference/index.ts'
import type { Arena } from './arena.ts'
import type { Kernels } from './kernels.ts'
import { lower } from './lowering.ts'
import { rewrite } from './rewrite.ts'
import { schedule } from './schedule.ts'
import { type Call, call } from './step.ts'
import { type Location, layOutStorage } from './storage.ts'

/** A plan that can say what it consists of. */
export interface WasmPlan extends Plan {
  /** Kernel calls of each stage, in order. */
  readonly steps: readonly (readonly string[])[]
  /** Operations that run plain loops, for want of a kernel. */
  readonly slow: readonly string[]
  /** Bytes of scratch space, which all slots and plans share. */
  readonly scratchBytes: number
  /**
   * A stage in a slot as a list of calls, for a thread that runs them by itself. The same list as long as it holds.
   *
   * @throws AdadagradError when an operation has no kernel: its loops are bound to this thread
   */
  calls(stage: number, slot: number): readonly Call[]
  /** Runs a stage and tells how many milliseconds each step took. */
  profile(stage: number, slot: number): { readonly name: string; readonly milliseconds: number }[]
}

/** The calls of a plan for one slot: each stage's steps, each with its calls. */
interface Binding {
  readonly scratch: number
  readonly slot: number
  readonly stages: readonly (readonly Call[])[]
  readonly steps: readonly (readonly (readonly Call[])[])[]
}

/** Turns a graph into kernel calls over fixed addresses. */
export function layOut(graph: Graph, buffers: Buffers, kernels: Kernels, arena: Arena): WasmPlan {
  const { stages: outputs } = rewrite(graph)
  const timing = schedule({ stages: outputs })
  const stages = lower({ kernels, schedule: timing })
  const storage = layOutStorage(
    stages,
    outputs,
    timing,
    (value) => placeOfLeaf(value, buffers, arena),
    (output) => elementOf(bound(buffers, output.buffer), output.offset, output.buffer, arena),
  )
  arena.reserve(storage.scratchBytes, storage.slotBytes)
  const read = [...stages.flat().flatMap((step) => step.reads), ...outputs.flat().map(({ value }) => value)]
  const constants = fillConstants(
    read.map((value) => timing.aliases.get(value)?.of ?? value),
    arena,
  )

  const base: Readonly<Record<Location['in'], (scratch: number, slot: number) => number>> = {
    scratch: (scratch) => scratch,
    slot: (_, slot) => slot,
    memory: () => 0,
  }

  function bind(slotIndex: number): Binding {
    const scratch = arena.scratch()
    const slot = storage.slotBytes === 0 ? 0 : arena.slot(slotIndex, storage.slotBytes)
    const address = (value: Value): number => {
      const { of, offset } = timing.aliases.get(value) ?? { of: value, offset: 0 }
      const constant = constants.get(of)
      if (constant !== undefined) return constant + 4 * offset
      const location = storage.locations.get(of)!
      return base[location.in](scratch, slot) + location.at + 4 * offset
    }
    const view = (value: Value): NumericArray => arena.view(address(value), sizeOf(value.shape), value.dtype)
    const steps = stages.map((stage, s) => [
      ...stage.map((step) => step.bind({ address, view, workspace: scratch + (storage.workspaces.get(step) ?? 0) })),
      // What could not be written in place is delivered at the end.
      ...storage.copies[s]!.map(({ value, to }) => [call(kernels.copy, address(value), to, 4 * sizeOf(value.shape))]),
    ])
    return { scratch, slot, steps, stages: steps.map((stage) => stage.flat()) }
  }

  const bindings: Binding[] = []
  function binding(slotIndex: number): Binding {
    const current = bindings[slotIndex]
    // Scratch space and slots move when a larger plan comes.
    if (
      current !== undefined &&
      current.scratch === arena.scratch() &&
      (storage.slotBytes === 0 || current.slot === arena.slot(slotIndex, storage.slotBytes))
    )
      return current
    bindings[slotIndex] = bind(slotIndex)
    return bindings[slotIndex]
  }

  const names = stages.map((stage, s) => [
    ...stage.map(({ name }) => name),
    ...storage.copies[s]!.map(({ buffer }) => `deliver to ${buffer}`),
  ])
  const slow = [...new Set(stages.flat().flatMap((step) => (step.slow ? [step.name] : [])))]
  return {
    slotBytes: storage.slotBytes,
    scratchBytes: storage.scratchBytes,
    steps: names,
    slow,
    run(stage, slot) {
      const calls = binding(slot).stages[stage]!
      for (let i = 0; i < calls.length; i++) calls[i]!()
    },
    calls: (stage, slot) => {
      if (slow.length > 0)
        throw new AdadagradError(
          `${slow.join(', ')}: no kernel for this operation, so it cannot run on another thread; use 1 thread`,
        )
      return binding(slot).stages[stage]!
    },
    profile(stage, slot) {
      return binding(slot).steps[stage]!.map((calls, i) => {
        const start = performance.now()
        for (const make of calls) make()
        return { name: names[stage]![i]!, milliseconds: performance.now() - start }
      })
    },
  }
}

function placeOfLeaf(leaf: Value, buffers: Buffers, arena: Arena): number {
  if (!isLeaf(leaf)) throw new Error(`${leaf.operation.name} is no leaf`)
  const { buffer, offset } = leaf.attributes
  const array = bound(buffers, buffer)
  const expected = leaf.dtype === 'index' ? Int32Array : Float32Array
  if (!(array instanceof expected))
    throw new Error(`leaf of ${buffer}: the wasm backend reads a ${expected.name}, got a ${array.constructor.name}`)
  return elementOf(array, offset, buffer, arena)
}

/** The address of an element of an array of this backend. */
function elementOf(array: NumericArray, offset: number, name: string, arena: Arena): number {
  if (!arena.owns(array) || array.BYTES_PER_ELEMENT !== 4)
    throw new Error(`${name}: bind an array from allocate or allocateIndices of the same backend`)
  return array.byteOffset + 4 * offset
}

/** The address of each constant among the values. */
function fillConstants(values: readonly Value[], arena: Arena): Map<Value, number> {
  const addresses = new Map<Value, number>()
  for (const value of values) {
    const number = constantOf(value)
    if (number !== undefined) addresses.set(value, arena.constant(number, sizeOf(value.shape)))
  }
  return addresses
}
