import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { type Chart, type ChartOptions, chart } from '../drawing/chart.ts'
import { DASHES } from '../drawing/palette.ts'
import { type Axis, type Curve, cellsOf, widthOf } from '../training/history.ts'
import type { Race } from '../training/race.ts'
import type { Demo } from './store.ts'

interface PanelProps {
  readonly demo: Demo
  readonly title: string
  readonly unit: string
  readonly y: ChartOptions['y']
  /** Curves by scheme, from the history; by default one for each scheme. */
  readonly curve: Curve | readonly { readonly scheme: number; readonly curve: Curve; readonly dashed?: boolean }[]
  /** What is drawn of a value. */
  readonly map?: (value: number) => number
  readonly stepped?: boolean
  readonly marked?: boolean
  /** A running mean over neighbouring cells, so that small batches do not hide the others. */
  readonly smoothed?: boolean
  readonly class?: string
  /** Said instead of an empty chart. */
  readonly empty?: string
  /** Unfolds under the heading: what the chart shows, for those who see it for the first time. */
  readonly about?: ComponentChildren
}

/** A chart of the race with its heading. */
export function ChartPanel(props: PanelProps) {
  const { demo, title, unit, y, curve, map, stepped, marked, smoothed = false, empty, about } = props
  const { race, state } = demo
  const { experiment, view } = state
  const host = useRef<HTMLDivElement>(null)
  // The scheme in focus comes last, on top of the others.
  const order = [...experiment.schemes.keys()].sort((a, b) => Number(a === view.focus) - Number(b === view.focus))
  const lines = typeof curve === 'string' ? order.map((scheme) => ({ scheme, curve, dashed: false })) : curve
  const shape = JSON.stringify([lines, view.axis, experiment.samples, experiment.task.name])

  // A chart is made anew when its shape or the race changes.
  useEffect(() => {
    const plot = chart(host.current!, {
      label: `${title}, ${unit}`,
      x: xAxis(view.axis, experiment.samples, race),
      y,
      lines: lines.map(({ scheme, curve: name, dashed }) => ({
        label: `${name} ${scheme + 1}`,
        colour: (palette) => palette.schemes[scheme]!,
        dash: typeof curve === 'string' ? DASHES[scheme]! : dashed ? [4, 4] : [],
        width: scheme === view.focus ? 2.4 : 1.8,
        ...(stepped && { stepped }),
        ...(marked && { marked }),
      })),
    })
    const stop = demo.onFrame(() => show(plot, race, lines, view.axis, experiment.samples, map, smoothed))
    return () => {
      stop()
      plot.destroy()
    }
  }, [shape, race, view.focus])

  return (
    <section class={`card chart ${props.class ?? ''}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span class="unit">{unit}</span>
      </header>
      {about && (
        <details class="about">
          <summary>What is this?</summary>
          {about}
        </details>
      )}
      {empty ? <p class="empty">{empty}</p> : null}
      <div class="plot" ref={host} hidden={empty !== undefined} />
    </section>
  )
}

function show(
  plot: Chart,
  race: Race | undefined,
  lines: readonly { readonly scheme: number; readonly curve: Curve }[],
  axis: Axis,
  budget: number,
  map: (value: number) => number = (value) => value,
  smoothed = false,
): void {
  if (!race) return
  plot.update(
    cellsOf(axis, budget),
    lines.map(({ scheme, curve }) => {
      const values = (race.racers[scheme]?.history.cells[axis][curve] ?? []).map((v) => (v === null ? null : map(v)))
      return smoothed ? smooth(values) : values
    }),
  )
}

const KEPT = 0.75

function smooth(values: readonly (number | null)[]): (number | null)[] {
  let mean: number | null = null
  return values.map((value) => {
    if (value === null) return null
    mean = mean === null ? value : KEPT * mean + (1 - KEPT) * value
    return mean
  })
}

function xAxis(axis: Axis, budget: number, race: Race | undefined): ChartOptions['x'] {
  if (axis === 'samples') return { label: 'samples processed', range: () => [0, budget] }
  const width = widthOf(axis)
  // As far as the scheme that is furthest.
  return {
    label: width === undefined ? 'steps' : `rounds of ${width} samples at once`,
    scale: 'log',
    range: () => [1, Math.max(100, ...(race?.racers.map(({ history }) => history.position[axis]) ?? []))],
  }
}
