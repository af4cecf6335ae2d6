// The browser demo: bundles demo/ into dist/demo, static files that any host can serve, and `adadagrad/browser` into
// dist/browser. With --serve it serves them with the headers that let threads share memory.
import { execFileSync } from 'node:child_process'
import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, extname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')

/** What works in Node alone, and what a page therefore never calls: Node's own modules, comparisons, which write files. */
const nodeOnly = /^(node:|crypto$)|\/comparing\/index\.ts$/
const withoutNode = {
  name: 'without-node',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: nodeOnly }, ({ path }) => ({ path, namespace: 'node-only' }))
    // CommonJS, of which any name may be imported.
    onLoad({ filter: /.*/, namespace: 'node-only' }, () => ({ contents: 'module.exports = {}' }))
  },
}

/** Fonts in the formats that no browser with WebAssembly SIMD asks for. */
const woff2Only = {
  name: 'woff2-only',
  setup({ onLoad }) {
    onLoad({ filter: /katex\.css$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\([^)]*\)/g, ''),
      loader: 'css',
    }))
  },
}

const common = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'linked',
  logLevel: 'warning',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.woff2': 'file' },
  plugins: [withoutNode, woff2Only],
}

// Helper threads start from ./worker.js beside the file that starts them.
const threads = join(root, 'src/backends/wasm/worker.ts')

/**
 * Builds both bundles, into `<folder>/demo` and `<folder>/browser/esm`.
 *
 * @returns the gzipped size of each file of the page
 */
export async function buildDemo(folder = dist) {
  const [pageFolder, embedFolder] = [join(folder, 'demo'), join(folder, 'browser/esm')]
  await Promise.all([
    rm(pageFolder, { recursive: true, force: true }),
    rm(embedFolder, { recursive: true, force: true }),
  ])
  await mkdir(pageFolder, { recursive: true })
  const [page] = await Promise.all([
    build({
      ...common,
      entryPoints: {
        trouble: join(root, 'demo/trouble.ts'),
        page: join(root, 'demo/main.tsx'),
        training: join(root, 'demo/training/worker.ts'),
        worker: threads,
      },
      outdir: pageFolder,
      splitting: true,
      chunkNames: '[name]-[hash]',
      assetNames: 'fonts/[name]',
      metafile: true,
    }),
    existsSync(join(root, 'demo/embed.ts')) &&
      build({
        ...common,
        entryPoints: { index: join(root, 'demo/embed.ts'), worker: threads },
        outdir: embedFolder,
        splitting: true,
      }),
  ])
  await copyFile(join(root, 'demo/index.html'), join(pageFolder, 'index.html'))
  for (const kernels of ['strict.wasm', 'relaxed.wasm'])
    await copyFile(join(root, 'dist/wasm', kernels), join(pageFolder, kernels))
  await copyFile(join(root, 'dist/data/digits.bin'), join(pageFolder, 'digits.bin'))
  const files = [
    'index.html',
    'strict.wasm',
    ...Object.keys(page.metafile.outputs).map((path) => relative(pageFolder, path)),
  ]
  const sizes = {}
  for (const file of files) {
    const bytes = await readFile(join(pageFolder, file))
    sizes[file] = /\.woff2$/.test(file) ? bytes.length : gzipSync(bytes).length
  }
  return sizes
}

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.bin': 'application/octet-stream',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain',
}

/**
 * A server for a folder, for development and tests. Without isolation it is as any static host.
 *
 * @returns the address, and how to stop
 */
export async function serve(folder = join(dist, 'demo'), { port = 0, isolated = true } = {}) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname)
    const file = join(folder, normalize(path).replace(/\/$/, '/index.html'))
    const found = file.startsWith(folder) ? await stat(file).catch(() => undefined) : undefined
    if (!found?.isFile()) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found')
      return
    }
    // Each worker asks for its scripts again, and gets them from the browser's cache.
    const etag = `"${found.size}-${found.mtimeMs}"`
    const known = request.headers['if-none-match'] === etag
    response.writeHead(known ? 304 : 200, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      'cache-control': 'no-cache',
      etag,
      ...(isolated && {
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      }),
    })
    if (known) response.end()
    else createReadStream(file).pipe(response)
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

const asked = (flag) => process.argv.includes(flag)

/** Declarations of `adadagrad/browser`. No compiler could resolve the style sheet, which the bundle has. */
function emitTypes() {
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.browser.json'], { cwd: root, stdio: 'inherit' })
  const file = join(dist, 'browser/types/demo/embed.d.ts')
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/^import '.*\.css';\n/gm, ''))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(join(dist, 'demo/index.html')) || !asked('--serve')) {
    const sizes = await buildDemo()
    if (asked('--types')) emitTypes()
    const first = Object.entries(sizes).filter(([file]) => !/LEGAL|fonts\/|gpu/.test(file))
    const total = first.reduce((sum, [, bytes]) => sum + bytes, 0)
    console.log(`the demo: ${(total / 1024).toFixed(0)} KB gzipped, without fonts, digits and what the GPU needs`)
    if (asked('--sizes')) console.table(sizes)
  }
  if (asked('--serve')) {
    const { url } = await serve(undefined, { port: Number(process.env.PORT ?? 4173) })
    console.log(`the demo is at ${url} (Ctrl-C ends it)`)
  }
}
