// An independent reader of TensorBoard's event files, from their specification: bitwise checksum, any field.

export interface Event {
  readonly wallTime: number
  readonly step: number
  readonly fileVersion?: string
  readonly scalars: Readonly<Record<string, number>>
}

/** @throws where a length or a checksum does not hold */
export function readEvents(file: Uint8Array): Event[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const events: Event[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true))
    check(file.subarray(at, at + 8), view.getUint32(at + 8, true))
    const data = file.subarray(at + 12, at + 12 + length)
    check(data, view.getUint32(at + 12 + length, true))
    events.push(event(data))
    at += 16 + length
  }
  return events
}

function check(data: Uint8Array, found: number): void {
  let crc = 0xffffffffn
  for (const byte of data)
    for (let bit = 0n; bit < 8n; bit++) {
      const odd = ((crc ^ (BigInt(byte) >> bit)) & 1n) === 1n
      crc = (crc >> 1n) ^ (odd ? 0x82f63b78n : 0n)
    }
  crc ^= 0xffffffffn
  const rotated = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn
  if (BigInt(found) !== ((rotated + 0xa282ead8n) & 0xffffffffn)) throw new Error('the checksum does not hold')
}

type Field = readonly [number: number, value: number | Uint8Array]

function fields(message: Uint8Array): Field[] {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const found: Field[] = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(value)
    }
  }
  while (at < message.length) {
    const key = varint()
    const [number, type] = [Math.floor(key / 8), key % 8]
    if (type === 0) found.push([number, varint()])
    else if (type === 1) {
      found.push([number, view.getFloat64(at, true)])
      at += 8
    } else if (type === 5) {
      found.push([number, view.getFloat32(at, true)])
      at += 4
    } else if (type === 2) {
      const length = varint()
      found.push([number, message.subarray(at, at + length)])
      at += length
    } else throw new Error(`wire type ${type}`)
  }
  return found
}

function event(message: Uint8Array): Event {
  const all = fields(message)
  const one = (number: number) => all.find(([n]) => n === number)?.[1]
  const version = one(3) as Uint8Array | undefined
  const summary = one(5) as Uint8Array | undefined
  const scalars = fields(summary ?? new Uint8Array()).map(([, value]) => {
    const inner = Object.fromEntries(fields(value as Uint8Array)) as Record<number, number | Uint8Array>
    return [new TextDecoder().decode(inner[1] as Uint8Array), inner[2] as number]
  })
  return {
    wallTime: one(1) as number,
    step: (one(2) as number | undefined) ?? 0,
    ...(version && { fileVersion: new TextDecoder().decode(version) }),
    scalars: Object.fromEntries(scalars),
  }
}
