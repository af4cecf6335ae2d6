import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Compared, tradeSentences } from '../../src/report/trade.ts'
import { call, temporary } from './command.ts'

describe('adadagrad start', () => {
  it('ends cleanly on Ctrl-C', async () => {
    const output = join(await temporary(), 'runs')
    const { code, stdout, stderr } = await call(['start', '--samples', '100000000', '--output', output], (soFar) =>
      soFar.includes('Ctrl-C') ? 'SIGINT' : undefined,
    )
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
    expect(stdout).toMatch(/Adaptive batches beside fixed ones, 100,000,000 samples each/)
    expect(stdout).toMatch(/interrupted|Interrupted/)
  })

  it('refuses what is no number', async () => {
    const { code, stderr } = await call(['start', '--eta', '0'])
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "error: option '--eta <number>' argument '0' is invalid. expected a number above 0\n",
    })
  })
})

describe('tradeSentences', () => {
  const run = (label: string, adaptive: boolean, steps: number, accuracy: number, seconds = 30): Compared => ({
    label,
    adaptive,
    testSamples: 2000,
    summary: {
      outcome: 'finished',
      steps,
      samples: 80_000,
      seconds,
      samplesPerSecond: 80_000 / seconds,
      averageBatchSize: 80_000 / steps,
      finalBatchSize: 100,
      firstLoss: 2.3,
      recentLoss: 0.1,
      test: { loss: 0.1, accuracy },
    },
  })
  const small = run('fixed b = 8', false, 10_000, 0.979)
  const large = run('fixed b = 2,048', false, 40, 0.88)

  it('says the price of fewer steps', () => {
    const [first, second, third, ...rest] = tradeSentences([run('AdAdaGrad', true, 43, 0.916), small, large])
    expect(first).toBe(
      'Over the same 80,000 samples, fixed b = 8 took 10,000 steps and reached 97.9 % test accuracy; ' +
        'AdAdaGrad took 43 steps (233 times fewer) and reached 91.6 %, 6.3 points lower.',
    )
    expect(second).toBe(
      'Beside that, fixed b = 2,048 took 40 steps and reached 88.0 %; AdAdaGrad took 43 steps and reached 91.6 %, 3.6 points higher.',
    )
    expect(third).toBe(
      'So fewer and larger steps were paid for in accuracy per sample. They saved no time here, where training took ' +
        '30 s against 30 s: they pay where the samples of a large batch are computed in parallel.',
    )
    expect(rest).toEqual([])
  })

  it('says when they were free, or faster', () => {
    expect(tradeSentences([run('AdAdaGrad', true, 400, 0.977), small]).at(-1)).toMatch(
      /cost no accuracy that 2,000 test/,
    )
    expect(tradeSentences([run('AdAdaGrad', true, 400, 0.9, 10), small]).at(-1)).toMatch(
      /They saved time: .* 10 s against 30 s/,
    )
  })

  it('draws no conclusion where the adaptive runs disagree, or nothing can be compared', () => {
    expect(tradeSentences([run('A', true, 400, 0.9), run('B', true, 500, 0.98), small])).toHaveLength(1)
    const diverged = { ...small, summary: { ...small.summary, outcome: 'diverged' as const, steps: 3 } }
    expect(tradeSentences([run('A', true, 400, 0.9), diverged])).toEqual(['fixed b = 8 diverged after 3 steps.'])
    expect(tradeSentences([])).toEqual([])
  })
})
