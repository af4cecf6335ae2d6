import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const library = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href)

// A process of its own: its heap is nobody else's.
const script = `
import { getHeapSnapshot } from 'node:v8'
import { adagrad, coordinateTest, createExecutor, createRun, innerProductTest, normTest, problems,
  wasmBackend } from ${library('index.js')}

const tests = { none: null, norms: normTest({ eta: 0.1 }), coordinates: coordinateTest({ eta: 0.5 }),
  projections: innerProductTest({ theta: 0.9 }) }
const { objective, train } = problems.leastSquares({ seed: 1, size: 500, dimension: 10 })
// The bytes of what a program can keep, counted one by one. What V8 makes of the program (code, what it learnt of types)
// it makes and drops when it has the time, and memoryUsage() counts whole pages that are not swept yet.
const live = async () => {
  let text = ''
  for await (const piece of getHeapSnapshot()) text += piece
  const { snapshot: { meta }, nodes } = JSON.parse(text)
  const [names, type, size] = [meta.node_types[0], ...['type', 'self_size'].map((name) => meta.node_fields.indexOf(name))]
  let bytes = 0
  for (let node = 0; node < nodes.length; node += meta.node_fields.length)
    if (!['code', 'hidden', 'object shape'].includes(names[nodes[node + type]])) bytes += nodes[node + size]
  return bytes
}
await live()
// What a level leaves must not go while the next one is looked at.
const [found, kept] = [[], []]
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
  kept.push(executor, run)
  await make(5000)
  const [before, kernels] = [await live(), backend.memory.buffer.byteLength]
  await make(15_000)
  found.push({ level, growth: (await live()) - before, kernels: backend.memory.buffer.byteLength - kernels })
}
console.log(JSON.stringify(found))
`

// What a step keeps becomes four times as much from step 5,000 to 20,000: an array of a number a step, whose room grows
// by halves, takes 100 kB more or even 200, and a map more than that.
test('over 15,000 steps neither heap nor kernel memory grows', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  })
  const found = JSON.parse(stdout) as { level: string; growth: number; kernels: number }[]
  expect(found.map(({ level }) => level)).toEqual(['none', 'norms', 'coordinates', 'projections'])
  for (const { level, growth, kernels } of found) {
    expect(kernels, level).toBe(0)
    expect(growth, `bytes, ${level}`).toBeLessThan(15_000)
  }
})
