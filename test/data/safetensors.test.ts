import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../src/data/bytes.ts'
import { parseSafetensors, writeSafetensors } from '../../src/data/safetensors.ts'
import { ConfigurationError, DataError, ShapeError } from '../../src/errors.ts'

const bits = (data: ArrayBufferView) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]

/** A file with this header (an object, or raw text) and this many bytes of data. */
function file(header: unknown, dataBytes: number, headerLength?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

const tensor: fc.Arbitrary<Tensor> = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }).chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1)
  const exactly = { minLength: length, maxLength: length }
  return fc
    .oneof(
      fc.float32Array(exactly),
      fc.float64Array(exactly),
      fc.int32Array(exactly),
      fc.bigInt64Array(exactly),
      fc.uint8Array(exactly),
    )
    .map((data) => ({ shape, data: data as Tensor['data'] }))
})

describe('safetensors', () => {
  it('reads what it writes, bit for bit, whatever the names', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme' }), tensor), { selector: ([name]) => name, maxLength: 6 }),
        fc.dictionary(fc.string(), fc.string(), { maxKeys: 3, noNullPrototype: true }),
        (tensors, metadata) => {
          const bytes = writeSafetensors(tensors, metadata)
          const read = parseSafetensors(bytes, 'f')
          expect(read.metadata).toEqual(metadata)
          expect(read.tensors.size).toBe(tensors.length)
          for (const [name, { shape, data }] of tensors) {
            const found = read.tensors.get(name)!
            expect(found.shape).toEqual(shape)
            expect(found.data.constructor).toBe(data.constructor)
            expect(bits(found.data)).toEqual(bits(data))
          }
        },
      ),
      {
        seed: 1,
        numRuns: 200,
        examples: [
          [
            [
              ['__proto__', { shape: [], data: new Float32Array(1) }],
              ['0', { shape: [1], data: new Float64Array(1) }],
            ],
            {},
          ],
        ],
      },
    )
  })

  it('writes the bytes of the specification', () => {
    const bytes = writeSafetensors([['w', { shape: [1, 2], data: new Float32Array([1, -2]) }]])
    const header = '{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
    expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(BigInt(padded.length))
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + padded.length))).toBe(padded)
    expect([...bytes.subarray(8 + padded.length)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])
  })

  it('aligns each array to its type', () => {
    const bytes = writeSafetensors([
      ['a', { shape: [3], data: new Uint8Array(3) }],
      ['b', { shape: [1], data: new Float64Array(1) }],
      ['c', { shape: [1], data: new Float32Array(1) }],
    ])
    const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)))
    expect([header.b, header.c, header.a].map((entry) => entry.data_offsets)).toEqual([
      [0, 8],
      [8, 12],
      [12, 15],
    ])
    expect(start % 8).toBe(0)
  })

  it('refuses to write nonsense', () => {
    const w = { shape: [2], data: new Float32Array(2) }
    expect(() => writeSafetensors([['w', { ...w, shape: [3] }]])).toThrow(
      new ShapeError("safetensors: 'w' has shape [3] but 2 numbers"),
    )
    expect(() =>
      writeSafetensors([
        ['w', w],
        ['w', w],
      ]),
    ).toThrow(ConfigurationError)
    expect(() => writeSafetensors([['__metadata__', w]])).toThrow(ConfigurationError)
  })

  it('names file, byte and expectation', () => {
    const w = { dtype: 'F32', shape: [2], data_offsets: [0, 8] }
    const message = (bytes: Uint8Array) => () => parseSafetensors(bytes, 'm.safetensors')
    expect(message(new Uint8Array(5))).toThrow(
      new DataError("m.safetensors: at byte 0: expected the header's length, 8 bytes, found 5 bytes"),
    )
    expect(message(file('{}', 0, 2n ** 63n))).toThrow(
      'at byte 0: expected a header length in 2 … 2, found 9223372036854775808',
    )
    expect(message(file('{"w":', 8))).toThrow('at byte 8: expected a header of JSON in UTF-8')
    expect(message(file('[]', 0))).toThrow('at byte 8: expected a JSON object, found []')
    expect(message(file({ w: { ...w, dtype: 'BF16' } }, 4))).toThrow("the header's 'w' to have a dtype among F64, I64")
    expect(message(file({ w: { ...w, dtype: 'toString' } }, 4))).toThrow('found "toString"')
    expect(message(file({ w: { ...w, shape: [-2] } }, 8))).toThrow('a shape of integers ≥ 0, found [-2]')
    expect(message(file({ w: { ...w, data_offsets: [0, 4] } }, 8))).toThrow('8 bytes for F32 [2], found [0,4]')
    expect(message(file({ w: { ...w, data_offsets: [8, 0] } }, 8))).toThrow('8 bytes for F32 [2], found [8,0]')
    expect(message(file({ w: 3 }, 8))).toThrow("'w' to have dtype, shape and data_offsets, found 3")
    expect(message(file({ w, v: { ...w, data_offsets: [4, 12] } }, 12))).toThrow(
      "'v' to begin at data offset 8, found 4, an overlap with the array before it",
    )
    expect(message(file({ w, v: { ...w, data_offsets: [12, 20] } }, 20))).toThrow('data offset 8, found 12, a hole')
    expect(message(file({ w }, 7))).toThrow('expected 8 bytes of arrays, as the header says, found 7 bytes')
    expect(message(file({ w }, 9))).toThrow('expected 8 bytes of arrays, as the header says, found 9 bytes')
    expect(message(file({ __metadata__: { a: 1 }, w }, 8))).toThrow('__metadata__ to map strings to strings')
  })

  it('every truncation and every flipped byte of the header is read or is a DataError', () => {
    const good = writeSafetensors([['w', { shape: [2], data: new Float32Array(2) }]], { a: 'b' })
    for (let length = 0; length < good.length; length++)
      expect(() => parseSafetensors(good.subarray(0, length), 'f')).toThrow(DataError)
    fc.assert(
      fc.property(fc.nat(good.length - 9), fc.nat(255), (at, value) => {
        const bad = good.slice()
        bad[at] = value
        try {
          parseSafetensors(bad, 'f')
        } catch (error) {
          expect(error).toBeInstanceOf(DataError)
        }
      }),
      { seed: 1, numRuns: 500 },
    )
  })
})
