import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engines, isHere, PATIENCE, visit } from './browsers.ts'
import { fingerprints } from './trainings.ts'

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const read = (path: string) => readFile(fromRoot(path))

describe('the same bits in every JavaScript engine', () => {
  let wanted: Record<string, string>
  let site: Awaited<ReturnType<typeof serve>>

  beforeAll(async () => {
    const [digits, kernels] = await Promise.all([read('dist/data/digits.bin'), read('dist/wasm/strict.wasm')])
    wanted = await fingerprints({ digits: new Uint8Array(digits), kernels })
    site = await serve({ '/digits.bin': digits, '/strict.wasm': kernels, ...(await bundle()) })
  }, 60_000)
  afterAll(() => site?.close())

  it('two threads here', () => {
    expect(wanted['the same on two threads']).toBe(wanted['CNN, AdaGrad, norm test'])
  })

  for (const engine of engines) {
    const found = isHere(engine)
    const name = found ? engine.name : `${engine.name}: skipped, install ${engine.needs}`
    const visited = async () => {
      expect(await visit(engine, site.url, site.posted())).toEqual({ fingerprints: wanted })
    }
    it.skipIf(!found)(name, visited, PATIENCE + 20_000)
  }
})

/** The page's scripts; helper threads start from ./worker.js. */
async function bundle(): Promise<Record<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: { page: fromRoot('test/engines/page.ts'), worker: fromRoot('src/backends/wasm/worker.ts') },
    outdir: '/',
    write: false,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    // Node's own modules are asked for behind a check, never in a browser.
    external: ['node:*', 'crypto'],
    logLevel: 'error',
  })
  return Object.fromEntries(outputFiles.map(({ path, contents }) => [path, contents]))
}

/** A server with the headers that let threads share memory, which hands on what is posted to it. */
async function serve(files: Record<string, Uint8Array>) {
  let hear: (result: unknown) => void = () => {}
  const page = Buffer.from('<!doctype html><script>new Worker("page.js", { type: "module" })</script>')
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/'
    if (request.method === 'POST') hear(JSON.parse(await text(request)))
    const found = path === '/' ? page : files[path]
    const type = path === '/' ? 'text/html' : path.endsWith('.js') ? 'text/javascript' : 'application/octet-stream'
    response.writeHead(found || request.method === 'POST' ? 200 : 404, {
      'content-type': type,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    })
    response.end(found)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    /** What is posted next. */
    posted: () =>
      new Promise<unknown>((resolve) => {
        hear = resolve
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(resolve)
      }),
  }
}
