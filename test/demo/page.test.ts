import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  chromiumPath,
  demoScript,
  finished,
  numbersOf,
  open,
  pictureOf,
  restingNumbersOf,
  root,
  type Stage,
  samplesOf,
  soon,
  stage,
} from './browser.ts'

const KILOBYTE = 1024

describe.skipIf(chromiumPath === undefined)('the demo in Chromium', () => {
  let { browser, server, folder, sizes, close: leave } = {} as Stage

  beforeAll(async () => {
    ;({ browser, server, folder, sizes, close: leave } = await stage())
  })
  afterAll(() => leave?.())

  it('trains on real digits at the first visit, and the batch grows', async () => {
    const { page, complaints, fetched, close } = await open(browser, server.url)
    await page.locator('.scheme-1 dd').first().waitFor()
    await page.waitForFunction(() => Number(document.querySelector('.scheme-1 dd')!.textContent) > 8)
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

    // The first load, without the digits; fonts as they are, the rest as a server compresses it. What several workers ask
    // for comes once.
    const weight = [...new Set(fetched)]
      .filter((path) => !path.endsWith('digits.bin'))
      .reduce((sum, path) => sum + sizes[path === '/' ? 'index.html' : path.slice(1)]!, 0)
    expect(weight).toBeGreaterThan(100 * KILOBYTE)
    expect(weight).toBeLessThan(300 * KILOBYTE)
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

  it('leaves alone what is being typed while the page draws itself anew', async () => {
    const { page, close } = await open(browser, `${server.url}#task=logistic&samples=100000&pace=2000`)
    await page.locator('.scheme-2 summary', { hasText: 'Change' }).click()
    const field = page.locator('.scheme-2').getByLabel('batch size b')
    await field.fill('32')
    const before = await page.locator('.story').textContent()
    await page.waitForFunction((text) => document.querySelector('.story')!.textContent !== text, before)
    expect(await field.inputValue()).toBe('32')
    expect(page.url()).not.toContain('batchSize=32')
    await field.press('Enter')
    await page.waitForFunction(() => location.hash.includes('batchSize=32'))
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
    const [, paused] = await restingNumbersOf(page, 1)
    await page.keyboard.press('.')
    await expect.poll(async () => (await numbersOf(page, 1))[1], soon).toBe(paused! + 1)
    expect((await restingNumbersOf(page, 1))[1]).toBe(paused! + 1)
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

  it('says that threads share no memory where a browser has none to share', async () => {
    const without = { before: 'delete globalThis.SharedArrayBuffer' }
    const { page, close } = await open(browser, `${server.url}#task=rosenbrock`, without)
    await page.getByText('this browser does not let threads share memory').waitFor()
    await close()
  })

  it.each([
    ['fails', 'throw new Error("no luck")', 'The page did not start: Uncaught Error: no luck.'],
    ['cannot be read', 'let 1', 'The page did not start: Uncaught SyntaxError:'],
    ['is missing', undefined, 'The page did not start: a file of it did not load.'],
  ])('says so where a script %s', async (_, body, says) => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.route('**/page.js', (route) =>
      body === undefined ? route.abort() : route.fulfill({ contentType: 'text/javascript', body }),
    )
    await page.goto(server.url)
    await page.getByRole('alert').getByText(says).waitFor()
    await context.close()
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
