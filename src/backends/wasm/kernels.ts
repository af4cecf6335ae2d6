/** An exported function of the WebAssembly module: addresses in bytes, extents, flags. */
export type Kernel = (...args: number[]) => number | undefined

type Binary =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'maximum'
  | 'minimum'
  | 'greater'
  | 'equal'
  | 'equalIndices'
  | 'gate'
type Unary =
  | 'negate'
  | 'abs'
  | 'sign'
  | 'relu'
  | 'square'
  | 'reciprocal'
  | 'sqrt'
  | 'exp'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'softplus'
  | 'erf'
type Product = 'matmul' | 'conv2d' | 'conv2dInput' | 'conv2dWeight'

export type KernelName =
  | Binary
  | Unary
  | Product
  | `${Product}Workspace`
  | 'power'
  | 'powerOfHalves'
  | 'where'
  | 'sum'
  | 'sumSquares'
  | 'sumProducts'
  | 'max'
  | 'softmax'
  | 'logSoftmax'
  | 'softmaxCrossEntropy'
  | 'oneHot'
  | 'standardize'
  | 'standardizeGradient'
  | 'maxPool2d'
  | 'maxPool2dScatter'
  | 'maxPool2dGather'
  | 'averagePool2d'
  | 'averagePool2dSpread'
  | 'embedding'
  | 'addRows'
  | 'fill'
  | 'copy'
  | 'copyStrided'
  | 'accumulate'
  | 'accumulateDouble'
  | 'addTotal'

/** Every kernel by name, as assembly/index.ts exports them. */
export type Kernels = Readonly<Record<KernelName, Kernel>>
