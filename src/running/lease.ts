// Who works on a run, said in its folder: processes of one machine or of many that share the folder; Node only.
//
// A lease is a file `lease.N`, made so that only one process can make it, whose holder rewrites it at every beat. A lease
// whose holder is dead, or has not been heard of for some time, is taken over by making `lease.N+1`. No clocks are compared:
// how long a holder is silent is measured by the one who waits.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AdadagradError } from '../errors.ts'
import { makeFolder } from '../folder.ts'

/** The right to work on a run. */
export interface Lease {
  /** Aborted when the run was taken over: it was not heard of for too long. Nothing may be written any more. */
  readonly lost: AbortSignal
  /** Taken from one that was only silent: it may still have files open. */
  readonly contested: boolean
  release(): void
}

export interface LeaseOptions {
  /** Seconds of silence after which a lease can be taken over; the holder is heard of six times as often. */
  readonly patience?: number
  /** Wait until the holder releases it or is silent, instead of giving up at the first sign of life. */
  readonly wait?: boolean
  readonly signal?: AbortSignal
}

interface Holder {
  readonly token: string
  readonly host: string
  readonly machine: string
  readonly pid: number
  /** When the process began, as its system counts: process ids come back. */
  readonly began: string
  readonly beat: number
}

/** Seconds of silence, if nothing else is said. */
export const defaultPatience = 30

/**
 * Takes a run's folder for this process.
 *
 * @returns nothing where another process works on it, or when the signal was aborted first
 * @throws AdadagradError for a folder that cannot be written to
 */
export async function takeLease(folder: string, options: LeaseOptions = {}): Promise<Lease | undefined> {
  const { patience = defaultPatience, wait = false, signal } = options
  makeFolder(folder)
  const mine = { token: randomUUID(), host: hostname(), machine, pid: process.pid, began: beganAt('self') ?? '' }
  const pause = Math.min(1000, (1000 * patience) / 12)
  let seen = ''
  let silent = 0
  let looked = performance.now()
  while (!signal?.aborted) {
    const last = newest(folder)
    const text = last === undefined ? undefined : read(folder, last)
    if (last !== undefined && text === undefined) continue
    // Whoever was held up between two looks does not know what the holder would have said: that is no silence.
    silent = text === seen ? silent + Math.min(performance.now() - looked, 2 * pause) : 0
    looked = performance.now()
    if (last === undefined || isDead(text!) || silent > 1000 * patience) {
      const taken = (last ?? 0) + 1
      if (make(folder, taken, { ...mine, beat: 0 })) {
        // Another may have made one of its own, or released the one that seemed dead, in between.
        if (newest(folder) === taken && (last === undefined || read(folder, last) === text)) {
          for (const old of numbers(folder)) if (old < taken) rmSync(fileOf(folder, old), { force: true })
          return hold(folder, taken, mine, patience, last !== undefined && !isDead(text!))
        }
        rmSync(fileOf(folder, taken), { force: true })
      }
      continue
    }
    if (text !== seen) {
      if (seen !== '' && !wait) return undefined
      seen = text!
    }
    await delay(pause, undefined, { ...(signal && { signal }) }).catch(() => {})
  }
  return undefined
}

function hold(folder: string, number: number, mine: Omit<Holder, 'beat'>, patience: number, contested: boolean): Lease {
  const lost = new AbortController()
  let beat = 0
  const timer = setInterval(
    () => {
      try {
        const holder = parse(read(folder, number) ?? '')
        if (newest(folder) !== number || (holder !== undefined && holder.token !== mine.token)) {
          clearInterval(timer)
          lost.abort()
        } else writeFileSync(fileOf(folder, number), JSON.stringify({ ...mine, beat: ++beat }))
      } catch {
        // A disk that does not answer for a moment; if it lasts, the others will find us silent.
      }
    },
    (1000 * patience) / 6,
  )
  // A lease alone is no reason to stay.
  timer.unref()
  return {
    lost: lost.signal,
    contested,
    release() {
      clearInterval(timer)
      if (!lost.signal.aborted) rmSync(fileOf(folder, number), { force: true })
    },
  }
}

const fileOf = (folder: string, number: number) => join(folder, `lease.${number}`)

const numbers = (folder: string): number[] =>
  readdirSync(folder).flatMap((name) => {
    const number = /^lease\.(\d+)$/.exec(name)?.[1]
    return number === undefined ? [] : [Number(number)]
  })

const newest = (folder: string): number | undefined => numbers(folder).sort((a, b) => b - a)[0]

function read(folder: string, number: number): string | undefined {
  try {
    return readFileSync(fileOf(folder, number), 'utf8')
  } catch {
    return undefined
  }
}

function make(folder: string, number: number, holder: Holder): boolean {
  try {
    writeFileSync(fileOf(folder, number), JSON.stringify(holder), { flag: 'wx' })
    return true
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new AdadagradError(`${folder}: cannot be written to (${code})`, { cause })
  }
}

/** Half written, it says nothing yet. */
function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether the holder was a process of this machine that is no more. Of others one can only notice that they are silent. */
function isDead(text: string): boolean {
  const holder = parse(text)
  if (holder?.machine !== machine) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const began = beganAt(holder.pid)
  return began !== undefined && holder.began !== '' && began !== holder.began
}

/** Where process ids mean the same: one boot of one machine, and on Linux one namespace of processes. */
const machine = ((): string => {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
})()

/** Clock ticks from the machine's start to the process's, where /proc says so. */
function beganAt(pid: number | 'self'): string | undefined {
  try {
    // After the name, which is in brackets and may have spaces: the state is field 3, the start field 22.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    // A zombie is dead, though its parent has not asked for it yet.
    return fields[0] === 'Z' ? 'ended' : fields[19]
  } catch {
    return undefined
  }
}
