import type { CurvePoint, EvaluationPoint, RunResult } from './results.ts'
import { estimate, interval } from './statistics.ts'

/** What a plot's axis counts. */
export type Progress = 'samples' | 'steps' | 'seconds'

/** A point of a line with its band. */
export interface LinePoint {
  readonly scheme: string
  readonly x: number
  readonly mean: number
  /** The 95 % confidence interval over seeds; the mean where there is one seed. */
  readonly low: number
  readonly high: number
  /** Bears a symbol: few do, so that lines can be told apart without colour. */
  readonly marker: boolean
}

type Pairs = readonly (readonly [x: number, y: number])[]

/** How the values of a line are read. */
export interface LineOptions {
  /** Grid and averages on logarithms. */
  readonly logarithmicX?: boolean
  readonly logarithmicY?: boolean
  /** A value that holds until the next one, as a batch size does, and is not drawn slanted in between. */
  readonly steps?: boolean
}

const gridPoints = 160
const markers = 6

/** The lines of a plot: the mean over a scheme's finished runs, on the range that all of them cover. */
export function lines(
  schemes: readonly string[],
  results: readonly RunResult[],
  pairsOf: (result: RunResult) => Pairs,
  options: LineOptions = {},
): LinePoint[] {
  const { logarithmicX = false, logarithmicY = false, steps = false } = options
  const forward = logarithmicY ? Math.log : (y: number) => y
  const back = logarithmicY ? Math.exp : (y: number) => y
  return schemes.flatMap((scheme, which) => {
    const runs = results
      .filter(({ run, summary }) => run.scheme === scheme && summary?.outcome === 'finished')
      // On a logarithmic axis straight lines join logarithms.
      .map((result) => pairsOf(result).map(([x, y]) => [x, forward(y)] as const))
      .map((pairs) => pairs.filter(([x, y]) => Number.isFinite(y) && (!logarithmicX || x > 0)))
      .filter((pairs) => pairs.length > 0)
    if (runs.length === 0) return []
    const grid = gridOf(runs, logarithmicX)
    const every = Math.max(1, Math.floor(grid.length / markers))
    return grid.flatMap((x, k) => {
      const at = estimate(runs.map((pairs) => (steps ? held(pairs, x) : interpolated(pairs, x))))
      if (!at) return []
      const [low, high] = interval(at)
      // Markers of different lines stand at different places.
      const marker = grid.length <= markers || (k + Math.floor((which * every) / 3)) % every === Math.floor(every / 2)
      return [{ scheme, x, mean: back(at.mean), low: back(low), high: back(high), marker }]
    })
  })
}

function gridOf(runs: readonly Pairs[], logarithmic: boolean): number[] {
  const from = Math.max(...runs.map((pairs) => pairs[0]![0]))
  const to = Math.min(...runs.map((pairs) => pairs.at(-1)![0]))
  if (!(to > from)) return [to]
  const at = (share: number) => (logarithmic ? from * (to / from) ** share : from + (to - from) * share)
  return Array.from({ length: gridPoints }, (_, k) => (k === gridPoints - 1 ? to : at(k / (gridPoints - 1))))
}

/** Index of the first pair at or beyond x. */
function beyond(pairs: Pairs, x: number): number {
  let [low, high] = [0, pairs.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (pairs[middle]![0] < x) low = middle + 1
    else high = middle
  }
  return low
}

/** A batch size belongs to the samples before its record. */
const held = (pairs: Pairs, x: number): number => pairs[beyond(pairs, x)]![1]

function interpolated(pairs: Pairs, x: number): number {
  const k = beyond(pairs, x)
  const [x1, y1] = pairs[k]!
  if (k === 0 || x >= x1) return y1
  const [x0, y0] = pairs[k - 1]!
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)
}

export const curve =
  (progress: Progress, value: (point: CurvePoint) => number) =>
  ({ curve }: RunResult): Pairs =>
    curve.map((point) => [point[progress], value(point)])

export const evaluations =
  (progress: Progress, value: (point: EvaluationPoint) => number | undefined) =>
  (result: RunResult): Pairs =>
    result.evaluations.map((point) => [point[progress], value(point) ?? Number.NaN])
