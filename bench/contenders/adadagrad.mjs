// This library: steps of the loop itself (sampling, batch, test, optimiser, record), on the kernels that `--simd` names.
// `plain` measures nothing beside the gradient, the others what tests of that level ask for, at every step.
import * as library from '../../dist/index.js'
import { classification } from '../../dist/problems/objective.js'
import { fixed } from './fixed.mjs'
import { serve } from './serve.mjs'

const { adagrad, createExecutor, createRun, data, layers, models, normTest, random, wasmBackend } = library
const simd = process.argv[2] ?? 'strict'

/** The MNIST CNN with 16·width and 32·width channels. */
const cnn = (width) =>
  width === 1
    ? models.mnistCnn()
    : {
        ...models.mnistCnn(),
        name: `mnist-cnn ×${width}`,
        layer: layers.sequential(
          layers.conv2d(1, 16 * width, 5, { padding: 2 }),
          layers.relu(),
          layers.maxPool2d(2),
          layers.conv2d(16 * width, 32 * width, 5, { padding: 2 }),
          layers.relu(),
          layers.maxPool2d(2),
          layers.flatten(),
          layers.linear(1568 * width, 10),
        ),
      }

const tests = {
  plain: null,
  norms: normTest({ eta: 0.1 }),
  projections: library.augmentedInnerProductTest({ theta: 0.9, nu: 5.84 }),
  coordinates: library.coordinateTest({ eta: 0.5 }),
}

/** Random images: what is in them does not matter to the time. */
function images(size) {
  const source = random(1, 'images')
  const x = Uint8Array.from({ length: size * 784 }, () => source.integer(256))
  const y = Int32Array.from({ length: size }, () => source.integer(10))
  return data.arrayDataset({
    name: 'noise',
    fields: {
      x: { data: x, shape: [1, 28, 28], scale: data.pixelScales.unit },
      y: { data: y, dtype: 'index', classes: 10 },
    },
  })
}

let noise
const executors = new Map()
async function executorOf(width, threads) {
  const key = `${width} ${threads}`
  noise ??= images(4096)
  if (!executors.has(key)) {
    const backend = await wasmBackend({ simd })
    executors.set(
      key,
      await createExecutor({ backend, objective: classification(cnn(width)), dataset: noise, threads }),
    )
  }
  return executors.get(key)
}

/** Matrix products, n × n, by the kernel alone. */
async function matmul(n) {
  const { memory, module, allocate } = await wasmBackend({ simd })
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
  const [a, b, c] = [0, 1, 2].map(() => allocate(n * n).fill(0.5).byteOffset)
  const workspace = allocate(exports.matmulWorkspace(1, n, n, n, 0, 0) >> 2).byteOffset
  return () => exports.matmul(a, b, c, 1, n, n, n, 0, 0, workspace)
}

async function prepare({ work, batch, size, width = 1, threads = 1 }) {
  if (work === 'matmul') return matmul(size)
  if (!(work in tests)) throw new Error(`no workload ${work}`)
  const executor = await executorOf(width, threads)
  const run = createRun({
    executor,
    train: noise,
    optimizer: adagrad({ learningRate: 1e-4 }),
    batchSize: fixed(batch, tests[work]),
    budget: { steps: Infinity },
    seed: 1,
  })
  const steps = run[Symbol.asyncIterator]()
  return () => steps.next()
}

await serve({ version: `adadagrad ${simd}`, node: process.versions.node }, prepare)
