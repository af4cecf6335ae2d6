import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytesOf, fingerprint, fingerprintOf } from '../../demo/training/fingerprint.ts'
import { adaptive } from '../../src/batch-size/adaptive.ts'
import type { BatchPolicy } from '../../src/batch-size/policy.ts'
import { constant } from '../../src/batch-size/scheduled.ts'
import { augmentedInnerProductTest, normTest } from '../../src/batch-size/tests.ts'
import { parseDigits } from '../../src/data/digits.ts'
import { logisticRegression, mnistCnn } from '../../src/nn/models.ts'
import { adagrad } from '../../src/optim/optimizers.ts'
import { rosenbrock } from '../../src/problems/rosenbrock.ts'
import { type Task, train } from '../../src/train.ts'
import {
  chromiumPath,
  demoScript,
  finished,
  launch,
  numbersOf,
  open,
  pictureOf,
  root,
  type Server,
  samplesOf,
} from './browser.ts'

const KILOBYTE = 1024
/** Patience where the processor is shared. */
const soon = { timeout: 15_000 }

describe.skipIf(chromiumPath === undefined)('the demo in Chromium', () => {
  let browser: Browser
  let server: Server
  let sizes: Record<string, number>
  let folder: string

  beforeAll(async () => {
    // A folder of its own: others may build into dist/ meanwhile.
    folder = await mkdtemp(join(tmpdir(), 'adadagrad-demo-'))
    const script = await demoScript()
    sizes = await script.buildDemo(join(folder, 'dist'))
    await symlink(join(root, 'dist/wasm'), join(folder, 'dist/wasm'))
    server = await script.serve(join(folder, 'dist/demo'))
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await rm(folder, { recursive: true })
  })

  it('trains on real digits within ten seconds of a first visit, and the batch grows', async () => {
    const started = performance.now()
    const { page, complaints, fetched, close } = await open(browser, server.url)
    await page.locator('.scheme-1 dd').first().waitFor()
    await page.waitForFunction(() => Number(document.querySelector('.scheme-1 dd')!.textContent) > 8)
    expect(performance.now() - started).toBeLessThan(10_000)
    const before = await pictureOf(page, '.hero canvas')
    const samples = await samplesOf(page)
    await page.waitForFunction(
      (at) => Number(document.querySelector('.progress b')!.textContent!.replace(',', '')) > at,
      samples,
    )
    await expect.poll(() => pictureOf(page, '.hero canvas'), soon).not.toBe(before)
    await page.locator('.digit .mark').first().waitFor()
    expect(await page.locator('.story').textContent()).toMatch(/^After .* samples the batch has grown from 8 to/)
    await page.locator('.formula .katex').first().waitFor()
    expect(complaints).toEqual([])

    // The first load, without the digits; fonts as they are, the rest as a server compresses it.
    const weight = fetched
      .filter((path) => !path.endsWith('digits.bin'))
      .reduce((sum, path) => sum + sizes[path === '/' ? 'index.html' : path.slice(1)]!, 0)
    expect(weight).toBeGreaterThan(100 * KILOBYTE)
    expect(weight).toBeLessThan(400 * KILOBYTE)
    await close()
  })

  it('is drawn before the digits arrive', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    let release: (() => void) | undefined
    await page.route('**/digits.bin', async (route) => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      await route.continue()
    })
    await page.goto(server.url)
    await page.getByRole('heading', { name: 'Batch size', exact: true }).waitFor()
    expect(await page.getByRole('button', { name: 'Start' }).isDisabled()).toBe(true)
    await expect.poll(() => release, soon).toBeDefined()
    release!()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await context.close()
  })

  describe('gives the same bits as Node', () => {
    const same = (
      name: string,
      hash: string,
      task: () => Promise<Task> | Task,
      learningRate: number,
      policy: BatchPolicy,
      samples: number,
    ) =>
      it(name, async () => {
        const { page, complaints, close } = await open(
          browser,
          `${server.url}#${hash}&samples=${samples}&seed=5&pace=Infinity`,
        )
        await finished(page)
        await page.getByText('The same run on the command line').click()
        const shown = await page.locator('footer code').allTextContents()
        await close()
        const records = fingerprint()
        const training = train({
          ...(await task()),
          optimizer: adagrad({ learningRate }),
          batchSize: policy,
          budget: { samples },
          seed: 5,
        })
        for await (const record of training) records.add(bytesOf(record))
        const { executor } = await training.prepare()
        expect(shown.slice(-2)).toEqual([fingerprintOf(executor.parameters), records.value()])
        expect(complaints).toEqual([])
      })
    const digits = async () => parseDigits(new Uint8Array(await readFile(join(root, 'dist/data/digits.bin'))))
    const s1 = 's1.optimizer=adagrad&s1.learningRate=constant&s1.batchSize=adaptive'
    same(
      'with the CNN and the norm test',
      `task=mnist-cnn&${s1}&s1.learningRate.value=0.02&s1.batchSize.initial=8&s1.batchSize.test=norm&s1.batchSize.test.eta=1`,
      async () => ({ model: mnistCnn(), data: await digits() }),
      0.02,
      adaptive(normTest({ eta: 1 }), { initial: 8, max: 8000 }),
      1500,
    )
    same(
      'with logistic regression, the augmented inner product test and two threads',
      `task=logistic&backend=wasm&backend.threads=2&${s1}&s1.learningRate.value=0.03&s1.batchSize.initial=16&s1.batchSize.test=augmented&s1.batchSize.test.theta=0.5&s1.batchSize.test.nu=2`,
      async () => ({ model: logisticRegression(), data: await digits() }),
      0.03,
      adaptive(augmentedInnerProductTest({ theta: 0.5, nu: 2 }), { initial: 16, max: 8000 }),
      20_000,
    )
    same(
      'on a landscape, although its gradients are looked at on the way',
      `task=rosenbrock&task.noise=5&${s1}&s1.learningRate.value=1&s1.batchSize.initial=4&s1.batchSize.test=norm&s1.batchSize.test.eta=1`,
      () => ({ problem: rosenbrock({ seed: 5, noise: 5 }) }),
      1,
      adaptive(normTest({ eta: 1 }), { initial: 4, max: 1024 }),
      8000,
    )
    same(
      'with a fixed batch',
      'task=logistic&s1.batchSize=constant&s1.batchSize.batchSize=32&s1.optimizer=adagrad&s1.learningRate=constant&s1.learningRate.value=0.01',
      async () => ({ model: logisticRegression(), data: await digits() }),
      0.01,
      constant(32),
      4000,
    )
  })

  it('shares its whole state by address, and follows it', async () => {
    const { page, complaints, close } = await open(browser, `${server.url}#task=logistic&samples=4000`)
    await page.locator('.scheme-2 summary', { hasText: 'Change' }).click()
    await page.locator('.scheme-2').getByLabel('optimiser').selectOption('adam')
    await page.locator('.scheme-2').getByLabel('batch size b').fill('32')
    await page.keyboard.press('Enter')
    await page.getByLabel('steps').check()
    await page.getByRole('button', { name: '+ Add a scheme' }).click()
    await finished(page)
    const card = await page.locator('article.scheme-2').textContent()
    expect(card).toMatch(/Adam.*fixed batch, b = 32/)
    expect((await numbersOf(page, 2)).slice(0, 2)).toEqual([32, 125])

    const copy = await open(browser, page.url())
    await finished(copy.page)
    expect(await copy.page.locator('.scheme').count()).toBe(4)
    for (const scheme of [1, 2, 3, 4]) expect(await numbersOf(copy.page, scheme)).toEqual(await numbersOf(page, scheme))
    expect(await copy.page.getByLabel('steps').isChecked()).toBe(true)
    expect([...complaints, ...copy.complaints]).toEqual([])
    await copy.close()
    await close()
  })

  it('says what a value must be instead of taking a wrong one', async () => {
    const { page, close } = await open(browser, `${server.url}#task=logistic&samples=2000&s1.batchSize=adaptive`)
    await page.locator('.scheme-1 summary', { hasText: 'Change' }).click()
    const eta = page.getByLabel('eta η')
    await eta.fill('-1')
    await eta.press('Enter')
    await page.getByText('a number above 0').waitFor()
    expect(page.url()).not.toContain('eta=-1')
    await page.goto(`${server.url}#task=logistic&s1.batchSize=adaptiv`)
    await page.reload()
    await page.getByText('there is no batch policy "adaptiv"').waitFor()
    await close()
  })

  it('starts, pauses, makes single steps and begins again, by keyboard too', async () => {
    const { page, complaints, close } = await open(browser, `${server.url}#task=quadratic&pace=100`)
    await expect.poll(() => samplesOf(page), soon).toBeGreaterThan(8)
    await page.keyboard.press('Space')
    await page.getByRole('button', { name: 'Start' }).waitFor()
    await page.waitForTimeout(200)
    const [, paused] = await numbersOf(page, 1)
    await page.keyboard.press('.')
    await expect.poll(async () => (await numbersOf(page, 1))[1], soon).toBe(paused! + 1)
    await page.waitForTimeout(200)
    expect((await numbersOf(page, 1))[1]).toBe(paused! + 1)
    await page.keyboard.press('r')
    await expect.poll(() => samplesOf(page), soon).toBe(0)
    await page.getByRole('button', { name: 'Step' }).click()
    await expect.poll(async () => (await numbersOf(page, 1))[1], soon).toBe(1)
    expect(complaints).toEqual([])
    await close()
  })

  it('shows the landscape: the picture of the test says what the test says', async () => {
    const { page, complaints, close } = await open(browser, `${server.url}#task=quadratic&pace=2000`)
    const map = await pictureOf(page, '.landscape canvas')
    await page.getByText(/It fits|It does not fit/).waitFor()
    await expect.poll(() => pictureOf(page, '.landscape canvas'), soon).not.toBe(map)
    await finished(page)
    const [demanded, measured] = (await page.locator('.verdict').textContent())!
      .match(/radius ([\d.e−-]+)/g)!
      .map((text) => Number(text.slice(7).replace('−', '-')))
    const fits = await page.getByText('It fits').isVisible()
    expect(fits).toBe(measured! <= demanded!)
    const [batch] = await numbersOf(page, 1)
    expect(batch).toBeGreaterThan(4)
    // Another scheme can be looked at, and says that it has no test.
    await page.locator('.scheme-2 .scheme-head').click()
    await page.getByText('A fixed batch has no test').waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  it('guesses a drawing', async () => {
    const { page, complaints, close } = await open(browser, `${server.url}#task=logistic&samples=20000`)
    await finished(page)
    const box = (await page.locator('.paper canvas').boundingBox())!
    await page.mouse.move(box.x + 64, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + 64, box.y + 105, { steps: 12 })
    await page.mouse.up()
    await page.locator('.opinion .best').waitFor()
    expect(await page.locator('.opinion .best').textContent()).toBe('1')
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByText('draw a digit').waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  for (const colorScheme of ['light', 'dark'] as const)
    it(`has no serious accessibility violation (${colorScheme})`, async () => {
      const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
      for (const hash of ['task=logistic&samples=2000', 'task=quadratic&samples=200']) {
        const { page, close } = await open(browser, `${server.url}#${hash}`, {
          colorScheme,
          viewport: hash.includes('quadratic') ? { width: 390, height: 844 } : { width: 1280, height: 860 },
        })
        await finished(page)
        for (const summary of await page.locator('details > summary:visible').all()) await summary.click()
        await page.locator('.formula .katex').first().waitFor()
        await page.evaluate(axe)
        const violations = await page.evaluate(async () => {
          const { axe: run } = globalThis as unknown as { axe: typeof import('axe-core') }
          const found = (await run.run()).violations.filter(
            ({ impact }) => impact === 'serious' || impact === 'critical',
          )
          return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
        })
        expect(violations).toEqual([])
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        expect(overflow).toBeLessThanOrEqual(0)
        await close()
      }
    })

  it('never blocks the page, and does not grow while it trains', async () => {
    // Longer on request: DEMO_MEMORY_SECONDS=300.
    const seconds = Number(process.env.DEMO_MEMORY_SECONDS ?? 4)
    const { page, complaints, close } = await open(browser, `${server.url}#task=logistic&samples=100000000`)
    await expect.poll(() => samplesOf(page), soon).toBeGreaterThan(0)
    await page.waitForTimeout(1500)
    const first = await memoryOf(page)
    const longest = await page.evaluate(
      (milliseconds) =>
        new Promise<number[]>((resolve) => {
          const frames: number[] = []
          let last = performance.now()
          const end = last + milliseconds
          const frame = (now: number) => {
            frames.push(now - last)
            last = now
            if (now < end) requestAnimationFrame(frame)
            else resolve(frames)
          }
          requestAnimationFrame(frame)
        }),
      1000 * seconds,
    )
    const growth = (await memoryOf(page)) - first
    const median = longest.sort((a, b) => a - b)[Math.floor(longest.length / 2)]!
    // 60 frames a second where the processor has time for them; half of it where tests share two cores.
    expect(median).toBeLessThan(34)
    expect(growth / KILOBYTE).toBeLessThan(4000)
    expect(await samplesOf(page)).toBeGreaterThan(1000)
    expect(complaints).toEqual([])
    await close()
  }, 400_000)

  it('runs on a host without isolation, and says so', async () => {
    const plain = await (await demoScript()).serve(join(folder, 'dist/demo'), { isolated: false })
    const { page, complaints, close } = await open(browser, `${plain.url}#task=logistic&samples=2000`)
    await finished(page)
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false)
    await page.getByText('this host does not send the headers').waitFor()
    expect(complaints).toEqual([])
    await close()
    await plain.close()
  })

  it('says what to do where WebAssembly SIMD is missing', async () => {
    const { page, close } = await open(browser, server.url, { before: 'WebAssembly.validate = () => false' })
    await page.getByText('no WebAssembly SIMD').waitFor()
    await close()
  })

  it('runs the example of docs/embedding.md', async () => {
    const [, example] = (await readFile(join(root, 'docs/embedding.md'), 'utf8')).match(/```html\n([\s\S]*?)```/)!
    await writeFile(
      join(folder, 'index.html'),
      example!.replace('<!doctype html>', '<!doctype html><link rel="icon" href="data:,">'),
    )
    const host = await (await demoScript()).serve(folder)
    const context = await browser.newContext()
    const page = await context.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await page.route('**/node_modules/adadagrad/**', (route) =>
      route.continue({ url: route.request().url().replace('node_modules/adadagrad/', '') }),
    )
    await page.goto(host.url)
    await page.locator('#valley canvas').waitFor()
    // The trajectory's colour, on more pixels than a dot has.
    const drawn = () =>
      page.locator('#valley canvas').evaluate((element) => {
        const canvas = element as HTMLCanvasElement
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
        let count = 0
        for (let i = 0; i < data.length; i += 4)
          if (data[i]! < 20 && Math.abs(data[i + 1]! - 98) < 20 && Math.abs(data[i + 2]! - 196) < 20) count++
        return count
      })
    await expect.poll(drawn, soon).toBeGreaterThan(300)
    expect(errors).toEqual([])
    await context.close()
    await host.close()
  })
})

/** Bytes of the page and its workers. */
const memoryOf = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const { measureUserAgentSpecificMemory: measure } = performance as unknown as {
      measureUserAgentSpecificMemory(): Promise<{ bytes: number }>
    }
    return (await measure.call(performance)).bytes
  })
