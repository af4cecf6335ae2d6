import { existsSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Chromium on this machine: `CHROMIUM`, or where Debian and others put it. */
export const chromiumPath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path): path is string => path !== undefined && existsSync(path))

if (chromiumPath === undefined && process.env.CI)
  throw new Error('the demo is tested in Chromium, and there is none; install it or set CHROMIUM to its path')

export interface Server {
  readonly url: string
  close(): Promise<void>
}

interface DemoScript {
  buildDemo(folder: string): Promise<Record<string, number>>
  serve(folder?: string, options?: { port?: number; isolated?: boolean }): Promise<Server>
}

/** The script that builds and serves the demo, as `npm run demo` does. */
export const demoScript = (): Promise<DemoScript> => import(new URL('../../scripts/demo.mjs', import.meta.url).href)

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath!,
    // The measurement of memory answers at once, instead of waiting for the next collection of garbage.
    args: ['--no-sandbox', '--enable-blink-features=ForceEagerMeasureMemory'],
  })

/** The demo, built into a folder of its own (others may build into dist/ meanwhile), served, and a browser. */
export interface Stage {
  readonly browser: Browser
  readonly server: Server
  readonly folder: string
  /** Gzipped sizes of the page's files. */
  readonly sizes: Readonly<Record<string, number>>
  close(): Promise<void>
}

export async function stage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'adadagrad-demo-'))
  const script = await demoScript()
  const sizes = await script.buildDemo(join(folder, 'dist'))
  await symlink(join(root, 'dist/wasm'), join(folder, 'dist/wasm'))
  const [server, browser] = [await script.serve(join(folder, 'dist/demo')), await launch()]
  return {
    ...{ browser, server, folder, sizes },
    async close() {
      await browser.close()
      await server.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** A page that remembers what must not happen: errors, refused requests, requests to elsewhere. */
export interface Watched {
  readonly page: Page
  readonly complaints: readonly string[]
  /** Everything that was fetched from the server. */
  readonly fetched: readonly string[]
  close(): Promise<void>
}

export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions & { readonly before?: string } = {},
): Promise<Watched> {
  const { before, ...rest } = options
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...rest })
  context.setDefaultTimeout(soon.timeout)
  const page = await context.newPage()
  const complaints: string[] = []
  const fetched: string[] = []
  const { origin } = new URL(url)
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`))
  page.on('request', (request) => {
    const at = new URL(request.url())
    if (at.protocol === 'data:') return
    if (at.origin !== origin) complaints.push(`a request to ${request.url()}`)
    fetched.push(at.pathname)
  })
  if (before) await page.addInitScript(before)
  await page.goto(url)
  return { page, complaints, fetched, close: () => context.close() }
}

/** The number in the progress line. */
export const samplesOf = async (page: Page): Promise<number> =>
  Number((await page.locator('.progress b').textContent())!.replaceAll(',', ''))

/** The numbers of a scheme's card: batch size, steps, accuracy or F. */
export const numbersOf = async (page: Page, scheme: number): Promise<number[]> =>
  (await page.locator(`.scheme-${scheme} dd`).allTextContents()).map((text) => Number(text.replaceAll(/[, %]/g, '')))

/** The numbers of a scheme's card once they stay: what its worker had under way when it was paused still comes. */
export async function restingNumbersOf(page: Page, scheme: number): Promise<number[]> {
  for (let before = await numbersOf(page, scheme); ; ) {
    await page.waitForTimeout(500)
    const now = await numbersOf(page, scheme)
    if (`${now}` === `${before}`) return now
    before = now
  }
}

/** A fingerprint of what a canvas shows. */
export const pictureOf = (page: Page, selector: string): Promise<string> =>
  page
    .locator(selector)
    .first()
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL())

export const finished = (page: Page) => page.getByRole('button', { name: 'Again' }).waitFor()

/** What comes comes later where the processor is shared. */
export const soon = { timeout: 120_000 }
