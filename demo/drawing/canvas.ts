/** A canvas that fills its host and is sharp on every screen. */
export interface Surface {
  readonly canvas: HTMLCanvasElement
  readonly context: CanvasRenderingContext2D
  /** In CSS pixels. */
  readonly width: number
  readonly height: number
  destroy(): void
}

/** Fills `host` with a canvas and calls `draw` whenever its size changes. */
export function surface(host: HTMLElement, label: string, draw: () => void): Surface {
  const canvas = document.createElement('canvas')
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', label)
  canvas.style.display = 'block'
  canvas.style.width = '100%'
  canvas.style.height = '100%'
  host.append(canvas)
  const context = canvas.getContext('2d')!
  const size = { width: 0, height: 0 }
  const resize = () => {
    const { width, height } = host.getBoundingClientRect()
    const ratio = devicePixelRatio
    size.width = width
    size.height = height
    canvas.width = Math.max(1, Math.round(width * ratio))
    canvas.height = Math.max(1, Math.round(height * ratio))
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    if (width > 0 && height > 0) draw()
  }
  const observer = new ResizeObserver(resize)
  observer.observe(host)
  return {
    canvas,
    context,
    get width() {
      return size.width
    },
    get height() {
      return size.height
    },
    destroy() {
      observer.disconnect()
      canvas.remove()
    },
  }
}

/** Asks for a drawing as often as one likes; it happens once a frame. */
export function oncePerFrame(draw: () => void): () => void {
  let asked = false
  return () => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      draw()
    })
  }
}

/** A few round numbers in [from, to]. */
export function ticks(from: number, to: number, about = 5): number[] {
  const rough = (to - from) / about
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? 10 * power
  const first = Math.ceil(from / step)
  const count = Math.floor(to / step) - first + 1
  return Array.from({ length: Math.max(0, count) }, (_, k) => (first + k) * step)
}

/** A number with so many significant digits, without trailing zeros. */
export function short(value: number, digits = 3): string {
  if (value === 0) return '0'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : value < 0 ? '−∞' : '–'
  const size = Math.abs(value)
  const text =
    size >= 1e5 || size < 1e-3
      ? value
          .toExponential(Math.max(0, digits - 1))
          .replace(/\.?0+e/, 'e')
          .replace('e+', 'e')
      : String(Number(value.toPrecision(digits)))
  return text.replace('-', '−')
}

/** 1,200 → 1.2k. */
export function thousands(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}

/** A line with a head, from (x, y) to (x + dx, y + dy). */
export function arrow(context: CanvasRenderingContext2D, x: number, y: number, dx: number, dy: number, head = 7): void {
  const length = Math.hypot(dx, dy)
  if (length < 0.5) return
  const tip = Math.min(head, length * 0.6)
  const angle = Math.atan2(dy, dx)
  context.beginPath()
  context.moveTo(x, y)
  context.lineTo(x + dx, y + dy)
  for (const side of [-1, 1]) {
    context.moveTo(x + dx, y + dy)
    context.lineTo(x + dx - tip * Math.cos(angle + side * 0.45), y + dy - tip * Math.sin(angle + side * 0.45))
  }
  context.stroke()
}
