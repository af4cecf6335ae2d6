import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { takeLease } from '../../src/running/lease.ts'
import { temporary } from '../cli/command.ts'

const patience = 0.3
const elsewhere = (beat: number) =>
  JSON.stringify({ token: 'x', host: 'other', machine: 'other', pid: 1, began: '1', beat })

describe.concurrent('leases', () => {
  it('belong to one process at a time, and leave nothing behind', async () => {
    const folder = join(await temporary(), 'run')
    const lease = await takeLease(folder, { patience })
    expect(await takeLease(folder, { patience })).toBeUndefined()
    // Silence is what counts, not age.
    await delay(2000 * patience)
    expect(await takeLease(folder, { patience })).toBeUndefined()
    const waiting = takeLease(folder, { patience, wait: true })
    lease!.release()
    ;(await waiting)!.release()
    expect(await readdir(folder)).toEqual([])
  })

  it('are never held twice', async () => {
    const folder = join(await temporary(), 'run')
    let [holders, most, times] = [0, 0, 0]
    const contend = async () => {
      for (let round = 0; round < 3; round++) {
        const lease = await takeLease(folder, { patience, wait: true })
        most = Math.max(most, ++holders)
        times++
        await delay(3)
        holders--
        lease!.release()
      }
    }
    await Promise.all(Array.from({ length: 6 }, contend))
    expect({ most, times }).toEqual({ most: 1, times: 18 })
  })

  it('of a process that was killed are taken at once', async () => {
    const folder = await temporary()
    const code = `import { takeLease } from ${JSON.stringify(new URL('../../dist/running/lease.js', import.meta.url).href)}
      await takeLease(${JSON.stringify(folder)}); console.log('taken'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code])
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect(await readdir(folder)).toEqual(['lease.1'])
    const ended = new Promise((resolve) => child.on('close', resolve))
    child.kill('SIGKILL')
    await ended
    // Without waiting to be sure that it is silent, which here would take an hour.
    const lease = await takeLease(folder, { patience: 3600 })
    expect(await readdir(folder)).toEqual(['lease.2'])
    lease!.release()
  })

  it('of another machine are taken when it is silent, and not before', async () => {
    const folder = await temporary()
    let beat = 0
    const file = join(folder, 'lease.4')
    await writeFile(file, elsewhere(beat))
    const beats = () => writeFileSync(file, elsewhere(++beat))
    const beating = setInterval(beats, 50)
    let taken = false
    const waiting = takeLease(folder, { patience, wait: true }).then((lease) => {
      taken = true
      return lease!
    })
    await delay(3000 * patience)
    expect(taken).toBe(false)
    clearInterval(beating)
    beats()
    const silent = performance.now()
    const lease = await waiting
    expect(performance.now() - silent).toBeGreaterThan(1000 * patience)
    expect(await readdir(folder)).toEqual(['lease.5'])

    // And whoever is taken for silent learns of it.
    const lost = once(lease.lost, 'abort')
    await writeFile(join(folder, 'lease.6'), elsewhere(0))
    await lost
    lease.release()
    expect(await readFile(join(folder, 'lease.6'), 'utf8')).toBe(elsewhere(0))
  })

  it('can be waited for until an interruption', async () => {
    const folder = await temporary()
    const lease = await takeLease(folder, { patience })
    expect(await takeLease(folder, { patience, wait: true, signal: AbortSignal.timeout(50) })).toBeUndefined()
    lease!.release()
  })
})
