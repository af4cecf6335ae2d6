// What the GPU backend does on this machine's adapter, beside wasm on one thread and gpu.js's other modes:
//   npm run build && node bench/gpu.mjs [seconds a figure]
// Without a graphics card, a software adapter: VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json (docs/gpu.md).
import { pathToFileURL } from 'node:url'

const library = (path) => import(new URL(`../dist/${path}`, import.meta.url))
const { matmul, sum } = await library('autodiff/operations/index.js')
const { leaf } = await library('autodiff/value.js')
const { gpuBackend } = await library('backends/gpu/index.js')
const { loadGpuJs } = await library('backends/gpu/gpujs.js')
const { lower } = await library('backends/gpu/lower.js')
const { processorEngine } = await library('backends/gpu/web-gl.js')
const { wasmBackend } = await library('backends/wasm/index.js')
const { arrayDataset } = await library('data/dataset.js')
const { logisticRegression, mnistCnn } = await library('nn/models.js')
const { initialise } = await library('nn/parameters.js')
const { classification } = await library('problems/objective.js')
const { createExecutor } = await library('training/executor.js')

/** A figure is not worth more than this: where one call takes longer, larger ones are left out. */
const PATIENCE = 20_000

/** Milliseconds: of a clock, or of processor time where the adapter is software and the machine may be shared. */
let now = () => performance.now()
const processorTime = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Median milliseconds of a call, after one that makes what is made once. */
async function timed(call, seconds) {
  await call()
  const times = []
  const start = performance.now()
  while (times.length < 3 || (performance.now() - start < 1000 * seconds && times.length < 200)) {
    const before = now()
    await call()
    times.push(now() - before)
    if (performance.now() - start > PATIENCE) break
  }
  return times.sort((a, b) => a - b)[times.length >> 1]
}

/** Milliseconds of the sum of an n × n product: only one number comes back, and the factors stay where they are. */
async function product(backend, n, seconds) {
  const square = (buffer) => leaf({ buffer, offset: 0, shape: [n, n], dtype: 'float', sampling: 'shared' })
  const arrays = { a: backend.allocate(n * n).fill(0.5), b: backend.allocate(n * n).fill(0.25), y: backend.allocate(1) }
  const value = sum(matmul(square('a'), square('b')))
  const plan = await backend.compile({ stages: [[{ value, buffer: 'y', offset: 0 }]] }, arrays)
  backend.changed?.(arrays.a)
  backend.changed?.(arrays.b)
  const time = await timed(() => plan.run(0, 0), seconds)
  const expected = 0.125 * n ** 3
  if (!(Math.abs(arrays.y[0] / expected - 1) < 1e-4))
    throw new Error(`sum of products: ${arrays.y[0]}, not ${expected}`)
  return time
}

/** Milliseconds of a batch with the norm test's statistics, and a new x for each. */
async function step(backend, model, b, seconds, chunk) {
  const inputs = model.input.reduce((a, n) => a * n, 1)
  const dataset = arrayDataset({
    name: 'noise',
    fields: {
      x: { data: Float32Array.from({ length: 64 * inputs }, (_, i) => Math.sin(i * i)), shape: model.input },
      y: { data: Int32Array.from({ length: 64 }, (_, i) => i % model.classes), dtype: 'index', classes: model.classes },
    },
  })
  const objective = classification(model)
  const executor = await createExecutor({ backend, objective, dataset, ...chunk })
  executor.parameters.set(initialise(objective.parameters, 1))
  const indices = Uint32Array.from({ length: b }, (_, i) => i % 64)
  const time = await timed(async () => {
    const { statistics } = await executor.batch(indices, 0, 'norms')
    for (let j = 0; j < executor.parameters.length; j++) executor.parameters[j] -= 1e-4 * statistics.mean[j]
  }, seconds)
  await executor.close()
  return time
}

const cell = (text, width) => String(text).padStart(width)
function table(heads, rows) {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => String(row[i]).length)))
  for (const row of [heads, ...rows]) console.log(row.map((text, i) => cell(text, widths[i])).join('  '))
  console.log()
}
const figure = (x) => (x >= 100 ? x.toFixed(0) : x.toPrecision(3))

/** Prints the figures. `sizes` and `batches` may be smaller where the adapter is slow. */
export async function main({
  seconds = 1,
  sizes = [64, 128, 256, 512, 1024],
  batches = [1, 4, 16, 64, 256, 1024],
} = {}) {
  const gpujs = await loadGpuJs()
  const onProcessor = (mode) => {
    const engine = processorEngine(gpujs, mode)
    return {
      ...engine,
      allocate: (n) => new Float32Array(n),
      compile: (graph, arrays) => engine.compile(lower(graph), arrays),
    }
  }
  const contenders = {
    'wasm, 1 thread': await wasmBackend(),
    'gpu, tiled': await gpuBackend({ matmul: 'tiled' }),
    'gpu, gpu.js': await gpuBackend({ matmul: 'gpu.js' }),
    'gpu.js cpu': onProcessor('cpu'),
    'gpu.js webasm': onProcessor('webasm'),
  }
  const { mode, adapter, software } = contenders['gpu, tiled'].details
  if (software) now = processorTime
  const note = ' in software: a second is one of processor time, and figures say nothing about graphics cards'
  console.log(`${mode} on ${adapter}${software ? note : ''}\n`)

  const names = Object.keys(contenders)
  const given = new Set()
  const rows = []
  for (const n of sizes) {
    const row = [n]
    for (const name of names) {
      const time = given.has(name) ? undefined : await product(contenders[name], n, seconds)
      if (time !== undefined && 8 * time > PATIENCE / 3) given.add(name)
      row.push(time === undefined ? '' : figure((2 * n ** 3) / time / 1e6))
    }
    rows.push(row)
  }
  console.log('square matrix products, GFLOP/s, upload and read-back of the result excluded')
  table(['n', ...names], rows)

  for (const model of [logisticRegression(), mnistCnn()]) {
    const steps = []
    let breakEven
    const tired = new Set()
    for (const b of batches) {
      const rates = {}
      for (const name of ['wasm, 1 thread', 'gpu, tiled', 'gpu, gpu.js']) {
        if (tired.has(name)) continue
        const chunk = name.startsWith('gpu') ? { chunkSize: Math.min(b, 256), lanes: 1 } : {}
        const time = await step(contenders[name], model, b, seconds, chunk)
        if (4 * time > PATIENCE / 4) tired.add(name)
        rates[name] = (1000 * b) / time
      }
      if (rates['gpu, tiled'] >= rates['wasm, 1 thread']) breakEven ??= b
      else breakEven = undefined
      steps.push([
        b,
        ...['wasm, 1 thread', 'gpu, tiled', 'gpu, gpu.js'].map((name) => (rates[name] ? figure(rates[name]) : '')),
      ])
    }
    console.log(`${model.name}: steps with the norm test's statistics, samples/s (gpu: chunks of up to 256, 1 lane)`)
    table(['b', 'wasm, 1 thread', 'gpu, tiled', 'gpu, gpu.js'], steps)
    const measured = batches.filter((b) => steps.some(([at, , rate]) => at === b && rate !== ''))
    console.log(
      breakEven === undefined
        ? `break-even: none up to b = ${measured.at(-1)}; wasm is faster on this adapter\n`
        : `break-even: from b = ${breakEven} on the GPU is faster than one thread of wasm\n`,
    )
  }
  for (const backend of Object.values(contenders)) await backend.dispose?.()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main({ seconds: Number(process.argv[2] ?? 1) })
