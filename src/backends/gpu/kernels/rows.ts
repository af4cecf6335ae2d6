import { integer, integers, kernel, position } from '../kernel.ts'

/** ln Σ e^x of each row of n numbers, without overflow. */
export const logSumExpKernel = kernel(
  'logSumExp',
  ['x'],
  integers('n'),
  `${integer('i', `${position} * n`)}
  let largest = x[i];
  for (let j = 0; j < n; j++) {
    largest = larger(largest, x[i]);
    i = i + 1;
  }
  i = ${position} * n;
  let total = 0.0;
  for (let k = 0; k < n; k++) {
    total += expOf(x[i] - largest);
    i = i + 1;
  }
  return largest + logOf(total);`,
)

/** Row i's element at labels[i], taken from its logarithm of the sum: the cross-entropy. */
export const crossEntropyKernel = kernel(
  'crossEntropy',
  ['x', 'logSumExp', 'labels'],
  integers('n'),
  `${integer('at', `${position} * n + whole(labels[${position}])`)}
  return logSumExp[${position}] - x[at];`,
)

/** 1 at the label, 0 elsewhere. */
export const oneHotKernel = kernel(
  'oneHot',
  ['labels'],
  integers('n'),
  `${integer('row', `quotient(${position}, n)`)}
  ${integer('label', 'whole(labels[row])')}
  if (label === ${position} - row * n) { return 1.0; }
  return 0.0;`,
)

/** Rows of a table by their numbers. */
export const lookUpKernel = kernel(
  'embedding',
  ['table', 'indices'],
  integers('width'),
  `${integer('row', `quotient(${position}, width)`)}
  ${integer('at', `whole(indices[row]) * width + ${position} - row * width`)}
  return table[at];`,
)

/** Row t of sample b's u, added to row indices[b, t] of sample b's table of zeros: result [B, entries, width]. */
export const addRowsKernel = kernel(
  'addRows',
  ['u', 'indices'],
  integers('entries', 'width', 'T'),
  `${integer('above', `quotient(${position}, width)`)}
  ${integer('column', `${position} - above * width`)}
  ${integer('sample', 'quotient(above, entries)')}
  ${integer('entry', 'above - sample * entries')}
  ${integer('at', 'sample * T')}
  let total = 0.0;
  for (let t = 0; t < T; t++) {
    if (whole(indices[at]) === entry) { total += u[at * width + column]; }
    at = at + 1;
  }
  return total;`,
)
