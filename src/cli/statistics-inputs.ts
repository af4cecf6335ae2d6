import type { Tensor } from '../data/bytes.ts'
import { arrayDataset, type Dataset } from '../data/dataset.ts'
import { readNpy, readSafetensors } from '../data/files.ts'
import { DataError } from '../errors.ts'
import { type Model, modelFamily } from '../nn/models.ts'
import { layOutParameters } from '../nn/parameters.ts'
import { fromStateDict } from '../nn/state-dict.ts'

export interface InputFiles {
  readonly model: string
  readonly weights: string
  readonly inputs: string
  readonly labels: string
  /** Options of the model: the groups of resnet18. */
  readonly modelOptions?: Readonly<Record<string, unknown>>
}

/** A network with its weights and one batch for it. */
export interface LoadedBatch {
  readonly model: Model
  /** x ∈ R^d */
  readonly parameters: Float32Array
  /** Fields x, the inputs, and y, the labels; b samples. */
  readonly batch: Dataset
}

/**
 * Reads weights (safetensors, named as PyTorch's state dict), inputs [b, …] (npy, float32) and labels [b] (npy, int32 or
 * int64).
 *
 * The number of classes is that of the weights' last layer; logistic regression takes the shape of its inputs, too.
 *
 * @throws DataError naming the file, what it has and what was expected
 */
export async function loadBatch(files: InputFiles): Promise<LoadedBatch> {
  const [weights, inputs, labels] = await Promise.all([
    readSafetensors(files.weights),
    readNpy(files.inputs),
    readNpy(files.labels),
  ])
  const values = inputValues(inputs, files.inputs)
  const input = inputs.shape.slice(1)
  const make = (classes: number) => {
    const choice = modelFamily.choices.find(({ name }) => name === files.model)!
    return choice.make(files.modelOptions ?? {}, { input, classes })
  }
  const model = make(weights.tensors.get(lastWeight(make(10)))?.shape[0] ?? 10)
  if (model.input.join() !== input.join())
    throw new DataError(
      `${files.inputs}: inputs have shape [${inputs.shape.join(', ')}], ${model.name} expects [b, ${model.input.join(', ')}]`,
    )
  const given = model.name === 'logistic' ? `logistic on inputs [b, ${input.join(', ')}]` : model.name
  const layout = layOutParameters(model.layer.parameters)
  const parameters = fromStateDict(layout, weights.tensors, { file: files.weights, model: given })
  const b = inputs.shape[0]!
  const batch = arrayDataset({
    name: 'batch',
    fields: {
      x: { data: values, shape: input },
      y: { data: labelValues(labels, files.labels, b, model.classes), dtype: 'index', classes: model.classes },
    },
  })
  return { model, parameters, batch }
}

/** The matrix of the last layer, which has a row for each class. */
const lastWeight = ({ layer }: Model): string => layer.parameters.findLast(({ shape }) => shape.length === 2)!.name

function inputValues({ shape, data }: Tensor, file: string): Float32Array {
  if (!(data instanceof Float32Array)) throw new DataError(`${file}: inputs must be float32, got ${dtypeOf(data)}`)
  if (shape.length < 2 || data.length === 0)
    throw new DataError(`${file}: inputs have shape [${shape.join(', ')}], expected [b, …] with at least one sample`)
  const bad = data.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) throw new DataError(`${file}: inputs must be finite, entry ${bad} is ${data[bad]}`)
  return data
}

function labelValues({ shape, data }: Tensor, file: string, b: number, classes: number): Int32Array {
  if (!(data instanceof Int32Array || data instanceof BigInt64Array))
    throw new DataError(`${file}: labels must be int32 or int64, got ${dtypeOf(data)}`)
  if (shape.length !== 1 || shape[0] !== b)
    throw new DataError(`${file}: labels have shape [${shape.join(', ')}], expected [${b}], one for each input`)
  for (const [i, label] of data.entries())
    if (label < 0 || label >= classes)
      throw new DataError(`${file}: label ${i} is ${label}, expected 0 … ${classes - 1}`)
  return Int32Array.from(data as ArrayLike<number | bigint>, Number)
}

/** `Float64Array` → `float64`, as NumPy calls it. */
const dtypeOf = (data: Tensor['data']): string =>
  data.constructor.name.replace(/^Big/, '').replace('Array', '').toLowerCase()
