import { ShapeError } from '../errors.ts'
import { add } from './operations/elementwise.ts'
import { formatShape, sameShape } from './shape.ts'
import { constant, expectSameShape, topologicalOrder, type Value } from './value.ts'

/**
 * Cotangents of everything that the outputs depend on: reverse-mode differentiation as a transformation of values.
 *
 * With outputs y_k and cotangents u_k, the map holds ∂(Σ_k ⟨u_k, y_k⟩)/∂v for every float value v that is reached; what
 * is not reached has derivative 0 and no entry. The result consists of values again and can be differentiated again.
 *
 * @throws ShapeError when a cotangent has another shape than its output
 */
export function pullback(outputs: readonly (readonly [output: Value, cotangent: Value])[]): Map<Value, Value> {
  const cotangents = new Map<Value, Value>()
  // The one place where contributions add up.
  const contribute = (value: Value, cotangent: Value): void => {
    expectSameShape(`gradient of ${value.operation.name}`, value, cotangent)
    const sum = cotangents.get(value)
    cotangents.set(value, sum === undefined ? cotangent : add(sum, cotangent))
  }
  for (const [output, cotangent] of outputs) contribute(output, cotangent)
  for (const value of topologicalOrder(outputs.map(([output]) => output)).reverse()) {
    const cotangent = cotangents.get(value)
    if (cotangent === undefined || value.inputs.length === 0) continue
    for (const [i, contribution] of value.operation.vjp(value, cotangent).entries())
      if (contribution !== null && value.inputs[i]!.dtype === 'float') contribute(value.inputs[i]!, contribution)
  }
  return cotangents
}

/**
 * Gradients of a scalar.
 *
 * @param loss a value of shape []
 * @param parameters the values to differentiate by
 * @returns ∂loss/∂p for each, in p's shape; zeros where the loss does not depend on p
 * @throws ShapeError when `loss` is no scalar
 * @example
 * const x = leaf({ buffer: 'x', offset: 0, shape: [3], dtype: 'float', sampling: 'shared' })
 * const [gradient] = grad(sum(square(x)), [x]) // 2x
 */
export function grad(loss: Value, parameters: readonly Value[]): Value[] {
  if (!sameShape(loss.shape, []))
    throw new ShapeError(`grad: the loss must be a scalar, got ${formatShape(loss.shape)}`)
  const cotangents = pullback([[loss, constant(1)]])
  return parameters.map((parameter) => cotangents.get(parameter) ?? constant(0, parameter.shape))
}
