// npm run bench [-- --quick] [steps | peers | threads | matmul | growth | memory | small | startup …] [--output FOLDER]
// npm run bench -- kernels [part of the rows' names] · npm run bench -- gpu
//
// Prints the target table with measured figures and writes bench.json and bench.svg. Ratios are medians of ratios within
// rounds, in which contenders take turns. Everything on one thread is processor time, so that a machine that is shared
// distorts it little; threads and the first step are wall time, and need a machine to themselves.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, platform, release } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { quick: { type: 'boolean' }, output: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) {
  const [usage] = readFileSync(here('./index.mjs'), 'utf8').split('\nimport')
  console.log(usage.replaceAll(/^\/\/ ?/gm, ''))
  process.exit()
}
if (['kernels', 'gpu'].includes(positionals[0])) {
  const own = process.argv.slice(process.argv.indexOf(positionals[0]) + 1)
  const { status } = spawnSync(process.execPath, [here(`./${positionals[0]}.mjs`), ...own], { stdio: 'inherit' })
  process.exit(status ?? 1)
}

const { quick } = values
const [rounds, seconds] = quick ? [3, 0.2] : [7, 0.5]
const groups = {
  steps: async () =>
    (await import('./groups/steps.mjs')).steps({ rounds, seconds, batches: quick ? [64] : [16, 64, 256] }),
  peers: async () => (await import('./groups/steps.mjs')).peers({ rounds: quick ? 1 : 3, seconds }),
  threads: async () => (await import('./groups/growth.mjs')).threads({ rounds, seconds }),
  matmul: async () =>
    (await import('./groups/matmul.mjs')).matmul({
      rounds,
      seconds,
      sizes: quick ? [96, 384] : [96, 192, 384, 768, 1152],
    }),
  memory: async () => (await import('./groups/process.mjs')).memory({ batches: [64, 60_000], rounds: quick ? 1 : 2 }),
  small: async () => (await import('./groups/process.mjs')).small(),
  startup: async () => (await import('./groups/process.mjs')).startup({ rounds: quick ? 3 : 9 }),
  growth: async () =>
    (await import('./groups/growth.mjs')).growth({
      rounds: quick ? 1 : 3,
      seconds: seconds / 2,
      batches: quick ? [1, 16, 256] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
      widths: quick ? [1, 2] : [1, 2, 4, 8],
    }),
}

const unknown = positionals.find((name) => !(name in groups))
if (unknown) {
  console.error(`no group ${unknown}: there are ${Object.keys(groups).join(', ')}, kernels and gpu`)
  process.exit(2)
}

const machine = {
  processor: `${availableParallelism()} × ${cpus()[0]?.model.trim()}`,
  system: `${platform()} ${release()}`,
  node: process.versions.node,
  v8: process.versions.v8,
  adadagrad: JSON.parse(readFileSync(here('../package.json'), 'utf8')).version,
  // Contenders in JavaScript say in their versions which kernels they run.
  flags: process.version.startsWith('v20.') ? 'relaxed builds: --experimental-wasm-relaxed-simd' : 'none',
  date: new Date().toISOString(),
  loadAtStart: loadavg().map((load) => Math.round(100 * load) / 100),
}
console.log(
  `${machine.processor}, ${machine.system}, Node ${machine.node} (V8 ${machine.v8}), load ${machine.loadAtStart[0]}`,
)
if (machine.loadAtStart[0] > 0.5)
  console.log('The machine is busy: figures of wall time (threads, first step) say little now.')

const folder = values.output ?? here('./results')
const file = join(folder, 'bench.json')
// Groups that are named replace theirs in the report of earlier ones.
const earlier = positionals.length > 0 && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
const report = { ...earlier, machine, effort: { ...earlier.effort } }
for (const name of positionals.length > 0 ? positionals : Object.keys(groups)) {
  process.stderr.write(`${name} …\n`)
  report[name] = await groups[name]()
  report.effort[name] = { rounds, seconds }
}

const { targetTable, formatTable } = await import('./targets.mjs')
const { printDetails } = await import('./details.mjs')
report.targets = targetTable(report)
printDetails(report)
if (report.targets.length > 0) console.log(`\n${formatTable(report.targets)}`)

mkdirSync(folder, { recursive: true })
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
if (report.growth || report.threads) writeFileSync(join(folder, 'bench.svg'), (await import('./plot.mjs')).plot(report))
console.log(`\nwritten to ${folder}`)
