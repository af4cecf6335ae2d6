import { paletteOf } from '../drawing/palette.ts'

/** A canvas that is drawn on. */
export interface Pad {
  /** The drawing as MNIST has its digits: 28×28 in [0, 1], fitted into 20×20 and centred by mass; undefined for none. */
  image(): Float32Array | undefined
  clear(): void
  destroy(): void
}

const SIDE = 28
/** MNIST's digits fit into a box of this side. */
const BOX = 20
const PEN = 0.085

/** Listens to pointer and keys on a canvas; `changed` is called after each stroke's part. */
export function createPad(canvas: HTMLCanvasElement, changed: () => void): Pad {
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  const { width, height } = canvas
  let from: [number, number] | undefined
  let cursor: [number, number] = [width / 2, height / 2]
  let drawn = false

  const place = (event: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect()
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height]
  }
  function stroke(a: [number, number], b: [number, number]) {
    context.strokeStyle = paletteOf(canvas).ink
    context.lineWidth = PEN * width
    context.lineCap = 'round'
    context.beginPath()
    context.moveTo(...a)
    context.lineTo(...b)
    context.stroke()
    drawn = true
    changed()
  }
  const down = (event: PointerEvent) => {
    event.preventDefault()
    canvas.setPointerCapture(event.pointerId)
    from = place(event)
    stroke(from, [from[0] + 0.1, from[1]])
  }
  const move = (event: PointerEvent) => {
    if (!from) return
    const to = place(event)
    stroke(from, to)
    from = to
  }
  const up = () => {
    from = undefined
  }
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  }
  const key = (event: KeyboardEvent) => {
    const step = steps[event.key]
    if (!step) return
    event.preventDefault()
    const to: [number, number] = [
      Math.min(width, Math.max(0, cursor[0] + (step[0] * width) / 24)),
      Math.min(height, Math.max(0, cursor[1] + (step[1] * height) / 24)),
    ]
    if (event.shiftKey) stroke(cursor, to)
    cursor = to
  }
  canvas.addEventListener('pointerdown', down)
  canvas.addEventListener('pointermove', move)
  canvas.addEventListener('pointerup', up)
  canvas.addEventListener('pointercancel', up)
  canvas.addEventListener('keydown', key)

  return {
    image() {
      if (!drawn) return undefined
      const { data } = context.getImageData(0, 0, width, height)
      return asDigit((x, y) => data[4 * (y * width + x) + 3]! / 255, width, height)
    },
    clear() {
      context.clearRect(0, 0, width, height)
      drawn = false
      changed()
    },
    destroy() {
      canvas.removeEventListener('pointerdown', down)
      canvas.removeEventListener('pointermove', move)
      canvas.removeEventListener('pointerup', up)
      canvas.removeEventListener('pointercancel', up)
      canvas.removeEventListener('keydown', key)
    },
  }
}

/** Scales the ink into a 20×20 box and puts its centre of mass in the middle of 28×28. */
export function asDigit(
  ink: (x: number, y: number) => number,
  width: number,
  height: number,
): Float32Array | undefined {
  let [left, right, top, bottom] = [width, -1, height, -1]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (ink(x, y) > 0.1) {
        left = Math.min(left, x)
        right = Math.max(right, x)
        top = Math.min(top, y)
        bottom = Math.max(bottom, y)
      }
  if (right < left) return undefined
  const scale = BOX / Math.max(right - left + 1, bottom - top + 1)
  let [mass, mx, my] = [0, 0, 0]
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) {
      const value = ink(x, y)
      mass += value
      mx += value * (x + 0.5)
      my += value * (y + 0.5)
    }
  const image = new Float32Array(SIDE * SIDE)
  const area = scale * scale
  // Each pixel of the drawing spreads its ink over the four cells around the place where it falls.
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) {
      const value = ink(x, y) * area
      if (value === 0) continue
      const u = (x + 0.5 - mx / mass) * scale + SIDE / 2 - 0.5
      const v = (y + 0.5 - my / mass) * scale + SIDE / 2 - 0.5
      const [c, r] = [Math.floor(u), Math.floor(v)]
      for (const [dx, dy] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ] as const) {
        const [column, row] = [c + dx, r + dy]
        if (column < 0 || column >= SIDE || row < 0 || row >= SIDE) continue
        const weight = (dx ? u - c : 1 - (u - c)) * (dy ? v - r : 1 - (v - r))
        image[row * SIDE + column]! += value * weight
      }
    }
  return image.map((value) => Math.min(1, value))
}
