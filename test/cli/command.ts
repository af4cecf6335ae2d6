import { spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a call of the built command came to. */
export interface Called {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/**
 * Calls the built command.
 *
 * @param onOutput sees what has come so far; returns a signal to send to the process, once
 */
export function call(
  args: readonly string[],
  onOutput?: (soFar: string) => NodeJS.Signals | undefined,
): Promise<Called> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, NO_COLOR: '1' } })
    let [stdout, stderr, signalled] = ['', '', false]
    child.stdout.on('data', (chunk) => {
      stdout += chunk
      const signal = signalled ? undefined : onOutput?.(stdout)
      if (signal) {
        signalled = true
        child.kill(signal)
      }
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** A new folder for a test. */
export const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'adadagrad-test-'))

/** The objects of JSON lines. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into records as they are
export const lines = (text: string): any[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
