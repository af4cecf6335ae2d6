import { roundCounter, widths } from '../../src/report/rounds.ts'
import type { Column } from './protocol.ts'

/** Machines that charts can be drawn for, by the samples that they compute at once. */
export const WIDTHS = [4, 16, 64, 256, 1024] as const
export type Width = (typeof WIDTHS)[number]

/** What charts draw against: linear in samples; logarithmic in steps, and in rounds of a machine so wide. */
export type Axis = 'samples' | `rounds-${Width}` | 'steps'
export const AXES: readonly Axis[] = ['samples', ...WIDTHS.map((P) => `rounds-${P}` as const), 'steps']

/** P of an axis of rounds. */
export const widthOf = (axis: Axis): Width | undefined => WIDTHS.find((P) => axis === `rounds-${P}`)

/** The curves of a scheme. */
export const CURVES = ['batchSize', 'loss', 'objective', 'accuracy', 'gradientNorm', 'statistic', 'threshold'] as const
export type Curve = (typeof CURVES)[number]

// A run of any length is kept in so many cells a curve, so memory does not grow while it trains.
const SAMPLE_CELLS = 500
const CELLS_PER_DECADE = 90
const LOGARITHMIC_CELLS = Math.ceil(CELLS_PER_DECADE * 6.5)

/** The positions of all cells, shared by all schemes, so that charts need no joining: x of cell k. */
export function cellsOf(axis: Axis, budget: number): Float64Array {
  if (axis === 'samples') return Float64Array.from({ length: SAMPLE_CELLS + 1 }, (_, k) => (k * budget) / SAMPLE_CELLS)
  return Float64Array.from({ length: LOGARITHMIC_CELLS }, (_, k) => 10 ** (k / CELLS_PER_DECADE))
}

/** The cell of a position. */
function cellOf(axis: Axis, position: number, budget: number): number {
  if (axis === 'samples') return Math.min(SAMPLE_CELLS, Math.max(1, Math.ceil((position / budget) * SAMPLE_CELLS)))
  return Math.min(LOGARITHMIC_CELLS - 1, Math.round(Math.log10(position) * CELLS_PER_DECADE))
}

/** Curves whose cells hold the last value; the others hold the mean, which is what smooths them. */
const LAST: ReadonlySet<Curve> = new Set(['batchSize', 'objective', 'accuracy'])

/** The curves of one scheme, on all axes. Null where a cell has no value, as uPlot has it. */
export interface History {
  readonly cells: Readonly<Record<Axis, Readonly<Record<Curve, readonly (number | null)[]>>>>
  /** How far the run is on each axis. */
  readonly position: Readonly<Record<Axis, number>>
  /** Adds a step; every one has to be. */
  add(step: number, samples: number, values: Partial<Record<Curve | Column, number>>): void
}

export function createHistory(budget: number): History {
  const rounds = roundCounter()
  const position = Object.fromEntries(AXES.map((axis) => [axis, 0])) as Record<Axis, number>
  const kept = AXES.map((axis) => {
    const { length } = cellsOf(axis, budget)
    const cells = CURVES.map(() => Array<number | null>(length).fill(null))
    return { axis, cells, counts: CURVES.map(() => new Uint32Array(length)) }
  })

  function put(
    { cells, counts }: (typeof kept)[number],
    cell: number,
    values: Partial<Record<Curve | Column, number>>,
  ) {
    for (const [c, curve] of CURVES.entries()) {
      const value = values[curve]
      if (value === undefined || !Number.isFinite(value)) continue
      const n = ++counts[c]![cell]!
      const old = cells[c]![cell]
      cells[c]![cell] = LAST.has(curve) || old == null ? value : old + (value - old) / n
    }
  }
  const byCurve = (cells: (number | null)[][]) => Object.fromEntries(CURVES.map((curve, c) => [curve, cells[c]!]))
  return {
    cells: Object.fromEntries(kept.map(({ axis, cells }) => [axis, byCurve(cells)])) as unknown as History['cells'],
    position,
    add(step, samples, values) {
      const soFar = rounds({ batchSize: samples - position.samples })
      position.samples = samples
      position.steps = step
      for (const P of WIDTHS) position[`rounds-${P}`] = soFar[widths.indexOf(P)]!
      // The first step was measured before anything was processed.
      if (step === 1) put(kept[0]!, 0, values)
      for (const axis of kept) put(axis, cellOf(axis.axis, position[axis.axis], budget), values)
    },
  }
}

/** A path in the plane of bounded length: when it is full, every second point goes. */
export interface Path {
  /** x₁, x₂ alternating. */
  readonly points: number[]
  add(x1: number, x2: number): void
}

const LONGEST_PATH = 3000

export function createPath(): Path {
  const points: number[] = []
  let [every, skipped] = [1, 0]
  return {
    points,
    add(x1, x2) {
      if (++skipped < every) return
      skipped = 0
      points.push(x1, x2)
      if (points.length < 2 * LONGEST_PATH) return
      for (let i = 0; 2 * i < points.length; i += 2) {
        points[i] = points[2 * i]!
        points[i + 1] = points[2 * i + 1]!
      }
      points.length /= 2
      every *= 2
    },
  }
}
