// Steps of the loop on problems with next to nothing to compute: what is left is what a step costs by itself.
import { adagrad, createExecutor, createRun, normTest, problems, wasmBackend } from '../../dist/index.js'
import { fixed } from '../contenders/fixed.mjs'

const STEPS = 10_000
const cases = {
  'Rosenbrock, d = 2': problems.rosenbrock({ dimension: 2 }),
  'least squares, d = 10': problems.leastSquares({ seed: 1, size: 1000, dimension: 10 }),
}
const results = {}
for (const [name, { objective, train }] of Object.entries(cases))
  for (const [work, test] of [
    ['plain', null],
    ['norms', normTest({ eta: 0.1 })],
  ]) {
    const backend = await wasmBackend()
    const executor = await createExecutor({ backend, objective, dataset: train })
    const run = createRun({
      executor,
      train,
      optimizer: adagrad({ learningRate: 1e-6 }),
      batchSize: fixed(8, test),
      budget: { steps: Infinity },
      seed: 1,
    })
    const steps = run[Symbol.asyncIterator]()
    const repeat = async () => {
      for (let i = 0; i < STEPS; i++) await steps.next()
    }
    await repeat()
    await repeat()
    globalThis.gc()
    const heap = process.memoryUsage().heapUsed
    const times = []
    for (let round = 0; round < 7; round++) {
      const before = process.cpuUsage()
      await repeat()
      const { user, system } = process.cpuUsage(before)
      times.push((user + system) / STEPS)
    }
    globalThis.gc()
    results[`${name}, ${work}`] = {
      microseconds: times.sort((a, b) => a - b)[3],
      heapGrowth: process.memoryUsage().heapUsed - heap,
      steps: 7 * STEPS,
    }
  }
console.log(JSON.stringify(results))
