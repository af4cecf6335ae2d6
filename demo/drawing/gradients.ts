import { arrow, oncePerFrame, short, surface, ticks } from './canvas.ts'
import { onPaletteChange, paletteOf } from './palette.ts'
import { type BatchMoments, demandOf, type NamedTest, type Region, reachOf } from './regions.ts'

export interface GradientCloud extends BatchMoments {
  /** g_i one after the other, [n, 2]. */
  readonly gradients: ArrayLike<number>
}

/** The picture of a test: the gradients of a batch, their mean, what the test demands around it and what there is. */
export interface GradientPicture {
  /**
   * @param test as in a configuration; without one the cloud is drawn alone
   * @param colour position of the scheme's colour
   */
  update(cloud: GradientCloud, test?: NamedTest, colour?: number): void
  destroy(): void
}

/** So many arrows; of the samples beyond, only the tips are drawn. */
const ARROWS = 48

/**
 * Draws the batch-size test in gradient space, pointing downhill (−g), into `host`.
 *
 * The filled region is where the test wants ḡ's uncertainty to stay, the dashed one where it is: green where it fits.
 */
export function gradientPicture(host: HTMLElement): GradientPicture {
  let shown: { cloud: GradientCloud; test: NamedTest | undefined; colour: number } | undefined
  let extent = 0
  const view = surface(host, 'The gradients of the batch, their mean, and what the test demands', () => draw(true))

  function draw(atOnce: boolean) {
    const { context, width, height } = view
    const palette = paletteOf(host)
    context.clearRect(0, 0, width, height)
    if (!shown || width === 0) return
    const { cloud, test, colour } = shown
    const { mean, gradients, batchSize } = cloud
    const demand = test && demandOf(test, cloud)
    const length = Math.hypot(...mean)
    const spread = Number.isNaN(cloud.covariance[0]) ? 0 : Math.sqrt(cloud.covariance[0] + cloud.covariance[1])
    // What the test compares has to be seen; of the cloud, so much that its spread can be.
    const wanted =
      1.15 *
      Math.max(
        length + (demand ? reachOf(demand.demanded) : 0),
        length + (demand ? Math.min(reachOf(demand.measured), 3 * length) : 0),
        demand ? 0.3 * spread : length + 0.9 * spread,
        1e-9,
      )
    // The scale follows smoothly; it jumps where easing would take long.
    extent =
      atOnce || extent === 0 || wanted / extent > 4 || extent / wanted > 4 ? wanted : extent + 0.25 * (wanted - extent)
    const scale = Math.min(width, height) / 2 / extent
    const [ox, oy] = [width / 2, height / 2]
    // Downhill, and y up.
    const at = (g1: number, g2: number): [number, number] => [ox - g1 * scale, oy + g2 * scale]

    axes(context, width, height, scale, palette)
    const shade = palette.schemes[colour] ?? palette.ink
    const n = gradients.length / 2
    context.strokeStyle = palette.muted
    context.lineWidth = 1
    context.globalAlpha = 0.28
    for (let i = 0; i < Math.min(n, ARROWS); i++)
      arrow(context, ox, oy, -gradients[2 * i]! * scale, gradients[2 * i + 1]! * scale, 5)
    context.globalAlpha = 0.5
    context.fillStyle = palette.muted
    for (let i = 0; i < n; i++) {
      const [x, y] = at(gradients[2 * i]!, gradients[2 * i + 1]!)
      context.beginPath()
      context.arc(x, y, 1.8, 0, 2 * Math.PI)
      context.fill()
    }
    context.globalAlpha = 1

    const centre = at(...mean)
    const angle = Math.atan2(mean[1], -mean[0])
    if (demand) {
      const verdict = demand.passed ? palette.pass : palette.fail
      context.lineWidth = 2
      context.strokeStyle = verdict
      trace(context, demand.demanded, centre, angle, scale, width + height)
      context.globalAlpha = 0.16
      context.fillStyle = verdict
      context.fill()
      context.globalAlpha = 1
      context.stroke()
      context.setLineDash([5, 4])
      context.strokeStyle = palette.ink
      context.lineWidth = 1.5
      trace(context, demand.measured, centre, angle, scale, width + height)
      context.stroke()
      context.setLineDash([])
    }
    context.strokeStyle = shade
    context.lineWidth = 3
    arrow(context, ox, oy, centre[0] - ox, centre[1] - oy, 11)
    context.fillStyle = palette.muted
    context.font = '11px system-ui, sans-serif'
    context.textAlign = 'left'
    const caption = n < batchSize ? `${n} of ${batchSize} samples drawn` : `${batchSize} samples`
    context.strokeStyle = palette.surface
    context.lineWidth = 4
    context.lineJoin = 'round'
    context.strokeText(caption, 8, height - 8)
    context.fillText(caption, 8, height - 8)
  }
  const redraw = oncePerFrame(() => draw(false))
  const forget = onPaletteChange(() => draw(true))
  return {
    update(cloud, test, colour = 0) {
      shown = { cloud, test, colour }
      redraw()
    },
    destroy() {
      forget()
      view.destroy()
    },
  }
}

/** The outline of a region around a point; what is infinite reaches beyond the picture. */
function trace(
  context: CanvasRenderingContext2D,
  region: Region,
  [x, y]: [number, number],
  angle: number,
  scale: number,
  beyond: number,
): void {
  context.beginPath()
  if (region.shape === 'ball') {
    context.arc(x, y, Math.min(region.radius * scale, 40 * beyond), 0, 2 * Math.PI)
    return
  }
  const [along, across, turned] =
    region.shape === 'coordinates' ? [...region.halves, 0] : [region.along, region.across, angle]
  const [a, c] = [Math.min(along * scale, 2 * beyond), Math.min(across * scale, 2 * beyond)]
  const corners: readonly (readonly [number, number])[] = [
    [-a, -c],
    [a, -c],
    [a, c],
    [-a, c],
  ]
  for (const [k, [u, v]] of corners.entries()) {
    const px = x + u * Math.cos(turned) - v * Math.sin(turned)
    const py = y + u * Math.sin(turned) + v * Math.cos(turned)
    if (k === 0) context.moveTo(px, py)
    else context.lineTo(px, py)
  }
  context.closePath()
}

function axes(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  scale: number,
  palette: { readonly grid: string; readonly muted: string },
): void {
  context.strokeStyle = palette.grid
  context.fillStyle = palette.muted
  context.font = '11px system-ui, sans-serif'
  context.lineWidth = 1
  context.textAlign = 'center'
  const half = width / 2 / scale
  for (const value of ticks(-half, half, Math.max(3, width / 110))) {
    const x = Math.round(width / 2 + value * scale) + 0.5
    context.globalAlpha = value === 0 ? 1 : 0.6
    context.beginPath()
    context.moveTo(x, 0)
    context.lineTo(x, height)
    const y = Math.round(height / 2 - value * scale) + 0.5
    context.moveTo(0, y)
    context.lineTo(width, y)
    context.stroke()
    context.globalAlpha = 1
    if (value !== 0 && x > 24 && x < width - 24) context.fillText(short(value), x, height / 2 + 14)
  }
}
