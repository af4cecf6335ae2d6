// The kernels of both builds, what registers alone allow on this machine, and measurements of the one against the other.
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--experimental-wasm-relaxed-simd')

const memory = new WebAssembly.Memory({ initial: 8192, maximum: 65536, shared: true })
const load = (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports

/** @param folder with strict.wasm and relaxed.wasm */
export const loadBuilds = (folder) => ({
  strict: load(readFileSync(`${folder}/strict.wasm`)),
  relaxed: load(readFileSync(`${folder}/relaxed.wasm`)),
})

/** The memory from its beginning, for operands of random numbers and for workspaces; both are addresses. */
export function arena() {
  let free = 1 << 16
  const place = (length) => {
    const array = new Float32Array(memory.buffer, free, length)
    for (let i = 0; i < length; i++) array[i] = Math.random() - 0.5
    free = (free + 4 * length + 127) & ~63
    return array.byteOffset
  }
  return { place, scratch: (bytes) => place((bytes >> 2) + 16) }
}

/** Milliseconds of processor time: the machine may be shared. */
const now = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]

/** A module whose `run(n)` does 4n rounds of independent c += a·b in registers alone: 8 sums of separate products in the strict build (the two b swap, so that no
 * product is loop-invariant), 12 fused ones in the relaxed. */
function registerLoop(relaxed) {
  const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)])
  const vector = (items) => [...leb(items.length), ...items.flat()]
  const section = (id, body) => [id, ...leb(body.length), ...body]
  const simd = (op) => [0xfd, ...leb(op)]
  const get = (i) => [0x20, i]
  const set = (i) => [0x21, i]
  const [a, b, c, t] = [1, 5, 7, 19]
  const round = Array.from({ length: relaxed ? 12 : 8 }, (_, i) => {
    const sum = get(c + i)
    return relaxed
      ? [...get(a), ...get(b), ...sum, ...simd(0x105), ...set(c + i)]
      : [...sum, ...get(a + (i >> 1)), ...get(b + (i & 1)), ...simd(0xe6), ...simd(0xe4), ...set(c + i)]
  }).flat()
  const rotate = relaxed ? [] : [...get(b), ...set(t), ...get(b + 1), ...set(b), ...get(t), ...set(b + 1)]
  // (if (n == 0) break) keeps V8 from mixing the rounds
  const exit = [0x20, 0, 0x45, 0x0d, 1]
  const next = [0x20, 0, 0x41, 1, 0x6b, 0x21, 0]
  const float = (x) => [...new Uint8Array(new Float32Array([x]).buffer)]
  const start = Array.from({ length: 18 }, (_, i) => [0x43, ...float(1 / (i + 3)), ...simd(0x13), ...set(a + i)]).flat()
  const body = [
    ...start,
    ...[0x02, 0x40, 0x03, 0x40],
    ...[0, 1, 2, 3].flatMap(() => [...round, ...exit, ...rotate]),
    ...next,
    ...[0x0c, 0, 0x0b, 0x0b],
    ...get(c),
    ...Array.from({ length: 11 }, (_, i) => [...get(c + 1 + i), ...simd(0xe4)]).flat(),
    ...simd(0x1f),
    ...[0, 0x0b],
  ]
  const code = [1, 19, 0x7b, ...body]
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, 1, 0x7f, 1, 0x7d]])),
    ...section(3, vector([[0]])),
    ...section(7, vector([[3, ...new TextEncoder().encode('run'), 0, 0]])),
    ...section(10, vector([[...leb(code.length), ...code]])),
  ])
}

const loops = { strict: load(registerLoop(false)), relaxed: load(registerLoop(true)) }
const CHAINS = { strict: 8, relaxed: 12 }

/**
 * Medians for each build of GFLOP/s, and of its ratio to the register loop run right before it. Runs of the builds
 * alternate: the machine's speed drifts.
 */
export function measure(builds, work, flops, { seconds = 0.02, rounds = 7 } = {}) {
  const entries = Object.entries(builds).map(([name, kernels]) => {
    const go = () => work(kernels)
    for (let i = 0, start = now(); i < 3 || now() - start < 60; i++) go()
    const start = now()
    go()
    const repeats = Math.max(1, Math.round((seconds * 1000) / (now() - start)))
    return { go, repeats, loop: loops[name], loopFlops: 4 * 8 * CHAINS[name], rates: [], ratios: [], limits: [] }
  })
  for (let round = 0; round < rounds; round++)
    for (const { go, repeats, loop, loopFlops, rates, ratios, limits } of entries) {
      const begin = now()
      loop.run(20_000)
      const start = now()
      for (let i = 0; i < repeats; i++) go()
      const limit = (loopFlops * 20_000) / (start - begin)
      const rate = (flops * repeats) / (now() - start)
      rates.push(rate / 1e6)
      limits.push(limit / 1e6)
      ratios.push(rate / limit)
    }
  return entries.map(({ rates, ratios, limits }) => ({
    rate: median(rates),
    ratio: median(ratios),
    limit: median(limits),
  }))
}
