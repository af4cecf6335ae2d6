// Data sets from where they are published; Node only.
import { createReadStream, existsSync } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import writeFileAtomic from 'write-file-atomic'
import { ConfigurationError, DataError } from '../../errors.ts'
import { makeFolder } from '../../folder.ts'
import { digest, sumsFile } from './check.ts'
import { type FetchOptions, fetchFile, flushToDisk } from './fetch-file.ts'
import type { KnownDataset } from './known.ts'

export interface DownloadOptions extends Omit<FetchOptions, 'progress'> {
  /** The address of a folder with the same files, instead of the official places. */
  readonly from?: string
  /** Told what is being done, and how far it is: bytes there and in all. */
  readonly progress?: (what: string, bytes: number, total: number) => void
}

/**
 * Downloads a data set into a folder; what is there and right stays, what is there in part is gone on with.
 *
 * A file has its name only when it is whole and its checksum is the published one. Archives are unpacked, and removed.
 *
 * @throws ConfigurationError for a data set that is not downloaded; DataError when no place has it, or its files are wrong
 */
export async function downloadDataset(
  dataset: KnownDataset,
  folder: string,
  options: DownloadOptions = {},
): Promise<void> {
  const { from, progress, ...fetching } = options
  if (dataset.files.length === 0)
    throw new ConfigurationError(`${dataset.name}: ${dataset.checksums}; there is nothing to download`)
  if (dataset.archive && (await isUnpacked(dataset, folder))) return
  await prepareFolder(folder)
  const places = from === undefined ? dataset.places : [from]
  for (const file of dataset.files) {
    const path = join(folder, file.name)
    if (existsSync(path)) {
      if ((await digest(path, 'md5')) === file.md5) continue
      throw new DataError(`${path}: not the published file, whose MD5 is ${file.md5}; move it away first`)
    }
    const addresses = places.map((place) => (place.endsWith('/') ? place : `${place}/`) + file.name)
    await fetchFile(addresses, path, file, {
      ...fetching,
      ...(progress && { progress: (bytes) => progress(file.name, bytes, file.bytes) }),
    })
  }
  if (dataset.archive) await unpack(dataset, folder, progress)
}

/** Whether the members are there since an earlier call, which writes their checksums last. */
async function isUnpacked({ archive }: KnownDataset, folder: string): Promise<boolean> {
  const inner = join(folder, archive!.folder)
  if (!existsSync(join(inner, sumsFile))) return false
  for (const { name, bytes } of archive!.members)
    if ((await stat(join(inner, name)).catch(() => undefined))?.size !== bytes) return false
  return true
}

async function unpack(
  { archive, files }: KnownDataset,
  folder: string,
  progress: DownloadOptions['progress'],
): Promise<void> {
  const { unpackTar } = await import('modern-tar/fs')
  const path = join(folder, files[0]!.name)
  const inner = join(folder, archive!.folder)
  const part = `${inner}.part`
  progress?.(`unpacking ${files[0]!.name}`, 0, 1)
  await rm(part, { recursive: true, force: true })
  await pipeline(createReadStream(path), createGunzip(), unpackTar(part))
  await prepareFolder(inner)
  const sums: string[] = []
  for (const { name, bytes } of archive!.members) {
    const unpacked = join(part, archive!.folder, name)
    const found = (await stat(unpacked).catch(() => undefined))?.size
    if (found !== bytes)
      throw new DataError(
        `${path}: expected ${archive!.folder}/${name} of ${bytes} bytes in it, found ${found ?? 'none'}`,
      )
    sums.push(`${await digest(unpacked, 'sha256')}  ${name}\n`)
    await flushToDisk(unpacked)
    await rename(unpacked, join(inner, name))
  }
  await writeFileAtomic(join(inner, sumsFile), sums.join(''))
  await rm(part, { recursive: true, force: true })
  await rm(path)
}

async function prepareFolder(folder: string): Promise<void> {
  try {
    makeFolder(folder)
    await (await open(folder)).close()
  } catch (cause) {
    throw new DataError(`${folder}: cannot be made (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

/** For a download by hand: what has to lie where. */
export const byHand = ({ places, files, archive }: KnownDataset, folder: string): string => {
  const names = files.length === 1 ? files[0]!.name : `${files.length} files ${files[0]!.name} …`
  const then = archive ? `, unpacked in ${folder}` : `, put into ${folder}`
  return `is there a network? By hand: ${names} from ${places[0]}${then}`
}
