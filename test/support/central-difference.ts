import { pullback } from '../../src/autodiff/grad.ts'
import { sizeOf } from '../../src/autodiff/shape.ts'
import { constant, leaf, type Value } from '../../src/autodiff/value.ts'
import { random } from '../../src/random.ts'
import { bind, type Literal, prepare } from './evaluate.ts'

/** A function of arrays to arrays, as a tracer. */
export type Build = (...leaves: Value[]) => Value | readonly Value[]

/** Both sides of the check, and the size of the terms that were summed. */
export interface Slopes {
  readonly traced: number
  readonly measured: number
  readonly scale: number
}

const STEP = 1e-4
const dot = (a: ArrayLike<number>, b: ArrayLike<number>, term = (t: number) => t): number => {
  let total = 0
  for (let i = 0; i < a.length; i++) total += term(a[i] * b[i])
  return total
}

/**
 * One random projection of the derivative in float64: ⟨u, J v⟩ by the vjp rules, and by differences of order 4,
 * (8(f(h) − f(−h)) − (f(2h) − f(−2h)))/(12h) with f(t) = ⟨u, y(x + t v)⟩ (the idea is HIPS autograd's `check_vjp`).
 */
export function slopes(build: Build, literals: readonly Literal[], seed: number | string): Slopes {
  const { leaves, buffers } = bind(literals)
  const built = build(...leaves)
  const outputs = (Array.isArray(built) ? built : [built]) as Value[]
  const draw = random(seed, 'projection')
  const normals = (n: number) => Float64Array.from({ length: n }, () => draw.normal())
  const u = outputs.map((y) => normals(sizeOf(y.shape)))
  const floats = leaves.flatMap((x, i) => (x.dtype === 'float' ? [i] : []))
  const v = floats.map((i) => normals(sizeOf(leaves[i].shape)))

  const cotangents = outputs.map((y, k) =>
    leaf({ buffer: `u${k}`, offset: 0, shape: y.shape, dtype: 'float', sampling: 'shared' }),
  )
  const bound = { ...buffers, ...Object.fromEntries(u.map((array, k) => [`u${k}`, array])) }
  const pulled = pullback(outputs.map((y, k) => [y, cotangents[k]] as const))
  const gradients = prepare(
    floats.map((i) => pulled.get(leaves[i]) ?? constant(0, leaves[i].shape)),
    bound,
  )()
  const traced = gradients.reduce((total, g, k) => total + dot(g, v[k]), 0)

  const forward = prepare(outputs, bound)
  const origin = floats.map((i) => Float64Array.from(buffers[i]))
  const f = (t: number): Float64Array[] => {
    for (const [k, i] of floats.entries())
      for (let j = 0; j < origin[k].length; j++) buffers[i][j] = origin[k][j] + t * v[k][j]
    return forward().map((y) => y.slice())
  }
  const [a, b, c, d] = [f(STEP), f(-STEP), f(2 * STEP), f(-2 * STEP)]
  // Differences are taken element by element, before the sum: fewer digits cancel.
  const measured = u.reduce((total, w, k) => {
    const slope = a[k].map((_, j) => (8 * (a[k][j] - b[k][j]) - (c[k][j] - d[k][j])) / (12 * STEP))
    return total + dot(w, slope)
  }, 0)
  const scale =
    gradients.reduce((total, g, k) => total + dot(g, v[k], Math.abs), 0) +
    u.reduce((total, w, k) => total + dot(w, a[k], Math.abs), 0)
  return { traced, measured, scale }
}

/** Whether both sides agree to 1e-8 of the summed terms. */
export const agree = ({ traced, measured, scale }: Slopes): boolean =>
  Math.abs(traced - measured) <= 1e-8 * Math.max(scale, 1e-3)

/** Throws unless the gradient of `build` is what differences measure. */
export function checkGradient(build: Build, literals: readonly Literal[], seed: number | string): void {
  const found = slopes(build, literals, seed)
  if (!agree(found))
    throw new Error(`the vjp rules give ${found.traced}, differences ${found.measured} (terms of size ${found.scale})`)
}

/**
 * The gradient of `build` as a tracer of its own: of the inputs and of one cotangent for each output, which come first.
 * Checking it checks second derivatives in the inputs, and linearity in the cotangents.
 */
export const gradientOf =
  (build: Build, outputs: number): Build =>
  (...leaves) => {
    const [u, inputs] = [leaves.slice(0, outputs), leaves.slice(outputs)]
    const built = build(...inputs)
    const values = (Array.isArray(built) ? built : [built]) as Value[]
    const pulled = pullback(values.map((y, k) => [y, u[k]] as const))
    return inputs.flatMap((x) => (x.dtype === 'float' ? [pulled.get(x) ?? constant(0, x.shape)] : []))
  }
