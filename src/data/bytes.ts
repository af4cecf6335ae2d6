// What the parsers of this folder share: typed arrays out of bytes, gzip, and one wording for malformed files.
// Nothing here needs Node, so a browser can parse the same files.
import { DataError } from '../errors.ts'

/** An array of numbers as files store it; 64-bit integers stay `bigint`, so that reading loses nothing. */
export type NumericArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array

/** A dense array in C order (the last axis is contiguous), with its shape. */
export interface Tensor<A extends NumericArray = NumericArray> {
  readonly shape: readonly number[]
  readonly data: A
}

/** The constructor of a numeric array, as dtype tables list it. */
export interface NumericArrayConstructor {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray
}

/** Throws the error of a malformed file: where it is, what the format asks for, what is there. */
export function malformed(fileName: string, offset: number, expected: string, found: string): never {
  throw new DataError(`${fileName}: at byte ${offset}: expected ${expected}, found ${found}`)
}

/** Π shape: the number of elements of an array of this shape. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/**
 * `count` numbers stored from byte `offset` on. Bytes come as a view; wider types are copied, since a file aligns nothing.
 *
 * The caller has checked that the bytes are there.
 */
export function decode(
  bytes: Uint8Array,
  offset: number,
  count: number,
  Type: NumericArrayConstructor,
  littleEndian: boolean,
): NumericArray {
  const width = Type.BYTES_PER_ELEMENT
  if (width === 1) return new Type(bytes.buffer, bytes.byteOffset + offset, count)
  // Not slice(): Node's Buffer overrides it with a view.
  const copy = new Uint8Array(count * width)
  copy.set(bytes.subarray(offset, offset + count * width))
  if (littleEndian !== hostIsLittleEndian) swapBytes(copy, width)
  return new Type(copy.buffer, 0, count)
}

/** The little-endian bytes of `data`. */
export function littleEndianBytes(data: NumericArray): Uint8Array {
  const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (hostIsLittleEndian || data.BYTES_PER_ELEMENT === 1) return view
  const copy = new Uint8Array(view)
  swapBytes(copy, data.BYTES_PER_ELEMENT)
  return copy
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse()
}

/** Whether the bytes begin as a gzip file does. IDX and CIFAR cannot: 1f is no label of theirs and no magic number. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/**
 * The decompressed content of a gzip file, in Node and in browsers.
 *
 * @throws DataError when the stream is truncated or corrupt
 * @example const idx = await gunzip(bytes, 'train-images-idx3-ubyte.gz')
 */
export async function gunzip(bytes: Uint8Array, fileName: string): Promise<Uint8Array> {
  const compressed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
  try {
    return new Uint8Array(await new Response(compressed.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer())
  } catch (error) {
    const reason = error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : String(error)
    throw new DataError(`${fileName}: expected a complete gzip stream in its ${bytes.length} bytes, found: ${reason}`, {
      cause: error,
    })
  }
}
