import { describe, expect, it } from 'vitest'
import { type NamedSummary, summaryTable } from '../../src/cli/lines.ts'
import { frame } from '../../src/cli/progress.ts'
import { runView } from '../../src/report/run-view.ts'
import type { Summary } from '../../src/running/execute.ts'
import type { ResolvedConfig } from '../../src/running/resolved-config.ts'
import type { TrainingRecord } from '../../src/training/run.ts'

/** A run of ten growing batches, of which the budget cuts the last. */
function view(label: string) {
  const made = runView(label)
  made.begin({ budget: { samples: 5200 } } as unknown as ResolvedConfig)
  let samples = 0
  for (let step = 1; samples < 5200; step++) {
    const batchSize = Math.min(100 * step, 5200 - samples)
    samples += batchSize
    made.record({ step, samples, batchSize, loss: 2 / step, seconds: step / 10 } as unknown as TrainingRecord)
  }
  return made
}

const views = [view('AdAdaGrad'), view('fixed b = 2,048'), runView('AdAdaGradNorm')]

describe('on a terminal', () => {
  it.each([36, 46, 60, 80, 100, 200])('of %i columns the live display fits, batch size and loss in it', (columns) => {
    const lines = frame(views, columns)
    for (const line of lines) expect(line.length).toBeLessThan(columns)
    expect(lines[0]).toMatch(/^run .* (b|batch size) .*loss/)
    expect(lines[1]).toMatch(/100 % .* 700 /)
    expect(lines[3]).toMatch(/waiting$/)
    expect(lines[1]!.includes('samples/s') || lines[0]!.includes('samples/s')).toBe(columns >= 60)
  })

  it('shows histories where there is room, and a batch that the budget cut is no fall', () => {
    const batchSizes = /[▁▂▃▄▅▆▇█]+/.exec(frame([views[0]!], 120)[1]!)![0]
    expect(batchSizes).toMatch(/▁.*█$/)
    expect(frame(views, 60).join('')).not.toMatch(/[▁▂▃]/)
  })

  it('the summary is a table where one fits, and paragraphs elsewhere', () => {
    const summary = {
      outcome: 'finished',
      steps: 69,
      averageBatchSize: 1159,
      finalBatchSize: 8000,
      seconds: 25.9,
      recentLoss: 0.3,
      firstLoss: 2.3,
      test: { loss: 0.3, accuracy: 0.916 },
    } as unknown as Summary
    const runs: NamedSummary[] = ['AdAdaGrad', 'fixed b = 2,048'].map((label) => ({ label, summary }))
    expect(summaryTable(runs, 100)).toBe(summaryTable(runs))
    const narrow = summaryTable(runs, 40).split('\n')
    for (const line of narrow) expect(line.length).toBeLessThanOrEqual(40)
    expect(narrow.join(' ')).toContain(
      'AdAdaGrad: average b 1,159, final b 8,000, steps 69, recent loss 0.300, test accuracy 91.6 %, seconds 25.9',
    )
  })
})
