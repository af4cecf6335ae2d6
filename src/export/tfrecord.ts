// TFRecord, the framing of TensorBoard's files. One record is
//   uint64 length, uint32 masked CRC-32C of those 8 bytes, the bytes, uint32 masked CRC-32C of the bytes; little-endian
// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details

/** CRC-32C (Castagnoli), the reflected polynomial 82F63B78; zlib's `crc32` has another one. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C of the bytes: `123456789` has E3069283. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** Rotated and moved, since the checksum of data that contain their own checksum says little. */
const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** One record around the bytes. */
export function tfrecord(bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(bytes.length + 16)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(bytes.length), true)
  view.setUint32(8, masked(record.subarray(0, 8)), true)
  record.set(bytes, 12)
  view.setUint32(12 + bytes.length, masked(bytes), true)
  return record
}
