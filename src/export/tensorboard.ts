// TensorBoard's event files: TFRecords of protocol-buffer messages, of which scalars need five fields.
//   Event    { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5 }
//   Summary  { repeated Value value = 1 }
//   Value    { string tag = 1; float simple_value = 2 }
// https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto and summary.proto
import type { TrainingRecord } from '../training/run.ts'
import { cellsOf } from './columns.ts'
import { tfrecord } from './tfrecord.ts'

/** TensorBoard takes files whose name contains `tfevents`; always the same, so that exporting again replaces. */
export const eventFile = 'events.out.tfevents.0.adadagrad'

/** What the horizontal axis counts. */
export type Axis = 'step' | 'samples'

/** What would be a plot of itself. */
const notPlotted = new Set(['step', 'seconds'])

/**
 * An event file with every number of the records as a scalar, in float32 as TensorBoard has them; `test.statistic`
 * becomes `test/statistic`, true and false become 1 and 0.
 *
 * @param axis what TensorBoard shall call a step
 * @param start time of the first record, in seconds since 1970
 */
export async function* tensorboard(
  records: AsyncIterable<TrainingRecord>,
  axis: Axis,
  start: number,
): AsyncGenerator<Uint8Array, void> {
  yield tfrecord(join([double(1, start), text(3, 'brain.Event:2')]))
  for await (const record of records) {
    const scalars = [...cellsOf(record)].flatMap(([name, cell]) => {
      const value = typeof cell === 'boolean' ? Number(cell) : cell
      if (typeof value !== 'number' || notPlotted.has(name) || name === axis) return []
      return [bytes(1, join([text(1, name.replaceAll('.', '/')), float(2, value)]))]
    })
    const time = start + record.seconds
    yield tfrecord(join([double(1, time), integer(2, record[axis]), bytes(5, join(scalars))]))
  }
}

// Fields of a message: a varint of (number << 3 | wire type), then the value.

function varint(value: number): number[] {
  const groups: number[] = []
  let rest = value
  // Division, since << and >> have 32 bits.
  for (; rest >= 128; rest = Math.floor(rest / 128)) groups.push((rest % 128) | 128)
  return [...groups, rest]
}

const key = (number: number, wireType: number): number => (number << 3) | wireType

const integer = (number: number, value: number): Uint8Array => Uint8Array.from([key(number, 0), ...varint(value)])

function double(number: number, value: number): Uint8Array {
  const field = new Uint8Array(9)
  field[0] = key(number, 1)
  new DataView(field.buffer).setFloat64(1, value, true)
  return field
}

function float(number: number, value: number): Uint8Array {
  const field = new Uint8Array(5)
  field[0] = key(number, 5)
  new DataView(field.buffer).setFloat32(1, value, true)
  return field
}

const bytes = (number: number, value: Uint8Array): Uint8Array =>
  join([Uint8Array.from([key(number, 2), ...varint(value.length)]), value])

const text = (number: number, value: string): Uint8Array => bytes(number, new TextEncoder().encode(value))

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
