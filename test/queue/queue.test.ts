import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { checkComparison } from '../../src/comparing/comparison.ts'
import type { RunState } from '../../src/comparing/runs.ts'
import { call, lines, temporary } from '../cli/command.ts'
import { end, freePort, hasRedis, type RedisServer, redisServer } from './redis.ts'

// As built: runs are on threads, and Node's threads read no TypeScript.
const built = (path: string) => import(new URL(`../../dist/${path}`, import.meta.url).href)
const { submitRuns }: typeof import('../../src/queue/submit.ts') = await built('queue/submit.js')
const { makeRuns }: typeof import('../../src/comparing/runs.ts') = await built('comparing/runs.js')

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const runs = ['adaptive/seed-1', 'b-16/seed-1', 'adaptive/seed-2', 'b-16/seed-2']

async function comparison(steps: number, extra = '') {
  const folder = await temporary()
  const file = join(folder, 'queued.yaml')
  const text = `problem: least-squares
optimizer: adagrad
budget: { steps: ${steps} }
checkpointSteps: ${Math.ceil(steps / 40)}
seeds: 2
schemes:
  adaptive: { batchSize: { name: adaptive, test: { name: norm, eta: 0.5 }, initial: 4, max: 64 } }
  b = 16: { batchSize: 16 }
${extra}`
  await writeFile(file, text)
  return { file, parsed: checkComparison(parse(text)), output: join(folder, 'shared') }
}

const records = async (output: string, run: string) =>
  lines(await readFile(join(output, run, 'records.jsonl'), 'utf8')).map(({ seconds, ...record }) => record)
const written = async (output: string) => {
  const sizes = runs.map(
    async (run) => (await stat(join(output, run, 'records.jsonl')).catch(() => undefined))?.size ?? 0,
  )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

const going: ChildProcess[] = []
const servers: RedisServer[] = []
afterEach(async () => {
  await Promise.all(going.splice(0).map((child) => end(child, 'SIGKILL')))
  await Promise.all(servers.splice(0).map((server) => server.kill()))
})
const serve = async () => {
  const server = await redisServer()
  servers.push(server)
  return server
}
const worker = (url: string) => {
  const args = [cli, 'worker', '--queue', url, '--jobs', '1', '--patience', '1']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  going.push(child)
  const said = { child, text: '' }
  child.stdout.on('data', (chunk) => {
    said.text += chunk
  })
  return said
}

describe.skipIf(!hasRedis)('a queue on Redis (skipped without redis-server)', () => {
  it('makes every run once and whole, though its workers are killed', async () => {
    const steps = 12_000
    const { file, parsed, output } = await comparison(steps)
    const alone = join(output, '..', 'alone')
    const expected = makeRuns(parsed, { output: alone, jobs: 1 })
    const { url } = await serve()
    const workers = [worker(url), worker(url)]
    const watched = call(['compare', file, '--output', output, '--queue', url])
    let over = false
    void watched.then(() => {
      over = true
    })
    const all = [...workers]
    let kills = 0
    // At moments that depend on how far they are, so that kills hit runs on slow machines and fast ones.
    const size = async () => (over ? Number.POSITIVE_INFINITY : await written(output))
    for (let enough = 0; !over && kills < 5; ) {
      enough = Math.min((await written(output)) + 30_000 + 400_000 * Math.random(), Number.MAX_SAFE_INTEGER)
      while ((await size()) < enough) await delay(5)
      if (over) break
      const k = kills % 2
      const { child } = workers[k]!
      // One is asked to end: its run goes back to the queue at once. Another is only held up, and finds its run taken.
      if (kills === 1) {
        child.kill('SIGSTOP')
        setTimeout(() => child.kill('SIGCONT'), 5000)
      } else await end(child, kills === 2 ? 'SIGTERM' : 'SIGKILL')
      kills++
      workers[k] = worker(url)
      all.push(workers[k])
    }
    const { code, stdout, stderr } = await watched
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('4 of 4 runs done')
    expect(kills).toBeGreaterThanOrEqual(3)
    await expected
    for (const run of runs) {
      const made = await records(output, run)
      expect(made.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, k) => k + 1))
      expect(made).toEqual(await records(alone, run))
      const weights = (folder: string) => readFile(join(folder, run, 'weights.safetensors'))
      expect(await weights(output)).toEqual(await weights(alone))
      expect((await readdir(join(output, run))).filter((name) => name.startsWith('lease'))).toEqual([])
    }
    // Each run came to its end once.
    const ends = all.flatMap(({ text }) => text.match(/^.*: finished$/gm) ?? [])
    expect(ends.sort()).toEqual([...new Set(ends)].sort())

    const again = await call(['compare', file, '--output', output, '--queue', url])
    expect(again.stdout).toContain('4 of 4 runs are there already')
  })

  it('reports runs that fail, makes the others, and tries again when asked to', async () => {
    const { parsed, output } = await comparison(50, '  broken: { model: logistic, data: "mnist:/nowhere" }\n')
    const { url } = await serve()
    worker(url)
    for (const there of [0, 4]) {
      let found = 0
      const begin = (states: readonly RunState[]) => {
        found = states.filter(({ summary }) => summary).length
      }
      const states = await submitRuns(parsed, { output, queue: url, observer: { begin } })
      expect(found).toBe(there)
      expect(states.map(({ summary, error }) => summary?.outcome ?? error)).toEqual(
        ['finished', 'finished', 0, 'finished', 'finished', 0].map(
          (outcome) => outcome || expect.stringMatching(/^\/nowhere\/train-images.*: no such file/),
        ),
      )
    }
  })

  it('goes on after the server has forgotten everything', async () => {
    const { parsed, output } = await comparison(50)
    const port = await freePort()
    const first = await redisServer(port)
    const watched = submitRuns(parsed, { output, queue: first.url })
    await delay(300)
    await first.kill()
    servers.push(await redisServer(port))
    const one = worker(first.url)
    expect((await watched).map(({ summary }) => summary?.outcome)).toEqual(Array(4).fill('finished'))
    await end(one.child, 'SIGTERM')
    expect(one.child.exitCode).toBe(0)
  })

  it('refuses runs whose folder this machine does not have', async () => {
    const { parsed, output } = await comparison(50)
    const { url } = await serve()
    const watched = submitRuns(parsed, { output, queue: url })
    while (!(await stat(join(output, 'comparison.json')).catch(() => undefined))) await delay(20)
    await rm(output, { recursive: true })
    worker(url)
    for (const { error } of await watched)
      expect(error).toMatch(/not the comparison's folder on this machine; it has to be on a disk shared with/)
  })
})

describe('a queue that is not there', () => {
  it('is an error in one line', async () => {
    const { file, output } = await comparison(50)
    const url = `redis://user:secret@127.0.0.1:${await freePort()}`
    for (const args of [
      ['worker', '--queue', url],
      ['compare', file, '--output', output, '--queue', url],
    ]) {
      const { code, stderr } = await call(args)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error: redis:\/\/127.0.0.1:\d+: no Redis server to work with: ECONNREFUSED\n$/)
    }
    const { stderr } = await call(['worker', '--queue', 'localhost'])
    expect(stderr).toBe('error: --queue: expected redis://host:port, got "localhost"\n')
    const both = await call(['compare', file, '--queue', url, '--task', '1/2'])
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('--task has no meaning with --queue') })
  })
})
