import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCifar } from '../../src/data/cifar.ts'
import { parseIdx, parseIdxImages } from '../../src/data/idx.ts'
import { parseNpy } from '../../src/data/npy.ts'
import { DataError } from '../../src/errors.ts'
import { cifarFile, idxFile, npyFile } from './files.ts'

describe('parseIdx', () => {
  it('reads bytes and big-endian numbers of every type', () => {
    expect(parseIdx(idxFile([2, 3], [1, 2, 3, 4, 5, 255]), 'f')).toEqual({
      shape: [2, 3],
      data: new Uint8Array([1, 2, 3, 4, 5, 255]),
    })
    const wide = (type: number, bytes: number[]) =>
      parseIdx(new Uint8Array([0, 0, type, 1, 0, 0, 0, 1, ...bytes]), 'f').data
    expect(wide(0x09, [0xff])).toEqual(new Int8Array([-1]))
    expect(wide(0x0b, [0xff, 0xfe])).toEqual(new Int16Array([-2]))
    expect(wide(0x0c, [0, 0, 1, 2])).toEqual(new Int32Array([258]))
    expect(wide(0x0d, [0x3f, 0x80, 0, 0])).toEqual(new Float32Array([1]))
    expect(wide(0x0e, [0xc0, 0, 0, 0, 0, 0, 0, 0])).toEqual(new Float64Array([-2]))
  })

  it('names file, byte and expectation', () => {
    const file = idxFile([2, 3], [1, 2, 3, 4, 5, 6])
    const message = (bytes: Uint8Array) => () => parseIdx(bytes, 'train')
    expect(message(file.subarray(0, 17))).toThrow(
      new DataError('train: at byte 12: expected 6 bytes for shape [2, 3], found 5 bytes'),
    )
    expect(message(new Uint8Array([...file, 0]))).toThrow(
      'at byte 12: expected 6 bytes for shape [2, 3], found 7 bytes',
    )
    expect(message(file.subarray(0, 9))).toThrow('at byte 4: expected the lengths of 2 axes, 8 bytes, found 5 bytes')
    expect(message(new Uint8Array([0x50, 0x4b, 3, 4]))).toThrow(
      'train: at byte 0: expected an IDX magic number (00 00, a type 08 … 0e, a number of axes), found 50 4b 03 04',
    )
    expect(message(new Uint8Array())).toThrow('found an empty file')
  })

  it('every truncation is a DataError', () => {
    const file = idxFile([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
    for (let length = 0; length < file.length; length++)
      expect(() => parseIdx(file.subarray(0, length), 'f')).toThrow(DataError)
  })

  it('checks images against labels', () => {
    const images = { bytes: idxFile([2, 1, 2], [1, 2, 3, 4]), fileName: 'images' }
    const labels = (...values: number[]) => ({ bytes: idxFile([values.length], values), fileName: 'labels' })
    expect(parseIdxImages(images, labels(0, 9), 10)).toMatchObject({ count: 2, rows: 1, columns: 2 })
    expect(() => parseIdxImages(images, labels(0, 9, 1), 10)).toThrow(
      new DataError('labels: at byte 4: expected 2 labels, one for each image of images, found 3'),
    )
    expect(() => parseIdxImages(images, labels(0, 10), 10)).toThrow(
      new DataError('labels: at byte 9: expected a label in 0 … 9, found 10'),
    )
    expect(() => parseIdxImages(labels(1, 2), images, 10)).toThrow(
      'labels: at byte 0: expected images, bytes with 3 axes (00 00 08 03), found Uint8Array [2]',
    )
    expect(() => parseIdxImages(images, images, 10)).toThrow('expected labels, bytes with 1 axis')
  })
})

describe('parseCifar', () => {
  it('reads labels and pixels of both kinds', () => {
    const ten = parseCifar(cifarFile([[3], [9]]), 'f', 'cifar-10')
    expect([ten.count, [...ten.labels], ten.coarseLabels]).toEqual([2, [3, 9], undefined])
    expect([ten.pixels[0], ten.pixels[3071], ten.pixels[3072], ten.pixels.length]).toEqual([0, 3071 & 255, 1, 6144])
    const hundred = parseCifar(
      cifarFile([
        [19, 99],
        [0, 4],
      ]),
      'f',
      'cifar-100',
      2,
    )
    expect([[...hundred.labels], [...hundred.coarseLabels!]]).toEqual([
      [99, 4],
      [19, 0],
    ])
    expect(hundred.pixels[3072]).toBe(1)
  })

  it('names file, byte and expectation', () => {
    const file = cifarFile([[3], [9]])
    const bad = cifarFile([[3], [10]])
    expect(() => parseCifar(file.subarray(0, 6000), 'b.bin', 'cifar-10')).toThrow(
      new DataError('b.bin: at byte 3073: expected a cifar-10 record of 3073 bytes, found 2927 bytes'),
    )
    expect(() => parseCifar(file, 'b.bin', 'cifar-10', 3)).toThrow(
      new DataError('b.bin: at byte 6146: expected the file to end after 3 cifar-10 records, found its end after 2'),
    )
    expect(() => parseCifar(bad, 'b.bin', 'cifar-10')).toThrow(
      new DataError('b.bin: at byte 3073: expected a label in 0 … 9, found 10'),
    )
    expect(() =>
      parseCifar(
        cifarFile([
          [1, 2],
          [20, 0],
        ]),
        'b.bin',
        'cifar-100',
      ),
    ).toThrow('at byte 3074: expected a coarse label in 0 … 19, found 20')
    expect(() => parseCifar(cifarFile([[1, 100]]), 'b.bin', 'cifar-100')).toThrow(
      'at byte 1: expected a fine label in 0 … 99, found 100',
    )
    expect(() => parseCifar(new Uint8Array(), 'b.bin', 'cifar-10')).toThrow('at byte 0')
  })
})

describe('parseNpy', () => {
  const floats = new Float64Array([1.5, -2, 3e300, 4, 5, 6])
  const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

  it('reads every dtype in versions 1 to 3', () => {
    for (const version of [1, 2, 3])
      for (const [descr, data] of [
        ['<f4', new Float32Array([1.5, -2, 3, 4, 5, 6])],
        ['<f8', floats],
        ['<i4', new Int32Array([1, -2, 3, 4, 5, 6])],
        ['<i8', new BigInt64Array([1n, -(2n ** 60n), 3n, 4n, 5n, 6n])],
        ['|u1', new Uint8Array([1, 2, 3, 4, 5, 255])],
      ] as const)
        expect(parseNpy(npyFile({ descr, shape: '(2, 3)', data: bytesOf(data), version }), 'f')).toEqual({
          shape: [2, 3],
          data,
        })
  })

  it('reads scalars, vectors and empty arrays', () => {
    const one = bytesOf(new Float32Array([7]))
    expect(parseNpy(npyFile({ shape: '()', data: one }), 'f')).toEqual({ shape: [], data: new Float32Array([7]) })
    expect(parseNpy(npyFile({ shape: '(1,)', data: one }), 'f').shape).toEqual([1])
    expect(parseNpy(npyFile({ shape: '(0, 3)', data: new Uint8Array() }), 'f').shape).toEqual([0, 3])
  })

  it('reads the other byte order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { maxLength: 8 }), (values) => {
        const data = new Uint8Array(8 * values.length)
        const view = new DataView(data.buffer)
        for (const [k, value] of values.entries()) view.setFloat64(8 * k, value, false)
        const read = parseNpy(npyFile({ descr: '>f8', shape: `(${values.length},)`, data }), 'f').data
        expect(read).toEqual(new Float64Array(values))
      }),
      { seed: 1, numRuns: 30 },
    )
  })

  it('names file, byte and expectation', () => {
    const data = bytesOf(floats)
    const parse = (parts: Partial<Parameters<typeof npyFile>[0]>) => () =>
      parseNpy(npyFile({ descr: '<f8', shape: '(2, 3)', data, ...parts }), 'x.npy')
    expect(parse({ data: data.subarray(1) })).toThrow(
      new DataError('x.npy: at byte 128: expected 48 bytes for <f8 of shape (2, 3), found 47 bytes'),
    )
    expect(parse({ fortran: 'True' })).toThrow(
      "x.npy: at byte 10: expected C order (save numpy.ascontiguousarray(a)), found 'fortran_order': True",
    )
    expect(parse({ descr: '<c16' })).toThrow('expected a dtype among f4, f8, i4, i8, u1, found "<c16"')
    expect(parse({ version: 9 })).toThrow('at byte 6: expected format version 1, 2 or 3, found 9')
    expect(() => parseNpy(new Uint8Array([0x50, 0x4b, 3, 4, 0, 0]), 'x.npy')).toThrow(
      'at byte 0: expected "\\x93NUMPY"',
    )
    const file = npyFile({ descr: '<f8', shape: '(2, 3)', data })
    for (let length = 0; length < file.length; length++)
      expect(() => parseNpy(file.subarray(0, length), 'x.npy')).toThrow(DataError)
  })
})
