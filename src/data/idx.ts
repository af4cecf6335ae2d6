import { decode, elementCount, malformed, type NumericArrayConstructor, type Tensor } from './bytes.ts'

// The third byte of the magic number names the type, the fourth the number of axes.
const types: Readonly<Record<number, NumericArrayConstructor>> = {
  8: Uint8Array,
  9: Int8Array,
  11: Int16Array,
  12: Int32Array,
  13: Float32Array,
  14: Float64Array,
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')

/**
 * Reads an IDX file, the format of MNIST: magic 00 00 type axes, the axes' lengths (uint32, big-endian), then the numbers.
 *
 * @param bytes the whole file, not compressed
 * @param fileName for error messages
 * @returns the array; bytes are a view of the file
 * @throws DataError for a wrong magic number, or when the file is shorter or longer than its header says
 * @example parseIdx(new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), 'labels').data // Uint8Array [7, 9]
 * Source: yann.lecun.com/exdb/mnist
 */
export function parseIdx(bytes: Uint8Array, fileName: string): Tensor {
  const Type = types[bytes[2] ?? 0]
  const axes = bytes[3] ?? 0
  if (bytes[0] !== 0 || bytes[1] !== 0 || !Type || axes === 0)
    malformed(
      fileName,
      0,
      'an IDX magic number (00 00, a type 08 … 0e, a number of axes)',
      bytes.length === 0 ? 'an empty file' : hex(bytes.subarray(0, 4)),
    )
  const start = 4 + 4 * axes
  if (bytes.length < start)
    malformed(fileName, 4, `the lengths of ${axes} axes, ${4 * axes} bytes`, `${bytes.length - 4} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis))
  const length = elementCount(shape) * Type.BYTES_PER_ELEMENT
  if (bytes.length - start !== length)
    malformed(fileName, start, `${length} bytes for shape [${shape.join(', ')}]`, `${bytes.length - start} bytes`)
  return { shape, data: decode(bytes, start, elementCount(shape), Type, false) }
}

/** Images [N, rows, columns] and their labels [N], checked against each other. */
export interface LabelledImages {
  readonly count: number
  readonly rows: number
  readonly columns: number
  readonly pixels: Uint8Array // [N, rows, columns]
  readonly labels: Uint8Array // [N], each < classes
}

/**
 * Reads a pair of IDX files of bytes, images and labels, as MNIST and Fashion-MNIST come.
 *
 * @param images bytes of the images' file, and its name
 * @param labels bytes of the labels' file, and its name
 * @param classes labels must lie in 0 … classes − 1
 * @throws DataError as `parseIdx`, and when the files do not belong together or a label is out of range
 * @example parseIdxImages({ bytes, fileName: 'train-images' }, { bytes: l, fileName: 'train-labels' }, 10).count
 */
export function parseIdxImages(
  images: { bytes: Uint8Array; fileName: string },
  labels: { bytes: Uint8Array; fileName: string },
  classes: number,
): LabelledImages {
  const x = parseIdx(images.bytes, images.fileName)
  const y = parseIdx(labels.bytes, labels.fileName)
  const described = ({ data, shape }: Tensor) => `${data.constructor.name} [${shape.join(', ')}]`
  if (!(x.data instanceof Uint8Array) || x.shape.length !== 3)
    malformed(images.fileName, 0, 'images, bytes with 3 axes (00 00 08 03)', described(x))
  if (!(y.data instanceof Uint8Array) || y.shape.length !== 1)
    malformed(labels.fileName, 0, 'labels, bytes with 1 axis (00 00 08 01)', described(y))
  const [count, rows, columns] = x.shape as [number, number, number]
  if (y.shape[0] !== count)
    malformed(labels.fileName, 4, `${count} labels, one for each image of ${images.fileName}`, `${y.shape[0]}`)
  for (let k = 0; k < count; k++)
    if (y.data[k]! >= classes) malformed(labels.fileName, 8 + k, `a label in 0 … ${classes - 1}`, `${y.data[k]}`)
  return { count, rows, columns, pixels: x.data, labels: y.data }
}
