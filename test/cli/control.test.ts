import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { observedStep } from '../../src/cli/control-lines.ts'
import { varianceL1 } from '../../src/statistics/derived.ts'
import { lines, temporary } from './command.ts'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const flags = ['--test', 'norm', '--eta', '0.5', '--max-batch-size', '4096']

/** The command as another program has it: each line is sent when the answer to the one before has come. */
async function converse(args: readonly string[], sent: readonly string[]) {
  const child = spawn(process.execPath, [cli, 'control', ...args])
  let [stdout, stderr] = ['', '']
  const rest = [...sent]
  child.stdin.on('error', () => {}) // it may have ended
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`
    const next = rest.shift()
    if (next === undefined) child.stdin.end()
    else child.stdin.write(`${next}\n`)
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  return { code, stdout, stderr }
}

const first = { loss: 2.3, batchSize: 8, squaredNorm: 0.5, sumSquaredNorms: 40 }
const second = {
  loss: 1,
  squaredNorm: 1.25,
  workers: [
    { batchSize: 21, squaredNorm: 1 },
    { batchSize: 21, squaredNorm: 2 },
  ],
}

describe('adadagrad control', () => {
  it('answers each step with the next batch size, and goes on from its file', async () => {
    const state = join(await temporary(), 'state of ü.json')
    const { code, stdout, stderr } = await converse(
      [...flags, '--state', state],
      [first, second].map((s) => JSON.stringify(s)),
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const answers = lines(stdout)
    expect(answers.map(({ step, samples, batchSize, level }) => [step, samples, batchSize, level])).toEqual([
      [0, 0, 8, 'norms'],
      [1, 8, 42, 'norms'], // T = (40 − 8 · 0.5)/7/(0.25 · 0.5) = 41.1
      [2, 50, 42, 'norms'], // V = 21 + 42 − 42 · 1.25 = 10.5, T = 10.5/(0.25 · 1.25) = 33.6
    ])
    expect(answers[2].test).toMatchObject({ verdict: 'passed' })
    const again = await converse([...flags, '--state', state], [])
    expect(lines(again.stdout)).toEqual([
      { step: 2, samples: 50, batchSize: 42, learningRateFactor: 1, level: 'norms' },
    ])
  })

  it('refuses what is wrong by line, and keeps the state before it', async () => {
    const state = join(await temporary(), 'state.json')
    const wrong = ['{"loss": null, "batchSize": 8, "squaredNorm": 0.5, "sumSquaredNorms": 40}']
    const { code, stderr } = await converse([...flags, '--state', state], [JSON.stringify(first), ...wrong])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'error: line 2: batchSizeController: loss must be a number, got null\n',
    })
    const kept = await readFile(state, 'utf8')
    expect(JSON.parse(kept)).toMatchObject({ step: 1, state: { batchSize: 42 } })
    const other = await converse(['--eta', '0.1', '--max-batch-size', '4096', '--state', state], [])
    expect(other).toMatchObject({ code: 1, stdout: '' })
    expect(other.stderr).toContain(`${state}: batchSizeController: saved belongs to another policy: test is`)
    await writeFile(state, '{')
    const broken = await converse([...flags, '--state', state], [])
    expect(broken.stderr).toMatch(/^error: .*state\.json: [^\n]+\n$/)
    const open = await converse(['--eta', '0.5'], [])
    expect(open).toMatchObject({ code: 2, stderr: expect.stringContaining('--max-batch-size: needs a value') })
  })

  const python = ['/usr/bin/python3', '/usr/local/bin/python3'].find((path) => existsSync(path))
  it.skipIf(!python)('serves the Python of the documentation', async () => {
    const page = await readFile(new URL('../../docs/own-training.md', import.meta.url), 'utf8')
    const [code] = /^import json, subprocess.*?(?=^```)/ms.exec(page)!
    const script = `${code.replace('["npx", "adadagrad", ', `["${process.execPath}", "${cli}", `)}
print(batch_size)
batch_size, factor = tell(loss=2.3, batchSize=8, squaredNorm=0.5, sumSquaredNorms=40)
print(batch_size, factor)
`
    const child = spawn(python!, ['-c', script], { cwd: await temporary() })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        said += chunk
      })
    await new Promise((resolve) => child.on('close', resolve))
    expect(said).toBe('32\n42 1\n')
  })
})

describe('observedStep', () => {
  const of = (fields: object) => observedStep(JSON.stringify({ loss: 1, ...fields })).statistics

  it('reads the whole batch, workers by means or lengths, and micro-batches', () => {
    expect(varianceL1(of({ batchSize: 2, mean: [0.5, 0.5], sumSquaredNorms: 2 }))).toBe(1)
    const workers = [1, 3].map((mean) => ({ batchSize: 8, mean: [mean] }))
    expect(varianceL1(of({ workers }))).toBeCloseTo(16, 12)
    const norms = [1, 9].map((squaredNorm) => ({ batchSize: 8, squaredNorm }))
    expect(varianceL1(of({ workers: norms, squaredNorm: 4 }))).toBeCloseTo(16, 12)
    const microBatches = [
      { batchSize: 1, mean: [1, 0], sumSquaredNorms: 1 },
      { batchSize: 1, mean: [0, 1], sumSquaredNorms: 1 },
    ]
    expect(varianceL1(of({ microBatches }))).toBe(1)
    expect(
      observedStep('{"loss":1,"batchSize":2,"mean":[1],"population":{"batchSize":3,"mean":[1]}}').population,
    ).toEqual({
      batchSize: 3,
      mean: Float64Array.of(1),
    })
  })

  it('refuses what goes with nothing', () => {
    expect(() => observedStep('garbage')).toThrow('not JSON')
    expect(() => observedStep('[1]')).toThrow('a step must be an object, got [1]')
    expect(() => of({ workers: [] })).toThrow('workers must be a list with at least one entry, got []')
    expect(() => of({ workers: [1], squaredNorm: 1 })).toThrow('workers[0] must be an object, got 1')
    expect(() => of({ workers: [{ batchSize: 8, mean: [1] }], squaredNorm: 1 })).toThrow(
      'unknown field squaredNorm beside',
    )
    expect(() => of({ microBatches: [{ batchSize: 1, mean: [1] }], mean: [1] })).toThrow('unknown field mean beside')
    expect(() => of({ workers: [{ batchSize: 8, squaredNorm: 1 }], mean: [1] })).toThrow(
      'unknown field mean beside workers',
    )
    expect(() => of({ workers: [{ batchSize: 8 }, { batchSize: 8 }], squaredNorm: 1 })).toThrow('squaredNorm must be')
  })
})
