// Square matrix products in GFLOP/s, one thread, processor time: beside the limit of the registers, and beside peers.
import { fileURLToPath } from 'node:url'
import { jax, pytorch, strict, tfjsWasm } from '../contenders/index.mjs'
import { arena, loadBuilds, measure } from '../limits.mjs'
import { median, race, ratio } from '../race.mjs'
import { versionsOf } from './steps.mjs'

export async function matmul({ rounds, seconds, sizes }) {
  const all = await Promise.all([strict(), tfjsWasm(), jax(), pytorch()])
  const builds = loadBuilds(fileURLToPath(new URL('../../dist/wasm', import.meta.url)))
  const results = {}
  for (const n of sizes) {
    const { place, scratch } = arena()
    const [a, b, c] = [0, 1, 2].map(() => place(n * n))
    const workspace = scratch(builds.strict.matmulWorkspace(1, n, n, n, 0, 0))
    const [ours, fused] = measure(
      builds,
      (kernels) => kernels.matmul(a, b, c, 1, n, n, n, 0, 0, workspace),
      2 * n ** 3,
      { seconds: Math.max(seconds / 4, 0.02), rounds: 2 * rounds + 1 },
    )
    const measured = await race(
      all.map((contender) => ({
        name: contender.name,
        contender,
        request: { work: 'matmul', size: n },
        samples: (2 * n ** 3) / 1e9,
      })),
      { rounds, seconds: seconds / 2 },
    )
    results[n] = {
      strict: { gflops: ours.rate, ofLimit: ours.ratio, limit: ours.limit },
      relaxed: { gflops: fused.rate, ofLimit: fused.ratio, limit: fused.limit },
      peers: Object.fromEntries(
        all
          .slice(1)
          .map(({ name }) => [
            name,
            measured[name].failed ? { notMeasured: measured[name].failed } : median(measured[name].samplesPerSecond),
          ]),
      ),
      'strict ÷ tfjs wasm': ratio(measured, 'strict', 'tfjs wasm'),
    }
  }
  for (const contender of all) contender.close()
  return { versions: versionsOf(all), results }
}
