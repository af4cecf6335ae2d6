// Vectors at the ragged end of a row.

/** The first `count` < 4 floats from p, `rest` in the other lanes; reads nothing beyond them. */
export function loadSome(p: usize, count: i32, rest: f32): v128 {
  let v = f32x4.splat(rest)
  v = f32x4.replace_lane(v, 0, load<f32>(p))
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(p, 4))
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(p, 8))
  return v
}

/** Stores the first `count` < 4 lanes. */
export function storeSome(p: usize, v: v128, count: i32): void {
  store<f32>(p, f32x4.extract_lane(v, 0))
  if (count > 1) store<f32>(p, f32x4.extract_lane(v, 1), 4)
  if (count > 2) store<f32>(p, f32x4.extract_lane(v, 2), 8)
}

/** Sum of the four lanes in float64. */
export function total4(v: v128): f64 {
  const pairs = f64x2.add(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3)))
  return f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1)
}
