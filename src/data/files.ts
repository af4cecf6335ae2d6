// Data sets from files on disk: the only part of this folder that needs Node.
import { existsSync } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { choice, type Family, type Options } from '../choice.ts'
import { DataError } from '../errors.ts'
import { cropAndFlip } from './augment.ts'
import { gunzip, isGzip, malformed, type Tensor } from './bytes.ts'
import { type CifarImages, cifarClasses, parseCifar } from './cifar.ts'
import { arrayDataset, type Dataset, pixelScales, type TrainTest } from './dataset.ts'
import { parseDigits } from './digits.ts'
import { parseIdxImages } from './idx.ts'
import { parseNpy } from './npy.ts'
import { parseSafetensors, type Safetensors } from './safetensors.ts'

/** Where Debian's package `dataset-fashion-mnist` puts its files. */
export const debianFashionMnist = '/usr/share/datasets/fashion-mnist'

/**
 * The 10,000 MNIST digits of this package, see `parseDigits`.
 *
 * @throws DataError when the package was not built
 * @example const { train, test } = await loadDigits()
 */
export async function loadDigits(): Promise<TrainTest> {
  // src/data and dist/data are both two levels below the package's root.
  const path = fileURLToPath(new URL('../../dist/data/digits.bin', import.meta.url))
  if (!(await exists(path))) throw new DataError(`${path}: no such file; build the package first (npm run build)`)
  return parseDigits(await readFile(path), path)
}

/**
 * MNIST from its four IDX files, plain or `.gz`; also looked for in `MNIST/raw`, as torchvision stores them.
 *
 * Fields: `x` [1, 28, 28] float in [0, 1], `y` [] index in 0 … 9. Sizes 60,000 and 10,000.
 *
 * @param folder where the files are
 * @throws DataError when a file is missing, truncated, mislabelled or something else
 * @example const { train } = await loadMnist('data/mnist')
 */
export const loadMnist = (folder: string): Promise<TrainTest> => loadIdx('mnist', folder, ['.', 'MNIST/raw'])

/**
 * Fashion-MNIST: files and fields as MNIST's; also looked for in `FashionMNIST/raw`.
 *
 * @param folder where the files are; by default where Debian's package `dataset-fashion-mnist` puts them
 * @throws DataError when a file is missing, truncated, mislabelled or something else
 * @example const { train } = await loadFashionMnist()
 */
export const loadFashionMnist = (folder: string = debianFashionMnist): Promise<TrainTest> =>
  loadIdx('fashion-mnist', folder, ['.', 'FashionMNIST/raw'])

/** How CIFAR is loaded. */
export interface CifarOptions {
  /** `resnet`: per-channel mean and deviation; `cnn`: [−1, 1]. See `pixelScales`. */
  readonly scaling?: 'resnet' | 'cnn'
  /** Records that each file must have, instead of the published number. */
  readonly recordsPerFile?: number
}

/**
 * CIFAR-10, binary version: `data_batch_1.bin` … `data_batch_5.bin` and `test_batch.bin`, plain or `.gz`; also looked for
 * in `cifar-10-batches-bin`.
 *
 * Fields: `x` [3, 32, 32] float, `y` [] index in 0 … 9. Sizes 50,000 and 10,000. Not augmented: see `cropAndFlip`.
 *
 * @throws DataError when a file is missing, truncated, mislabelled or something else
 * @example const { train } = await loadCifar10('data', { scaling: 'cnn' })
 */
export async function loadCifar10(folder: string, options: CifarOptions = {}): Promise<TrainTest> {
  const { recordsPerFile = 10_000, scaling = 'resnet' } = options
  const load = async (name: string, files: string[]) => {
    const parts = await Promise.all(
      files.map(async (file) => {
        const { bytes, fileName } = await findFile(folder, ['.', 'cifar-10-batches-bin'], [file])
        return parseCifar(bytes, fileName, 'cifar-10', recordsPerFile)
      }),
    )
    return cifarDataset(`cifar-10/${name}`, parts, 'cifar-10', scaling)
  }
  return {
    train: await load(
      'train',
      [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
    ),
    test: await load('test', ['test_batch.bin']),
  }
}

/**
 * CIFAR-100, binary version: `train.bin` and `test.bin`, plain or `.gz`; also looked for in `cifar-100-binary`.
 *
 * Fields: `x` [3, 32, 32] float, `y` [] index in 0 … 99, the fine labels. Sizes 50,000 and 10,000.
 *
 * @throws DataError when a file is missing, truncated, mislabelled or something else
 * @example const { train } = await loadCifar100('data')
 */
export async function loadCifar100(folder: string, options: CifarOptions = {}): Promise<TrainTest> {
  const load = async (name: string, published: number) => {
    const { bytes, fileName } = await findFile(folder, ['.', 'cifar-100-binary'], [`${name}.bin`])
    const part = parseCifar(bytes, fileName, 'cifar-100', options.recordsPerFile ?? published)
    return cifarDataset(`cifar-100/${name}`, [part], 'cifar-100', options.scaling ?? 'resnet')
  }
  return { train: await load('train', 50_000), test: await load('test', 10_000) }
}

/**
 * Reads a `.npy` file, see `parseNpy`.
 *
 * @example (await readNpy('x.npy')).shape
 */
export const readNpy = async (path: string): Promise<Tensor> => parseNpy(await read(path), path)

/**
 * Reads a `.safetensors` file, see `parseSafetensors`.
 *
 * @example (await readSafetensors('model.safetensors')).tensors
 */
export const readSafetensors = async (path: string): Promise<Safetensors> => parseSafetensors(await read(path), path)

async function loadIdx(name: string, folder: string, subfolders: string[]): Promise<TrainTest> {
  // The originals are called train-images-idx3-ubyte; some archives unpack to train-images.idx3-ubyte.
  const find = (part: string, kind: string) =>
    findFile(folder, subfolders, [`${part}-${kind}-ubyte`, `${part}-${kind}-ubyte`.replace('-idx', '.idx')])
  const load = async (split: string, part: string): Promise<Dataset> => {
    const images = await find(part, 'images-idx3')
    const { count, rows, columns, pixels, labels } = parseIdxImages(images, await find(part, 'labels-idx1'), 10)
    if (count === 0 || rows !== 28 || columns !== 28)
      malformed(images.fileName, 4, 'images of 28 × 28 pixels', `${count} of ${rows} × ${columns}`)
    return arrayDataset({
      name: `${name}/${split}`,
      fields: {
        x: { data: pixels, shape: [1, rows, columns], scale: pixelScales.unit },
        y: { data: labels, dtype: 'index', classes: 10 },
      },
    })
  }
  return { train: await load('train', 'train'), test: await load('test', 't10k') }
}

function cifarDataset(
  name: string,
  parts: CifarImages[],
  kind: keyof typeof cifarClasses,
  scaling: 'resnet' | 'cnn',
): Dataset {
  const join = (pick: (part: CifarImages) => Uint8Array) => {
    if (parts.length === 1) return pick(parts[0]!)
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + pick(part).length, 0))
    let at = 0
    for (const part of parts) {
      joined.set(pick(part), at)
      at += pick(part).length
    }
    return joined
  }
  return arrayDataset({
    name,
    fields: {
      x: { data: join((part) => part.pixels), shape: [3, 32, 32], scale: pixelScales[scaling] },
      y: { data: join((part) => part.labels), dtype: 'index', classes: cifarClasses[kind] },
    },
  })
}

/** The first file of these names that exists, decompressed if need be. Offsets in later errors count decompressed bytes. */
async function findFile(folder: string, subfolders: string[], names: string[]) {
  for (const subfolder of subfolders)
    for (const name of names.flatMap((plain) => [plain, `${plain}.gz`])) {
      const path = join(folder, subfolder, name)
      if (!(await exists(path))) continue
      const bytes = await read(path)
      if (!isGzip(bytes)) return { bytes, fileName: path }
      return { bytes: await gunzip(bytes, path), fileName: `${path} (decompressed)` }
    }
  throw new DataError(
    `${join(folder, names[0]!)}: no such file; looked for ${names.flatMap((name) => [name, `${name}.gz`]).join(', ')} in ${subfolders.map((subfolder) => join(folder, subfolder)).join(', ')}`,
  )
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new DataError(`${path}: cannot be read: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

/** What making a data set needs to know beside its options. */
export interface DataContext {
  readonly seed: number | string
}

/** Names a folder with a folder for each data set, called as the data set. */
export const dataVariable = 'ADADAGRAD_DATA'

/** Where the files of a data set are: by default in the user's folder of data sets, if there is one. */
const folderOf = (name: string, otherwise?: string) =>
  ({
    type: 'string',
    help: 'where the files are',
    derived: {
      says: `${name} in the folder that the environment variable ${dataVariable} names`,
      from: () => {
        const root = process.env[dataVariable]
        const path = root && join(root, name)
        return path && (otherwise === undefined || existsSync(path)) ? path : otherwise
      },
    },
  }) as const

const cifarOptions = {
  scaling: {
    type: 'choice',
    of: ['cnn', 'resnet'],
    default: 'cnn',
    derived: { says: "the model's", from: ({ pixels }) => pixels as string | undefined },
    help: 'pixels in [−1, 1], or standardised per channel',
  },
  augment: {
    type: 'boolean',
    default: false,
    derived: { says: "the model's", from: ({ augment }) => augment as boolean | undefined },
    help: 'random crop with padding 4 and random flip of training images',
  },
} as const satisfies Options

async function cifar(
  load: typeof loadCifar10,
  {
    folder,
    scaling,
    augment,
  }: { readonly folder: string; readonly scaling: 'cnn' | 'resnet'; readonly augment: boolean },
  { seed }: DataContext,
): Promise<LabelledData> {
  const data = await load(folder, { scaling })
  return augment ? { ...data, augment: (train) => cropAndFlip(train, { seed }) } : data
}

/** Data that can be chosen by name: as it is stored, and how its training samples are to be augmented. */
export interface LabelledData extends TrainTest {
  augment?(train: Dataset): Dataset
}

/** Every labelled data set, as it can be chosen by name. */
export const dataFamily: Family<Promise<LabelledData>, DataContext> = {
  what: 'data set',
  flag: 'data',
  help: 'labelled images; name:FOLDER says where their files are',
  default: 'digits',
  choices: [
    choice({
      name: 'digits',
      summary: '10,000 real MNIST digits that come with the package, 8,000 to train on and 2,000 to test on',
      options: {},
      make: loadDigits,
    }),
    choice({
      name: 'mnist',
      summary: 'MNIST from its four IDX files, plain or .gz',
      options: { folder: folderOf('mnist') },
      shorthand: 'folder',
      make: ({ folder }) => loadMnist(folder),
    }),
    choice({
      name: 'fashion-mnist',
      summary: 'Fashion-MNIST from its four IDX files, plain or .gz',
      options: { folder: folderOf('fashion-mnist', debianFashionMnist) },
      shorthand: 'folder',
      make: ({ folder }) => loadFashionMnist(folder),
    }),
    choice({
      name: 'cifar10',
      summary: 'CIFAR-10, binary version',
      options: { folder: folderOf('cifar10'), ...cifarOptions },
      shorthand: 'folder',
      make: (options, context: DataContext) => cifar(loadCifar10, options, context),
    }),
    choice({
      name: 'cifar100',
      summary: 'CIFAR-100, binary version, with the fine labels',
      options: { folder: folderOf('cifar100'), ...cifarOptions },
      shorthand: 'folder',
      make: (options, context: DataContext) => cifar(loadCifar100, options, context),
    }),
  ],
}
