// The one operation that the two builds do differently.

/**
 * a·b + c in four lanes: rounded twice in the strict build (the same bits on every machine), and in the relaxed build
 * once where the processor fuses.
 */
export function fma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/** Whether this is the relaxed build. */
export function relaxed(): bool {
  return ASC_FEATURE_RELAXED_SIMD
}
