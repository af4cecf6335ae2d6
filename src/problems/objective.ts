import { softmaxCrossEntropy } from '../autodiff/operations/index.ts'
import type { Value } from '../autodiff/value.ts'
import type { Model } from '../nn/models.ts'
import type { ParameterSpec, Parameters } from '../nn/parameters.ts'

/**
 * What is minimised: the mean over samples of ℓ_i(x), as a function that traces the losses of a chunk of samples.
 *
 * @example
 * // Least squares in a few lines: ℓ_i = (⟨x, a_i⟩ − y_i)²
 * const leastSquares: Objective = {
 *   name: 'least-squares',
 *   parameters: [{ name: 'x', shape: [1, 5], initialise: filled(0) }],
 *   trace: (parameter, field) => ({
 *     losses: sum(square(subtract(linear(field('a'), parameter('x')), field('y'))), [1]),
 *   }),
 * }
 */
export interface Objective {
  readonly name: string
  readonly parameters: readonly ParameterSpec[]
  /** Samples that a chunk holds unless a run says otherwise. */
  readonly chunkSize?: number
  /**
   * @param parameter traced parameters by name
   * @param field traced fields of the data set by name, [B, …shape of one sample]
   */
  trace(parameter: Parameters, field: (name: string) => Value): TracedObjective
}

export interface TracedObjective {
  /** ℓ_i of each sample, [B]; never divided by the batch size. */
  readonly losses: Value
  /** For classification, scores [B, classes]: the largest is the prediction. */
  readonly scores?: Value
}

/** Softmax cross-entropy of a network's outputs on fields `x` (inputs) and `y` (labels). */
export function classification(model: Model): Objective {
  return {
    name: model.name,
    parameters: model.layer.parameters,
    chunkSize: model.chunkSize,
    trace(parameter, field) {
      const scores = model.layer.apply(field('x'), parameter)
      return { losses: softmaxCrossEntropy(scores, field('y')), scores }
    },
  }
}
