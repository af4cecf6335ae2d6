/** Steps of optimisers, as they take them and as their formulas say. */
import fc from 'fast-check'
import type { Optimizer } from '../src/optim/optimizer.ts'
import type { Trial } from './claim.ts'

/** Points x_0, x_1, … for gradients g_0, g_1, … */
export function trajectory(
  optimizer: Optimizer,
  start: readonly number[],
  gradients: readonly (readonly number[])[],
  α = 1,
) {
  const x = Float64Array.from(start)
  const state = optimizer.init(x.length)
  return gradients.map((g) => {
    optimizer.update(x, Float64Array.from(g), state, α)
    return Array.from(x)
  })
}

/** x_0, …, x_K of a rule that is written down coordinate by coordinate. */
export function byHand(
  start: readonly number[],
  gradients: readonly (readonly number[])[],
  α: number,
  direction: (j: number, k: number, x: readonly number[]) => number,
) {
  let x = [...start]
  return gradients.map((_, k) => {
    x = x.map((value, j) => value - α * direction(j, k, x))
    return x
  })
}

const entry = fc.integer({ min: -4096, max: 4096 }).map((k) => k / 256)
/** A start, gradients and options. */
export const runs = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 })).chain(([d, K]) =>
  fc.record({
    start: fc.array(entry, { minLength: d, maxLength: d }),
    gradients: fc.array(fc.array(entry, { minLength: d, maxLength: d }), { minLength: K, maxLength: K }),
    α: fc.integer({ min: 1, max: 32 }).map((k) => k / 32),
    decay: fc.integer({ min: 0, max: 15 }).map((k) => k / 16),
    λ: fc.integer({ min: 0, max: 8 }).map((k) => k / 16),
  }),
)

/** Equality of trajectories, up to rounding of the largest entries that occur. */
export const alike = (
  t: Trial,
  name: string,
  got: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
) => {
  for (const [k, x] of expected.entries()) {
    for (const [j, value] of x.entries()) t.equal(`${name}: x_${k + 1}[${j}]`, got[k][j], value, 100 + Math.abs(value))
  }
}
