// GFLOP/s of the kernels, one thread, beside what registers alone allow on this machine:
//   node bench/kernels.mjs [matmul|convolution] [folder with strict.wasm and relaxed.wasm]
// Runs of the two builds alternate, and medians are printed: the machine's speed drifts.
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--experimental-wasm-relaxed-simd')

const [only = '', folder = 'dist/wasm'] = process.argv.slice(2)
const SECONDS = Number(process.env.SECONDS ?? 0.02)
const ROUNDS = Number(process.env.ROUNDS ?? 7)
const memory = new WebAssembly.Memory({ initial: 8192, maximum: 65536, shared: true })
const load = (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports
const builds = {
  strict: load(readFileSync(`${folder}/strict.wasm`)),
  relaxed: load(readFileSync(`${folder}/relaxed.wasm`)),
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]

/** A module whose `run(n)` does 4n rounds of 8 independent c += a·b in registers alone; the b rotate, so that nothing is loop-invariant. */
function registerLoop(relaxed) {
  const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)])
  const vector = (items) => [...leb(items.length), ...items.flat()]
  const section = (id, body) => [id, ...leb(body.length), ...body]
  const simd = (op) => [0xfd, ...leb(op)]
  const get = (i) => [0x20, i]
  const set = (i) => [0x21, i]
  const [a, b, c, t] = [1, 3, 7, 15]
  const round = Array.from({ length: 8 }, (_, i) => {
    const operands = [...get(a + (i >> 2)), ...get(b + (i & 3))]
    return relaxed
      ? [...operands, ...get(c + i), ...simd(0x105), ...set(c + i)]
      : [...get(c + i), ...operands, ...simd(0xe6), ...simd(0xe4), ...set(c + i)]
  }).flat()
  const rotate = [
    ...get(b),
    ...set(t),
    ...[0, 1, 2].flatMap((i) => [...get(b + i + 1), ...set(b + i)]),
    ...get(t),
    ...set(b + 3),
  ]
  // (if (n == 0) break) keeps V8 from mixing the rounds
  const exit = [0x20, 0, 0x45, 0x0d, 1]
  const next = [0x20, 0, 0x41, 1, 0x6b, 0x21, 0]
  const float = (x) => [...new Uint8Array(new Float32Array([x]).buffer)]
  const start = Array.from({ length: 14 }, (_, i) => [0x43, ...float(1 / (i + 3)), ...simd(0x13), ...set(a + i)]).flat()
  const body = [
    ...start,
    ...[0x02, 0x40, 0x03, 0x40],
    ...[0, 1, 2, 3].flatMap(() => [...round, ...exit, ...rotate]),
    ...next,
    ...[0x0c, 0, 0x0b, 0x0b],
    ...get(c),
    ...Array.from({ length: 7 }, (_, i) => [...get(c + 1 + i), ...simd(0xe4)]).flat(),
    ...simd(0x1f),
    ...[0, 0x0b],
  ]
  const code = [1, 15, 0x7b, ...body]
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, 1, 0x7f, 1, 0x7d]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[3, ...new TextEncoder().encode('run'), 0, 0]])),
    ...section(10, vector([[...leb(code.length), ...code]])),
  ])
}

/** Medians of GFLOP/s for each build of `work(kernels)`, which does `flops`. */
function measure(work, flops) {
  const entries = Object.entries(builds).map(([name, kernels]) => {
    const go = () => work(kernels, name)
    for (let i = 0, start = performance.now(); i < 3 || performance.now() - start < 60; i++) go()
    const start = performance.now()
    go()
    const repeats = Math.max(1, Math.round((SECONDS * 1000) / (performance.now() - start)))
    return { name, go, repeats, rates: [] }
  })
  for (let round = 0; round < ROUNDS; round++)
    for (const { go, repeats, rates } of entries) {
      const start = performance.now()
      for (let i = 0; i < repeats; i++) go()
      rates.push((flops * repeats) / (performance.now() - start) / 1e6)
    }
  return entries.map(({ rates }) => median(rates))
}

const loops = { strict: load(registerLoop(false)), relaxed: load(registerLoop(true)) }
const limit = measure((_, name) => loops[name].run(50_000), 50_000 * 4 * 8 * 8)

let free = 1 << 16
const place = (length) => {
  const array = new Float32Array(memory.buffer, free, length)
  for (let i = 0; i < length; i++) array[i] = Math.random() - 0.5
  free = (free + 4 * length + 127) & ~63
  return array.byteOffset
}
const scratch = (bytes) => place((bytes >> 2) + 16)

const row = (label, rates) =>
  console.log(
    `${label.padEnd(46)} ${rates.map((rate, i) => `${rate.toFixed(1).padStart(7)} ${((100 * rate) / limit[i]).toFixed(0).padStart(4)} %`).join('   ')}`,
  )
console.log(`${''.padEnd(46)}  strict  of limit  relaxed of limit`)
row('registers only', limit)

if (only === '' || only === 'matmul')
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
    free = 1 << 16
    const [a, b, c] = [place(m * k), place(k * n), place(m * n)]
    const workspace = scratch(builds.strict.matmulWorkspace(1, m, n, k, tA, tB))
    const rates = measure((kernels) => kernels.matmul(a, b, c, 1, m, n, k, tA, tB, workspace), 2 * m * n * k)
    row(`matmul ${m} × ${k}${tA ? 'ᵀ' : ''} by ${k} × ${n}${tB ? 'ᵀ' : ''}`, rates)
  }
