// Vega-Lite specifications as SVG and PNG. The libraries are large and loaded when something is drawn; Node only.
import type { TopLevelSpec } from 'vega-lite'

/** A plot as SVG text. */
export async function drawSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
  const view = new vega.View(vega.parse(vegaLite.compile(spec, { logger: vega.logger(vega.Error) }).spec), {
    renderer: 'none',
  })
  try {
    return rounded(await view.toSVG())
  } finally {
    view.finalize()
  }
}

/** Paths in tenths of a point: half the size, and nobody sees more. */
const rounded = (svg: string): string =>
  svg.replaceAll(/ (?:d|transform)="[^"]*"/g, (attribute) =>
    attribute.replaceAll(/-?\d*\.\d{3,}(?:e-?\d+)?/g, (number) => `${Number(Number(number).toFixed(1))}`),
  )

/** Pixels for each unit of the SVG. */
const zoom = 2

/** An SVG as PNG, with the machine's fonts. */
export async function drawPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js')
  const font = { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' }
  return new Resvg(svg, { fitTo: { mode: 'zoom', value: zoom }, background: 'white', font }).render().asPng()
}
