import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const library = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href)

// A process of its own: its heap is nobody else's, and it may call the collector.
const script = `
import { adagrad, coordinateTest, createExecutor, createRun, innerProductTest, normTest, problems,
  wasmBackend } from ${library('index.js')}

const tests = { none: null, norms: normTest({ eta: 0.1 }), coordinates: coordinateTest({ eta: 0.5 }),
  projections: innerProductTest({ theta: 0.9 }) }
const { objective, train } = problems.leastSquares({ seed: 1, size: 500, dimension: 10 })
const found = []
for (const [level, test] of Object.entries(tests)) {
  const backend = await wasmBackend()
  const executor = await createExecutor({ backend, objective, dataset: train })
  // Batches of 20 and 21 in turn: two plans, and chunks of several sizes.
  const state = (k) => ({ batchSize: 20 + (k % 2), learningRateFactor: 1, k })
  const policy = {
    name: 'alternating', initial: 20, cap: 21, level, config: {},
    start: () => state(0),
    levelFor: () => level,
    next: ({ k }, { statistics }) => ({ state: state(k + 1), batchSize: 20, growth: 1, learningRateFactor: 1,
      test: test?.evaluate(statistics) ?? null }),
  }
  const run = createRun({ executor, train, optimizer: adagrad({ learningRate: 1e-6 }), batchSize: policy,
    budget: { steps: 1e9 }, seed: 1 })
  const steps = run[Symbol.asyncIterator]()
  const make = async (count) => { for (let i = 0; i < count; i++) await steps.next() }
  const heap = () => { gc(); gc(); return process.memoryUsage().heapUsed }
  await make(5000)
  const growth = []
  const kernels = backend.memory.buffer.byteLength
  for (let window = 0; window < 3; window++) {
    const before = heap()
    await make(10_000)
    growth.push(heap() - before)
  }
  found.push({ level, growth, kernels: backend.memory.buffer.byteLength - kernels })
}
console.log(JSON.stringify(found))
`

test('over 10,000 steps neither heap nor kernel memory grows', () => {
  const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
  })
  const found = JSON.parse(output) as { level: string; growth: number[]; kernels: number }[]
  expect(found.map(({ level }) => level)).toEqual(['none', 'norms', 'coordinates', 'projections'])
  for (const { level, growth, kernels } of found) {
    expect(kernels, level).toBe(0)
    // Code that is compiled meanwhile shows in one window; what a step kept shows in all: one number would be 8 bytes.
    const median = growth.toSorted((a, b) => a - b)[1]! / 10_000
    expect(median, `bytes a step, ${level}: ${growth}`).toBeLessThan(4)
  }
})
