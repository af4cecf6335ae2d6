// TensorFlow.js, on the backend that is named: `cpu` trains but in plain loops, `wasm` (XNNPACK) has no kernel for the
// gradient of a convolution's weights, so that it multiplies matrices only.
import { createRequire } from 'node:module'
import { serve } from './serve.mjs'

const require = createRequire(import.meta.url)
// Its greeting on standard error is no failure.
console.warn = () => {}
const tf = require('@tensorflow/tfjs')
const backend = process.argv[2] ?? 'wasm'
if (backend === 'wasm') {
  const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm')
  const manifest = require.resolve('@tensorflow/tfjs-backend-wasm/package.json')
  setWasmPaths(`${manifest.slice(0, -'package.json'.length)}dist/`)
}
await tf.setBackend(backend)
await tf.ready()

function training(batch) {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 16, kernelSize: 5, padding: 'same', activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 32, kernelSize: 5, padding: 'same', activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 10 }),
    ],
  })
  const x = tf.randomUniform([batch, 28, 28, 1])
  const labels = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: batch }, (_, i) => i % 10),
      'int32',
    ),
    10,
  )
  const optimizer = tf.train.adagrad(1e-4)
  return () =>
    tf.tidy(() => optimizer.minimize(() => tf.losses.softmaxCrossEntropy(labels, model.apply(x)), true).dataSync())
}

function prepare({ work, batch, size }) {
  if (work === 'matmul') {
    const [a, b] = [tf.randomUniform([size, size]), tf.randomUniform([size, size])]
    return () => {
      // Not inside `tidy`, which looks for tensors in every number of an array that it returns.
      const product = tf.matMul(a, b)
      product.dataSync()
      product.dispose()
    }
  }
  if (work === 'plain') return training(batch)
  throw new Error(`no workload ${work}`)
}

await serve({ version: `tfjs ${tf.version['tfjs-core']}`, backend: tf.getBackend() }, prepare)
