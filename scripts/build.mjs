// Builds dist/: the WebAssembly kernels, the digits, and the library with its types. A step whose inputs are older
// than its output is skipped, so `npm start` and `npm test` may call this every time.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
    : statSync(path).mtimeMs

/** Runs `make` when one of `inputs` is newer than the oldest of `outputs`. */
async function step(name, inputs, outputs, make) {
  const upToDate =
    outputs.every(existsSync) && Math.min(...outputs.map((o) => statSync(o).mtimeMs)) >= Math.max(...inputs.map(newest))
  if (upToDate) return
  const start = performance.now()
  await make()
  console.log(`built ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s`)
}

const bin = (name) => join('node_modules', '.bin', name)
/** Runs a tool, which has said what is wrong by the time it fails. */
function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

mkdirSync('dist/wasm', { recursive: true })

for (const target of ['strict', 'relaxed'])
  await step(`kernels (${target} SIMD)`, ['assembly', 'asconfig.json'], [`dist/wasm/${target}.wasm`], () =>
    run(bin('asc'), '--config', 'asconfig.json', '--target', target),
  )

await step('digits', ['scripts/digits.mjs'], ['dist/data/digits.bin'], () => run('node', 'scripts/digits.mjs'))

await step('library', ['src', 'tsconfig.json', 'tsconfig.build.json'], ['dist/index.js', 'dist/index.d.ts'], () => {
  run(bin('tsc'), '-p', 'tsconfig.build.json')
  // What a source that is gone has left behind must not be packed.
  for (const path of readdirSync('dist', { recursive: true })) {
    const module = path.match(/^(?!demo\/|browser\/|verify\.js)(.*?)(\.d\.ts|\.js)$/)?.[1]
    if (module !== undefined && !existsSync(join('src', `${module}.ts`))) rmSync(join('dist', path))
  }
})

await step(
  'demo',
  ['demo', 'src', 'scripts/demo.mjs', 'dist/wasm/strict.wasm', 'dist/data/digits.bin'],
  ['dist/demo/index.html', 'dist/browser/esm/index.js', 'dist/browser/types/demo/embed.d.ts'],
  () => run('node', 'scripts/demo.mjs', '--types'),
)

// The claims and the generator of their cases in one file; what they check stays outside: the library as it is installed.
await step('verification', ['proofs-check', 'scripts/build.mjs'], ['dist/verify.js'], () => {
  const library = {
    name: 'library',
    setup({ onResolve }) {
      onResolve({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
        path: path.replace(/^.*\/src\//, './').replace(/\.ts$/, '.js'),
        external: true,
      }))
    },
  }
  const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'warning' }
  return build({ ...options, entryPoints: ['proofs-check/verify.ts'], outfile: 'dist/verify.js', plugins: [library] })
})
