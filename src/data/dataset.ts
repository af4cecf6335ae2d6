import { ConfigurationError, DataError, ShapeError } from '../errors.ts'
import { elementCount } from './bytes.ts'

/** What one field of a sample is: the shape of one sample (no batch axis) and the kind of its numbers. */
export interface FieldSpec {
  readonly shape: readonly number[]
  readonly dtype: 'float' | 'index'
  /** For indices, and required there: they lie in 0 … classes − 1. */
  readonly classes?: number
  /** For scaled fields: what a stored 0 reads as, per channel. Padding of augmented images uses it. */
  readonly zero?: readonly number[]
}

/** Where samples are written: [capacity, …shape], Int32Array for indices. */
export type FieldArray = Float32Array | Float64Array | Int32Array

/** A batch's arrays by field name. */
export type Batch = Readonly<Record<string, FieldArray>>

/**
 * Samples 0 … size − 1, each a record of fields such as `x: [1, 28, 28] float, y: [] index`.
 *
 * A data set has no position and draws no numbers of its own: reading the same arguments twice writes the same bits.
 */
export interface Dataset {
  readonly name: string
  readonly size: number
  readonly fields: Readonly<Record<string, FieldSpec>>
  /**
   * Writes samples `indices`, one after the other, from sample position `at` on. Allocates nothing.
   *
   * @param indices which samples
   * @param into arrays of the wanted fields; fields that it does not name are not read
   * @param at sample position in `into` of the first one
   * @param firstDraw ordinal of the first of them among all draws of the run; augmentation depends on (seed, draw) alone
   * @throws ShapeError when an array is too short, of the wrong kind, or names no field; ConfigurationError for an index ≥ size
   */
  read(indices: ArrayLike<number>, into: Batch, at: number, firstDraw: number): void
}

/** A data set cut into a part to learn from and a part to test on. */
export interface TrainTest {
  readonly train: Dataset
  readonly test: Dataset
  /** Samples held out of `train`, see `holdOut`. */
  readonly validation?: Dataset
}

/** x ↦ (x − mean)/std in the units of the stored numbers (bytes: 0 … 255), per channel or one for all. */
export interface Scale {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** The pixel scalings of the official runs (MATHS.md §6), in units of bytes. */
export const pixelScales = {
  /** [0, 1]. */
  unit: { mean: [0], std: [255] },
  /** CIFAR for ResNets: mean (125.3, 123.0, 113.9)/255, std (63.0, 62.1, 66.7)/255. */
  resnet: { mean: [125.3, 123.0, 113.9], std: [63.0, 62.1, 66.7] },
  /** CIFAR for the CNN: mean and std 0.5, so [−1, 1]. */
  cnn: { mean: [127.5], std: [127.5] },
} as const satisfies Record<string, Scale>

/** One field of `arrayDataset`: all samples in one array, [size, …shape]. */
export type ArrayField =
  | {
      readonly data: Uint8Array | Float32Array | Float64Array
      readonly shape: readonly number[]
      readonly dtype?: 'float'
      readonly scale?: Scale
    }
  | {
      readonly data: Uint8Array | Int32Array | BigInt64Array
      readonly shape?: readonly number[]
      readonly dtype: 'index'
      /** One more than the largest by default. */
      readonly classes?: number
    }

type Reader = (indices: ArrayLike<number>, out: FieldArray, at: number) => void

/**
 * A data set over arrays in memory; the arrays are kept, not copied, and scaled as they are read.
 *
 * @param options.fields by name; `scale` has one entry, or one per channel (the first axis of `shape`)
 * @throws ShapeError when array lengths and shapes disagree; DataError for a label outside 0 … classes − 1
 * @example arrayDataset({ name: 'toy', fields: { x: { data: new Float32Array([1, 2, 3, 4]), shape: [2] } } }).size // 2
 */
export function arrayDataset(options: { name: string; fields: Readonly<Record<string, ArrayField>> }): Dataset {
  const { name } = options
  const fields: Record<string, FieldSpec> = {}
  const readers: Record<string, Reader> = {}
  let size = -1
  for (const [field, source] of Object.entries(options.fields)) {
    const where = `${name}.${field}`
    const shape = source.shape ?? []
    const samples = source.data.length / elementCount(shape)
    if (!Number.isInteger(samples) || samples === 0)
      throw new ShapeError(`${where}: ${source.data.length} numbers are not whole samples of shape [${shape}]`)
    if (size >= 0 && samples !== size)
      throw new ShapeError(`${where}: ${samples} samples, but the fields before it have ${size}`)
    size = samples
    if (source.dtype === 'index') {
      const { data, classes } = checkedIndices(where, source.data, source.classes)
      fields[field] = { shape, dtype: 'index', classes }
      readers[field] = plainReader(data, elementCount(shape))
    } else if (source.scale) {
      const scale = perChannel(where, source.scale, shape)
      fields[field] = { shape, dtype: 'float', zero: scale.mean.map((mean, c) => (0 - mean) / scale.std[c]!) }
      readers[field] = scaledReader(source.data, elementCount(shape), scale)
    } else {
      fields[field] = { shape, dtype: 'float' }
      readers[field] = plainReader(source.data, elementCount(shape))
    }
  }
  if (size < 0) throw new ConfigurationError(`${name}: a data set needs at least one field`)
  const sampleSizes = Object.fromEntries(
    Object.entries(fields).map(([field, spec]) => [field, elementCount(spec.shape)]),
  )

  return {
    name,
    size,
    fields,
    read(indices, into, at, _firstDraw) {
      checkRange(name, size, indices)
      for (const field in into) {
        const out = into[field]!
        checkTarget(name, field, fields[field], out, (at + indices.length) * sampleSizes[field]!)
        readers[field]!(indices, out, at)
      }
    },
  }
}

/**
 * The same data set, whose indices are looked at as they are read: kernels write where they say.
 *
 * @throws ConfigurationError for a field of indices without `classes`; when reading, DataError for an index beyond them
 */
export function guarded(dataset: Dataset): Dataset {
  const { name, fields } = dataset
  const limits = Object.entries(fields).flatMap(([field, { dtype, classes, shape }]) => {
    if (dtype !== 'index') return []
    if (classes === undefined)
      throw new ConfigurationError(`${name}.${field}: indices need classes, the number that all of them are below`)
    return [{ field, classes, size: elementCount(shape) }]
  })
  if (limits.length === 0) return dataset
  return {
    name,
    size: dataset.size,
    fields,
    read(indices, into, at, firstDraw) {
      dataset.read(indices, into, at, firstDraw)
      for (const { field, classes, size } of limits) {
        const out = into[field]
        if (!out) continue
        for (let k = at * size; k < (at + indices.length) * size; k++)
          if (!(out[k]! >= 0 && out[k]! < classes))
            throw new DataError(
              `${name}.${field}: sample ${indices[Math.floor(k / size) - at]} has ${out[k]}, expected 0 … ${classes - 1}`,
            )
      }
    },
  }
}

/**
 * The samples `indices` of a data set, in that order.
 *
 * @throws ConfigurationError when it is empty or an index is outside the data set
 * @example subset(digits.train, [5, 3]).size // 2
 */
export function subset(dataset: Dataset, indices: ArrayLike<number>, name = `${dataset.name}/subset`): Dataset {
  const chosen = Uint32Array.from(indices)
  if (chosen.length === 0) throw new ConfigurationError(`${name}: a subset needs at least one sample`)
  checkRange(dataset.name, dataset.size, indices)
  // Scratch, not state: its content never outlives a call. Remade only when the number of samples read changes.
  let mapped = new Uint32Array(0)
  return {
    name,
    size: chosen.length,
    fields: dataset.fields,
    read(wanted, into, at, firstDraw) {
      checkRange(name, chosen.length, wanted)
      if (mapped.length !== wanted.length) mapped = new Uint32Array(wanted.length)
      for (let k = 0; k < wanted.length; k++) mapped[k] = chosen[wanted[k]!]!
      dataset.read(mapped, into, at, firstDraw)
    },
  }
}

/**
 * The first `count` samples; all of them when there are fewer.
 *
 * @example take(digits.train, 1000)
 */
export function take(dataset: Dataset, count: number): Dataset {
  if (!(Number.isInteger(count) && count > 0))
    throw new ConfigurationError(`take: count must be a positive integer, got ${count}`)
  if (count >= dataset.size) return dataset
  return subset(
    dataset,
    Uint32Array.from({ length: count }, (_, k) => k),
    `${dataset.name}/first ${count}`,
  )
}

/**
 * Arrays that hold `capacity` samples of every field: floats in the asked precision, indices as Int32Array.
 *
 * @example const batch = allocateBatch(dataset, 64); dataset.read([0, 1], batch, 0, 0)
 */
export function allocateBatch(
  dataset: Pick<Dataset, 'fields'>,
  capacity: number,
  precision: 'float32' | 'float64' = 'float32',
): Record<string, FieldArray> {
  const Float = precision === 'float32' ? Float32Array : Float64Array
  return Object.fromEntries(
    Object.entries(dataset.fields).map(([field, { shape, dtype }]) => {
      const length = capacity * elementCount(shape)
      return [field, dtype === 'index' ? new Int32Array(length) : new Float(length)]
    }),
  )
}

function plainReader(data: Uint8Array | Int32Array | Float32Array | Float64Array, sampleSize: number): Reader {
  return (indices, out, at) => {
    let to = at * sampleSize
    for (let k = 0; k < indices.length; k++) {
      const from = indices[k]! * sampleSize
      for (let j = 0; j < sampleSize; j++) out[to++] = data[from + j]!
    }
  }
}

function scaledReader(data: Uint8Array | Float32Array | Float64Array, sampleSize: number, scale: Scale): Reader {
  const { mean, std } = scale
  const channels = mean.length
  const plane = sampleSize / channels
  // A byte has 256 values: look them up. The entries are float64, so both precisions round the same quotient once.
  const table = new Float64Array(data instanceof Uint8Array ? 256 * channels : 0)
  for (let entry = 0; entry < table.length; entry++)
    table[entry] = ((entry & 255) - mean[entry >> 8]!) / std[entry >> 8]!
  return (indices, out, at) => {
    let to = at * sampleSize
    for (let k = 0; k < indices.length; k++) {
      let from = indices[k]! * sampleSize
      for (let c = 0; c < channels; c++) {
        const end = from + plane
        if (table.length > 0) for (; from < end; from++) out[to++] = table[(c << 8) | data[from]!]!
        else for (; from < end; from++) out[to++] = (data[from]! - mean[c]!) / std[c]!
      }
    }
  }
}

function perChannel(where: string, scale: Scale, shape: readonly number[]): Scale {
  const channels = scale.mean.length
  if (scale.std.length !== channels || !(channels === 1 || channels === shape[0]))
    throw new ShapeError(
      `${where}: scale has ${channels} means and ${scale.std.length} stds; shape [${shape}] expects 1 or ${shape[0] ?? 1} of each`,
    )
  if (!scale.std.every((std) => std > 0)) throw new ConfigurationError(`${where}: std must be > 0, got [${scale.std}]`)
  return scale
}

function checkedIndices(where: string, data: Uint8Array | Int32Array | BigInt64Array, given?: number) {
  const limit = given ?? 2 ** 31
  let largest = 0
  for (let k = 0; k < data.length; k++) {
    if (data[k]! < 0 || data[k]! >= limit)
      throw new DataError(`${where}: entry ${k} is ${data[k]}, expected 0 … ${limit - 1}`)
    if (data[k]! > largest) largest = Number(data[k])
  }
  return {
    data: data instanceof BigInt64Array ? Int32Array.from(data, Number) : data,
    classes: given ?? largest + 1,
  }
}

function checkRange(name: string, size: number, indices: ArrayLike<number>): void {
  for (let k = 0; k < indices.length; k++) {
    const index = indices[k]!
    if (!(index >= 0 && index < size && Number.isInteger(index)))
      throw new ConfigurationError(`${name}: sample index ${index}, expected an integer in 0 … ${size - 1}`)
  }
}

function checkTarget(name: string, field: string, spec: FieldSpec | undefined, out: FieldArray, needed: number): void {
  if (!spec) throw new ShapeError(`${name}: no field '${field}'`)
  if ((spec.dtype === 'index') !== out instanceof Int32Array)
    throw new ShapeError(`${name}.${field}: ${spec.dtype} values cannot be read into a ${out.constructor.name}`)
  if (out.length < needed)
    throw new ShapeError(`${name}.${field}: the array has ${out.length} numbers, the samples to write end at ${needed}`)
}
