// The target table with what was measured. A row's figures are worst cases over the sizes that it speaks of.

const least = (values) =>
  values.every((v) => v === undefined) ? undefined : Math.min(...values.filter(Number.isFinite))
const most = (values) =>
  values.every((v) => v === undefined) ? undefined : Math.max(...values.filter(Number.isFinite))

/** @returns rows { what, target, stretch, measured, text, met } */
export function targetTable({ steps, peers, threads, matmul, memory, startup }) {
  const ofSteps = (name, pick) => steps && pick(Object.values(steps.results).map(({ ratios }) => ratios[name]))
  const bySize = (name) =>
    steps &&
    Object.entries(steps.results)
      .map(([batch, { ratios }]) => `${ratios[name]?.toFixed(2) ?? '–'} (${batch})`)
      .join(', ')
  const products = matmul && Object.values(matmul.results)
  const rows = [
    atMost('adaptive (norms) ÷ plain step, time', 1.05, 1.02, ofSteps('norms ÷ plain', most), bySize('norms ÷ plain')),
    atMost('coordinates ÷ plain', 1.4, 1.25, ofSteps('coordinates ÷ plain', most), bySize('coordinates ÷ plain')),
    atMost('projections ÷ plain', 1.6, 1.4, ofSteps('projections ÷ plain', most), bySize('projections ÷ plain')),
    atLeast(
      'adaptive, one thread, ÷ the official way in native PyTorch',
      1.5,
      2,
      ofSteps('norms ÷ official', least),
      bySize('norms ÷ official'),
    ),
    atLeast(
      'adaptive, one thread, ÷ SumGradSquared native',
      1.1,
      1.4,
      ofSteps('norms ÷ sumGradSquared', least),
      bySize('norms ÷ sumGradSquared'),
    ),
    atLeast(
      'two threads ÷ one',
      1.85,
      1.95,
      threads && least(Object.values(threads['two ÷ one'])),
      threads &&
        Object.entries(threads['two ÷ one'])
          .map(([batch, r]) => `${r.toFixed(2)} (${batch})`)
          .join(', '),
    ),
    atLeast(
      'matmul, strict ÷ the measured mul + add limit',
      0.93,
      undefined,
      products && least(products.map(({ strict }) => strict.ofLimit)),
      matmul && sizes(matmul, ({ strict }) => strict.ofLimit),
    ),
    atLeast(
      'matmul, strict ÷ tfjs wasm',
      1,
      undefined,
      products && least(products.map((each) => each['strict ÷ tfjs wasm'])),
      matmul && sizes(matmul, (each) => each['strict ÷ tfjs wasm']),
    ),
    atLeast(
      'matmul, relaxed ÷ the measured fused limit',
      0.85,
      0.93,
      products && least(products.map(({ relaxed }) => relaxed.ofLimit)),
      matmul && sizes(matmul, ({ relaxed }) => relaxed.ofLimit),
    ),
    atLeast(
      'plain step, one thread, ÷ native PyTorch’s',
      0.45,
      0.65,
      ofSteps('plain ÷ native plain', least),
      bySize('plain ÷ native plain'),
    ),
    atMost(
      memory ? `peak memory at b = ${memory.most} ÷ at b = ${memory.least}` : 'peak memory, largest ÷ smallest b',
      1.1,
      undefined,
      memory?.ratio,
      memory &&
        Object.entries(memory.results)
          .map(
            ([batch, { peak, kernels }]) => `${peak.toFixed(0)} MB (${batch}; kernels' memory ${kernels.toFixed(1)})`,
          )
          .join(', '),
    ),
    atLeast(
      'plain and adaptive step ÷ jax-js wasm',
      80,
      undefined,
      peers && least(Object.values(peers.ratios)),
      peers &&
        Object.entries(peers.ratios)
          .map(([name, r]) => `${name} ${r?.toFixed(0) ?? '–'}`)
          .join(', '),
    ),
    atMost(
      'from the command to the first training step, s',
      0.6,
      undefined,
      startup?.wall,
      startup && `${startup.wall.toFixed(2)} s of wall time, ${startup.processor.toFixed(2)} s of processor time`,
    ),
  ]
  return rows.filter(Boolean)
}

const sizes = ({ results }, pick) =>
  Object.entries(results)
    .map(([n, each]) => `${pick(each)?.toFixed(2) ?? '–'} (${n})`)
    .join(', ')

const atMost = (what, target, stretch, measured, text) => row(what, '≤', target, stretch, measured, text)
const atLeast = (what, target, stretch, measured, text) => row(what, '≥', target, stretch, measured, text)

function row(what, sign, target, stretch, measured, text) {
  if (measured === undefined || !Number.isFinite(measured))
    return text === undefined ? undefined : { what, target: `${sign} ${target}`, measured: null, text: 'not measured' }
  const meets = (bound) => bound !== undefined && (sign === '≤' ? measured <= bound : measured >= bound)
  return {
    what,
    target: `${sign} ${target}`,
    ...(stretch !== undefined && { stretch: `${sign} ${stretch}` }),
    measured,
    text,
    verdict: meets(stretch) ? 'stretch' : meets(target) ? 'met' : 'missed',
  }
}

/** The rows in Markdown. */
export function formatTable(rows) {
  const lines = rows.map(
    ({ what, target, stretch = '', measured, text, verdict = '' }) =>
      `| ${what} | ${target} | ${stretch} | ${measured === null ? '' : `**${measured.toFixed(2)}**`} | ${verdict} | ${text} |`,
  )
  return ['| what | target | stretch | measured | | by size |', '|---|---|---|---|---|---|', ...lines].join('\n')
}
