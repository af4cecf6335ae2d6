import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { roundCounter } from '../../src/report/rounds.ts'
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

  it('ends with a table, what it shows, and a report with plots', async () => {
    const output = join(await temporary(), 'runs')
    const { code, stdout, stderr } = await call(['start', '--samples', '400', '--output', output])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/\nfixed b = 8 +8 +8 +50 /)
    expect(stdout).toContain('Over the same 400 samples, fixed b = 8 took 50 steps')
    expect(stdout).toMatch(/To \d+ % test accuracy fixed b = 8 needs/)
    expect(await readdir(join(output, 'plots'))).toEqual(expect.arrayContaining(['batch-size.svg', 'target.png']))
    expect(await readFile(join(output, 'report.html'), 'utf8')).toContain('start --samples 400 --eta 0.5 --seed 1')
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

  it('says from which width of a machine on the larger batches are ahead', () => {
    const reach = (sizes: number[]) => {
      const counter = roundCounter()
      let rounds: readonly number[] = []
      for (const batchSize of sizes) rounds = counter({ batchSize })
      return { samples: sizes.reduce((sum, b) => sum + b, 0), steps: sizes.length, rounds: [...rounds] }
    }
    const eights = reach(Array.from({ length: 100 }, () => 8))
    const sentence = (sizes: number[]) =>
      tradeSentences(
        [
          { ...run('AdAdaGrad', true, 43, 0.916), reached: reach(sizes) },
          { ...small, reached: eights },
        ],
        0.91,
      )[1]
    // 8 · 200 rounds against 800 at P = 1, 8 · 25 against 100 at P = 8, 8 · 13 at P = 16, 8 · 7 at P = 32.
    expect(sentence(Array.from({ length: 8 }, () => 200))).toBe(
      'To 91 % test accuracy fixed b = 8 needs 800 samples in 100 steps; AdAdaGrad needs 1,600 samples in 8 steps: ' +
        'it gets there first where a machine computes 32 samples or more at once.',
    )
    expect(sentence(Array.from({ length: 120 }, () => 10))).toMatch(
      /120 steps: it is not ahead on a machine of any width\.$/,
    )
    // As many rounds are neither ahead nor behind.
    expect(sentence(Array.from({ length: 100 }, () => 8))).toMatch(/it is not ahead on a machine of any width\.$/)
    // 720 rounds against 800 at P = 1, 120 against 100 at the end.
    expect(sentence(Array.from({ length: 120 }, () => 6))).toMatch(/120 steps: it is ahead on narrow machines only\.$/)
    expect(sentence([8, 8, 8])).toMatch(/3 steps: it is ahead on a machine of any width\.$/)
    expect(tradeSentences([run('AdAdaGrad', true, 43, 0.916), small], 0.91)).toHaveLength(2)
  })

  it('draws no conclusion where the adaptive runs disagree, or nothing can be compared', () => {
    expect(tradeSentences([run('A', true, 400, 0.9), run('B', true, 500, 0.98), small])).toHaveLength(1)
    const diverged = { ...small, summary: { ...small.summary, outcome: 'diverged' as const, steps: 3 } }
    expect(tradeSentences([run('A', true, 400, 0.9), diverged])).toEqual(['fixed b = 8 diverged after 3 steps.'])
    expect(tradeSentences([])).toEqual([])
  })
})
