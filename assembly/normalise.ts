// Standardisation of blocks: (x − mean)/√(variance + ε), and its gradient. x [blocks, block].
import { loadSome, total4 } from './lanes'

// What is added, as a class without state in which the loop is generic.
class Value {
  of(x: v128, _u: v128, _center: v128): v128 {
    return x
  }
}
class Deviation {
  of(x: v128, _u: v128, center: v128): v128 {
    const deviation = f32x4.sub(x, center)
    return f32x4.mul(deviation, deviation)
  }
}
class Product {
  of(x: v128, u: v128, center: v128): v128 {
    return f32x4.mul(f32x4.sub(x, center), u)
  }
}

function term4<Term>(x: v128, u: v128, center: v128): v128 {
  return changetype<Term>(0).of(x, u, center)
}

/** Σ of x, of (x − center)² or of u (x − center), in runs of 512 elements that are added in float64. */
function blockTotal<Term>(x: usize, u: usize, n: i32, center: f32): f64 {
  const c = f32x4.splat(center)
  let total: f64 = 0
  let i: i32 = 0
  while (i < n) {
    const end = min(n, i + 512)
    let s = f32x4.splat(0)
    let t = f32x4.splat(0)
    for (; i <= end - 8; i += 8) {
      const p = (<usize>i) << 2
      s = f32x4.add(s, term4<Term>(v128.load(x + p), v128.load(u + p), c))
      t = f32x4.add(t, term4<Term>(v128.load(x + p, 16), v128.load(u + p, 16), c))
    }
    for (; i < end; i += 4) {
      const p = (<usize>i) << 2
      if (end - i >= 4) s = f32x4.add(s, term4<Term>(v128.load(x + p), v128.load(u + p), c))
      // In the lanes beyond the end x = center adds nothing: no deviation, and sums are taken with center 0.
      else {
        const rest = loadSome(x + p, end - i, center)
        s = f32x4.add(s, term4<Term>(rest, loadSome(u + p, end - i, 0), c))
      }
    }
    i = end
    total += total4(f32x4.add(s, t))
  }
  return total
}

function scaleOf(x: usize, n: i32, center: f32, epsilon: f64): f32 {
  return <f32>(1 / Math.sqrt(blockTotal<Deviation>(x, x, n, center) / <f64>n + epsilon))
}

export function standardize(x: usize, out: usize, blocks: i32, block: i32, epsilon: f64): void {
  for (let b = 0; b < blocks; b++) {
    const center = <f32>(blockTotal<Value>(x, x, block, 0) / <f64>block)
    const scale = scaleOf(x, block, center, epsilon)
    let i: i32 = 0
    for (; i <= block - 4; i += 4) {
      const p = (<usize>i) << 2
      v128.store(out + p, f32x4.mul(f32x4.sub(v128.load(x + p), f32x4.splat(center)), f32x4.splat(scale)))
    }
    for (; i < block; i++) {
      const p = (<usize>i) << 2
      store<f32>(out + p, (load<f32>(x + p) - center) * scale)
    }
    x += (<usize>block) << 2
    out += (<usize>block) << 2
  }
}

/** scale (u − mean(u) − y mean(u y)) with y the standardised x. */
export function standardizeGradient(x: usize, u: usize, out: usize, blocks: i32, block: i32, epsilon: f64): void {
  for (let b = 0; b < blocks; b++) {
    const center = <f32>(blockTotal<Value>(x, x, block, 0) / <f64>block)
    const scale = scaleOf(x, block, center, epsilon)
    const meanU = <f32>(blockTotal<Value>(u, u, block, 0) / <f64>block)
    // y mean(u y) = (x − center) · slope
    const slope = <f32>((blockTotal<Product>(x, u, block, center) / <f64>block) * <f64>scale * <f64>scale)
    let i: i32 = 0
    for (; i <= block - 4; i += 4) {
      const p = (<usize>i) << 2
      const y = f32x4.mul(f32x4.sub(v128.load(x + p), f32x4.splat(center)), f32x4.splat(slope))
      const centered = f32x4.sub(v128.load(u + p), f32x4.splat(meanU))
      v128.store(out + p, f32x4.mul(f32x4.sub(centered, y), f32x4.splat(scale)))
    }
    for (; i < block; i++) {
      const p = (<usize>i) << 2
      store<f32>(out + p, (load<f32>(u + p) - meanU - (load<f32>(x + p) - center) * slope) * scale)
    }
    x += (<usize>block) << 2
    u += (<usize>block) << 2
    out += (<usize>block) << 2
  }
}
