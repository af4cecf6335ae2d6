import { sizeOf } from '../../autodiff/shape.ts'
import { isLeaf, type Value } from '../../autodiff/value.ts'
import type { Output } from '../backend.ts'
import type { Schedule } from './schedule.ts'
import type { Step } from './step.ts'

/** A piece of memory that is needed from one step to another, both included. */
export interface Piece {
  readonly bytes: number
  readonly from: number
  to: number
}

const ALIGNMENT = 64

/**
 * Offsets such that pieces which are needed at the same time do not overlap: the largest first, each as low as it can.
 *
 * @returns the offsets and the number of bytes in all
 */
export function pack(pieces: readonly Piece[]): { offsets: Map<Piece, number>; bytes: number } {
  const offsets = new Map<Piece, number>()
  const placed: { piece: Piece; start: number; end: number }[] = []
  let bytes = 0
  for (const piece of [...pieces].sort((a, b) => b.bytes - a.bytes)) {
    const size = Math.ceil(piece.bytes / ALIGNMENT) * ALIGNMENT
    let start = 0
    // `placed` is sorted by address: the first gap that is wide enough.
    for (const other of placed) {
      if (other.piece.to < piece.from || other.piece.from > piece.to) continue
      if (start + size <= other.start) break
      start = Math.max(start, other.end)
    }
    offsets.set(piece, start)
    const at = placed.findIndex((other) => other.start > start)
    placed.splice(at < 0 ? placed.length : at, 0, { piece, start, end: start + size })
    bytes = Math.max(bytes, start + size)
  }
  return { offsets, bytes }
}

/** Where a value lies: in the scratch space, in the slot, or at a fixed address. */
export interface Location {
  readonly in: 'scratch' | 'slot' | 'memory'
  readonly at: number
}

/** A value that must be copied to its destination once its stage is done. */
export interface Delivery {
  readonly value: Value
  readonly to: number
  readonly buffer: string
}

export interface Storage {
  readonly locations: ReadonlyMap<Value, Location>
  /** Offsets in the scratch space. */
  readonly workspaces: ReadonlyMap<Step, number>
  readonly copies: readonly (readonly Delivery[])[]
  readonly scratchBytes: number
  readonly slotBytes: number
}

/**
 * Gives each stored value a place. What a later stage reads is kept in the slot. Everything else shares one scratch
 * space, where pieces that are not needed at the same time overlap. A result that is wanted in one place only is made there.
 */
export function layOutStorage(
  stages: readonly (readonly Step[])[],
  outputs: readonly (readonly Output[])[],
  { aliases }: Schedule,
  addressOfLeaf: (leaf: Value) => number,
  addressOfOutput: (output: Output) => number,
): Storage {
  const rootOf = (value: Value): Value => aliases.get(value)?.of ?? value
  const locations = new Map<Value, Location>()
  const workspaces = new Map<Step, number>()
  const madeIn = new Map<Value, number>()
  for (const [s, steps] of stages.entries())
    for (const step of steps) for (const value of step.writes) madeIn.set(value, s)

  for (const value of [...stages.flat().flatMap((step) => step.reads), ...outputs.flat().map((o) => o.value)]) {
    const root = rootOf(value)
    if (isLeaf(root)) locations.set(root, { in: 'memory', at: addressOfLeaf(root) })
  }

  // Kept for later stages.
  let slotBytes = 0
  for (const [s, steps] of stages.entries())
    for (const value of [...steps.flatMap((step) => step.reads), ...outputs[s]!.map((o) => o.value)]) {
      const root = rootOf(value)
      if (locations.has(root) || madeIn.get(root) === undefined || madeIn.get(root) === s) continue
      locations.set(root, { in: 'slot', at: slotBytes })
      slotBytes += Math.ceil((4 * sizeOf(root.shape)) / ALIGNMENT) * ALIGNMENT
    }

  let scratchBytes = 0
  const copies = stages.map((steps, s) => {
    const read = steps.flatMap((step) => step.reads.map(rootOf)).filter(isLeaf)
    const deliveries = deliver(outputs[s]!, read, locations)
    const pieces = new Map<Value, Piece>()
    const scratch: Piece[] = []
    const work = new Map<Step, Piece>()
    const lastUse = new Map<Value, number>()
    for (const [i, step] of steps.entries())
      for (const value of [...step.reads, ...step.writes]) lastUse.set(rootOf(value), i)
    for (const { value } of deliveries) lastUse.set(rootOf(value), steps.length)
    for (const [i, step] of steps.entries()) {
      for (const [w, value] of step.writes.entries()) {
        if (locations.has(value)) continue
        const heir = w === 0 ? inheritance(step, i) : undefined
        const piece = heir ?? { bytes: 4 * sizeOf(value.shape), from: i, to: i }
        piece.to = lastUse.get(value)!
        pieces.set(value, piece)
        if (heir === undefined) scratch.push(piece)
      }
      if (step.workspace) {
        const piece = { bytes: step.workspace, from: i, to: i }
        work.set(step, piece)
        scratch.push(piece)
      }
    }
    const { offsets, bytes } = pack(scratch)
    scratchBytes = Math.max(scratchBytes, bytes)
    for (const [value, piece] of pieces) locations.set(value, { in: 'scratch', at: offsets.get(piece)! })
    for (const [step, piece] of work) workspaces.set(step, offsets.get(piece)!)
    return deliveries

    /** The storage of an operand that this step is the last to read, and reads where it writes. */
    function inheritance(step: Step, at: number): Piece | undefined {
      const size = sizeOf(step.writes[0]!.shape)
      for (const value of step.pointwise ?? []) {
        const piece = pieces.get(rootOf(value))
        const uses = (values: readonly Value[]) => values.filter((other) => rootOf(other) === rootOf(value)).length
        if (piece?.to === at && sizeOf(rootOf(value).shape) === size && uses(step.reads) === uses(step.pointwise!))
          return piece
      }
      return undefined
    }
  })
  return { locations, workspaces, copies, scratchBytes, slotBytes }

  /** Places results at their destination where no one can tell, and returns the others. */
  function deliver(stage: readonly Output[], leaves: readonly Value[], places: Map<Value, Location>): Delivery[] {
    const ranges = stage.map((output) => {
      const from = addressOfOutput(output)
      return { output, from, to: from + 4 * sizeOf(output.value.shape) }
    })
    const occupied = [
      ...ranges,
      ...leaves.map((leaf) => {
        const from = addressOfLeaf(leaf)
        return { output: undefined, from, to: from + 4 * sizeOf(leaf.shape) }
      }),
    ]
    return ranges.flatMap(({ output, from, to }) => {
      const root = rootOf(output.value)
      const free = occupied.every((other) => other.output === output || other.to <= from || other.from >= to)
      const whole = sizeOf(root.shape) === sizeOf(output.value.shape)
      if (free && whole && !places.has(root) && madeIn.has(root)) {
        places.set(root, { in: 'memory', at: from })
        return []
      }
      return [{ value: output.value, to: from, buffer: output.buffer }]
    })
  }
}
