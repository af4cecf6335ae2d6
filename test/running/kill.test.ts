import { spawn } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseSafetensors, writeSafetensors } from '../../src/data/safetensors.ts'
import { random } from '../../src/random.ts'
import { checksum } from '../../src/running/checkpoint.ts'
import { call, lines, temporary } from '../cli/command.ts'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** Calls the command and kills its process, if it is still there, after so many milliseconds. */
const killed = (args: readonly string[], after: number): Promise<'finished' | 'killed'> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), after)
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      if (signal === 'SIGKILL') resolve('killed')
      else if (code === 0) resolve('finished')
      else reject(new Error(`exit code ${code}, signal ${signal}`))
    })
  })

/** What a run left, without its clocks. */
async function outcome(folder: string) {
  const records = lines(await readFile(join(folder, 'records.jsonl'), 'utf8'))
  const summary = JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8'))
  for (const each of [...records, summary]) delete each.seconds
  delete summary.samplesPerSecond
  return { records, summary, weights: await readFile(join(folder, 'weights.safetensors')) }
}

const model = ['--model', 'logistic', '--evaluate-every', '3000', '--evaluate-training']
const cases: Record<string, { args: readonly string[]; checkpoints: readonly string[] }> = {
  'a model with Adam, a schedule and a noise-scale controller': {
    args: [
      ...model,
      '--samples',
      '24000',
      '--optimizer',
      'adam',
      '--schedule',
      'cosine',
      '--batch-policy',
      'noise-scale',
    ],
    checkpoints: ['--checkpoint-steps', '7'],
  },
  'AdaGrad-Norm with the norm test, AdaScale and sampling with replacement': {
    args: ['--problem', 'nonconvex', '--optimizer', 'adagrad-norm', '--gain', 'ada-scale', '--replacement'].concat([
      ...['--test', 'augmented', '--max-growth', '1.01', '--steps', '6000'],
    ]),
    checkpoints: ['--checkpoint-every', '0.05'],
  },
}

describe.concurrent('a run that is killed at random moments and resumed', () => {
  it.each(Object.entries(cases))('ends with the bits of one that was not: %s', async (name, { args, checkpoints }) => {
    const seed = process.env.ADADAGRAD_TEST_SEED ?? String(Date.now())
    const { uniform } = random('kill', seed, name)
    const folder = await temporary()
    const at = (run: string) => join(folder, run)
    const started = performance.now()
    expect((await call(['train', ...args, '--json', '--output', at('whole')])).code).toBe(0)
    const took = performance.now() - started

    const moments: number[] = []
    const message = () => `seed ${seed}, killed after ${moments.map(Math.round).join(', ')} ms`
    let next = ['train', ...args, ...checkpoints, '--json', '--output', at('killed')]
    for (let kills = 0; ; ) {
      // Anywhere from the first import to past the end, and at last not at all.
      const moment = kills < 6 ? 120 + uniform() * took : 60_000
      moments.push(moment)
      if ((await killed(next, moment)) === 'finished') break
      kills++
      const began = await readFile(join(at('killed'), 'config.json')).catch(() => undefined)
      if (began) next = ['train', '--resume', at('killed'), '--json']
      // Nothing of the run is there yet, but its folder may be.
      else next = [...next.filter((flag) => flag !== '--overwrite'), '--overwrite']
    }
    const [whole, resumed] = [await outcome(at('whole')), await outcome(at('killed'))]
    expect(
      resumed.records.map(({ step }) => step),
      message(),
    ).toEqual(whole.records.map(({ step }) => step))
    expect(resumed.records, message()).toEqual(whole.records)
    expect(resumed.summary, message()).toEqual(whole.summary)
    expect(resumed.weights.equals(whole.weights), message()).toBe(true)
  })
})

describe.concurrent('adadagrad train --resume', () => {
  const short = ['train', '--problem', 'least-squares', '--checkpoint-steps', '10', '--json']

  it('goes on after Ctrl-C, and leaves a finished run alone', async () => {
    const output = join(await temporary(), 'run')
    const stop = (soFar: string) => (soFar.split('\n').length > 30 ? ('SIGINT' as const) : undefined)
    expect((await call([...short, '--steps', '3000', '--output', output], stop)).code).toBe(130)
    const records = async () => lines(await readFile(join(output, 'records.jsonl'), 'utf8'))
    const before = await records()
    expect(before.length).toBeLessThan(3000)
    const { code, stdout } = await call(['train', '--resume', output])
    expect(code).toBe(0)
    expect(stdout).toContain(`goes on after step ${before.length.toLocaleString('en')}`)
    const after = await records()
    expect(after).toHaveLength(3000)
    expect(after.slice(0, before.length)).toEqual(before)
    const again = await call(['train', '--resume', output])
    expect(again.stdout).toContain('the run has reached its budget, nothing is left to do')
    expect(await records()).toEqual(after)
  })

  it('refuses another configuration or version, with the differences', async () => {
    const output = join(await temporary(), 'run')
    await call([...short, '--steps', '40', '--output', output])
    const refused = await call(['train', '--resume', output, '--eta', '0.3', '--seed', '9', '--optimizer', 'adam'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^error: .*: made by another configuration or version, so it cannot be resumed:\n/)
    expect(refused.stderr).toContain('\n  batchSize.test.eta: 0.1 in the checkpoint, 0.3 in this run\n')
    expect(refused.stderr).toContain('\n  seed: 1 in the checkpoint, 9 in this run\n')
    expect(refused.stderr).toContain('\n  optimizer.name: "adagrad" in the checkpoint, "adam" in this run\n')
    expect(refused.stderr).not.toContain('budget')
    const longer = await call(['train', '--resume', output, '--steps', '80'])
    expect(longer.stderr).toMatch(
      /:\n {2}budget.steps: 40 in the checkpoint, 80 in this run\nThe budget cuts the last batch, [^\n]*config.json\n$/,
    )
    const config = / (--config .*)\n$/.exec(longer.stderr)![1]!.split(' ')
    expect((await call(['train', ...config, '--steps', '80', '--output', `${output}-longer`])).code).toBe(0)

    const file = join(output, 'checkpoint.safetensors')
    const { tensors, metadata } = parseSafetensors(await readFile(file), file)
    const { version, ...rest } = JSON.parse(metadata.config!)
    const said = { config: JSON.stringify({ version: '9.9.9', ...rest }), state: metadata.state! }
    await writeFile(file, writeSafetensors(tensors, { ...metadata, ...said, sha256: checksum(tensors, said) }))
    const other = await call(['train', '--resume', output])
    expect(other.stderr).toContain(`version: "9.9.9" in the checkpoint, "${version}" in this run`)
  })

  it('refuses a checkpoint that is damaged or has no checksum, and starts again without it', async () => {
    const output = join(await temporary(), 'run')
    await call(['train', '--model', 'logistic', '--steps', '10', '--json', '--output', output])
    const before = await outcome(output)
    const file = join(output, 'checkpoint.safetensors')
    const whole = await readFile(file)
    await rm(join(output, 'summary.json'))
    const resume = async (bytes: Uint8Array) => {
      await writeFile(file, bytes)
      return await call(['train', '--resume', output, '--json'])
    }
    const again = 'it cannot be resumed: remove it to make the run again from its first step'

    const flipped = Buffer.from(whole).fill(0xff, whole.length - 5000, whole.length - 4990)
    const inState = Buffer.from(whole.toString('latin1').replace(/(state":"[^}]*?samples\\":)\d/, '$19'), 'latin1')
    expect(inState.equals(whole)).toBe(false)
    for (const damaged of [flipped, inState]) {
      const { code, stdout, stderr } = await resume(damaged)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^error: [^\n]*\n$/)
      expect(stderr).toContain(`${file}: damaged: the SHA-256 of what is in it is `)
      expect(stderr).toContain(again)
    }
    const { tensors, metadata } = parseSafetensors(whole, file)
    const { sha256, ...older } = metadata
    const { code, stderr } = await resume(writeSafetensors(tensors, older))
    expect({ code, is: stderr.startsWith(`error: ${file}: has no checksum`) }).toEqual({ code: 1, is: true })
    expect(stderr).toContain(again)

    await rm(file)
    expect((await call(['train', '--resume', output, '--json'])).code).toBe(0)
    const after = await outcome(output)
    expect(after.records).toEqual(before.records)
    expect(after.weights.equals(before.weights)).toBe(true)
  })

  it('names what is not there, and records that are missing', async () => {
    const folder = await temporary()
    expect((await call(['train', '--resume', folder])).stderr).toBe(
      `error: ${folder}: no run to resume here: there is no config.json\n`,
    )
    const output = join(folder, 'run')
    const flags = ['--json', '--overwrite', '--output', output]
    const usage = await call(['train', '--resume', output, ...flags])
    expect(usage.code).toBe(2)
    await call([...short, '--steps', '40', '--output', output])
    const summary = JSON.parse(await readFile(join(output, 'summary.json'), 'utf8'))
    await writeFile(join(output, 'records.jsonl'), '{"step":1}\n{"st')
    await writeFile(join(output, 'summary.json'), '{"outcome":')
    expect((await call(['train', '--resume', output])).stderr).toMatch(
      /^error: [^\n]*summary.json: not the summary of a run: [^\n]*; remove it to go on\n$/,
    )
    for (const [text, why] of [
      ['[]', 'expected an object, got \\[\\]'],
      ['{"outcome":"done"}', 'outcome: expected finished, interrupted, diverged, got "done"'],
      ['{"outcome":"finished"}', 'steps: expected a number, got none'],
      [JSON.stringify({ ...summary, firstLoss: '1' }), 'firstLoss: expected a number or null, got "1"'],
      [JSON.stringify({ ...summary, test: 3 }), 'test: expected an object with a loss, got 3'],
    ] as const) {
      await writeFile(join(output, 'summary.json'), text)
      expect((await call(['train', '--resume', output])).stderr).toMatch(
        new RegExp(`^error: [^\\n]*summary.json: not the summary of a run: ${why}; remove it to go on\\n$`),
      )
    }
    await writeFile(join(output, 'summary.json'), JSON.stringify({ ...summary, outcome: 'interrupted' }))
    expect((await call(['train', '--resume', output])).stderr).toMatch(
      /records.jsonl: 1 records, but the checkpoint beside it is of step 40; /,
    )
  })

  it('leaves a run to the process that works on it', async () => {
    const output = join(await temporary(), 'run')
    const forever = [...short, '--samples', '1000000000', '--output', output]
    let second: ReturnType<typeof call> | undefined
    let ended = false
    const { code } = await call(forever, (soFar) => {
      if (soFar.split('\n').length < 50) return undefined
      second ??= call(['train', '--resume', output])
      void second.then(() => {
        ended = true
      })
      return ended ? 'SIGINT' : undefined
    })
    expect(code).toBe(130)
    expect(await second).toMatchObject({
      code: 1,
      stderr: `error: ${output}: another process is working on this run\n`,
    })
    const records = lines(await readFile(join(output, 'records.jsonl'), 'utf8'))
    expect(records.map(({ step }) => step)).toEqual(records.map((_, k) => k + 1))
  })

  it('starts from weights of a file, and names a file that does not fit', async () => {
    const folder = await temporary()
    const run = (name: string, ...more: string[]) =>
      call([
        'train',
        '--model',
        'logistic',
        '--batch-policy',
        'constant',
        ...more,
        '--output',
        join(folder, name),
        '--json',
      ])
    await run('first', '--samples', '2000')
    const weights = join(folder, 'first', 'weights.safetensors')
    const { code, stdout } = await run('second', '--samples', '64', '--weights', weights)
    expect(code).toBe(0)
    const loss = (text: string) => lines(text)[1].loss
    expect(loss(stdout)).toBeLessThan(1.5)
    const other = await call(['train', '--weights', weights, '--samples', '64'])
    expect(other.stderr).toMatch(/^error: .*weights.safetensors: not the parameters of mnist-cnn: missing /)
  })
})
