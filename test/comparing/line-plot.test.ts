import { expect, it } from 'vitest'
import { drawSvg } from '../../src/comparing/draw.ts'
import { lineSpec } from '../../src/comparing/line-plot.ts'

it('ten schemes have symbols that are all different, and large enough to be seen', async () => {
  const schemes = Array.from({ length: 10 }, (_, k) => `scheme ${k}`)
  const points = schemes.flatMap((scheme, k) =>
    [1, 2].map((x) => ({ scheme, x, mean: k + x, low: k, high: k + 3, marker: false })),
  )
  const axis = { title: 'x', logarithmic: false }
  const svg = await drawSvg(lineSpec(schemes, points, axis, axis))
  // Only the legend has symbols: filled, without a stroke.
  const symbols = [...svg.matchAll(/<path [^>]*d="([^"]+)"[^>]*fill="#[^>]*stroke-width="2"[^>]*>/g)].map(([, d]) => d!)
  expect(new Set(symbols).size).toBe(10)
  for (const symbol of symbols.filter((d) => !d.includes('A'))) {
    const area = areaOf(symbol)
    expect(area, symbol).toBeGreaterThan(14)
  }
})

/** Area within a path of M, L, H, V and Z, relative or not. */
function areaOf(d: string): number {
  let [x, y] = [0, 0]
  const corners: [number, number][] = []
  for (const [, command, text] of d.matchAll(/([a-zA-Z])([^a-zA-Z]*)/g)) {
    const n = [...text!.matchAll(/-?[\d.]+/g)].map(Number)
    const own = command === command!.toLowerCase()
    const [fromX, fromY] = own ? [x, y] : [0, 0]
    if (command!.toUpperCase() === 'Z') continue
    if (command!.toUpperCase() === 'H') x = fromX + n[0]!
    else if (command!.toUpperCase() === 'V') y = fromY + n[0]!
    else [x, y] = [fromX + n[0]!, fromY + n[1]!]
    corners.push([x, y])
  }
  const cross = corners.map(([x0, y0], k) => {
    const [x1, y1] = corners[(k + 1) % corners.length]!
    return x0 * y1 - x1 * y0
  })
  return Math.abs(cross.reduce((sum, each) => sum + each, 0)) / 2
}
