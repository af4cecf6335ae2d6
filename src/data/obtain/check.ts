// Whether the files of a data set are what they should be; Node only.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { AdadagradError } from '../../errors.ts'
import { filesOf, locate } from './find.ts'
import type { KnownDataset } from './known.ts'

/** Written beside what was unpacked from a verified archive, for `sha256sum -c` and for `checkDataset`. */
export const sumsFile = 'SHA256SUMS'

/** What was found out about a file. */
export interface FileCheck {
  readonly name: string
  readonly verdict: 'right' | 'wrong' | 'missing' | 'no checksum'
  readonly why: string
}

export interface DatasetCheck {
  readonly files: readonly FileCheck[]
  /** Number of training and test samples, if the whole could be read. */
  readonly samples?: readonly [number, number]
  /** Why it could not. */
  readonly error?: string
  readonly passed: boolean
}

/**
 * Checks the files of a data set: each against the checksum that its authors publish (or Debian, for its own files), and
 * all of them by reading every sample.
 *
 * Files that were unpacked or compressed again have no published checksum; those are read, and the verdict says so.
 */
export async function checkDataset(dataset: KnownDataset, folder: string): Promise<DatasetCheck> {
  const files: FileCheck[] = []
  for (const file of filesOf(dataset)) files.push(await checkFile(dataset, folder, file.name))
  let samples: readonly [number, number] | undefined
  let error: string | undefined
  try {
    const { train, test } = await dataset.load(folder)
    samples = [train.size, test.size]
  } catch (cause) {
    if (!(cause instanceof AdadagradError)) throw cause
    error = cause.message
  }
  const passed = error === undefined && files.every(({ verdict }) => verdict === 'right' || verdict === 'no checksum')
  return { files, ...(samples && { samples }), ...(error !== undefined && { error }), passed }
}

async function checkFile(dataset: KnownDataset, folder: string, name: string): Promise<FileCheck> {
  const path = locate(folder, name)
  if (path === undefined) return { name, verdict: 'missing', why: `not in ${folder}` }
  const shown = relative(folder, path)
  const published = dataset.files.find((file) => file.name === basename(path))
  if (published) {
    const md5 = await digest(path, 'md5')
    if (md5 === published.md5) return { name: shown, verdict: 'right', why: dataset.checksums }
    const debian = await debianSum(dataset, path)
    if (debian === md5)
      return { name: shown, verdict: 'right', why: `MD5 as in Debian's package, which compressed it anew` }
    return { name: shown, verdict: 'wrong', why: `MD5 is ${md5}, but ${published.md5} is published` }
  }
  const sum = await ownSum(path)
  if (sum === undefined) return { name: shown, verdict: 'no checksum', why: 'none is published for the unpacked file' }
  const sha256 = await digest(path, 'sha256')
  return sha256 === sum
    ? { name: shown, verdict: 'right', why: `SHA-256 as when it was unpacked` }
    : { name: shown, verdict: 'wrong', why: `SHA-256 is ${sha256}, but was ${sum} when it was unpacked` }
}

/** What dpkg knows of the file. */
async function debianSum({ debian }: KnownDataset, path: string): Promise<string | undefined> {
  if (!debian || dirname(path) !== debian.folder) return undefined
  return sumIn(`/var/lib/dpkg/info/${debian.package}.md5sums`, path.slice(1))
}

const ownSum = (path: string) => sumIn(join(dirname(path), sumsFile), basename(path))

async function sumIn(file: string, name: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .map((line) => line.split(/ [ *]/))
    .find(([, listed]) => listed === name)?.[0]
}

/** The checksum of a file, in hexadecimal digits. */
export async function digest(path: string, algorithm: 'md5' | 'sha256'): Promise<string> {
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
