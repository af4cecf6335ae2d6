// Making folders; Node only.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder, with those that it lies in; one that is there already is left as it is.
 *
 * Level by level, for `mkdir` with `recursive` does not end where a file system takes no folders (`/proc/x`): told that there
 * is no such place, it makes the parent, which is there, and tries again.
 *
 * @throws what the system says, with its `code`
 * @example makeFolder('runs/first')
 */
export function makeFolder(path: string): void {
  const missing: string[] = []
  let at = resolve(path)
  while (!existsSync(at) && dirname(at) !== at) {
    missing.push(at)
    at = dirname(at)
  }
  // One that is there need not be a folder; then the system says so.
  for (const folder of missing.length > 0 ? missing.reverse() : [at])
    try {
      mkdirSync(folder)
    } catch (error) {
      // Another process may have been faster.
      if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error
    }
}
