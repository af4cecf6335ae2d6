import uPlot from 'uplot'
import { oncePerFrame, short, thousands, ticks } from './canvas.ts'
import { onPaletteChange, type Palette, paletteOf } from './palette.ts'

export interface ChartAxis {
  /** What is measured, and in what; written along the horizontal axis. */
  readonly label?: string
  /** `log2` for sizes that double, `log` for what falls by orders of magnitude; linear otherwise. */
  readonly scale?: 'linear' | 'log' | 'log2'
  /** Turned round: large values at the bottom. */
  readonly reversed?: boolean
  /** Bounds, from the data's; the data's own with some room by default. */
  readonly range?: (min: number, max: number) => readonly [number, number]
  readonly format?: (value: number) => string
  /** Where lines are, instead of where they fall by themselves. */
  readonly splits?: readonly number[]
}

export interface ChartLine {
  readonly label: string
  readonly colour: (palette: Palette) => string
  readonly dash?: readonly number[]
  readonly width?: number
  /** Drawn as steps, as what holds until it changes. */
  readonly stepped?: boolean
  /** A mark at each value, as long as they are few. */
  readonly marked?: boolean
}

export interface ChartOptions {
  /** For those who cannot see it. */
  readonly label: string
  readonly x: ChartAxis
  readonly y: ChartAxis
  readonly lines: readonly ChartLine[]
}

/** A live chart. */
export interface Chart {
  /**
   * Shows other numbers.
   *
   * @param x positions, ascending
   * @param lines values of each line at each position; null for none
   */
  update(x: ArrayLike<number>, lines: readonly (readonly (number | null)[])[]): void
  destroy(): void
}

const font = '11px system-ui, sans-serif'

/**
 * A line chart for live data that fills its host.
 *
 * @example
 * const view = chart(host, { label: 'Batch size', x: {}, y: { scale: 'log2' }, lines: [{ label: 'b', colour: (p) => p.schemes[0] }] })
 * view.update([0, 1, 2], [[8, 16, 64]])
 */
export function chart(host: HTMLElement, options: ChartOptions): Chart {
  let data = [[], ...options.lines.map(() => [])] as unknown as uPlot.AlignedData
  let plot: uPlot | undefined

  const build = () => {
    plot?.destroy()
    const { width, height } = host.getBoundingClientRect()
    plot = new uPlot(settings(options, paletteOf(host), width, height), data, host)
    const canvas = plot.root.querySelector('canvas')!
    canvas.setAttribute('role', 'img')
    canvas.setAttribute('aria-label', options.label)
  }
  const observer = new ResizeObserver(() => {
    const { width, height } = host.getBoundingClientRect()
    if (width < 40 || height < 40) return
    if (plot) plot.setSize({ width, height })
    else build()
  })
  observer.observe(host)
  const redraw = oncePerFrame(() => plot?.setData(data))
  const forget = onPaletteChange(() => plot && build())
  return {
    update(x, lines) {
      data = [x, ...lines] as unknown as uPlot.AlignedData
      redraw()
    },
    destroy() {
      forget()
      observer.disconnect()
      plot?.destroy()
    },
  }
}

function settings({ x, y, lines }: ChartOptions, palette: Palette, width: number, height: number): uPlot.Options {
  const grid = { stroke: palette.grid, width: 1 }
  const axis = { stroke: palette.muted, font, grid, ticks: { show: false } }
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 18, 0, 0],
    scales: { x: scaleOf(x), y: scaleOf(y) },
    axes: [
      {
        ...axis,
        ...axisOf(x, thousands),
        ...(x.label !== undefined && { label: x.label, labelFont: font, labelSize: 14, labelGap: 0 }),
        ...{ space: 56, size: 24, gap: 4 },
      },
      { ...axis, ...axisOf(y, y.scale === 'log2' ? String : tickText), space: 26, size: 50, gap: 6 },
    ],
    series: [
      {},
      ...lines.map(({ label, colour, dash, width: lineWidth = 2, stepped, marked = false }) => ({
        label,
        stroke: colour(palette),
        width: lineWidth,
        spanGaps: true,
        points: {
          show: (u: uPlot, k: number) => marked && fewValues(u.data[k]!),
          size: 4.5,
          width: 0,
          fill: colour(palette),
        },
        ...(dash && dash.length > 0 && { dash: [...dash] }),
        ...(stepped && { paths: uPlot.paths.stepped!({ align: 1 }) }),
      })),
    ],
  }
}

function scaleOf({ scale = 'linear', reversed, range }: ChartAxis): uPlot.Scale {
  const logarithmic = scale !== 'linear'
  const bounds = (_: uPlot, min: number | null, max: number | null): [number, number] => {
    const [low, high] = min == null || max == null ? (logarithmic ? [1, 10] : [0, 1]) : [min, max]
    if (range) return [...range(low, high)]
    if (logarithmic) return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15]
    const room = (high - low) * 0.06 || 1
    return [low - room, high + room]
  }
  return {
    time: false,
    range: bounds,
    ...(reversed && { dir: -1 }),
    ...(logarithmic && { distr: 3 as const, log: (scale === 'log2' ? 2 : 10) as 2 | 10 }),
  }
}

const FEW = 6
const fewValues = (values: ArrayLike<number | null | undefined>): boolean => {
  let count = 0
  for (let i = 0; i < values.length; i++) if (values[i] != null && ++count > FEW) return false
  return true
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** Powers of ten that are long to write, as powers. */
function tickText(value: number): string {
  const power = Math.round(Math.log10(value))
  const isPower = value > 0 && (power < -2 || power > 4) && Math.abs(value / 10 ** power - 1) < 1e-9
  if (!isPower) return short(value)
  return `10${power < 0 ? '⁻' : ''}${[...String(Math.abs(power))].map((digit) => superscripts[Number(digit)]).join('')}`
}

/** How many lines of a logarithmic axis there may be. */
const LINES = 7

/** Round numbers between the ends of a logarithmic axis: powers, with 2 and 5 where there is room. */
export function logarithmicSplits(from: number, to: number, base: 2 | 10): number[] {
  const log = base === 2 ? Math.log2 : Math.log10
  const span = log(to) - log(from)
  if (base === 10 && span < 0.7) return ticks(from, to, 4)
  const every = Math.ceil(span / LINES)
  const factors = base === 10 && span < 1.3 ? [1, 2, 5] : base === 10 && span < 3 ? [1, 3] : [1]
  const first = Math.floor(log(from) / every) * every
  const powers = Array.from({ length: Math.ceil(span / every) + 2 }, (_, k) => base ** (first + k * every))
  return powers.flatMap((power) => factors.map((factor) => factor * power)).filter((at) => at >= from && at <= to)
}

function axisOf(
  { scale = 'linear', format, splits }: ChartAxis,
  plain: (value: number) => string,
): Partial<uPlot.Axis> {
  const text = format ?? plain
  const values = (_: uPlot, at: number[]) => at.map(text)
  if (splits) return { values, splits: () => [...splits], filter: (_, at) => at }
  if (scale === 'linear') return { values }
  const base = scale === 'log2' ? 2 : 10
  return { values, splits: (_, __, from, to) => logarithmicSplits(from, to, base), filter: (_, at) => at }
}
