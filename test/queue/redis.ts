// A Redis server of its own for a test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { temporary } from '../cli/command.ts'

/** Debian's redis-server, or any other in the path. CI has to have it. */
export const hasRedis = process.env.CI !== undefined || spawnSync('redis-server', ['--version']).status === 0

export interface RedisServer {
  readonly url: string
  /** Ends it as a crash would; what it knew is lost. */
  kill(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

export async function redisServer(port?: number): Promise<RedisServer> {
  port ??= await freePort()
  const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: await temporary() }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn('redis-server', args)
  await new Promise<void>((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
      if (output.includes('Ready to accept connections')) resolve()
    })
    child.on('error', reject)
    child.on('close', () => reject(new Error(`redis-server ended:\n${output}`)))
  })
  return { url: `redis://127.0.0.1:${port}`, kill: () => end(child, 'SIGKILL') }
}

/** Sends a signal and waits until the process is gone. */
export function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.on('close', () => resolve())
    child.kill(signal)
  })
}
