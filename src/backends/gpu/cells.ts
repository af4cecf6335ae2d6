import { type Program, usesOf } from './program.ts'

/** Storage of a program's intermediate arrays: how large the cells are, and which cell an array lies in. */
export interface Cells {
  /** Elements of each cell, descending, so that cells of different programs pair up well. */
  readonly sizes: readonly number[]
  readonly of: ReadonlyMap<number, number>
}

/**
 * Assigns arrays to cells such that no two are in one cell at the same time.
 *
 * An array lives from the step that makes it (a leaf: from the stage's beginning, when it is written) to its last use in
 * that stage; what a later stage reads lives until that stage has ended, since it may be run again.
 * `isElsewhere` tells leaves that have a place of their own.
 */
export function assignCells(program: Program, isElsewhere: (array: number) => boolean): Cells {
  const { arrays, stages } = program
  const inCells = (array: number) => arrays[array]!.origin.kind !== 'constant' && !isElsewhere(array)
  const lastStage = new Map<number, number>()
  for (const [s, stage] of stages.entries()) for (const array of usesOf(stage)) lastStage.set(array, s)

  const sizes: number[] = []
  const of = new Map<number, number>()
  let free: number[] = []
  const occupy = (array: number) => {
    const { size } = arrays[array]!
    // The tightest cell that is large enough; else the largest, which grows; else a new one.
    free.sort((a, b) => sizes[a]! - sizes[b]!)
    const fitting = free.findIndex((cell) => sizes[cell]! >= size)
    const cell = free.splice(fitting === -1 ? free.length - 1 : fitting, 1)[0] ?? sizes.push(0) - 1
    sizes[cell] = Math.max(sizes[cell]!, size)
    of.set(array, cell)
  }

  for (const [s, stage] of stages.entries()) {
    const lastUse = new Map<number, number>()
    for (const [i, { inputs, output }] of stage.steps.entries())
      for (const array of [...inputs, output]) lastUse.set(array, i)
    for (const { from } of stage.deliveries) if ('array' in from) lastUse.set(from.array, stage.steps.length)
    // What earlier stages left keeps its place until this stage has ended: the stage may be run again.
    const earlier = new Set(of.keys())
    for (const leaf of stage.leaves) if (inCells(leaf) && !of.has(leaf)) occupy(leaf)
    for (const [i, { inputs, output }] of stage.steps.entries()) {
      occupy(output)
      for (const array of new Set([...inputs, output]))
        if (inCells(array) && !earlier.has(array) && lastUse.get(array) === i && (lastStage.get(array) ?? s) <= s)
          free.push(of.get(array)!)
    }
    free = [...sizes.keys()].filter((cell) =>
      [...of].every(([array, c]) => c !== cell || (lastStage.get(array) ?? s) <= s),
    )
  }
  const order = [...sizes.keys()].sort((a, b) => sizes[b]! - sizes[a]!)
  return {
    sizes: order.map((cell) => sizes[cell]!),
    of: new Map([...of].map(([array, cell]) => [array, order.indexOf(cell)])),
  }
}
