import type { CifarOptions } from './files.ts'

export { cropAndFlip } from './augment.ts'
export { allocateBatch, arrayDataset, pixelScales, subset, take } from './dataset.ts'
export { parseDigits } from './digits.ts'
export { holdOut } from './hold-out.ts'
export { parseNpy } from './npy.ts'
export { parseSafetensors, writeSafetensors } from './safetensors.ts'
export { createSampler } from './sampler.ts'
export { gaussianCloud, linearRegression, logarithmicSpectrum, logisticRegression } from './synthetic.ts'

// Files are read by Node alone; a browser bundle that never calls these never loads them.
const files = () => import('./files.ts')

/** The 10,000 MNIST digits that the package carries, 8,000 to train on and 2,000 to test on. Node only. */
export const digits = async () => (await files()).loadDigits()
/** MNIST from a folder with its IDX files, plain or gzipped. Node only. */
export const mnist = async (folder: string) => (await files()).loadMnist(folder)
/** Fashion-MNIST from a folder; by default where Debian's package dataset-fashion-mnist puts it. Node only. */
export const fashionMnist = async (folder?: string) => (await files()).loadFashionMnist(folder)
/** CIFAR-10 from a folder with its binary files. Node only. */
export const cifar10 = async (folder: string, options?: CifarOptions) => (await files()).loadCifar10(folder, options)
/** CIFAR-100 from a folder with its binary files. Node only. */
export const cifar100 = async (folder: string, options?: CifarOptions) => (await files()).loadCifar100(folder, options)
