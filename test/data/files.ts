// Files of the formats under test, built by hand from their specifications.

export function idxFile(shape: readonly number[], bytes: ArrayLike<number>): Uint8Array {
  const file = new Uint8Array(4 + 4 * shape.length + bytes.length)
  const view = new DataView(file.buffer)
  file.set([0, 0, 0x08, shape.length])
  for (const [axis, length] of shape.entries()) view.setUint32(4 + 4 * axis, length)
  file.set(Uint8Array.from(bytes), 4 + 4 * shape.length)
  return file
}

/** Pixel j of record k is (j + k) mod 256. */
export function cifarFile(labels: readonly (readonly number[])[]): Uint8Array {
  return new Uint8Array(
    labels.flatMap((label, k) => [...label, ...Array.from({ length: 3072 }, (_, j) => (j + k) & 255)]),
  )
}

export function npyFile(parts: {
  descr?: string
  fortran?: string
  shape: string
  data: Uint8Array
  version?: number
}): Uint8Array {
  const { descr = '<f4', fortran = 'False', shape, data, version = 1 } = parts
  const lengthSize = version === 1 ? 2 : 4
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`
  const start = Math.ceil((8 + lengthSize + text.length + 1) / 64) * 64
  const file = new Uint8Array(Math.max(start, 128) + data.length)
  file.fill(0x20)
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  const end = file.length - data.length
  const view = new DataView(file.buffer)
  if (version === 1) view.setUint16(8, end - 10, true)
  else view.setUint32(8, end - 12, true)
  file.set(new TextEncoder().encode(text), 8 + lengthSize)
  file[end - 1] = 0x0a
  file.set(data, end)
  return file
}
