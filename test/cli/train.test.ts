import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseSafetensors } from '../../src/data/safetensors.ts'
import { call, lines, temporary } from './command.ts'

const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), 'utf8'))

describe.concurrent('adadagrad train', () => {
  it('makes a run, says it as JSON lines, and records it', async () => {
    const output = join(await temporary(), 'run')
    const args = ['train', '--model', 'logistic', '--samples', '200', '--eta', '10', '--json', '--output', output]
    const { code, stdout, stderr } = await call(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [first, ...rest] = lines(stdout)
    const { summary } = rest.pop()
    expect(first.config).toMatchObject({
      model: { name: 'logistic' },
      data: { name: 'digits' },
      batchSize: { name: 'adaptive', test: { name: 'norm', eta: 10 }, initial: 8, max: 8000 },
      backend: { name: 'wasm', simd: 'strict' },
      environment: { parameters: 7850, node: process.versions.node },
    })
    expect(rest[0]).toMatchObject({ step: 1, samples: 8, batchSize: 8, test: { name: 'norm' } })
    expect(summary).toMatchObject({ outcome: 'finished', samples: 200, steps: rest.length })
    expect(summary.test.accuracy).toBeGreaterThan(0.1)

    expect((await readdir(output)).sort()).toEqual(
      ['checkpoint.safetensors', 'config.json', 'records.jsonl', 'summary.json', 'weights.safetensors'].sort(),
    )
    expect(await json(output, 'config.json')).toEqual(first.config)
    expect(lines(await readFile(join(output, 'records.jsonl'), 'utf8'))).toEqual(rest)
    expect(await json(output, 'summary.json')).toEqual(summary)
    const weights = parseSafetensors(await readFile(join(output, 'weights.safetensors')), 'weights')
    expect([...weights.tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ['1.weight', [10, 784]],
      ['1.bias', [10]],
    ])
    const checkpoint = parseSafetensors(await readFile(join(output, 'checkpoint.safetensors')), 'checkpoint')
    expect(JSON.parse(checkpoint.metadata.state!)).toMatchObject({
      samples: 200,
      policy: { batchSize: expect.anything() },
    })
    expect([...checkpoint.tensors.keys()].some((name) => name.startsWith('optimizer.'))).toBe(true)
  })

  it('holds samples out, validates on them, and says so', async () => {
    const args = ['train', '--model', 'logistic', '--steps', '4', '--validation', '1000', '--batch-size', '16']
    const { code, stdout } = await call([...args, '--batch-policy', 'constant', '--json'])
    expect(code).toBe(0)
    const [{ config }, ...rest] = lines(stdout)
    const { summary } = rest.pop()
    expect(config).toMatchObject({ validation: 1000, environment: { trainingSamples: 7000, validationSamples: 1000 } })
    expect(rest.map(({ validation }) => validation !== undefined)).toEqual([false, false, false, true])
    expect(summary.validation).toEqual(rest.at(-1).validation)
    expect(summary.validation.accuracy).toBeGreaterThan(0.1)
    const shown = await call(args)
    expect(shown.stdout).toContain('7,000 samples to train on, 1,000 to validate on, 2,000 to test on')

    const tooMany = await call([...args, '--validation', '8000'])
    expect(tooMany.code).toBe(1)
    expect(tooMany.stderr).toMatch(
      /^error: validation: expected a whole number in \[1, 8000\), since digits\/train has 8000 /,
    )
    const problem = await call(['train', '--problem', 'quadratic', '--validation', '10'])
    expect(problem.stderr).toContain('--validation: problem quadratic is the finite sum of all its samples')
  })

  it('makes the same run again from what it recorded', async () => {
    const folder = await temporary()
    const again = (name: string) => ['--json', '--output', join(folder, name)]
    await call(['train', '--problem', 'quadratic', '--steps', '20', '--seed', '7', ...again('a')])
    const { code } = await call(['train', '--config', join(folder, 'a', 'config.json'), ...again('b')])
    expect(code).toBe(0)
    const records = async (name: string) =>
      lines(await readFile(join(folder, name, 'records.jsonl'), 'utf8')).map(({ seconds, ...record }) => record)
    expect(await records('b')).toEqual(await records('a'))
  })

  it('refuses an output folder that is in use, and replaces a run when asked to', async () => {
    const output = await temporary()
    await writeFile(join(output, 'records.jsonl'), 'precious')
    await writeFile(join(output, 'notes.txt'), 'mine')
    const args = ['train', '--problem', 'quadratic', '--steps', '3', '--output', output]
    const refused = await call(args)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toBe(
      `error: ${output}: the folder is not empty; name another --output, or give --overwrite\n`,
    )
    expect(await readFile(join(output, 'records.jsonl'), 'utf8')).toBe('precious')
    expect((await call([...args, '--overwrite'])).code).toBe(0)
    expect(lines(await readFile(join(output, 'records.jsonl'), 'utf8'))).toHaveLength(3)
    expect(await readFile(join(output, 'notes.txt'), 'utf8')).toBe('mine')
  })

  it('ends cleanly on Ctrl-C and keeps what was recorded', async () => {
    const output = join(await temporary(), 'run')
    const { code, stdout, stderr } = await call(
      ['train', '--problem', 'quadratic', '--samples', '1000000000', '--json', '--output', output],
      (soFar) => (soFar.split('\n').length > 20 ? 'SIGINT' : undefined),
    )
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
    const records = lines(await readFile(join(output, 'records.jsonl'), 'utf8'))
    const summary = await json(output, 'summary.json')
    expect(summary).toMatchObject({ outcome: 'interrupted', steps: records.length })
    expect(lines(stdout).at(-1)).toEqual({ summary })
    const checkpoint = parseSafetensors(await readFile(join(output, 'checkpoint.safetensors')), 'checkpoint')
    expect(JSON.parse(checkpoint.metadata.state!).step).toBe(records.length)
  })

  it('ends cleanly within a step', async () => {
    const output = join(await temporary(), 'run')
    const { code, stdout } = await call(
      ['train', '--batch-policy', 'constant', '--batch-size', '8000', '--json', '--output', output],
      (soFar) => (soFar.includes('\n') ? 'SIGINT' : undefined),
    )
    expect(code).toBe(130)
    expect(lines(stdout).at(-1).summary).toMatchObject({
      outcome: 'interrupted',
      steps: 0,
      samples: 0,
      recentLoss: null,
    })
  })

  it('names a divergence, and keeps the last state from which a step was finite', async () => {
    const output = join(await temporary(), 'run')
    const diverging = ['--problem', 'rosenbrock', '--optimizer', 'sgd', '--learning-rate', '0.01', '--steps', '50']
    const { code, stdout, stderr } = await call([
      'train',
      ...diverging,
      ...['--checkpoint-steps', '1', '--json', '--output', output],
    ])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: diverged: step \d+: [^\n]*\n$/)
    expect(lines(stdout).at(-1).summary).toMatchObject({ outcome: 'diverged' })
    const { step } = JSON.parse(
      parseSafetensors(await readFile(join(output, 'checkpoint.safetensors')), 'checkpoint').metadata.state!,
    )
    // The state after the last record is the one whose loss or gradient is not finite.
    expect(step).toBe(lines(await readFile(join(output, 'records.jsonl'), 'utf8')).length - 1)
    expect(existsSync(join(output, 'weights.safetensors'))).toBe(false)
  })

  it('keeps the state after step 1, 2, 4, 8, … where it diverges before a checkpoint was due', async () => {
    const output = join(await temporary(), 'run')
    const base = ['train', '--problem', 'least-squares', '--optimizer', 'sgd', '--batch-policy', 'constant']
    const run = (learningRate: string) =>
      call([...base, '--learning-rate', learningRate, '--checkpoint-every', '3600', '--overwrite', '--output', output])
    const { code, stdout } = await run('3')
    expect(code).toBe(1)
    const steps = lines(await readFile(join(output, 'records.jsonl'), 'utf8')).length
    const kept = 2 ** Math.floor(Math.log2(steps - 1))
    expect(kept).toBeGreaterThan(2)
    const checkpoint = await readFile(join(output, 'checkpoint.safetensors'))
    expect(JSON.parse(parseSafetensors(checkpoint, 'checkpoint').metadata.state!).step).toBe(kept)
    expect(stdout).toContain(`; the checkpoint is of step ${kept}, from which loss and gradient were finite\n`)
    // To go on from there ends where it ended.
    const again = await call(['train', '--resume', output, '--json'])
    expect(again.stdout).toContain(`{"step":${kept + 1},`)
    expect(lines(again.stdout).at(-1).summary).toMatchObject({ outcome: 'diverged', steps })
    expect(JSON.parse(await readFile(join(output, 'summary.json'), 'utf8')).outcome).toBe('diverged')

    expect((await run('1e300')).stdout).toContain(
      ', without a checkpoint: no step was finite after one that was made\n',
    )
    expect(existsSync(join(output, 'checkpoint.safetensors'))).toBe(false)
  })

  it('sees that the last step diverged, though no step follows it', async () => {
    const last = ['--problem', 'least-squares', '--optimizer', 'sgd', '--learning-rate', '1e300', '--steps', '1']
    const { code, stderr } = await call(['train', ...last, '--json'])
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: diverged: step 1: the parameters are not finite after it; [^\n]*\n$/),
    })
  })

  it('starts from b = 1, which has no variance, and grows', async () => {
    const { code, stdout } = await call([
      'train',
      '--problem',
      'quadratic',
      '--batch-size',
      '1',
      '--steps',
      '4',
      '--json',
    ])
    expect(code).toBe(0)
    const [, first, second] = lines(stdout)
    expect(first).toMatchObject({ batchSize: 1, test: { verdict: 'too-few-samples', suggestedBatchSize: 2 } })
    expect(second.batchSize).toBe(2)
  })

  it('prints plain lines and a table off a terminal', async () => {
    const { code, stdout } = await call(['train', '--problem', 'least-squares', '--steps', '5'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^least-squares: 20 parameters, 1,024 samples to train on\nadagrad at 0.01, norm test/)
    expect(stdout).toMatch(/AdAdaGrad: 100 %, step 5, .* finished\n/)
    expect(stdout).toMatch(/run +average b +final b +steps/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
    expect(stdout).not.toMatch(/\u001b/)
  })
})
