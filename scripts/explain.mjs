// node scripts/explain.mjs: computes and draws what docs/what-is-a-test.md shows, and prints the numbers in its text.
// Everything is seeded: the same numbers and, with the same version of Vega, the same pictures on every machine.
import { writeFile } from 'node:fs/promises'
import { drawSvg } from '../dist/comparing/draw.js'
import { config } from '../dist/comparing/line-plot.js'
import * as adadagrad from '../dist/index.js'

const { adaptive, augmentedInnerProductTest, createExecutor, exact, normTest, problems, random, referenceBackend } =
  adadagrad
const { sgd, statistics, train } = adadagrad

const images = new URL('../docs/images/', import.meta.url)
const [black, vermilion, blue, grey] = ['#000000', '#d55e00', '#0072b2', '#9a9a9a']
const ETA = 0.5
const THETA = 0.5
const NU = 1
const REPEATS = 4000
/** So many of them are drawn. */
const SHOWN = 200

/** The gradients of all samples of a problem at x, one by one: rows [N][2]. */
async function gradientsAt({ objective, train: dataset }, x) {
  const executor = await createExecutor({ backend: referenceBackend(), objective, dataset })
  executor.parameters.set(x)
  const rows = []
  for (let i = 0; i < dataset.size; i++) {
    const { statistics: one } = await executor.batch([i], 0, 'none')
    rows.push([...one.mean])
  }
  await executor.close()
  return rows
}

/** Batches of b rows, drawn independently: their statistics, and what a test says about each. */
function draws(rows, b, seed, test) {
  const { uniform } = random(seed)
  return Array.from({ length: REPEATS }, () => {
    const batch = Array.from({ length: b }, () => rows[Math.floor(uniform() * rows.length)])
    const measured = statistics.fromPerSampleGradients(batch)
    return { mean: [...measured.mean], result: test.evaluate(measured) }
  })
}

const share = (list, holds) => list.filter(holds).length / list.length
const percent = (value) => `${(100 * value).toFixed(value > 0 && value < 0.01 ? 1 : 0)} %`
const atQuantile = (sorted, q) => sorted[Math.round(q * (sorted.length - 1))]

/** Components of a gradient to a pixel. */
const perPixel = 0.0094

// ---- Drawing: everything in one coordinate system, the components of gradients. ----

const axisOf = (title, domain) => ({
  type: 'quantitative',
  title,
  scale: { domain, nice: false },
  axis: { tickCount: 6 },
})

/** Vega clips what is drawn beyond the frame, and yet makes room for it: arrows end at the frame, points beyond are left out. */
function cut({ x2, y2, ...from }, { x, y }) {
  if (x2 === undefined) return from
  const reach = (to, [low, high]) => (to > high ? high / to : to < low ? low / to : 1)
  const kept = Math.min(reach(x2, x), reach(y2, y))
  return { ...from, x2: kept * x2, y2: kept * y2 }
}
const within = (point, { x, y }) => point.x >= x[0] && point.x <= x[1] && point.y >= y[0] && point.y <= y[1]

/** A panel of the plane of gradients, from layers of points and of lines. */
function plane({ title, subtitle, frame, layers }) {
  const x = axisOf('first component of the gradient', frame.x)
  const y = axisOf('second component', frame.y)
  return {
    title: { text: title, subtitle, anchor: 'start', fontSize: 13, subtitleFontSize: 11, subtitleColor: '#444' },
    width: (frame.x[1] - frame.x[0]) / perPixel,
    height: (frame.y[1] - frame.y[0]) / perPixel,
    layer: layers.map(({ values, mark, rule }) => ({
      data: { values: values.map((value) => cut(value, frame)).filter((value) => within(value, frame)) },
      mark: { clip: true, ...mark },
      encoding: {
        x: { field: 'x', ...x },
        y: { field: 'y', ...y },
        ...(mark.shape === 'triangle' && { angle: { field: 'angle', type: 'quantitative', scale: null } }),
        ...(rule && { x2: { field: 'x2' }, y2: { field: 'y2' } }),
        ...(mark.type === 'line' && { order: { field: 'k', type: 'quantitative' } }),
      },
    })),
  }
}

/** Arrows from 0, and their heads: triangles whose tips end where the arrows do. */
const arrowsTo = (rows, { width = 0.7, color = grey, opacity = 0.55, head = 18 } = {}) => {
  const back = 0.5 * Math.sqrt(head) * perPixel
  return [
    {
      values: rows.map(([x2, y2]) => ({ x: 0, y: 0, x2, y2 })),
      mark: { type: 'rule', color, opacity, strokeWidth: width },
      rule: true,
    },
    {
      values: rows.map(([x, y]) => {
        const kept = 1 - back / Math.hypot(x, y)
        return { x: kept * x, y: kept * y, angle: (Math.atan2(x, y) * 180) / Math.PI }
      }),
      mark: { type: 'point', shape: 'triangle', filled: true, color, opacity, size: head },
    },
  ]
}

const dots = (rows) => ({
  values: rows.map(([x, y]) => ({ x, y })),
  mark: { type: 'point', shape: 'circle', filled: true, color: vermilion, opacity: 0.6, size: 13 },
})

const outline = (points, { dashed = false, width = 2.2 } = {}) => ({
  values: points.map(([x, y], k) => ({ x, y, k })),
  mark: {
    type: 'line',
    color: blue,
    strokeWidth: width,
    interpolate: 'linear-closed',
    ...(dashed && { strokeDash: [5, 3] }),
  },
})

const circle = ([x, y], radius) =>
  Array.from({ length: 73 }, (_, k) => [
    x + radius * Math.cos((k * Math.PI) / 36),
    y + radius * Math.sin((k * Math.PI) / 36),
  ])

const draw = async (name, spec) =>
  writeFile(new URL(`${name}.svg`, images), `${await drawSvg({ background: 'white', padding: 10, config, ...spec })}\n`)

// ---- 1 and 2: the noise of ḡ, far from the minimum and nearer. ----

const bowl = problems.quadratic({ seed: 1, dimension: 2, condition: 2, samples: 1024, additive: 1 })
const test = normTest({ eta: ETA })
const frame = { x: [-1.2, 1.9], y: [-1.3, 1.6] }
const places = [
  { name: 'test-far', where: 'far', x: [0.6, 0.6], sizes: [4, 16] },
  { name: 'test-near', where: 'near', x: [0.3, 0.3], sizes: [16, 64] },
]

console.log(
  '| x | ‖∇F‖ | σ² | exact T | b | ḡ within η‖∇F‖ of ∇F | exact test | approximate test passes | T: 5 %, median, 95 % |',
)
console.log('|---|---|---|---|---|---|---|---|---|')
for (const { name, where, x, sizes } of places) {
  const rows = await gradientsAt(bowl, x)
  const all = statistics.fromPerSampleGradients(rows)
  const truth = [...all.mean]
  const length = Math.hypot(...truth)
  const sigma2 = statistics.varianceL1(all, 'population')
  const panels = []
  for (const b of [4, 16, 64]) {
    const batches = draws(rows, b, `${name}/${b}`, test)
    const within = ({ mean }) => Math.hypot(mean[0] - truth[0], mean[1] - truth[1]) <= ETA * length
    const verdict = exact(test).evaluate(all, b)
    const suggested = batches.map(({ result }) => result.suggestedBatchSize).sort((one, other) => one - other)
    const inside = percent(share(batches, within))
    console.log(
      `| ${where} | ${length.toFixed(2)} | ${sigma2.toFixed(2)} | ${verdict.suggestedBatchSize.toFixed(1)} | ${b} | ${inside} | ${verdict.verdict} | ${percent(share(batches, ({ result }) => result.passed))} | ${[0.05, 0.5, 0.95].map((q) => atQuantile(suggested, q).toFixed(1)).join(', ')} |`,
    )
    if (!sizes.includes(b)) continue
    panels.push(
      plane({
        title: `b = ${b}: the exact test ${verdict.verdict === 'passed' ? 'passes' : 'fails'}`,
        subtitle: [
          `η‖∇F‖ = ${(ETA * length).toFixed(2)} (solid), σ/√b = ${Math.sqrt(sigma2 / b).toFixed(2)} (dashed)`,
          `${inside} of ${REPEATS.toLocaleString('en')} ḡ in the solid circle`,
        ],
        frame,
        layers: [
          ...arrowsTo(rows.slice(0, 80)),
          dots(batches.slice(0, SHOWN).map(({ mean }) => mean)),
          outline(circle(truth, Math.sqrt(sigma2 / b)), { dashed: true }),
          outline(circle(truth, ETA * length)),
          ...arrowsTo([truth], { width: 2.4, color: black, opacity: 1, head: 130 }),
        ],
      }),
    )
  }
  await draw(name, {
    title: {
      text: `${where === 'far' ? 'Far from' : 'Nearer to'} the minimum. Grey: gᵢ; dots: ḡ of ${SHOWN} batches; black: ∇F`,
      anchor: 'start',
      fontSize: 12,
      fontWeight: 'normal',
    },
    bounds: 'flush',
    spacing: 70,
    hconcat: panels,
  })
}

// ---- 3: the same amount of noise, along the gradient and across it. ----

const flat = problems.quadratic({ seed: 1, dimension: 2, condition: 2, samples: 1024, additive: 2, noiseCondition: 10 })
const both = augmentedInnerProductTest({ theta: THETA, nu: NU })
const b = 8
const directions = []
console.log(`\n| noise | ‖∇F‖ | σ² | T of the norm test | T of ϑ | T of ν |\n|---|---|---|---|---|---|`)
for (const [what, x] of [
  ['along', [0.7, 0]],
  ['across', [0, 1.4]],
]) {
  const rows = await gradientsAt(flat, x)
  const all = statistics.fromPerSampleGradients(rows)
  const truth = [...all.mean]
  const length = Math.hypot(...truth)
  const T = exact(test).evaluate(all, b).suggestedBatchSize
  const [along, across] = exact(both)
    .evaluate(all, b)
    .components.map((each) => each.suggestedBatchSize)
  console.log(
    `| ${what} | ${length.toFixed(2)} | ${statistics.varianceL1(all, 'population').toFixed(2)} | ${[T, along, across].map((t) => t.toFixed(1)).join(' | ')} |`,
  )
  const [u, v] = truth.map((each) => each / length)
  const corner = (s, t) => [
    truth[0] + s * THETA * length * u - t * NU * length * v,
    truth[1] + s * THETA * length * v + t * NU * length * u,
  ]
  directions.push(
    plane({
      title: `Noise mostly ${what} the gradient`,
      subtitle: [
        `circle, η = ${ETA}: T = ${T.toFixed(1)}`,
        `rectangle, ϑ = ${THETA}, ν = ${NU}: T = ${Math.max(along, across).toFixed(1)}`,
      ],
      frame: { x: [-1.3, 2], y: [-1.1, 1.7] },
      layers: [
        ...arrowsTo(rows.slice(0, 60), { opacity: 0.4 }),
        dots(
          draws(rows, b, `directions/${what}`, test)
            .slice(0, SHOWN)
            .map(({ mean }) => mean),
        ),
        outline(circle(truth, ETA * length)),
        outline([corner(1, 1), corner(1, -1), corner(-1, -1), corner(-1, 1)], { dashed: true }),
        ...arrowsTo([truth], { width: 2.4, color: black, opacity: 1, head: 130 }),
      ],
    }),
  )
}
await draw('test-directions', {
  title: {
    text: `As much noise each. Grey: gᵢ; dots: ḡ of ${SHOWN} batches of ${b}; black: ∇F`,
    anchor: 'start',
    fontSize: 12,
    fontWeight: 'normal',
  },
  bounds: 'flush',
  spacing: 70,
  hconcat: directions,
})

// ---- 4: a run. ----

const STEPS = 60
const records = []
for await (const record of train({
  problem: problems.quadratic({ seed: 1, dimension: 2, condition: 2, samples: 1024, additive: 1, start: 3 }),
  optimizer: sgd({ learningRate: 0.1 }),
  batchSize: adaptive(test, { initial: 4, max: 1024 }),
  budget: { steps: STEPS },
  replacement: true,
  seed: 1,
})) {
  records.push(record)
}
const line = (name, of) =>
  records.flatMap((record) => (record.test ? [{ step: record.step, value: of(record), name }] : []))
const sides = [
  ...line('statistic ‖Var‖₁/b', ({ test: { statistic } }) => statistic),
  ...line('threshold η²‖ḡ‖²', ({ test: { threshold } }) => threshold),
]
const names = [sides[0].name, 'threshold η²‖ḡ‖²']
const byName = (range) => ({
  field: 'name',
  type: 'nominal',
  scale: { domain: names, range },
  title: null,
  legend: { orient: 'top-right', symbolStrokeWidth: 2, labelFontSize: 11, symbolSize: 400 },
})
const steps = { field: 'step', type: 'quantitative', title: 'step', scale: { nice: false, domain: [1, STEPS] } }
const logarithmic = (title, values, domain) => ({
  type: 'quantitative',
  title,
  scale: { type: 'log', nice: false, domain },
  axis: { values, labelExpr: "format(datum.value, ',~r')" },
})
await draw('test-run', {
  bounds: 'flush',
  spacing: 80,
  vconcat: [
    {
      title: {
        text: `A run with the norm test, η = ${ETA}, from b = 4: both sides of the test`,
        anchor: 'start',
        fontSize: 13,
      },
      width: 660,
      height: 190,
      data: { values: sides },
      mark: { type: 'line', strokeWidth: 1.8, clip: true },
      encoding: {
        x: steps,
        y: {
          field: 'value',
          ...logarithmic('squared length', [1e-3, 1e-2, 0.1, 1, 10], [5e-4, 6]),
        },
        color: byName([vermilion, blue]),
        strokeDash: {
          ...byName([
            [1, 0],
            [6, 3],
          ]),
        },
      },
    },
    {
      title: { text: 'The batch size that it leads to', anchor: 'start', fontSize: 13 },
      width: 660,
      height: 130,
      data: { values: records.map(({ step, batchSize }) => ({ step, value: batchSize })) },
      mark: { type: 'line', interpolate: 'step-after', strokeWidth: 1.8, color: black },
      encoding: {
        x: steps,
        y: { field: 'value', ...logarithmic('b (samples)', [4, 16, 64, 256, 1024], [3.5, 1200]) },
      },
    },
  ],
})
const grew = records.filter(({ batchSize }, k) => k > 0 && batchSize > records[k - 1].batchSize)
console.log('\nThe run grows at step: batch size')
console.log(grew.map(({ step, batchSize }) => `${step}: ${batchSize}`).join(', '))
console.log('samples', records.at(-1).samples, 'last b', records.at(-1).batchSize)
