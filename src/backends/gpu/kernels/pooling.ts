import { integer, integers, type Kernel, kernel, position } from '../kernel.ts'

const extents = integers('H', 'W', 'kh', 'kw', 'P', 'Q', 'down', 'right', 'top', 'left')

/** Visits the elements of window (p, q) that lie on the plane, in order; `at` is their position in the input. */
const window = (visit: string): string => `
  for (let i = 0; i < kh; i++) {
    row = p * down + i - top;
    if (row >= 0 && row < H) {
      for (let j = 0; j < kw; j++) {
        column = q * right + j - left;
        if (column >= 0 && column < W) {
          at = (plane * H + row) * W + column;
          ${visit}
        }
      }
    }
  }`

const variables = ['row', 'column', 'at'].map((name) => integer(name, '0')).join('\n')

/** The place of the largest, the first of equals: a NaN wins and stays. */
const winner = `
  let best = 0.0;
  found = 0;
  ${window(`if (found === 0) { best = x[at]; win = at; found = 1; }
          if (x[at] > best) { best = x[at]; win = at; }`)}`

const perWindow = (body: string): string => `
  ${integer('rest', `quotient(${position}, Q)`)}
  ${integer('q', `${position} - rest * Q`)}
  ${integer('plane', 'quotient(rest, P)')}
  ${integer('p', 'rest - plane * P')}
  ${variables}
  ${body}`

/** Each element of the input visits the windows that it is in. */
const perElement = (visit: string): string => `
  ${integer('above', `quotient(${position}, W)`)}
  ${integer('plane', 'quotient(above, H)')}
  ${integer('bottom', 'above - plane * H + top')}
  ${integer('far', `${position} - above * W + left`)}
  ${integer('p', '0')}
  ${integer('q', '0')}
  ${variables}
  let total = 0.0;
  for (let y = 0; y < kh; y++) {
    for (let z = 0; z < kw; z++) {
      p = quotient(bottom - y, down);
      q = quotient(far - z, right);
      if (bottom >= y && far >= z && p * down === bottom - y && q * right === far - z && p < P && q < Q) {
        ${visit}
      }
    }
  }
  return total;`

export const poolKernels: Readonly<Record<string, Kernel>> = {
  maxPool2d: kernel(
    'maxPool2d',
    ['x'],
    extents,
    perWindow(`${integer('found', '0')}\n${integer('win', '0')}\n${winner}\nreturn best;`),
  ),
  // The element of v at the place where x is largest.
  maxPool2dGather: kernel(
    'maxPool2dGather',
    ['v', 'x'],
    extents,
    perWindow(`${integer('found', '0')}\n${integer('win', '0')}\n${winner}\nreturn v[win];`),
  ),
  // The other way: an element collects from the windows that it wins.
  maxPool2dScatter: kernel(
    'maxPool2dScatter',
    ['u', 'x'],
    extents,
    `${integer('found', '0')}\n${integer('win', '0')}\n${perElement(
      `${winner}\nif (win === ${position}) { total += u[(plane * P + p) * Q + q]; }`,
    )}`,
  ),
  averagePool2d: kernel(
    'averagePool2d',
    ['x'],
    extents,
    perWindow(`let total = 0.0;\n${window('total += x[at];')}\nreturn total / (kh * kw);`),
  ),
  averagePool2dSpread: kernel(
    'averagePool2dSpread',
    ['u'],
    extents,
    perElement(`total += u[(plane * P + p) * Q + q] / (kh * kw);`),
  ),
}
