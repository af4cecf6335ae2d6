import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
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
import { chromiumPath, finished, open, root, type Stage, samplesOf, soon, stage } from './browser.ts'

describe.skipIf(chromiumPath === undefined)('what the demo promises, in Chromium', () => {
  let { browser, server, close: leave } = {} as Stage

  beforeAll(async () => {
    ;({ browser, server, close: leave } = await stage())
  })
  afterAll(() => leave?.())

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
    // Everything that is used again and again has been made by then.
    await expect.poll(() => samplesOf(page), soon).toBeGreaterThan(50_000)
    const first = await memoryOf(page)
    const before = await samplesOf(page)
    // How many frames a second there are is the machine's affair; that the page draws while it trains is ours.
    await page.evaluate(
      ([milliseconds, least]) =>
        new Promise<void>((resolve) => {
          const end = performance.now() + milliseconds
          let frames = 0
          const frame = (now: number) => {
            frames++
            if (now < end || frames < least) requestAnimationFrame(frame)
            else resolve()
          }
          requestAnimationFrame(frame)
        }),
      [1000 * seconds, 5 * seconds] as const,
    )
    const growth = (await memoryOf(page)) - first
    await expect.poll(() => samplesOf(page), soon).toBeGreaterThan(before + 1000)
    expect(growth / 1024).toBeLessThan(4000)
    expect(complaints).toEqual([])
    await close()
  }, 400_000)
})

/** Bytes of the page and its workers. */
const memoryOf = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const { measureUserAgentSpecificMemory: measure } = performance as unknown as {
      measureUserAgentSpecificMemory(): Promise<{ bytes: number }>
    }
    return (await measure.call(performance)).bytes
  })
