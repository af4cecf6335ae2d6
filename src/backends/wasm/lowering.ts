import type { Value } from '../../autodiff/value.ts'
import { fusions } from './fusion.ts'
import { binary, power, unary, where } from './lower-elementwise.ts'
import { conv2d, conv2dInput, matmul } from './lower-products.ts'
import {
  addRows,
  addRowsEach,
  embedding,
  oneHot,
  pool,
  softmax,
  softmaxCrossEntropy,
  standardize,
} from './lower-rows.ts'
import { broadcast, copied, pad, reduce, slice, transpose } from './lower-structure.ts'
import { aliasOf } from './schedule.ts'
import type { Lower, Lowering, Step } from './step.ts'

const all = <Name extends string>(names: readonly Name[], lower: Lower) =>
  Object.fromEntries(names.map((name) => [name, lower]))

/** How each operation becomes a kernel call. An operation that is not listed runs its own loops. */
const table: Readonly<Record<string, Lower>> = {
  ...all(['add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum', 'greater', 'equal', 'gate'], binary),
  ...all(['negate', 'abs', 'sign', 'relu', 'square', 'reciprocal', 'sqrt', 'exp', 'log', 'log1p'], unary),
  ...all(['sin', 'cos', 'tanh', 'sigmoid', 'softplus', 'erf'], unary),
  ...all(['sum', 'max'], reduce),
  ...all(['softmax', 'logSoftmax'], softmax),
  ...all(['standardize', 'standardizeGradient'], standardize),
  ...all(['maxPool2d', 'maxPool2dScatter', 'maxPool2dGather', 'averagePool2d', 'averagePool2dSpread'], pool),
  power,
  where,
  broadcast,
  transpose,
  slice,
  pad,
  softmaxCrossEntropy,
  oneHot,
  embedding,
  addRows,
  addRowsEach,
  matmul,
  conv2d,
  conv2dInput,
}

/**
 * The steps of each stage. From the outputs backwards, so that what a fusion absorbs is never made: a value becomes a
 * step only when someone reads it.
 */
export function lower(lowering: Lowering): Step[][] {
  const { schedule } = lowering
  const wanted = new Set<Value>()
  const want = (value: Value): void => void wanted.add(schedule.aliases.get(value)?.of ?? value)
  for (const value of schedule.outputs) want(value)
  const stages = schedule.stages.toReversed().map((order) => {
    const steps: Step[] = []
    for (const value of order.toReversed()) {
      if (!wanted.has(value)) continue
      const step = lowerOne(value, lowering)
      if (step === undefined) continue
      steps.push(step)
      step.reads.forEach(want)
    }
    return steps.reverse()
  })
  return stages.reverse()
}

function lowerOne(value: Value, lowering: Lowering): Step | undefined {
  for (const fuse of fusions) {
    const step = fuse(value, lowering)
    if (step !== undefined) return step === 'elsewhere' ? undefined : step
  }
  const alias = aliasOf(value)
  if (alias !== undefined) return copied(alias.offset)(value, lowering)
  return table[value.operation.name]?.(value, lowering) ?? slow(value)
}

/** The operation's own loops, in float32. */
const slow = (value: Value): Step => ({
  name: value.operation.name,
  reads: value.inputs,
  writes: [value],
  slow: true,
  bind({ view }) {
    const [out, inputs] = [view(value), value.inputs.map(view)]
    return [() => value.operation.evaluate(out, inputs, value)]
  },
})
