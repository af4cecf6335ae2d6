import { ConfigurationError, ShapeError } from '../errors.ts'
import {
  decode,
  elementCount,
  littleEndianBytes,
  malformed,
  type NumericArray,
  type NumericArrayConstructor,
  type Tensor,
} from './bytes.ts'

/** Named arrays and free text about them. */
export interface Safetensors {
  /** In the order of the file's header. */
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: Readonly<Record<string, string>>
}

const types: Readonly<Record<string, NumericArrayConstructor>> = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
}

// The limit of the reference implementation: a hostile length must not make a reader allocate.
const longestHeader = 100_000_000

/**
 * Reads a safetensors file: header length (uint64), JSON header, then the arrays' bytes.
 *
 * @param bytes the whole file
 * @param fileName for error messages
 * @throws DataError for an impossible header length, malformed JSON, a dtype that JavaScript lacks (F16, BF16, …),
 *   offsets that disagree with dtype and shape, arrays that overlap, bytes that belong to no array, or a truncated file
 * @example parseSafetensors(bytes, 'model.safetensors').tensors.get('dense.weight')?.shape
 * Source: github.com/huggingface/safetensors#format
 */
export function parseSafetensors(bytes: Uint8Array, fileName: string): Safetensors {
  if (bytes.length < 8) malformed(fileName, 0, "the header's length, 8 bytes", `${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = view.getBigUint64(0, true)
  const room = Math.min(bytes.length - 8, longestHeader)
  if (headerLength < 2n || headerLength > BigInt(room))
    malformed(fileName, 0, `a header length in 2 … ${room}`, `${headerLength}`)
  const start = 8 + Number(headerLength)

  const { __metadata__: metadata = {}, ...entries } = parseHeader(bytes.subarray(8, start), fileName)
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    malformed(fileName, 8, '__metadata__ to map strings to strings', JSON.stringify(metadata))

  const described = Object.entries(entries).map(([name, entry]) => describe(name, entry, fileName))
  // The spec allows no holes: every byte belongs to exactly one array, so sorted arrays meet end to start.
  let end = 0
  for (const tensor of described.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (tensor.begin !== end) {
      const wrong = tensor.begin < end ? 'an overlap with the array before it' : 'a hole'
      malformed(
        fileName,
        start + tensor.begin,
        `'${tensor.name}' to begin at data offset ${end}`,
        `${tensor.begin}, ${wrong}`,
      )
    }
    end = tensor.end
  }
  if (end !== bytes.length - start)
    malformed(fileName, start, `${end} bytes of arrays, as the header says`, `${bytes.length - start} bytes`)

  const tensors = new Map<string, Tensor>()
  for (const { name, Type, shape, begin } of described)
    tensors.set(name, { shape, data: decode(bytes, start + begin, elementCount(shape), Type, true) })
  return { tensors, metadata: metadata as Record<string, string> }
}

/**
 * Writes a safetensors file, arrays of wide types first so that each is aligned; the same input gives the same bytes.
 *
 * @param tensors names and arrays; the dtype is that of the typed array
 * @param metadata free text, kept under `__metadata__`
 * @throws ShapeError when shape and length disagree; ConfigurationError for a repeated or reserved name
 * @example writeSafetensors([['w', { shape: [2], data: new Float32Array([1, 2]) }]], { step: '10' })
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const placed = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT)
  const entries: string[] = []
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`)
  const names = new Set(['__metadata__'])
  let end = 0
  for (const [name, { shape, data }] of placed) {
    if (names.has(name)) throw new ConfigurationError(`safetensors: the name '${name}' is repeated or reserved`)
    names.add(name)
    if (elementCount(shape) !== data.length)
      throw new ShapeError(`safetensors: '${name}' has shape [${shape}] but ${data.length} numbers`)
    const begin = end
    end += data.byteLength
    // Written by hand, since an object would reorder names such as "0" and lose "__proto__".
    const entry = { dtype: dtypeOf(data), shape, data_offsets: [begin, end] }
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
  }
  const header = new TextEncoder().encode(`{${entries.join(',')}}`)
  const headerLength = Math.ceil(header.length / 8) * 8 // the spec pads with spaces
  const bytes = new Uint8Array(8 + headerLength + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true)
  bytes.fill(0x20, 8, 8 + headerLength)
  bytes.set(header, 8)
  let at = 8 + headerLength
  for (const [, { data }] of placed) {
    bytes.set(littleEndianBytes(data), at)
    at += data.byteLength
  }
  return bytes
}

function dtypeOf(data: NumericArray): string {
  for (const [dtype, Type] of Object.entries(types)) if (data instanceof Type) return dtype
  throw new ConfigurationError(`safetensors: no dtype for ${(data as object).constructor.name}`)
}

function parseHeader(bytes: Uint8Array, fileName: string): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    malformed(fileName, 8, 'a header of JSON in UTF-8', error instanceof Error ? error.message : String(error))
  }
  return isRecord(header) ? header : malformed(fileName, 8, 'a JSON object', JSON.stringify(header))
}

function describe(name: string, entry: unknown, fileName: string) {
  const fail = (expected: string, found: unknown) =>
    malformed(fileName, 8, `the header's '${name}' to have ${expected}`, JSON.stringify(found) ?? 'none')
  if (!isRecord(entry)) return fail('dtype, shape and data_offsets', entry)
  const { dtype, shape, data_offsets: offsets } = entry
  const Type = typeof dtype === 'string' && Object.hasOwn(types, dtype) ? types[dtype]! : undefined
  if (!Type) return fail(`a dtype among ${Object.keys(types).join(', ')}`, dtype)
  if (!isSizes(shape) || !Number.isSafeInteger(elementCount(shape))) return fail('a shape of integers ≥ 0', shape)
  if (!isSizes(offsets) || offsets.length !== 2) return fail('data_offsets [begin, end] of integers ≥ 0', offsets)
  const [begin, end] = offsets as [number, number]
  const length = elementCount(shape) * Type.BYTES_PER_ELEMENT
  if (end - begin !== length) return fail(`${length} bytes for ${dtype} [${shape.join(', ')}]`, offsets)
  return { name, Type, shape, begin, end }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
