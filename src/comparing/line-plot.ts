// One plot of lines over schemes, with bands and a legend.
import type { TopLevelSpec } from 'vega-lite'
import type { LinePoint } from './curves.ts'

// Colours of Okabe and Ito, which differ in brightness; dashes and symbols say the same without any.
const colours = [
  '#000000',
  '#d55e00',
  '#0072b2',
  '#009e73',
  '#cc79a7',
  '#a6761d',
  '#56b4e9',
  '#7f7f7f',
  '#5e3c99',
  '#e6ab02',
]
const dashes = [
  [1, 0],
  [6, 2],
  [2, 2],
  [8, 2, 2, 2],
  [4, 4],
  [10, 3],
  [1, 3],
  [6, 2, 1, 2, 1, 2],
  [3, 1],
  [12, 2, 3, 2],
]
const shapes = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-right',
  'triangle-left',
  // Vega's others are too thin to be seen: a saltire and an hourglass.
  'M-1,-.6L-.6,-1L0,-.4L.6,-1L1,-.6L.4,0L1,.6L.6,1L0,.4L-.6,1L-1,.6L-.4,0Z',
  'M-1,-1L1,-1L0,0ZM0,0L1,1L-1,1Z',
]

export interface Axis {
  readonly title: string
  readonly logarithmic: boolean
  /** Factor by which a logarithmic axis goes beyond the values at both ends; 1 by default. */
  readonly room?: number
  /** What values cannot go beyond. */
  readonly within?: readonly [number, number]
}

export const rangeOf = (values: readonly number[]): [number, number] =>
  values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  )

/** Whether values are positive and differ by such a factor, so that a logarithmic axis shows more. */
export function spans(values: readonly number[], factor: number): boolean {
  const [low, high] = rangeOf(values)
  return low > 0 && high > factor * low
}

export const config = {
  // Described as a whole where it is shown; a label for each mark doubles the size.
  aria: false,
  font: 'DejaVu Sans, Helvetica, Arial, sans-serif',
  axis: { gridColor: '#e4e4e4', domainColor: '#666', tickColor: '#666', titleFontWeight: 'normal' },
  view: { stroke: null },
  concat: { spacing: 12 },
} as const

/** `20k`, `0.05`: SI prefixes for what is large, and no prefix for what is small. */
const labels = "abs(datum.value) >= 10000 ? format(datum.value, '~s') : format(datum.value, ',~r')"

/** An axis over a range. Logarithmic ones have lines at powers of ten, and at 2 and 5 between where that would be few. */
export function quantitative({ title, logarithmic }: Axis, [low, high]: readonly [number, number]) {
  const scale = { type: logarithmic ? 'log' : 'linear', domain: [low, high], nice: false } as const
  const axis = { labelExpr: labels, labelFlush: true, tickCount: 6 }
  return {
    type: 'quantitative',
    title,
    scale,
    axis: logarithmic ? { ...axis, values: logarithmicTicks(low, high) } : axis,
  } as const
}

function logarithmicTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low)
  const steps = decades > 1.8 ? [1] : decades > 0.7 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]
  const every = Math.max(1, Math.ceil(decades / 7))
  const ticks: number[] = []
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++)
    if (e % every === 0) for (const step of steps) ticks.push(Number(`${step}e${e}`))
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001)
}

/** Lines over x, of schemes that look the same in all plots. */
export function lineSpec(schemes: readonly string[], points: readonly LinePoint[], x: Axis, y: Axis): TopLevelSpec {
  const shown = schemes.filter((scheme) => points.some((point) => point.scheme === scheme))
  // A scheme looks the same in all plots. The legend is drawn, since one of Vega's cannot have dash and symbol both.
  const nominal = <T>(list: readonly T[]) => {
    const range = shown.map((scheme) => list[schemes.indexOf(scheme) % list.length]!)
    return { field: 'scheme', type: 'nominal', scale: { domain: shown, range }, legend: null } as const
  }
  const [color, strokeDash, shape] = [nominal(colours), nominal(dashes), nominal(shapes)]
  const [first, last] = rangeOf(points.map((point) => point.x))
  const { room = 1 } = x
  const xs = {
    field: 'x',
    ...quantitative(x, x.logarithmic ? [first / room, last * room] : [Math.min(0, first), last]),
  }
  const ys = quantitative(y, limitsOf(points, y))
  const row = { field: 'scheme', type: 'nominal', sort: shown, axis: null, scale: { padding: 0.5 } } as const
  const at = (value: number) => ({ value })
  return {
    background: 'white',
    padding: 8,
    config,
    resolve: { scale: { x: 'independent', y: 'independent' } },
    hconcat: [
      {
        width: 440,
        height: 270,
        data: { values: points as LinePoint[] },
        layer: [
          {
            mark: { type: 'area', opacity: 0.16, clip: true },
            encoding: { x: xs, y: { field: 'low', ...ys }, y2: { field: 'high' }, color },
          },
          {
            mark: { type: 'line', strokeWidth: 1.6, clip: true },
            encoding: { x: xs, y: { field: 'mean', ...ys }, color, strokeDash },
          },
          {
            transform: [{ filter: 'datum.marker' }],
            mark: { type: 'point', filled: true, opacity: 1, size: 45, clip: true },
            encoding: { x: xs, y: { field: 'mean', ...ys }, color, shape },
          },
        ],
      },
      {
        width: 60 + 6.2 * Math.max(...shown.map(({ length }) => length)),
        height: { step: 20 },
        data: { values: shown.map((scheme) => ({ scheme })) },
        layer: [
          {
            mark: { type: 'rule', strokeWidth: 1.6 },
            encoding: { y: row, x: at(0), x2: at(36), color, strokeDash },
          },
          {
            mark: { type: 'point', filled: true, opacity: 1, size: 45 },
            encoding: { y: row, x: at(18), color, shape },
          },
          {
            mark: { type: 'text', align: 'left', baseline: 'middle', fontSize: 11 },
            encoding: { y: row, x: at(44), text: { field: 'scheme' } },
          },
        ],
      },
    ],
  } as unknown as TopLevelSpec
}

/** The range of the lines, and of their bands as far as they do not squeeze the lines: two seeds make wide ones. */
function limitsOf(points: readonly LinePoint[], { logarithmic, within }: Axis): [number, number] {
  const [forward, back] = logarithmic ? [Math.log, Math.exp] : [(y: number) => y, (y: number) => y]
  const [low, high] = rangeOf(points.map(({ mean }) => forward(mean)))
  const room = high > low ? high - low : Math.abs(high) || 1
  const bounds = (key: 'low' | 'high') => points.map((point) => forward(point[key])).filter(Number.isFinite)
  const bottom = Math.max(low - 0.3 * room, Math.min(low - 0.04 * room, rangeOf(bounds('low'))[0]))
  const top = Math.min(high + 0.3 * room, Math.max(high + 0.04 * room, rangeOf(bounds('high'))[1]))
  const [least, most] = within ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  return [Math.max(least, back(bottom)), Math.min(most, back(top))]
}
