// GFLOP/s of the kernels, one thread, beside what registers alone allow on this machine:
//   node bench/kernels.mjs [part of the rows' names] [folder with strict.wasm and relaxed.wasm]
import { fileURLToPath } from 'node:url'
import { arena, loadBuilds, measure } from './limits.mjs'

const [only = '', folder = fileURLToPath(new URL('../dist/wasm', import.meta.url))] = process.argv.slice(2)
const effort = { seconds: Number(process.env.SECONDS ?? 0.02), rounds: Number(process.env.ROUNDS ?? 7) }
const builds = loadBuilds(folder)

const row = (label, work, flops) => {
  if (!label.includes(only)) return
  const results = measure(builds, work, flops, effort)
  console.log(
    `${label.padEnd(42)} ${results.map(({ rate, ratio, limit }) => `${rate.toFixed(1).padStart(7)} ${(100 * ratio).toFixed(0).padStart(4)} % of ${limit.toFixed(0)}`).join('   ')}`,
  )
}

console.log(`${''.padEnd(42)}  strict      of mul + add   relaxed   of fused, GFLOP/s`)

for (const [m, n, k, tA = 0, tB = 0] of [
  ...[96, 192, 384, 768, 1152].map((size) => [size, size, size]),
  [384, 384, 384, 0, 1],
  [384, 384, 384, 1, 0],
  [384, 384, 384, 1, 1],
  [1, 10, 784, 0, 1],
  [64, 10, 784, 0, 1],
  [10, 784, 64, 1, 0],
  [32, 10, 1568, 0, 1],
  [10, 1568, 32, 1, 0],
  [32, 1568, 10, 0, 0],
  [32, 500, 1024, 0, 1],
  [500, 1024, 32, 1, 0],
  [32, 1024, 500, 0, 0],
  [1, 500, 1024, 0, 1],
]) {
  const { place, scratch } = arena()
  const [a, b, c] = [place(m * k), place(k * n), place(m * n)]
  const workspace = scratch(builds.strict.matmulWorkspace(1, m, n, k, tA, tB))
  const multiply = (kernels) => kernels.matmul(a, b, c, 1, m, n, k, tA, tB, workspace)
  row(`matmul ${m} × ${k}${tA ? 'ᵀ' : ''} by ${k} × ${n}${tB ? 'ᵀ' : ''}`, multiply, 2 * m * n * k)
}

for (const [name, C, extent, O, kernel, stride, padding, B] of [
  ['MNIST 1', 1, 28, 16, 5, 1, 2, 32],
  ['MNIST 2', 16, 14, 32, 5, 1, 2, 32],
  ['MNIST 2, one sample', 16, 14, 32, 5, 1, 2, 1],
  ['CIFAR 1', 3, 32, 16, 3, 1, 1, 16],
  ['CIFAR 2', 16, 16, 32, 3, 1, 1, 16],
  ['CIFAR 3', 32, 8, 64, 3, 1, 1, 16],
  ['ResNet 64', 64, 32, 64, 3, 1, 1, 2],
  ['ResNet 64 to 128', 64, 32, 128, 3, 2, 1, 2],
  ['ResNet 64 to 128, 1 × 1', 64, 32, 128, 1, 2, 0, 4],
  ['ResNet 128', 128, 16, 128, 3, 1, 1, 2],
  ['ResNet 256', 256, 8, 256, 3, 1, 1, 4],
  ['ResNet 512', 512, 4, 512, 3, 1, 1, 4],
]) {
  const { place, scratch } = arena()
  const P = Math.floor((extent + 2 * padding - kernel) / stride) + 1
  const extents = [B, C, extent, extent, O, kernel, kernel, stride, stride, padding, padding, P, P]
  const [x, w, y, dw, norms] = [B * C * extent ** 2, O * C * kernel ** 2, B * O * P * P, O * C * kernel ** 2, B].map(
    place,
  )
  const flops = 2 * B * O * C * (kernel * P) ** 2
  const { strict } = builds
  const workspace = scratch(
    Math.max(
      ...[strict.conv2dWorkspace, strict.conv2dInputWorkspace, strict.conv2dWeightWorkspace].map((f) => f(...extents)),
    ),
  )
  const report = (what, work) => row(`${what}, ${name}`, work, flops)
  report('conv2d', (kernels) => kernels.conv2d(x, w, y, ...extents, 0, 0, workspace))
  report('conv2dInput', (kernels) => kernels.conv2dInput(y, w, x, ...extents, workspace))
  report('conv2dWeight', (kernels) => kernels.conv2dWeight(x, y, dw, 0, 0, 0, ...extents, workspace))
  report('conv2dWeight and norms', (kernels) => kernels.conv2dWeight(x, y, dw, norms, 0, 0, ...extents, workspace))
}
