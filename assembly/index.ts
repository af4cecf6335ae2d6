// Everything the host may call. Pointers are byte addresses, 16-byte aligned; extents are i32; nothing allocates.

export { accumulate, accumulateDouble, addTotal } from './accumulate'
export { add, divide, equal, equalIndices, gate, greater, maximum, minimum, multiply, subtract } from './binary'
export { conv2d, conv2dWorkspace } from './convolution'
export { conv2dInput, conv2dInputWorkspace } from './convolution-input'
export { conv2dWeight, conv2dWeightWorkspace } from './convolution-weight'
export { addRows, embedding } from './embedding'
export { relaxed } from './fma'
export { logSoftmax, oneHot, softmax, softmaxCrossEntropy } from './loss'
export { matmul, matmulWorkspace } from './matmul'
export { standardize, standardizeGradient } from './normalise'
export { averagePool2d, averagePool2dSpread, maxPool2d, maxPool2dGather, maxPool2dScatter } from './pooling'
export { max, sum, sumProducts, sumSquares } from './reduce'
export { copy, copyStrided, fill } from './structure'
export {
  abs,
  cos,
  erf,
  exp,
  log,
  log1p,
  negate,
  power,
  powerOfHalves,
  reciprocal,
  relu,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  tanh,
  where,
} from './unary'
