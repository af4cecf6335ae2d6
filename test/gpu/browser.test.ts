import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { tests } from './page.ts'

// The backend in headless Chromium, on its software adapter: WebGPU, and WebGL 2 where that is all there is.

const executable = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
)
if (executable === undefined && process.env.CI)
  throw new Error('in CI no browser test is skipped: there is no Chromium')

const quiet = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const flags = {
  webgpu: [...quiet, '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  webgl2: [...quiet, '--disable-features=WebGPU', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
} as const

let folder: string
let server: Server

beforeAll(async () => {
  if (executable === undefined) return
  folder = mkdtempSync(join(tmpdir(), 'adadagrad-gpu-'))
  await build({
    entryPoints: [new URL('page.ts', import.meta.url).pathname],
    outdir: folder,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"test"' },
    // Node's own modules are asked for behind a check, never in a browser.
    external: ['node:*'],
    logLevel: 'error',
  })
  server = createServer(({ url = '/' }, response) => {
    const isPage = url === '/'
    response.setHeader('content-type', isPage ? 'text/html' : extname(url) === '.js' ? 'text/javascript' : 'text/plain')
    const file = join(folder, url)
    if (!isPage && !existsSync(file)) response.statusCode = 404
    response.end(isPage ? '<script type="module" src="/page.js"></script>' : existsSync(file) ? readFileSync(file) : '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  server?.close()
  if (folder) rmSync(folder, { recursive: true })
})

const suite = executable === undefined ? describe.skip : describe
const why = executable === undefined ? ' (skipped: no Chromium; install it, or set CHROMIUM to its path)' : ''

suite.each(['webgpu', 'webgl2'] as const)(`the GPU backend in Chromium, %s${why}`, (mode) => {
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executable!, args: [...flags[mode]] })
    page = await browser.newPage()
    page.on('pageerror', (error) => console.error(error))
    // WebGL's loss is simulated on the context that the backend made.
    await page.addInitScript(() => {
      const original = HTMLCanvasElement.prototype.getContext
      HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...args: [never]) {
        const context = original.apply(this, args)
        if ((args[0] as string) === 'webgl2') Object.assign(globalThis, { lastContext: context })
        return context
      } as typeof original
    })
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.waitForFunction(() => 'tests' in globalThis)
  })
  afterAll(() => browser?.close())

  /** Calls one of the page's functions. */
  const call = <K extends keyof typeof tests>(name: K, ...args: Parameters<(typeof tests)[K]>) =>
    page.evaluate(
      ([which, given]) =>
        (globalThis as unknown as { tests: Record<string, (...args: unknown[]) => unknown> }).tests[which]!(...given),
      [name, args] as [string, unknown[]],
    ) as ReturnType<(typeof tests)[K]>

  test('a small network trains with the statistics of the reference', async () => {
    const { worst, details } = await call('training', { mode: 'auto' }, 8)
    expect(worst).toBeLessThan(1e-4)
    expect(details).toMatchObject({ mode, software: true, matmul: mode === 'webgpu' ? 'tiled' : 'gpu.js' })
    expect(details.adapter).toMatch(/swiftshader/i)
  })

  test('every operation and its gradient', async () => {
    const worst = await call('operations', { mode }, 2)
    for (const [name, error] of Object.entries(worst)) expect(error, name).toBeLessThan(1e-4)
  })

  test('long sums and products, and more than 2²⁴ elements', async () => {
    const { sum, product } = await call('long', { mode })
    expect(Math.abs(sum)).toBeLessThan(1e-6)
    expect(product).toBeLessThan(1e-5)
  })

  test('2,000 steps of changing batch sizes leave nothing behind', async () => {
    expect(await call('endurance', { mode }, 2000)).toBe(0)
  })

  test('what is missing is said', async () => {
    if (mode === 'webgl2') expect(await call('refusal', { mode: 'webgpu' })).toMatch(/^gpu: .*WebGPU/)
    else expect(await call('refusal', { mode: 'webgl2', matmul: 'tiled' })).toMatch(/WGSL, which mode webgl2 lacks/)
  })

  test('a lost device is an error that says so', async () => {
    expect(await call('loss', { mode })).toMatch(/^gpu: the .* was lost.*checkpoint stands/)
  })
})
