// One file from the network, resumed and verified; Node only.
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { DataError } from '../../errors.ts'
import { digest } from './check.ts'
import type { PublishedFile } from './known.ts'

export interface FetchOptions {
  readonly signal?: AbortSignal
  /** Told how many bytes are there. */
  readonly progress?: (bytes: number) => void
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly patience?: number
  /** Milliseconds before the first attempt to go on; each further one waits twice as long. */
  readonly pause?: number
}

/** Attempts at one place that bring nothing new. */
const attempts = 4

/**
 * Fetches a file into `path`. Until it is whole and its checksum holds, it is called `path.part`; a connection that breaks
 * off is resumed there, now or when this is called again.
 *
 * @param addresses of the same file; the next one is tried when one fails
 * @throws DataError when none has it, with the reason for each
 */
export async function fetchFile(
  addresses: readonly string[],
  path: string,
  file: PublishedFile,
  options: FetchOptions = {},
): Promise<void> {
  const part = `${path}.part`
  const reasons: string[] = []
  for (const address of addresses) {
    const reason = await fetchFrom(address, part, file, options)
    options.signal?.throwIfAborted()
    if (reason === undefined) {
      await flushToDisk(part)
      await rename(part, path)
      return
    }
    reasons.push(`${new URL(address).host}: ${reason}`)
  }
  const kept = (await sizeOf(part)) > 0 ? '; what came is kept, and the same command goes on from there' : ''
  throw new DataError(`${file.name} could not be fetched: ${reasons.join('; ')}${kept}`)
}

/** @returns why it failed, or nothing */
async function fetchFrom(
  address: string,
  part: string,
  file: PublishedFile,
  options: FetchOptions,
): Promise<string | undefined> {
  let reason = ''
  let pause = options.pause ?? 1000
  let startedAnew = false
  for (let fruitless = 0; fruitless < attempts; ) {
    const before = await sizeOf(part)
    if (before < file.bytes) {
      const failed = await receive(address, part, before, options)
      options.signal?.throwIfAborted()
      if (failed?.final) return failed.reason
      const after = await sizeOf(part)
      reason = failed?.reason ?? `the connection ended after ${after} of ${file.bytes} bytes`
      if (after < file.bytes) {
        if (after > before) pause = options.pause ?? 1000
        fruitless = after > before ? 0 : fruitless + 1
        if (fruitless < attempts)
          await delay(pause, undefined, { ...(options.signal && { signal: options.signal }) }).catch(() => {})
        pause *= 2
        continue
      }
    }
    const md5 = await digest(part, 'md5')
    if (md5 === file.md5) return undefined
    const size = await sizeOf(part)
    await rm(part)
    reason = `not the published file: ${size} bytes with MD5 ${md5}, expected ${file.bytes} with ${file.md5}; removed`
    // What was there before may have been the wrong part.
    if (before === 0 || startedAnew) return reason
    startedAnew = true
  }
  return reason
}

interface Failure {
  readonly reason: string
  /** Trying again will not help. */
  readonly final?: boolean
}

/** Appends what the server sends from byte `from` on. */
async function receive(
  address: string,
  part: string,
  from: number,
  { signal, progress, patience = 30_000 }: FetchOptions,
): Promise<Failure | undefined> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), patience)
  try {
    const response = await fetch(address, {
      // Compressed on the way, byte positions would mean something else.
      headers: { 'accept-encoding': 'identity', ...(from > 0 && { range: `bytes=${from}-` }) },
      signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
    })
    const { status, body } = response
    if (status !== 200 && status !== 206) {
      await body?.cancel()
      // 416: what is there is longer than the file.
      if (status === 416) await rm(part, { force: true })
      return {
        reason: `the server answers ${status} ${response.statusText}`.trimEnd(),
        final: status < 500 && status !== 416 && status !== 429,
      }
    }
    // A server that does not know ranges sends the whole file again.
    const start = status === 206 ? Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]) : 0
    if (start !== 0 && start !== from) {
      await body?.cancel()
      return { reason: `asked for bytes from ${from} on, the server sends those from ${start} on`, final: true }
    }
    const file = createWriteStream(part, start === 0 ? { flags: 'w' } : { flags: 'r+', start })
    const written = new Promise<void>((resolve, reject) => file.on('close', resolve).on('error', reject))
    // It may fail while nobody waits for it: the reason is asked for at the end.
    written.catch(() => {})
    let at = start
    try {
      for await (const chunk of body!) {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), patience)
        if (!file.write(chunk)) await once(file, 'drain')
        at += chunk.length
        progress?.(at)
      }
    } finally {
      file.end()
      await written
    }
    return undefined
  } catch (error) {
    if (silence.signal.aborted) return { reason: `nothing came for ${patience / 1000} s` }
    return failure(error, part)
  } finally {
    clearTimeout(timer)
  }
}

function failure(error: unknown, part: string): Failure {
  const { syscall, code: own } = error as NodeJS.ErrnoException
  // The disk, not the network: full, or not writable.
  if (syscall === 'open' || syscall === 'write')
    throw new DataError(`${part}: cannot be written (${own})`, { cause: error })
  const cause = ((error as Error).cause ?? error) as NodeJS.ErrnoException
  const code = cause.code ?? cause.message
  const offline = ['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']
  if (offline.includes(code)) return { reason: `cannot be reached (${code})`, final: true }
  return { reason: `the connection broke off (${code})` }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

/** Waits until what a file has is on the disk. */
export async function flushToDisk(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
