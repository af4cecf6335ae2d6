import { decode, elementCount, malformed, type NumericArrayConstructor, type Tensor } from './bytes.ts'

const types: Readonly<Record<string, NumericArrayConstructor>> = {
  f4: Float32Array,
  f8: Float64Array,
  i4: Int32Array,
  i8: BigInt64Array,
  u1: Uint8Array,
}

/**
 * Reads a NumPy `.npy` file (versions 1 to 3, C order, either byte order) of float32, float64, int32, int64 or uint8.
 *
 * @param bytes the whole file
 * @param fileName for error messages
 * @throws DataError for another magic number, dtype or order, or when the file is shorter or longer than its header says
 * @example const { shape, data } = parseNpy(bytes, 'x.npy')
 * Source: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function parseNpy(bytes: Uint8Array, fileName: string): Tensor {
  const text = new TextDecoder('latin1')
  const magic = text.decode(bytes.subarray(0, 6))
  if (magic !== '\x93NUMPY')
    malformed(fileName, 0, '"\\x93NUMPY"', bytes.length === 0 ? 'an empty file' : quoted(magic))
  const version = bytes[6] ?? 0
  if (version < 1 || version > 3)
    malformed(fileName, 6, 'format version 1, 2 or 3', bytes.length > 6 ? `${version}` : 'the end')

  const headerStart = version === 1 ? 10 : 12
  if (bytes.length < headerStart) malformed(fileName, 8, "the header's length", `the end at byte ${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  const start = headerStart + headerLength
  if (bytes.length < start)
    malformed(fileName, headerStart, `a header of ${headerLength} bytes`, `${bytes.length - headerStart} bytes`)
  const header = text.decode(bytes.subarray(headerStart, start))

  // The header is a Python dictionary literal, written by repr(): these three keys, in any order.
  const entry = (key: string, pattern: string, expected: string) => {
    const match = new RegExp(`['"]${key}['"]\\s*:\\s*${pattern}`).exec(header)
    return match?.[1] ?? malformed(fileName, headerStart, expected, header.trim())
  }
  const descr = entry('descr', `['"]([^'"]*)['"]`, "a header with 'descr': '<f4' or the like")
  const fortran = entry('fortran_order', '(True|False)', "a header with 'fortran_order'")
  const dimensions = entry('shape', '\\(([\\d\\s,L]*)\\)', "a header with 'shape': (…)")

  const Type = types[descr.slice(1)]
  if (!Type || !'<>|='.includes(descr[0]!))
    malformed(fileName, headerStart, `a dtype among ${Object.keys(types).join(', ')}`, quoted(descr))
  if (fortran === 'True')
    malformed(fileName, headerStart, 'C order (save numpy.ascontiguousarray(a))', "'fortran_order': True")
  const shape = (dimensions.match(/\d+/g) ?? []).map(Number)
  const count = elementCount(shape)
  const length = count * Type.BYTES_PER_ELEMENT
  if (bytes.length - start !== length)
    malformed(
      fileName,
      start,
      `${length} bytes for ${descr} of shape (${shape.join(', ')})`,
      `${bytes.length - start} bytes`,
    )
  return { shape, data: decode(bytes, start, count, Type, descr[0] !== '>') }
}

const quoted = (s: string) => JSON.stringify(s)
