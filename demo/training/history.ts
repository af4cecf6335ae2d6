import type { Column } from './protocol.ts'

/** What charts draw against: linear in samples, logarithmic in steps. */
export type Axis = 'samples' | 'steps'

/** The curves of a scheme. */
export const CURVES = ['batchSize', 'loss', 'objective', 'accuracy', 'gradientNorm', 'statistic', 'threshold'] as const
export type Curve = (typeof CURVES)[number]

// A run of any length is kept in so many cells a curve, so memory does not grow while it trains.
const SAMPLE_CELLS = 500
const STEPS_PER_DECADE = 90
const STEP_DECADES = 6.5

/** The positions of all cells, shared by all schemes, so that charts need no joining: x of cell k. */
export function cellsOf(axis: Axis, budget: number): Float64Array {
  if (axis === 'samples') return Float64Array.from({ length: SAMPLE_CELLS + 1 }, (_, k) => (k * budget) / SAMPLE_CELLS)
  return Float64Array.from(
    { length: Math.ceil(STEPS_PER_DECADE * STEP_DECADES) },
    (_, k) => 10 ** (k / STEPS_PER_DECADE),
  )
}

const cellOf = {
  samples: (samples: number, budget: number) =>
    Math.min(SAMPLE_CELLS, Math.max(1, Math.ceil((samples / budget) * SAMPLE_CELLS))),
  steps: (step: number) =>
    Math.min(Math.ceil(STEPS_PER_DECADE * STEP_DECADES) - 1, Math.round(Math.log10(step) * STEPS_PER_DECADE)),
}

/** Curves whose cells hold the last value; the others hold the mean, which is what smooths them. */
const LAST: ReadonlySet<Curve> = new Set(['batchSize', 'objective', 'accuracy'])

/** The curves of one scheme, on both axes. Null where a cell has no value, as uPlot has it. */
export interface History {
  readonly cells: Readonly<Record<Axis, Readonly<Record<Curve, (number | null)[]>>>>
  add(step: number, samples: number, values: Partial<Record<Curve | Column, number>>): void
}

export function createHistory(budget: number): History {
  const lengths = { samples: cellsOf('samples', budget).length, steps: cellsOf('steps', budget).length }
  const empty = (axis: Axis) =>
    Object.fromEntries(CURVES.map((curve) => [curve, Array<number | null>(lengths[axis]).fill(null)])) as Record<
      Curve,
      (number | null)[]
    >
  const cells = { samples: empty('samples'), steps: empty('steps') }
  const counts = {
    samples: CURVES.map(() => new Uint32Array(lengths.samples)),
    steps: CURVES.map(() => new Uint32Array(lengths.steps)),
  }

  function put(axis: Axis, cell: number, values: Partial<Record<Curve | Column, number>>) {
    for (const [c, curve] of CURVES.entries()) {
      const value = values[curve]
      if (value === undefined || !Number.isFinite(value)) continue
      const n = ++counts[axis][c]![cell]!
      const old = cells[axis][curve][cell]
      cells[axis][curve][cell] = LAST.has(curve) || old == null ? value : old + (value - old) / n
    }
  }
  return {
    cells,
    add(step, samples, values) {
      // The first step was measured before anything was processed.
      if (step === 1) put('samples', 0, values)
      put('samples', cellOf.samples(samples, budget), values)
      put('steps', cellOf.steps(step), values)
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
