import { contours } from 'd3-contour'
import { arrow, oncePerFrame, short, surface, ticks } from './canvas.ts'
import { DASHES, onPaletteChange, type Palette, paletteOf } from './palette.ts'

/** F on a grid: row by row from `from` on. */
export interface LandscapeGrid {
  readonly from: readonly [number, number]
  readonly to: readonly [number, number]
  readonly columns: number
  readonly rows: number
  /** [rows, columns] */
  readonly values: ArrayLike<number>
}

export interface LandscapeTrack {
  /** x₁, x₂ alternating. */
  readonly points: ArrayLike<number>
  /** Position of its colour and dash. */
  readonly colour: number
}

export interface LandscapeView {
  /** The ground; drawn once. */
  ground(grid: LandscapeGrid): void
  /**
   * Trajectories, and the gradients of a batch at a point, of which every one is drawn as a step downhill.
   */
  update(
    tracks: readonly LandscapeTrack[],
    cloud?: {
      readonly x: readonly [number, number]
      readonly gradients: ArrayLike<number>
      readonly mean: readonly [number, number]
      readonly colour: number
    },
  ): void
  destroy(): void
}

const LEVELS = 16
const LEFT = 40
const BOTTOM = 24
const ARROWS = 60

/** A map of F with contours, trajectories and gradients, which fills `host`. */
export function landscape(host: HTMLElement): LandscapeView {
  let grid: LandscapeGrid | undefined
  let ground: HTMLCanvasElement | undefined
  let shown: Parameters<LandscapeView['update']> = [[]]
  const view = surface(host, 'Contours of F with the way of each scheme', () => {
    ground = undefined
    draw()
  })

  function draw() {
    const { context, width, height } = view
    if (width === 0) return
    const palette = paletteOf(host)
    context.clearRect(0, 0, width, height)
    if (!grid) return
    const { from, to } = grid
    const [w, h] = [width - LEFT, height - BOTTOM]
    const scale = [w / (to[0] - from[0]), h / (to[1] - from[1])] as const
    const at = (x1: number, x2: number): [number, number] => [
      LEFT + (x1 - from[0]) * scale[0],
      h - (x2 - from[1]) * scale[1],
    ]
    ground ??= paint(grid, w, h, palette)
    context.drawImage(ground, LEFT, 0, w, h)
    labels(context, grid, w, h, palette)

    context.save()
    context.beginPath()
    context.rect(LEFT, 0, w, h)
    context.clip()
    const [tracks, cloud] = shown
    for (const { points, colour } of tracks) {
      context.strokeStyle = palette.schemes[colour] ?? palette.ink
      context.lineWidth = 1.8
      context.setLineDash([...(DASHES[colour] ?? [])])
      context.lineJoin = 'round'
      context.beginPath()
      for (let i = 0; i < points.length; i += 2) context.lineTo(...at(points[i]!, points[i + 1]!))
      context.stroke()
    }
    context.setLineDash([])
    if (cloud) arrows(context, at(...cloud.x), cloud, Math.min(w, h) / 5, palette)
    for (const { points, colour } of tracks) {
      if (points.length < 2) continue
      const [x, y] = at(points[points.length - 2]!, points[points.length - 1]!)
      context.fillStyle = palette.schemes[colour] ?? palette.ink
      context.strokeStyle = palette.surface
      context.lineWidth = 2
      context.beginPath()
      context.arc(x, y, 5, 0, 2 * Math.PI)
      context.fill()
      context.stroke()
    }
    context.restore()
  }
  const redraw = oncePerFrame(draw)
  const forget = onPaletteChange(() => {
    ground = undefined
    draw()
  })
  return {
    ground(next) {
      grid = next
      ground = undefined
      redraw()
    },
    update(...next) {
      shown = next
      redraw()
    },
    destroy() {
      forget()
      view.destroy()
    },
  }
}

function arrows(
  context: CanvasRenderingContext2D,
  [x, y]: readonly [number, number],
  { gradients, mean, colour }: NonNullable<Parameters<LandscapeView['update']>[1]>,
  reach: number,
  palette: Palette,
): void {
  const n = Math.min(ARROWS, gradients.length / 2)
  let typical = Math.hypot(...mean)
  for (let i = 0; i < n; i++) typical = Math.max(typical, Math.hypot(gradients[2 * i]!, gradients[2 * i + 1]!))
  const scale = typical === 0 ? 0 : reach / typical
  context.strokeStyle = palette.ink
  context.globalAlpha = 0.3
  context.lineWidth = 1
  for (let i = 0; i < n; i++) arrow(context, x, y, -gradients[2 * i]! * scale, gradients[2 * i + 1]! * scale, 4)
  context.globalAlpha = 1
  context.lineWidth = 4.5
  context.strokeStyle = palette.surface
  arrow(context, x, y, -mean[0] * scale, mean[1] * scale, 9)
  context.lineWidth = 2.5
  context.strokeStyle = palette.schemes[colour] ?? palette.ink
  arrow(context, x, y, -mean[0] * scale, mean[1] * scale, 9)
}

/** Contours at levels that are equally spaced in the logarithm of F's height above its least value here. */
function paint(grid: LandscapeGrid, w: number, h: number, palette: Palette): HTMLCanvasElement {
  const { columns, rows } = grid
  const values = Array.from(grid.values)
  const least = values.reduce((a, b) => Math.min(a, b))
  const heights = values.map((value) => value - least)
  const sorted = [...heights].sort((a, b) => a - b)
  const low = Math.max(sorted[Math.floor(sorted.length * 0.02)]!, sorted[sorted.length - 1]! * 1e-5, Number.MIN_VALUE)
  const high = sorted[sorted.length - 1]!
  const levels = Array.from({ length: LEVELS }, (_, k) => low * (high / low) ** (k / LEVELS))
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(w * devicePixelRatio)
  canvas.height = Math.round(h * devicePixelRatio)
  const context = canvas.getContext('2d')!
  context.fillStyle = palette.low
  context.fillRect(0, 0, canvas.width, canvas.height)
  const [sx, sy] = [canvas.width / (columns - 1), canvas.height / (rows - 1)]
  const shapes = contours().size([columns, rows]).thresholds(levels)(heights)
  for (const [k, { coordinates }] of shapes.entries()) {
    context.beginPath()
    // A cell's value is at its middle for d3, and at a grid point here.
    for (const polygon of coordinates)
      for (const ring of polygon) {
        for (const [i, [x, y]] of ring.entries()) {
          const [px, py] = [(x! - 0.5) * sx, canvas.height - (y! - 0.5) * sy]
          if (i === 0) context.moveTo(px, py)
          else context.lineTo(px, py)
        }
        context.closePath()
      }
    context.globalAlpha = 0.2
    context.fillStyle = palette.high
    context.fill('evenodd')
    context.globalAlpha = k % 4 === 0 ? 0.5 : 0.25
    context.strokeStyle = palette.muted
    context.lineWidth = devicePixelRatio * 0.8
    context.stroke()
  }
  return canvas
}

function labels(
  context: CanvasRenderingContext2D,
  { from, to }: LandscapeGrid,
  w: number,
  h: number,
  palette: Palette,
) {
  context.fillStyle = palette.muted
  context.font = '11px system-ui, sans-serif'
  context.textAlign = 'center'
  for (const value of ticks(from[0], to[0], w / 90))
    context.fillText(short(value), LEFT + ((value - from[0]) / (to[0] - from[0])) * w, h + 16)
  context.textAlign = 'right'
  for (const value of ticks(from[1], to[1], h / 60))
    context.fillText(short(value), LEFT - 6, h - ((value - from[1]) / (to[1] - from[1])) * h + 4)
  context.font = 'italic 12px system-ui, sans-serif'
  context.fillText('x₂', 16, 14)
  context.fillText('x₁', w + LEFT - 2, h + 17)
}
