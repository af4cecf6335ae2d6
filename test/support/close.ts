import { expect } from 'vitest'

/** Element by element, relative to what is expected where that is beyond 1. */
export function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-11) {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++)
    expect(Math.abs(found[i] - expected[i]), `element ${i}: ${found[i]} for ${expected[i]}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(expected[i])),
    )
}
