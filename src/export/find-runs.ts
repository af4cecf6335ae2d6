// Runs in folders; Node only.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { ConfigurationError } from '../errors.ts'
import { runFiles } from '../running/run-folder.ts'

/** A run that was found, with the name that it has in tables. */
export interface FoundRun {
  readonly name: string
  readonly folder: string
}

/**
 * The runs in folders: each is one itself, or has some within it, at any depth.
 *
 * @throws ConfigurationError for a folder without runs, and for two runs that would have the same name
 */
export function findRuns(paths: readonly string[]): FoundRun[] {
  const runs = paths.flatMap((path) => {
    if (!existsSync(path)) throw new ConfigurationError(`${path}: no such folder`)
    if (!statSync(path).isDirectory())
      throw new ConfigurationError(`${path}: a file, expected the folder of a run, with ${runFiles.records} in it`)
    if (isRun(path)) return [{ name: basename(resolve(path)), folder: path }]
    const within = readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name === runFiles.records)
      .map((entry) => ({
        name: relative(path, entry.parentPath).replaceAll('\\', '/'),
        folder: entry.parentPath,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    if (within.length === 0)
      throw new ConfigurationError(`${path}: no run here or in a folder within: there is no ${runFiles.records}`)
    return within
  })
  const names = new Map<string, string>()
  for (const { name, folder } of runs) {
    const other = names.get(name)
    if (other !== undefined)
      throw new ConfigurationError(`${other} and ${folder}: both runs are called ${name}; give the folder around them`)
    names.set(name, folder)
  }
  return runs
}

const isRun = (folder: string) => existsSync(join(folder, runFiles.records))
