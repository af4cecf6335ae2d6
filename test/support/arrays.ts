import { type Shape, sizeOf } from '../../src/autodiff/shape.ts'
import { random } from '../../src/random.ts'
import { indices as indexLiteral, type Literal } from './evaluate.ts'

const from = (shape: Shape, make: (i: number) => number): Literal => ({
  shape,
  data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => make(i)),
})

/** Standard normal numbers. */
export function normal(shape: Shape, seed: number | string): Literal {
  const draw = random(seed, 'normal', ...shape)
  return from(shape, () => draw.normal())
}

/** Uniform on [low, high). */
export function uniform(shape: Shape, seed: number | string, low: number, high: number): Literal {
  const draw = random(seed, 'uniform', ...shape)
  return from(shape, () => low + (high - low) * draw.uniform())
}

/** Uniform on ±[low, high): away from 0. */
export function awayFromZero(shape: Shape, seed: number | string, low = 0.3, high = 2): Literal {
  const draw = random(seed, 'away', ...shape)
  return from(shape, () => (draw.uniform() < 0.5 ? -1 : 1) * (low + (high - low) * draw.uniform()))
}

/** Numbers of which any two differ by at least `gap`, in random order around 0: no ties, even after a small step. */
export function distinct(shape: Shape, seed: number | string, gap = 0.05): Literal {
  const draw = random(seed, 'distinct', ...shape)
  const n = sizeOf(shape)
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = draw.integer(i + 1)
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return from(shape, (i) => 2 * gap * (order[i] - n / 2) + gap * draw.uniform())
}

/** Whole numbers below `bound`. */
export function indices(shape: Shape, seed: number | string, bound: number): Literal {
  const draw = random(seed, 'indices', ...shape)
  return indexLiteral(
    Array.from({ length: sizeOf(shape) }, () => draw.integer(bound)),
    shape,
  )
}
