/** Random smooth functions over values, and their numbers on the reference backend. */
import fc from 'fast-check'
import * as op from '../src/autodiff/operations/index.ts'
import { leaf, type Value } from '../src/autodiff/value.ts'
import { referenceBackend } from '../src/backends/reference/index.ts'

/** Entries of x, which is also read as a 2 × 3 image. */
export const DIMENSION = 6

/** A leaf of shape [6] that reads the array of that name. */
export const vector = (buffer: string): Value =>
  leaf({ buffer, offset: 0, shape: [DIMENSION], dtype: 'float', sampling: 'shared' })

/** The parameters of the random functions: a fixed array of numbers, `w`. */
const weights = (offset: number, shape: readonly number[]): Value =>
  leaf({ buffer: 'w', offset, shape, dtype: 'float', sampling: 'shared' })

const row = (x: Value) => op.reshape(x, [1, DIMENSION])
const flat = (x: Value) => op.reshape(x, [DIMENSION])
const image = (x: Value) => op.reshape(x, [1, 1, 2, 3])

/** [6] × [6] → [6], all smooth and with bounded growth. */
const steps: readonly ((a: Value, b: Value) => Value)[] = [
  (a, b) => op.add(a, b),
  (a, b) => op.subtract(a, op.multiply(b, 0.5)),
  (a, b) => op.multiply(op.tanh(a), b),
  (a, b) => op.divide(a, op.add(op.square(b), 1)),
  (a) => op.sin(a),
  (a) => op.cos(op.multiply(a, 0.7)),
  (a) => op.tanh(a),
  (a) => op.sigmoid(a),
  (a) => op.softplus(a),
  (a) => op.gelu(a),
  (a) => op.erf(op.multiply(a, 0.5)),
  (a) => op.exp(op.tanh(a)),
  (a) => op.log1p(op.square(a)),
  (a) => op.sqrt(op.add(op.square(a), 1)),
  (a) => op.reciprocal(op.add(op.square(a), 1)),
  (a) => flat(op.linear(row(a), weights(0, [DIMENSION, DIMENSION]), weights(36, [DIMENSION]))),
  (a) => flat(op.softmax(row(a))),
  (a) => flat(op.logSoftmax(op.multiply(row(a), 0.5))),
  (a) => flat(op.layerNorm(row(a), weights(0, [DIMENSION]), weights(6, [DIMENSION]), 0.1)),
  (a) => flat(op.transpose(op.reshape(a, [2, 3]))),
  (a) => op.concat([op.slice(a, [3], [6]), op.slice(a, [0], [3])], 0),
  (a) => op.pad(op.slice(a, [1], [5]), [1], [1]),
  (a, b) =>
    flat(op.matmul(op.reshape(a, [3, 2]), op.matmul(op.reshape(op.tanh(b), [2, 3]), op.reshape(op.tanh(a), [3, 2])))),
  (a) => flat(op.conv2d(image(a), weights(0, [1, 1, 3, 3]), { padding: 1 })),
  (a) => flat(op.conv2d(op.pad(image(a), [0, 0, 0, 0], [0, 0, 1, 0]), weights(9, [1, 1, 2, 1]), {})),
  (a) => flat(op.groupNorm(op.reshape(a, [1, 2, 3]), 2, weights(0, [2]), weights(6, [2]), 0.1)),
  (a) => op.divide(a, op.add(op.mean(op.square(a)), 1)),
]

/** A program: each step takes two earlier results. */
export type Program = readonly (readonly [which: number, a: number, b: number])[]

export const programs: fc.Arbitrary<Program> = fc.array(fc.tuple(fc.nat(steps.length - 1), fc.nat(20), fc.nat(20)), {
  minLength: 1,
  maxLength: 6,
})

/** The program's last value, [6]: a smooth F: R⁶ → R⁶. */
export function transform(program: Program, x: Value): Value {
  const values = [x]
  for (const [which, a, b] of program) {
    values.push(steps[which](values[values.length - 1 - (a % Math.min(2, values.length))], values[b % values.length]))
  }
  return values[values.length - 1]
}

/** A smooth f: R⁶ → R. */
export const scalar = (program: Program, x: Value): Value => {
  const y = transform(program, x)
  return op.sum(op.multiply(y, op.add(op.tanh(y), 0.5)))
}

export const points = fc.array(
  fc.integer({ min: -512, max: 512 }).map((k) => k / 256),
  { minLength: DIMENSION, maxLength: DIMENSION },
)

const w = Float64Array.from({ length: 48 }, (_, k) => 0.5 * Math.sin(1.7 * k + 0.3))

/** Numbers of values for what their leaves hold, one array each. */
export function numbersOf(values: readonly Value[], arrays: Readonly<Record<string, readonly number[]>>): number[][] {
  const backend = referenceBackend()
  const buffers: Record<string, Float64Array> = { w }
  for (const [name, array] of Object.entries(arrays)) buffers[name] = Float64Array.from(array)
  const outputs = values.map((value, k) => {
    buffers[`out${k}`] = new Float64Array(value.shape.reduce((a, b) => a * b, 1))
    return { value, buffer: `out${k}`, offset: 0 }
  })
  const plan = backend.compile({ stages: [outputs] }, buffers) as { run(stage: number, slot: number): void }
  plan.run(0, 0)
  return outputs.map(({ buffer }) => Array.from(buffers[buffer]))
}
