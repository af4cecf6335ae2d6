// jax-js on its WebAssembly backend: the loss's gradient under jit, then AdaGrad. Its statistics would be vmap of grad.
import { readFileSync } from 'node:fs'
import { defaultDevice, grad, init, jit, lax, nn, numpy as np, vmap } from '@jax-js/jax'
import { serve } from './serve.mjs'

await init('wasm')
defaultDevice('wasm')

const shapes = [[16, 1, 5, 5], [16], [32, 16, 5, 5], [32], [1568, 10], [10]]
const random = (shape, scale) =>
  np
    .array(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * (Math.random() - 0.5)))
    .reshape(shape)

// Arrays are counted: an argument is consumed, `.ref` keeps one for later.
const block = (x, weight, bias) => {
  const y = nn.relu(
    lax
      .conv(
        x,
        weight,
        [1, 1],
        [
          [2, 2],
          [2, 2],
        ],
      )
      .add(bias.reshape([1, bias.shape[0], 1, 1])),
  )
  const [b, c, h, w] = y.shape
  // reduceWindow has no rule for vmap.
  return np.max(y.reshape([b, c, h / 2, 2, w / 2, 2]), [3, 5])
}
const loss = (parameters, x, target) => {
  const [w1, b1, w2, b2, w3, b3] = parameters
  const hidden = block(block(x, w1, b1), w2, b2)
  const scores = np.matmul(hidden.reshape([hidden.shape[0], 1568]), w3).add(b3)
  return np.sum(nn.logSoftmax(scores).mul(target)).mul(-1 / target.shape[0])
}

function training(batch, statistics) {
  let parameters = shapes.map((shape) => random(shape, 0.1))
  let sums = shapes.map((shape) => np.zeros(shape))
  const x = random([batch, 1, 28, 28], 1)
  const target = nn.oneHot(np.array(Int32Array.from({ length: batch }, (_, i) => i % 10)), 10)
  const gradient = jit(grad(loss))
  const one = (theta, image, label) => loss(theta, image.reshape([1, 1, 28, 28]), label.reshape([1, 10]))
  const each = jit((theta, images, labels) => vmap(grad(one), [shapes.map(() => null), 0, 0])(theta, images, labels))
  const accumulate = jit((v, g) => v.add(np.square(g)))
  const advance = jit((p, g, v) => p.sub(g.mul(1e-4).div(np.sqrt(v).add(1e-10))))
  const kept = (list) => list.map((array) => array.ref)
  return async () => {
    if (statistics) for (const g of each(kept(parameters), x.ref, target.ref)) await np.sum(np.square(g)).data()
    const gradients = gradient(kept(parameters), x.ref, target.ref)
    sums = sums.map((v, i) => accumulate(v, gradients[i].ref))
    parameters = parameters.map((p, i) => advance(p, gradients[i], sums[i].ref))
    for (const p of parameters) await p.ref.data()
  }
}

function prepare({ work, batch, size }) {
  if (work === 'matmul') {
    const [a, b] = [random([size, size], 1), random([size, size], 1)]
    return () => np.matmul(a.ref, b.ref).data()
  }
  return training(batch, work === 'norms')
}

const manifest = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url)
await serve({ version: `jax-js ${JSON.parse(readFileSync(manifest, 'utf8')).version}`, backend: 'wasm' }, prepare)
