// One process's peak memory: node groups/memory.mjs <batch size>. As many samples in all for every batch size.
import { adagrad, createExecutor, data, models, wasmBackend } from '../../dist/index.js'
import { classification } from '../../dist/problems/objective.js'

const batch = Number(process.argv[2])
const size = 60_000
const x = new Uint8Array(size * 784).map((_, i) => (i * 2654435761) >>> 24)
const y = new Int32Array(size).map((_, i) => i % 10)
const dataset = data.arrayDataset({
  name: 'images',
  fields: {
    x: { data: x, shape: [1, 28, 28], scale: data.pixelScales.unit },
    y: { data: y, dtype: 'index', classes: 10 },
  },
})
const backend = await wasmBackend()
const executor = await createExecutor({ backend, objective: classification(models.mnistCnn()), dataset })
const optimizer = adagrad({ learningRate: 1e-3 })
const state = optimizer.init(executor.layout)
const indices = new Uint32Array(batch).map((_, i) => i)
for (let samples = 0; samples < size; samples += batch) {
  const { statistics } = await executor.batch(indices, samples, 'norms')
  optimizer.update(executor.parameters, statistics.mean, state, 1e-3)
}
console.log(
  JSON.stringify({
    peak: process.resourceUsage().maxRSS / 1024,
    kernels: backend.memory.buffer.byteLength / 2 ** 20,
  }),
)
