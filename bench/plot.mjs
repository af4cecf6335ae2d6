// Cost as work grows, as one SVG of three charts: samples/s against batch size, model width and threads.

const W = 320
const H = 240
const MARGIN = { left: 52, right: 14, top: 30, bottom: 40 }
const COLOURS = { plain: '#4269d0', norms: '#ff725c', 16: '#9ecae1', 64: '#4292c6', 256: '#2171b5', 1024: '#08306b' }

/** A chart with a logarithmic axis of positions (powers of two) and rates from 0. */
function chart({ title, xLabel, series }, at) {
  const points = series.flatMap(({ points }) => points)
  const [low, high] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))]
  const top = 1.1 * Math.max(...points.map(([, y]) => y))
  const span = Math.log2(high / low) || 1
  const x = (value) => at + MARGIN.left + (Math.log2(value / low) / span) * (W - MARGIN.left - MARGIN.right)
  const y = (value) => H - MARGIN.bottom - (value / top) * (H - MARGIN.top - MARGIN.bottom)
  const step = 10 ** Math.floor(Math.log10(top)) / (top / 10 ** Math.floor(Math.log10(top)) < 4 ? 2 : 1)
  const ticks = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step)
  // Names stand where no line is.
  const falls = series.some(({ points: own }) => own.length > 0 && own.at(-1)[1] < top / 2)
  const all = [...new Set(points.map(([value]) => value))].sort((a, b) => a - b)
  const labelled = all.filter((_, i) => all.length < 7 || i % 2 === 0)
  return [
    `<text x="${at + W / 2}" y="16" class="title">${title}</text>`,
    ...ticks.map(
      (t) =>
        `<path d="M${x(low)} ${y(t)}H${x(high)}" class="grid"/><text x="${x(low) - 6}" y="${y(t) + 4}" class="end">${t}</text>`,
    ),
    ...labelled.map((t) => `<text x="${x(t)}" y="${H - MARGIN.bottom + 16}" class="middle">${t}</text>`),
    `<text x="${at + W / 2}" y="${H - 6}" class="middle">${xLabel}</text>`,
    ...series.flatMap(({ name, colour, points: own }, k) => [
      `<polyline points="${own.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(' ')}" stroke="${colour}"/>`,
      ...own.map(([a, b]) => `<circle cx="${x(a).toFixed(1)}" cy="${y(b).toFixed(1)}" r="2.5" fill="${colour}"/>`),
      `<text x="${x(high) - 4}" y="${falls ? y(0.9 * top) + 14 * k : y(0) - 8 - 14 * k}" class="end" fill="${colour}">${name}</text>`,
    ]),
  ].join('\n')
}

const lines = (points, by, along, name = (key) => key) =>
  [...new Set(points.map((point) => point[by]))].map((key) => ({
    name: name(key),
    colour: COLOURS[key],
    points: points.filter((p) => p[by] === key && p.samplesPerSecond).map((p) => [p[along], p.samplesPerSecond]),
  }))

export function plot({ growth, threads }) {
  const charts = [
    growth && { title: 'samples/s, batch size', xLabel: 'b', series: lines(growth.byBatch, 'work', 'batch') },
    growth && {
      title: 'samples/s, model width, b = 64',
      xLabel: '× channels',
      series: lines(growth.byWidth, 'work', 'width'),
    },
    threads && {
      title: 'samples/s, threads, norms',
      xLabel: 'threads',
      series: lines(threads.points, 'batch', 'threads', (batch) => `b = ${batch}`),
    },
  ].filter(Boolean)
  const body = charts.map((each, i) => chart(each, i * W)).join('\n')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${W * charts.length}" height="${H}" viewBox="0 0 ${W * charts.length} ${H}">
<title>Training samples per second on the MNIST CNN, as work grows</title>
<style>text{font:11px system-ui,sans-serif}.title{font-weight:600;text-anchor:middle}.middle{text-anchor:middle}.end{text-anchor:end}
.grid{stroke:#ddd}polyline{fill:none;stroke-width:1.5}</style>
<rect width="100%" height="100%" fill="#fff"/>
${body}
</svg>
`
}
