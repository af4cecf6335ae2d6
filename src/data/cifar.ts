import { malformed } from './bytes.ts'

/** Images of 3 × 32 × 32 bytes, channels red, green, blue, with their labels. */
export interface CifarImages {
  readonly count: number
  readonly pixels: Uint8Array // [N, 3, 32, 32]
  readonly labels: Uint8Array // [N], the fine label for CIFAR-100
  readonly coarseLabels?: Uint8Array // [N], CIFAR-100 only: the superclass
}

const imageSize = 3 * 32 * 32

// A record is its label bytes, the last of them the (fine) label, then the pixels.
const formats = {
  'cifar-10': [{ what: 'a label', classes: 10 }],
  'cifar-100': [
    { what: 'a coarse label', classes: 20 },
    { what: 'a fine label', classes: 100 },
  ],
} as const

/** The number of classes of a kind of CIFAR. */
export const cifarClasses = { 'cifar-10': 10, 'cifar-100': 100 } as const

/**
 * Reads one file of the "binary version" of CIFAR-10 (records of 1 + 3072 bytes) or CIFAR-100 (2 + 3072 bytes).
 *
 * @param bytes the whole file
 * @param fileName for error messages
 * @param kind which of the two; the files do not say
 * @param count records expected; without it, as many as there are
 * @throws DataError when the last record is cut off, the count differs, or a label is out of range
 * @example parseCifar(bytes, 'data_batch_1.bin', 'cifar-10', 10_000).labels
 * Source: www.cs.toronto.edu/~kriz/cifar.html
 */
export function parseCifar(
  bytes: Uint8Array,
  fileName: string,
  kind: keyof typeof formats,
  count?: number,
): CifarImages {
  const format = formats[kind]
  const recordSize = format.length + imageSize
  const records = Math.floor(bytes.length / recordSize)
  const end = records * recordSize
  if (bytes.length === 0 || bytes.length !== end)
    malformed(fileName, end, `a ${kind} record of ${recordSize} bytes`, `${bytes.length - end} bytes`)
  if (count !== undefined && records !== count)
    malformed(fileName, end, `the file to end after ${count} ${kind} records`, `its end after ${records}`)

  const pixels = new Uint8Array(records * imageSize)
  const labels = format.map(() => new Uint8Array(records))
  for (let k = 0; k < records; k++) {
    const start = k * recordSize
    format.forEach(({ what, classes }, position) => {
      const label = bytes[start + position]!
      if (label >= classes) malformed(fileName, start + position, `${what} in 0 … ${classes - 1}`, `${label}`)
      labels[position]![k] = label
    })
    pixels.set(bytes.subarray(start + format.length, start + recordSize), k * imageSize)
  }
  const fine = labels[format.length - 1]!
  return { count: records, pixels, labels: fine, ...(format.length === 2 && { coarseLabels: labels[0]! }) }
}
