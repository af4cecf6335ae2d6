// BullMQ and Redis, which are there only for those who want them; Node only.
import type { Redis } from 'ioredis'
import { AdadagradError, ConfigurationError } from '../errors.ts'

/** The queue of all comparisons; `--queue redis://host/2` tells several apart by their database. */
export const queueName = 'adadagrad'

/** The libraries, and connections as they need them. */
export interface QueueLibrary {
  readonly bullmq: typeof import('bullmq')
  /** A connection that survives restarts of the server. */
  connect(): Redis
  /** Its address without a password. */
  readonly address: string
}

/**
 * Loads BullMQ and finds out whether the server answers.
 *
 * @param url redis://[user:password@]host[:port][/database], or rediss:// for TLS
 * @throws ConfigurationError for another address; AdadagradError where the packages are missing or no server answers
 */
export async function connectQueue(url: string): Promise<QueueLibrary> {
  const address = addressOf(url)
  const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]).catch((cause) => {
    throw new AdadagradError('a queue needs the packages bullmq and ioredis: npm install bullmq ioredis', { cause })
  })
  // The first error names the reason; what follows only says that the connection is closed.
  let reason: NodeJS.ErrnoException | undefined
  const probe = new Redis(url, { lazyConnect: true, connectTimeout: 5000, retryStrategy: () => null })
  probe.on('error', (error) => {
    reason ??= error
  })
  try {
    await probe.connect()
    await probe.ping()
  } catch (cause) {
    const { code, message } = reason ?? (cause as NodeJS.ErrnoException)
    throw new AdadagradError(`${address}: no Redis server to work with: ${code ?? message}`, { cause })
  } finally {
    probe.disconnect()
  }
  return {
    bullmq,
    address,
    connect() {
      const connection = new Redis(url, { maxRetriesPerRequest: null })
      connection.on('error', () => {})
      return connection
    },
  }
}

function addressOf(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    if ((protocol === 'redis:' || protocol === 'rediss:') && host !== '') return `${protocol}//${host}${pathname}`
  } catch {}
  throw new ConfigurationError(
    `--queue: expected redis://host:port, got ${JSON.stringify(url.replace(/\/\/.*@/, '//…@'))}`,
  )
}
