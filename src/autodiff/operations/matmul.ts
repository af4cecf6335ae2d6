import { expectShape, formatShape, type Shape, sameShape, sizeOf } from '../shape.ts'
import { apply, type Operation, type PerSampleRule, rowwiseIf, type Value } from '../value.ts'
import { add, multiply, square } from './elementwise.ts'
import { broadcastTo, reshape, sum } from './structure.ts'

export interface MatmulAttributes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/**
 * Extents of one product C [m, n] = A [m, k] B [k, n], and how many there are of it.
 *
 * A matrix B that meets a stack of A's is shared by them: the stack is then one tall A, and there is one product.
 */
export function matmulExtents(a: Shape, b: Shape, { transposeA, transposeB }: MatmulAttributes) {
  const [l, n] = b.slice(-2) as [number, number]
  const [rows, columns] = a.slice(-2) as [number, number]
  const stack = sizeOf(a.slice(0, -2))
  const shared = b.length === 2 && a.length > 2
  return {
    batch: shared ? 1 : stack,
    m: (shared ? stack : 1) * (transposeA ? columns : rows),
    k: transposeA ? rows : columns,
    n: transposeB ? l : n,
    kOfB: transposeB ? n : l,
  }
}

export const matmulOperation: Operation<MatmulAttributes> = {
  name: 'matmul',
  shape([a, b], attributes) {
    const [s, t] = [a!.shape, b!.shape]
    const { transposeA, transposeB } = attributes
    const described = () => `${formatShape(s)}${transposeA ? 'ᵀ' : ''} by ${formatShape(t)}${transposeB ? 'ᵀ' : ''}`
    const shared = t.length === 2 && s.length > 2
    expectShape(
      s.length >= 2 && (shared ? !transposeA : s.length === t.length && s.slice(0, -2).every((n, i) => n === t[i])),
      'matmul',
      () => `${described()}: both need the same leading axes before the last two, or the second none`,
    )
    const { k, kOfB, n } = matmulExtents(s, t, attributes)
    expectShape(k === kOfB, 'matmul', () => `${described()}: inner extents ${k} and ${kOfB} must be equal`)
    return [...s.slice(0, -2), s.at(transposeA ? -1 : -2)!, n]
  },
  sampling(inputs, { transposeA }) {
    const [a, b] = inputs
    const rowsAlone = a!.shape.length > 2 || !transposeA
    return rowwiseIf(rowsAlone && (b!.shape.length > 2 || b!.sampling === 'shared'), inputs, 'matmul')
  },
  evaluate(out, [a, b], { inputs, attributes }) {
    const { batch, m, k, n } = matmulExtents(inputs[0]!.shape, inputs[1]!.shape, attributes)
    const [aRow, aColumn] = attributes.transposeA ? [1, m] : [k, 1]
    const [bRow, bColumn] = attributes.transposeB ? [1, k] : [n, 1]
    for (let s = 0; s < batch; s++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let total = 0
          let [x, y] = [s * m * k + i * aRow, s * k * n + j * bColumn]
          for (let p = 0; p < k; p++, x += aColumn, y += bRow) total += a![x]! * b![y]!
          out[s * m * n + i * n + j] = total
        }
  },
  // C = A B: dA = U Bᵀ and dB = Aᵀ U; where a factor was transposed, so is its cotangent.
  vjp({ inputs: [a, b], attributes: { transposeA, transposeB } }, u) {
    const toA = transposeA
      ? matmul(b!, u, { transposeA: transposeB, transposeB: true })
      : matmul(u, b!, { transposeB: !transposeB })
    const shared = b!.shape.length === 2 && a!.shape.length > 2
    const [rows, cotangents] = shared ? [stacked(a!), stacked(u)] : [a!, u]
    const toB = transposeB
      ? matmul(cotangents, rows, { transposeA: true, transposeB: transposeA })
      : matmul(rows, cotangents, { transposeA: !transposeA })
    return [toA, toB]
  },
  // Y = X W or X Wᵀ: the gradient of sample i is a_iᵀ δ_i or its transpose, over the rows that belong to the sample.
  perSample({ inputs: [x, w], attributes: { transposeA, transposeB } }, index, u): PerSampleRule | null {
    if (index !== 1 || transposeA || w!.shape.length !== 2 || x!.sampling !== 'each') return null
    const [left, right] = transposeB ? [u, x!] : [x!, u]
    const projections = (direction: Value) => rowSums(multiply(u, matmul(x!, direction, { transposeB })))
    if (x!.shape.length > 2)
      return { gradients: () => matmul(perRow(left), perRow(right), { transposeA: true }), projections }
    return {
      gradients: () => matmul(perRow(left), perRow(right), { transposeA: true }),
      // ‖δ_i a_iᵀ‖² = ‖δ_i‖² ‖a_i‖² (Goodfellow, arXiv 1510.01799)
      norms: () => multiply(rowSums(square(left)), rowSums(square(right))),
      // Σ_i (δ_i a_iᵀ)∘(δ_i a_iᵀ) = (Δ∘Δ)ᵀ(A∘A)
      squares: () => matmul(square(left), square(right), { transposeA: true }),
      // ⟨δ_i a_iᵀ, D⟩ = ⟨δ_i, D a_i⟩
      projections,
    }
  },
}

/** [.., n] as [rows, n]. */
const stacked = (x: Value): Value => reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!])
/** [B, .., n] as [B, rows, n]. */
const perRow = (x: Value): Value => reshape(x, [x.shape[0]!, sizeOf(x.shape.slice(1, -1)), x.shape.at(-1)!])
/** Sum over everything but axis 0. */
const rowSums = (x: Value): Value =>
  sum(
    x,
    x.shape.slice(1).map((_, i) => i + 1),
  )

/**
 * Product over the last two axes, [.., m, k] by [.., k, n] or by one matrix [k, n].
 *
 * @throws ShapeError when the leading axes or the inner extents differ
 */
export const matmul = (a: Value, b: Value, options: Partial<MatmulAttributes> = {}): Value =>
  apply(matmulOperation, [a, b], { transposeA: options.transposeA ?? false, transposeB: options.transposeB ?? false })

/**
 * Affine map of the last axis, y = x Wᵀ + b.
 *
 * @param x [B, .., in]
 * @param weight [out, in]
 * @param bias [out]
 */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  expectShape(
    x.shape.length >= 2 && weight.shape.length === 2 && weight.shape[1] === x.shape.at(-1),
    'linear',
    () =>
      `input ${formatShape(x.shape)} has ${x.shape.at(-1)} features, weight ${formatShape(weight.shape)} expects ${weight.shape[1]}`,
  )
  expectShape(
    bias === undefined || sameShape(bias.shape, [weight.shape[0]!]),
    'linear',
    () =>
      `bias ${formatShape(bias!.shape)} must be [${weight.shape[0]}], a number for each output of ${formatShape(weight.shape)}`,
  )
  const product = matmul(x, weight, { transposeB: true })
  return bias === undefined ? product : add(product, broadcastTo(bias, product.shape))
}
