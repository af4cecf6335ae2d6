import fc from 'fast-check'
import { add, multiply, square, sum, tanh } from '../src/autodiff/operations/index.ts'
import { constant, leaf, type Value } from '../src/autodiff/value.ts'
import type { Claim } from './claim.ts'
import { dot } from './dense.ts'
import { DIMENSION, numbersOf, points, programs, scalar, transform, vector } from './traced.ts'

const norm = (u: readonly number[]): number => Math.sqrt(dot(u, u))
/** A direction of length 1, so that a width of the differences means the same everywhere. */
const unit = (u: readonly number[]): number[] => {
  const length = norm(u)
  return u.map((value, j) => (length > 0 ? value / length : j === 0 ? 1 : 0))
}
const coefficient = fc.integer({ min: -64, max: 64 }).map((k) => k / 16)

/** f along x + h·u by central differences of three widths, combined so that the error is O(h⁶). */
function slope(f: (x: readonly number[]) => number, x: readonly number[], u: readonly number[]): number {
  const at = (h: number) => f(x.map((value, j) => value + h * u[j]))
  const [wide, middle, narrow] = [2 ** -10, 2 ** -11, 2 ** -12].map((h) => (at(h) - at(-h)) / (2 * h))
  const [first, second] = [(4 * middle - wide) / 3, (4 * narrow - middle) / 3]
  return (16 * second - first) / 15
}

// The functions are of order 1 and their terms may cancel: rounding is relative to 1 at least.

/** Differences are good to about 1e-11 where the functions are not steep: what the assertions admit is this many roundings. */
const DIFFERENCE = 1e2

export const autodiffLaws: Claim = {
  id: 'autodiff',
  title: 'Differentiation obeys its laws',
  statement:
    'For random compositions of the operations: ∇(αf + βg) = α∇f + β∇g; ∇(fg) = f∇g + g∇f; ∇(φ∘f) = φ′(f)∇f and ' +
    '∇(f∘G) = J_Gᵀ(∇f)∘G; ⟨u, ∇²f v⟩ = ⟨v, ∇²f u⟩; gradients, vector-Jacobian and Hessian-vector products agree with ' +
    'central differences.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    const { grad, pullback } = subject
    const x = vector('x')
    /** ∇ of a scalar by x, as a value. */
    const gradient = (f: Value) => grad(f, [x])[0]
    const inputs = [programs, programs, points] as const

    await forAll('linearity', [...inputs, coefficient, coefficient], (t, p, q, at, α, β) => {
      t.size({ operations: p.length + q.length, d: DIMENSION })
      const [f, g] = [scalar(p, x), scalar(q, x)]
      const combined = gradient(add(multiply(f, α), multiply(g, β)))
      const [whole, df, dg] = numbersOf([combined, gradient(f), gradient(g)], { x: at })
      const scale = 1 + Math.abs(α) * norm(df) + Math.abs(β) * norm(dg)
      for (let j = 0; j < DIMENSION; j++) t.equal(`∂_${j}`, whole[j], α * df[j] + β * dg[j], scale)
    })
    await forAll('product rule', [...inputs], (t, p, q, at) => {
      const [f, g] = [scalar(p, x), scalar(q, x)]
      const [whole, df, dg, [fx], [gx]] = numbersOf([gradient(multiply(f, g)), gradient(f), gradient(g), f, g], {
        x: at,
      })
      const scale = 1 + Math.abs(gx) * norm(df) + Math.abs(fx) * norm(dg)
      for (let j = 0; j < DIMENSION; j++) t.equal(`∂_${j}`, whole[j], fx * dg[j] + gx * df[j], scale)
    })
    await forAll('chain rule, a function of a scalar', [programs, points], (t, p, at) => {
      const f = scalar(p, x)
      const y = leaf({ buffer: 'y', offset: 0, shape: [], dtype: 'float', sampling: 'shared' })
      const φ = (z: Value) => multiply(tanh(z), add(square(z), 1))
      const [whole, df, [fx]] = numbersOf([gradient(φ(f)), gradient(f), f], { x: at })
      const [[slopeAt]] = numbersOf([grad(φ(y), [y])[0]], { y: [fx] })
      for (let j = 0; j < DIMENSION; j++) t.equal(`∂_${j}`, whole[j], slopeAt * df[j], 1 + Math.abs(slopeAt) * norm(df))
    })
    await forAll('chain rule, a map before a function', [...inputs], (t, p, q, at) => {
      const inner = transform(q, x)
      const [whole, image] = numbersOf([gradient(scalar(p, inner)), inner], { x: at })
      const y = vector('y')
      const [outer] = numbersOf([grad(scalar(p, y), [y])[0]], { y: image })
      const u = vector('u')
      const pulled = pullback([[inner, u]]).get(x) ?? constant(0, [DIMENSION])
      const [composed] = numbersOf([pulled], { x: at, u: outer })
      const scale = 1 + norm(composed) + norm(outer)
      for (let j = 0; j < DIMENSION; j++) t.equal(`∂_${j}`, whole[j], composed[j], scale)
    })
    await forAll(
      'vector-Jacobian products against central differences',
      [programs, points, points, points],
      (t, p, at, by, cotangent) => {
        const direction = unit(by)
        const F = transform(p, x)
        const pulled = pullback([[F, vector('u')]]).get(x) ?? constant(0, [DIMENSION])
        const [product] = numbersOf([pulled], { x: at, u: cotangent })
        const along = slope((point) => dot(numbersOf([F], { x: point })[0], cotangent), at, direction)
        const size = 1 + norm(cotangent) + norm(product)
        t.equal('⟨vjp(u), v⟩ = ⟨u, F′v⟩', dot(product, direction), along, DIFFERENCE * size)
      },
    )
    await forAll('Hessian-vector products are symmetric', [programs, points, points, points], (t, p, at, u, v) => {
      const df = gradient(scalar(p, x))
      const product = (buffer: string) => gradient(sum(multiply(df, vector(buffer))))
      const [Hu, Hv] = numbersOf([product('u'), product('v')], { x: at, u, v })
      t.equal('⟨v, Hu⟩ = ⟨u, Hv⟩', dot(v, Hu), dot(u, Hv), (1 + norm(v)) * norm(Hu) + (1 + norm(u)) * norm(Hv) + 1)
    })
    await forAll(
      'and are the slopes of gradients',
      [programs, points, points, points],
      (t, p, at, by, v) => {
        const u = unit(by)
        const df = gradient(scalar(p, x))
        const [Hu] = numbersOf([gradient(sum(multiply(df, vector('u'))))], { x: at, u })
        const along = slope((point) => dot(numbersOf([df], { x: point })[0], v), at, u)
        const size = (1 + norm(v)) * (1 + norm(Hu))
        t.equal('⟨v, Hu⟩', dot(v, Hu), along, DIFFERENCE * size)
      },
      { runs: 500 },
    )
    await exists('a term dropped from the product rule is found out', [...inputs], (_, p, q, at) => {
      const [f, g] = [scalar(p, x), scalar(q, x)]
      const [whole, df, [gx]] = numbersOf([gradient(multiply(f, g)), gradient(f), g], { x: at })
      return df.some((value, j) => Math.abs(whole[j] - gx * value) > 1e-3 * norm(whole))
    })
  },
}
