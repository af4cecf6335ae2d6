import { erf as erfOf } from '../erf.ts'
import { broadcastShapes } from '../shape.ts'
import { apply, constant, constantOf, expectSameShape, type FloatArray, type Operation, type Value } from '../value.ts'
import { broadcastTo } from './structure.ts'

/** A row of one input and one formula; `vjp(x, y, u)` receives input, result and cotangent. */
function unary(
  name: string,
  formula: (x: number) => number,
  vjp: (x: Value, y: Value, u: Value) => Value | null,
): (x: Value) => Value {
  const operation: Operation<null> = {
    name,
    shape: ([x]) => x!.shape,
    evaluate(out, [x]) {
      for (let i = 0; i < out.length; i++) out[i] = formula(x![i]!)
    },
    vjp: (y, u) => [vjp(y.inputs[0]!, y, u)],
  }
  return (x) => apply(operation, [x], null)
}

/** A row of two inputs of one shape; operands of other shapes are broadcast before. */
function binary(
  name: string,
  formula: (a: number, b: number) => number,
  vjp: (a: Value, b: Value, u: Value, y: Value) => readonly [Value | null, Value | null],
): (a: Value | number, b: Value | number) => Value {
  const operation: Operation<null> = {
    name,
    shape([a, b]) {
      expectSameShape(name, a!, b!)
      return a!.shape
    },
    evaluate(out, [a, b]) {
      for (let i = 0; i < out.length; i++) out[i] = formula(a![i]!, b![i]!)
    },
    vjp: (y, u) => vjp(y.inputs[0]!, y.inputs[1]!, u, y),
  }
  return (a, b) => {
    const [x, y] = [toValue(a), toValue(b)]
    const shape = broadcastShapes(name, x.shape, y.shape)
    return apply(operation, [broadcastTo(x, shape), broadcastTo(y, shape)], null)
  }
}

const toValue = (x: Value | number): Value => (typeof x === 'number' ? constant(x) : x)
const isConstant = (x: Value | number, value: number): boolean => (typeof x === 'number' ? x : constantOf(x)) === value

/** Like `operation`, but `x ∘ unit` is `x` itself, provided that nothing is broadcast. */
const withUnit =
  (operation: (a: Value | number, b: Value | number) => Value, unit: number, commutes: boolean) =>
  (a: Value | number, b: Value | number): Value => {
    const fits = (x: Value | number, other: Value | number): x is Value =>
      typeof x !== 'number' &&
      (typeof other === 'number' ||
        other.shape.length === 0 ||
        (other.shape.length === x.shape.length && other.shape.every((n, i) => n === x.shape[i])))
    if (isConstant(b, unit) && fits(a, b)) return a
    if (commutes && isConstant(a, unit) && fits(b, a)) return b
    return operation(a, b)
  }

/** d(a + b) = da + db */
export const add = withUnit(
  binary(
    'add',
    (a, b) => a + b,
    (_a, _b, u) => [u, u],
  ),
  0,
  true,
)
/** d(a − b) = da − db */
export const subtract = withUnit(
  binary(
    'subtract',
    (a, b) => a - b,
    (_a, _b, u) => [u, negate(u)],
  ),
  0,
  false,
)
/** d(ab) = b da + a db */
export const multiply = withUnit(
  binary(
    'multiply',
    (a, b) => a * b,
    (a, b, u) => [multiply(u, b), multiply(u, a)],
  ),
  1,
  true,
)
/** d(a/b) = da/b − (a/b) db/b */
export const divide = withUnit(
  binary(
    'divide',
    (a, b) => a / b,
    (_a, b, u, y) => [divide(u, b), negate(divide(multiply(u, y), b))],
  ),
  1,
  false,
)
/** The larger of the two, which takes the cotangent; a tie goes to the first. */
export const maximum = binary(
  'maximum',
  (a, b) => Math.max(a, b),
  (a, b, u) => {
    const second = greater(b, a)
    return [multiply(u, subtract(1, second)), multiply(u, second)]
  },
)
/** The smaller of the two, which takes the cotangent; a tie goes to the first. */
export const minimum = binary(
  'minimum',
  (a, b) => Math.min(a, b),
  (a, b, u) => {
    const second = greater(a, b)
    return [multiply(u, subtract(1, second)), multiply(u, second)]
  },
)
/** 1 where a > b, else 0; piecewise constant. */
export const greater = binary(
  'greater',
  (a, b) => (a > b ? 1 : 0),
  () => [null, null],
)
/** 1 where a = b, else 0; piecewise constant. */
export const equal = binary(
  'equal',
  (a, b) => (a === b ? 1 : 0),
  () => [null, null],
)
/** u where x > 0, else 0: the gradient of relu, linear in u. */
export const gate = binary(
  'gate',
  (u, x) => (x > 0 ? u : 0),
  (_u, x, w) => [gate(w, x), null],
)

/** d(−x) = −dx */
export const negate = unary(
  'negate',
  (x) => -x,
  (_x, _y, u) => negate(u),
)
/** d(eˣ) = eˣ dx */
export const exp = unary('exp', Math.exp, (_x, y, u) => multiply(u, y))
/** d(ln x) = dx/x */
export const log = unary('log', Math.log, (x, _y, u) => divide(u, x))
/** d(ln(1 + x)) = dx/(1 + x) */
export const log1p = unary('log1p', Math.log1p, (x, _y, u) => divide(u, add(x, 1)))
/** d(√x) = dx/(2√x) */
export const sqrt = unary('sqrt', Math.sqrt, (_x, y, u) => divide(u, multiply(y, 2)))
/** d(x²) = 2x dx */
export const square = unary(
  'square',
  (x) => x * x,
  (x, _y, u) => multiply(u, multiply(x, 2)),
)
/** d(1/x) = −x⁻² dx */
export const reciprocal = unary(
  'reciprocal',
  (x) => 1 / x,
  (_x, y, u) => negate(multiply(u, square(y))),
)
/** d(sin x) = cos x dx */
export const sin = unary('sin', Math.sin, (x, _y, u) => multiply(u, cos(x)))
/** d(cos x) = −sin x dx */
export const cos = unary('cos', Math.cos, (x, _y, u) => negate(multiply(u, sin(x))))
/** d(tanh x) = (1 − tanh²x) dx */
export const tanh = unary('tanh', Math.tanh, (_x, y, u) => multiply(u, subtract(1, square(y))))
/** d(σ(x)) = σ(x)(1 − σ(x)) dx */
export const sigmoid = unary(
  'sigmoid',
  (x) => 1 / (1 + Math.exp(-x)),
  (_x, y, u) => multiply(u, multiply(y, subtract(1, y))),
)
/** d(erf x) = 2/√π e^(−x²) dx */
export const erf = unary('erf', erfOf, (x, _y, u) =>
  multiply(u, multiply(exp(negate(square(x))), 2 / Math.sqrt(Math.PI))),
)
/** d|x| = sign(x) dx */
export const abs = unary('abs', Math.abs, (x, _y, u) => multiply(u, sign(x)))
/** −1, 0 or 1; piecewise constant. */
export const sign = unary('sign', Math.sign, () => null)
/** d(max(x, 0)) = [x > 0] dx */
export const relu = unary(
  'relu',
  (x) => Math.max(x, 0),
  (x, _y, u) => gate(u, x),
)

const powerOperation: Operation<{ readonly exponent: number }> = {
  name: 'power',
  shape: ([x]) => x!.shape,
  evaluate(out, [x], { attributes }) {
    for (let i = 0; i < out.length; i++) out[i] = (x as FloatArray)[i]! ** attributes.exponent
  },
  // d(xᵖ) = p xᵖ⁻¹ dx
  vjp: ({ inputs: [x], attributes: { exponent } }, u) => [
    multiply(u, multiply(power(x!, exponent - 1), constant(exponent))),
  ],
}

/** xᵖ for a fixed real p. */
export function power(x: Value, exponent: number): Value {
  if (exponent === 0) return constant(1, x.shape)
  if (exponent === 1) return x
  if (exponent === 2) return square(x)
  return apply(powerOperation, [x], { exponent })
}

const stopOperation: Operation<null> = {
  name: 'stopGradient',
  shape: ([x]) => x!.shape,
  evaluate: (out, [x]) => void out.set(x!),
  vjp: () => [null],
}

/** x itself, taken as a constant by the gradient. */
export const stopGradient = (x: Value): Value => apply(stopOperation, [x], null)

const selectOperation: Operation<null> = {
  name: 'where',
  shape([condition, a, b]) {
    expectSameShape('where', condition!, a!)
    expectSameShape('where', a!, b!)
    return a!.shape
  },
  evaluate(out, [condition, a, b]) {
    for (let i = 0; i < out.length; i++) out[i] = condition![i] ? a![i]! : b![i]!
  },
  vjp: ({ inputs: [condition] }, u) => [null, where(condition!, u, 0), where(condition!, 0, u)],
}

/** a where the condition is not 0, b where it is; what is not chosen may be infinite. */
export function where(condition: Value, a: Value | number, b: Value | number): Value {
  const values = [condition, toValue(a), toValue(b)]
  const shape = values.map((v) => v.shape).reduce((s, t) => broadcastShapes('where', s, t))
  return apply(
    selectOperation,
    values.map((v) => broadcastTo(v, shape)),
    null,
  )
}

/** ln(1 + eˣ), without overflow: max(x, 0) + ln(1 + e^(−|x|)). Its gradient at 0 is ½, as it should be. */
export const softplus = (x: Value): Value => softplusRow(x)
const softplusRow = unary(
  'softplus',
  (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  (x, _y, u) => multiply(u, sigmoid(x)),
)

/**
 * Gaussian error linear unit, x Φ(x), or its tanh approximation.
 *
 * @see Hendrycks and Gimpel, arXiv 1606.08415
 */
export function gelu(x: Value, approximation: 'none' | 'tanh' = 'none'): Value {
  const inner =
    approximation === 'none'
      ? erf(multiply(x, Math.SQRT1_2))
      : tanh(multiply(add(x, multiply(power(x, 3), 0.044715)), Math.sqrt(2 / Math.PI)))
  return multiply(multiply(x, 0.5), add(inner, 1))
}
