import { spawn } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { call, lines, temporary } from '../cli/command.ts'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

const text = (steps: number, extra = '') => `title: Small & quick
problem: least-squares
optimizer: adagrad
budget: { steps: ${steps} }
checkpointSteps: 50
seeds: 2
schemes:
  adaptive, η = 0.5:
    batchSize: { name: adaptive, test: { name: norm, eta: 0.5 }, initial: 4, max: 64 }
  b = 16:
    batchSize: 16
${extra}`

async function written(content: string): Promise<{ file: string; output: string }> {
  const folder = await temporary()
  const file = join(folder, 'small.yaml')
  await writeFile(file, content)
  return { file, output: join(folder, 'out') }
}
const records = async (output: string, run: string) =>
  lines(await readFile(join(output, run, 'records.jsonl'), 'utf8')).map(({ seconds, ...record }) => record)

describe.concurrent('adadagrad compare', () => {
  it('makes the runs, tables, plots and a page; again, it makes nothing', async () => {
    const { file, output } = await written(text(60))
    const args = ['compare', file, '--output', output]
    const { code, stdout, stderr } = await call(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Small & quick: 2 schemes × 2 seeds = 4 runs')
    expect(stdout).toMatch(/b = 16, seed 2: finished; \d of 4 runs done/)
    expect(stdout).toMatch(/\nb = 16 +2 +16\.0 +16 +60 +960 /)
    expect((await readdir(output)).sort()).toEqual(
      [
        'adaptive-eta-0.5',
        'b-16',
        'comparison.json',
        'plots',
        'report.html',
        'table.csv',
        'table.md',
        'table.tex',
      ].sort(),
    )
    const plots = await readdir(join(output, 'plots'))
    for (const name of ['loss-samples', 'loss-steps', 'loss-seconds', 'batch-size', 'test', 'learning-rate'])
      expect(plots).toEqual(expect.arrayContaining([`${name}.svg`, `${name}.png`]))
    expect((await readFile(join(output, 'plots', 'batch-size.png'))).subarray(1, 4).toString()).toBe('PNG')
    const svg = await readFile(join(output, 'plots', 'batch-size.svg'), 'utf8')
    for (const words of ['batch size b (samples)', 'samples processed', 'adaptive, η = 0.5'])
      expect(svg).toContain(words)
    expect(svg).toContain('stroke-dasharray')
    const page = await readFile(join(output, 'report.html'), 'utf8')
    expect(page).toContain('<h1>Small &amp; quick</h1>')
    expect(page).toContain(`npx adadagrad compare ${file}`)
    expect(page).toContain(process.versions.node)
    expect(page).not.toMatch(/<script|src="|<link/)

    const before = await readFile(join(output, 'b-16', 'seed-1', 'summary.json'), 'utf8')
    const again = await call(args)
    expect(again.stdout).toContain('4 of 4 runs are there already')
    expect(await readFile(join(output, 'b-16', 'seed-1', 'summary.json'), 'utf8')).toBe(before)
    await rm(join(output, 'b-16', 'seed-1'), { recursive: true })
    expect((await call(args)).stdout).toContain('3 of 4 runs are there already')
    expect(JSON.parse(await readFile(join(output, 'b-16', 'seed-1', 'summary.json'), 'utf8')).steps).toBe(60)
  })

  it('shows each scheme at the setting that validates best, and what it takes to reach a target', async () => {
    const { file, output } = await written(`title: Tuned
model: logistic
validation: 500
budget: { samples: 2000 }
evaluateEvery: 250
seeds: 2
tune: { learningRate: [1.0e-4, 3.0e-2] }
target: { accuracy: 0.6 }
schemes:
  b = 10: { batchSize: 10 }
  b = 250: { batchSize: 250, tune: { learningRate: [3.0e-2, 1.0e-4, 1.0e-5] } }
  untuned: { batchSize: 250, learningRate: 1.0e-6, tune: {} }
`)
    const { code, stdout, stderr } = await call(['compare', file, '--output', output])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Tuned: 3 schemes at 6 settings × 2 seeds = 12 runs')
    expect(stdout).toMatch(/b = 10, learningRate = 0.03, seed 2: finished/)
    const table = await readFile(join(output, 'table.csv'), 'utf8')
    const [header, ...rows] = table
      .trimEnd()
      .split('\n')
      .map((line) => line.split(',')) as [string[], ...string[][]]
    const cell = (row: number, column: string) => rows[row]![header.indexOf(column)]
    expect([0, 1, 2].map((row) => cell(row, 'learningRate'))).toEqual(['0.03', '0.03', '–'])
    expect(Number(cell(0, 'samplesToTarget'))).toBeCloseTo(10 * Number(cell(0, 'stepsToTarget')), 6)
    expect(Number(cell(1, 'samplesToTarget'))).toBeCloseTo(250 * Number(cell(1, 'stepsToTarget')), 6)
    expect(cell(2, 'samplesToTarget')).toBe('')
    expect(stdout).toContain('untuned, 0 of 2 runs got to a test accuracy of 60 %')
    expect(stdout).toContain('b = 250, learningRate = 0.03 is the largest that was tried')
    const tuning = (await readFile(join(output, 'tuning.csv'), 'utf8')).trimEnd().split('\n')
    expect(tuning).toHaveLength(1 + 5)
    // What stands there is the mean over seeds of what the runs recorded.
    const losses = await Promise.all(
      [1, 2].map(async (seed) => {
        const folder = join(output, 'b-250', 'learningrate-0.0001', `seed-${seed}`)
        return JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8')).validation.loss as number
      }),
    )
    expect(Number(tuning[4]!.split(',')[4])).toBeCloseTo((losses[0]! + losses[1]!) / 2, 12)
    expect(await readdir(join(output, 'plots'))).toEqual(expect.arrayContaining(['tuning.svg', 'target.png']))
    const page = await readFile(join(output, 'report.html'), 'utf8')
    expect(page).toContain('<h2>Tuning</h2>')
    expect(page).toContain('first seen')

    // What is not tried or sought any more leaves nothing behind in the report, and runs that are left are not made again.
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replaceAll(/^(target|tune): .*\n|^ {2}b.*\n/gm, ''))
    expect((await call(['compare', file, '--output', output])).stdout).toContain('2 of 2 runs are there already')
    expect(await readdir(output)).not.toContain('tuning.csv')
    const plots = await readdir(join(output, 'plots'))
    expect(plots.filter((name) => /^(tuning|target)/.test(name))).toEqual([])

    await writeFile(file, text.replace('[1.0e-4, 3.0e-2]', '[1.0e-4, fast]'))
    const wrong = await call(['compare', file, '--output', output])
    expect(wrong.stderr).toMatch(/^error: .*small.yaml:7:9: tune.learningRate.name: there is no schedule "fast"/)
  })

  it('goes on after its process was killed, with the same records', async () => {
    const { file, output } = await written(text(4000))
    const child = spawn(process.execPath, [cli, 'compare', file, '--output', output], { stdio: 'ignore' })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    const interrupted = join(output, 'b-16', 'seed-1', 'checkpoint.safetensors')
    const waiting = performance.now()
    while (!(await readFile(interrupted).catch(() => undefined)) && performance.now() - waiting < 30_000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill('SIGKILL')
    await ended
    const { code } = await call(['compare', file, '--output', output])
    expect(code).toBe(0)
    const whole = join(output, '..', 'whole')
    await call(['compare', file, '--output', whole])
    for (const run of ['b-16/seed-1', 'adaptive-eta-0.5/seed-1', 'b-16/seed-2'])
      expect(await records(output, run)).toEqual(await records(whole, run))
  })

  it('reports a run that fails or diverges, and makes the others', async () => {
    const failing =
      '  broken:\n    weights: nowhere.safetensors\n  diverging:\n    learningRate: 1.0e+300\n    optimizer: sgd\n'
    const { file, output } = await written(text(30, failing))
    const { code, stdout, stderr } = await call(['compare', file, '--output', output, '--seeds', '1'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: broken, seed 1: nowhere.safetensors: cannot be read: [^\n]*\n$/)
    expect(stdout).toContain('broken, seed 1 failed: nowhere.safetensors')
    expect(stdout).toMatch(/diverging, seed 1 diverged: step \d+: /)
    expect(stdout).toMatch(/\nb = 16 +1 +16\.0 /)
    const table = await readFile(join(output, 'table.csv'), 'utf8')
    expect(table).toMatch(/\nbroken,0,1,/)
  })

  it('is a library function, too', async () => {
    const { compare } = await import('../../dist/comparing/index.js')
    const output = await temporary()
    const schemes = { 'b = 4': { batchSize: 4 }, 'b = 8': { batchSize: 8 } }
    const input = { problem: 'quadratic', budget: { steps: 10 }, seeds: 2, schemes }
    const { rows, runs } = await compare(input, { output, report: false })
    expect(runs.map(({ summary }) => summary?.outcome)).toEqual(Array.from({ length: 4 }, () => 'finished'))
    expect(rows.map(({ scheme, quantities }) => [scheme, quantities.samples?.mean])).toEqual([
      ['b = 4', 40],
      ['b = 8', 80],
    ])
  })

  it('refuses a folder with runs of another configuration, and replaces them when asked to', async () => {
    const { file, output } = await written(text(20))
    const args = ['compare', file, '--output', output, '--seeds', '5']
    await call(args)
    await writeFile(file, text(20).replace('eta: 0.5', 'eta: 0.7'))
    const refused = await call(args)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('adaptive, η = 0.5: batchSize.test.eta: 0.5 recorded, 0.7 given')
    const replaced = await call([...args, '--overwrite'])
    expect(replaced.code).toBe(0)
    expect(replaced.stdout).toContain('1 of 2 runs are there already')
    const config = JSON.parse(await readFile(join(output, 'adaptive-eta-0.5', 'seed-5', 'config.json'), 'utf8'))
    expect(config.batchSize.test.eta).toBe(0.7)
  })
})
