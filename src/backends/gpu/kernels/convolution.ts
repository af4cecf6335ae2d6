import { integer, integers, kernel, position } from '../kernel.ts'

// A convolution is a product with the matrix of patches, K = channels × window by PQ = places, one matrix a sample.

const extents = integers('C', 'H', 'W', 'kh', 'kw', 'P', 'Q', 'down', 'right', 'top', 'left')

/** Arguments after the arrays, in this order. */
export interface PatchExtents {
  readonly C: number
  readonly H: number
  readonly W: number
  readonly kh: number
  readonly kw: number
  readonly P: number
  readonly Q: number
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number]
}
export const patchScalars = (e: PatchExtents): number[] => [
  e.C,
  e.H,
  e.W,
  e.kh,
  e.kw,
  e.P,
  e.Q,
  e.stride[0],
  e.stride[1],
  e.padding[0],
  e.padding[1],
]

/** x [B, C, H, W] to patches [B, C·kh·kw, P·Q]. */
export const unfoldKernel = kernel(
  'unfold',
  ['x'],
  extents,
  `${integer('rest', `quotient(${position}, Q)`)}
  ${integer('q', `${position} - rest * Q`)}
  ${integer('above', 'quotient(rest, P)')}
  ${integer('p', 'rest - above * P')}
  ${integer('next', 'quotient(above, kw)')}
  ${integer('column', 'q * right + above - next * kw - left')}
  ${integer('plane', 'quotient(next, kh)')}
  ${integer('row', 'p * down + next - plane * kh - top')}
  if (row < 0) { return 0.0; }
  if (row >= H) { return 0.0; }
  if (column < 0) { return 0.0; }
  if (column >= W) { return 0.0; }
  return x[(plane * H + row) * W + column];`,
)

/** The other way: each element gathers from all patches that it is in. */
export const foldKernel = kernel(
  'fold',
  ['u'],
  extents,
  `${integer('rest', `quotient(${position}, W)`)}
  ${integer('column', `${position} - rest * W + left`)}
  ${integer('plane', 'quotient(rest, H)')}
  ${integer('row', 'rest - plane * H + top')}
  ${integer('p', '0')}
  ${integer('q', '0')}
  let total = 0.0;
  for (let i = 0; i < kh; i++) {
    p = quotient(row - i, down);
    if (row >= i && p * down === row - i && p < P) {
      for (let j = 0; j < kw; j++) {
        q = quotient(column - j, right);
        if (column >= j && q * right === column - j && q < Q) {
          total += u[(((plane * kh + i) * kw + j) * P + p) * Q + q];
        }
      }
    }
  }
  return total;`,
)
