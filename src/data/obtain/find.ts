// Where data sets lie on this machine; Node only.
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ConfigurationError } from '../../errors.ts'
import { dataVariable } from '../files.ts'
import { type KnownDataset, knownDatasets } from './known.ts'

/** @throws ConfigurationError for a name that is not known */
export function knownDataset(name: string): KnownDataset {
  const known = knownDatasets.find((dataset) => dataset.name === name)
  if (known) return known
  const names = knownDatasets.map((dataset) => dataset.name)
  throw new ConfigurationError(`there is no data set ${name}; there are ${names.join(', ')}`)
}

/**
 * The folder that has a data set, or at least one of its files.
 *
 * @param root looked into first, then the folder that ADADAGRAD_DATA names, then where the system puts it
 */
export function findDataset(dataset: KnownDataset, root?: string): string | undefined {
  const roots = [root, process.env[dataVariable]].filter((folder) => folder !== undefined && folder !== '')
  const folders = roots.flatMap((folder) => [
    join(folder!, dataset.name),
    ...(dataset.torchvision === undefined ? [] : [join(folder!, dataset.torchvision)]),
    // Files of MNIST and Fashion-MNIST have the same names: in a folder of another name only those of CIFAR are told apart.
    ...(dataset.archive || basename(folder!) === dataset.name ? [folder!] : []),
  ])
  return [...folders, ...(dataset.debian ? [dataset.debian.folder] : [])].find((folder) =>
    filesOf(dataset).some(({ name }) => locate(folder, name) !== undefined),
  )
}

/** The files that are read: those published, or what the archive has in it. */
export const filesOf = ({
  archive,
  files,
}: KnownDataset): readonly { readonly name: string; readonly bytes: number }[] =>
  archive ? archive.members.map(({ name, bytes }) => ({ name: `${archive.folder}/${name}`, bytes })) : files

/** The path of a file in a folder, under one of the names that it may have: compressed or not, in the archive's folder or not. */
export function locate(folder: string, name: string): string | undefined {
  const plain = name.replace(/\.gz$/, '')
  const names = [name, plain, `${plain}.gz`, plain.replace('-idx', '.idx'), basename(plain), `${basename(plain)}.gz`]
  return names.map((candidate) => join(folder, candidate)).find((path) => existsSync(path))
}
