import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkComparison, type PlannedRun } from '../../src/comparing/comparison.ts'
import { isOfTask, parseTask } from '../../src/comparing/task.ts'
import { call, temporary } from '../cli/command.ts'

// As built: runs are on threads, and Node's threads read no TypeScript.
const { makeRuns, statesOf }: typeof import('../../src/comparing/runs.ts') = await import(
  new URL('../../dist/comparing/runs.js', import.meta.url).href
)

const small = {
  problem: 'least-squares',
  budget: { steps: 300 },
  seeds: 2,
  schemes: { 'b = 4': { batchSize: 4 }, 'b = 8': { batchSize: 8 } },
}

describe('several processes on one folder', () => {
  it('as tasks make each its part, and the same command without --task makes the report', async () => {
    const folder = await temporary()
    const [file, output] = [join(folder, 'small.json'), join(folder, 'shared')]
    await writeFile(file, JSON.stringify(small))
    const tasks = await Promise.all(
      ['1/3', '2/3', '3/3'].map((task) => call(['compare', file, '--output', output, '--task', task])),
    )
    for (const { code, stdout } of tasks) {
      expect(code).toBe(0)
      expect(stdout).toContain('the same command without --task makes tables, plots and the report')
    }
    const { stdout } = await call(['compare', file, '--output', output])
    expect(stdout).toContain('4 of 4 runs are there already')
    expect(await readFile(join(output, 'report.html'), 'utf8')).toContain('b = 8')
    expect(await call(['compare', file, '--task', '4/3'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected a task of so many, as 2/8, got "4/3"'),
    })
  })

  it('at the same work make each run once', async () => {
    const output = join(await temporary(), 'shared')
    const comparison = checkComparison(small)
    const started: string[] = []
    const observer = {
      start: ({ folder }: PlannedRun) => ({ begin: () => started.push(folder), record: () => {}, end: () => {} }),
    }
    const all = await Promise.all([1, 2, 3].map(() => makeRuns(comparison, { output, jobs: 2, observer })))
    // On a busy machine one may leave a run to another that is still at it.
    for (const { summary, elsewhere, error } of all.flat())
      expect({ error, steps: summary?.steps ?? (elsewhere ? 300 : undefined) }).toEqual({
        error: undefined,
        steps: 300,
      })
    expect(statesOf(comparison, output).map(({ summary }) => summary?.steps)).toEqual([300, 300, 300, 300])
    expect(started.sort()).toEqual(comparison.runs.map(({ folder }) => folder).sort())
  })
})

describe('tasks', () => {
  it('share the runs: each has one task, and none has two more than another', () => {
    for (let of = 1; of <= 9; of++)
      for (const runs of [1, 6, 12, 25]) {
        const parts = Array.from({ length: of }, (_, k) =>
          Array.from({ length: runs }, (_, index) => index).filter((index) => isOfTask({ number: k + 1, of }, index)),
        )
        expect(parts.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: runs }, (_, k) => k))
        const sizes = parts.map(({ length }) => length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }
  })

  it('get different schemes when there are as many as schemes', () => {
    const schemes = [0, 1, 2, 3, 4, 5, 6, 7, 8]
      .filter((index) => isOfTask({ number: 1, of: 3 }, index))
      .map((k) => k % 3)
    expect(schemes.sort()).toEqual([0, 1, 2])
  })

  it('are read from 2/8, and counted from 1', () => {
    expect(parseTask('2/8')).toEqual({ number: 2, of: 8 })
    for (const wrong of ['', '3', '9/8', '1/0', 'a/b', '1/2/3']) expect(() => parseTask(wrong)).toThrow('as 2/8')
    expect(() => parseTask('0/8')).toThrow('tasks count from 1')
  })
})
