import { add, relu as positive } from '../autodiff/operations/index.ts'
import type { Shape } from '../autodiff/shape.ts'
import { choice, type Family } from '../choice.ts'
import {
  composite,
  conv2d,
  flatten,
  globalAveragePool,
  groupNorm,
  type Layer,
  linear,
  maxPool2d,
  relu,
  sequential,
} from './layers.ts'

/** A network with the shape of its inputs (one sample) and the number of its classes. */
export interface Model {
  readonly name: string
  readonly input: Shape
  readonly classes: number
  readonly layer: Layer
  /** Samples that a chunk holds unless a run says otherwise: fewer where activations are large. */
  readonly chunkSize: number
}

/** Linear(784, 10) on flattened images: `Sequential(Flatten, Linear)`, d = 7,850. */
export const logisticRegression = (input: Shape = [1, 28, 28], classes = 10): Model => ({
  name: 'logistic',
  input,
  classes,
  layer: sequential(
    flatten(),
    linear(
      input.reduce((a, b) => a * b, 1),
      classes,
    ),
  ),
  chunkSize: 64,
})

/** Two 5×5 convolutions with ReLU and max-pooling, then Linear(1568, 10), d = 28,938 (docs/maths.md §6). */
export const mnistCnn = (): Model => ({
  name: 'mnist-cnn',
  input: [1, 28, 28],
  classes: 10,
  layer: sequential(
    conv2d(1, 16, 5, { padding: 2 }),
    relu(),
    maxPool2d(2),
    conv2d(16, 32, 5, { padding: 2 }),
    relu(),
    maxPool2d(2),
    flatten(),
    linear(32 * 7 * 7, 10),
  ),
  chunkSize: 64,
})

/** Three 3×3 convolutions with ReLU and max-pooling, then Linear(1024, 500), ReLU, Linear(500, 10) (docs/maths.md §6). */
export const cifarCnn = (classes = 10): Model => ({
  name: 'cifar-cnn',
  input: [3, 32, 32],
  classes,
  layer: sequential(
    conv2d(3, 16, 3, { padding: 1 }),
    relu(),
    maxPool2d(2),
    conv2d(16, 32, 3, { padding: 1 }),
    relu(),
    maxPool2d(2),
    conv2d(32, 64, 3, { padding: 1 }),
    relu(),
    maxPool2d(2),
    flatten(),
    linear(64 * 4 * 4, 500),
    relu(),
    linear(500, classes),
  ),
  chunkSize: 64,
})

/** Two 3×3 convolutions beside a shortcut, each normalised; the shortcut is projected where the extents change. */
function basicBlock(inputs: number, outputs: number, stride: number, groups: number): Layer {
  const projected = stride !== 1 || inputs !== outputs
  const parts = {
    conv1: conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false }),
    bn1: groupNorm(groups, outputs),
    conv2: conv2d(outputs, outputs, 3, { padding: 1, bias: false }),
    bn2: groupNorm(groups, outputs),
    ...(projected && {
      downsample: sequential(conv2d(inputs, outputs, 1, { stride, bias: false }), groupNorm(groups, outputs)),
    }),
  } as Record<'conv1' | 'bn1' | 'conv2' | 'bn2' | 'downsample', Layer>
  return composite('basicBlock', parts, (x, part) => {
    const inner = positive(part('bn1', part('conv1', x)))
    const outer = part('bn2', part('conv2', inner))
    return positive(add(outer, projected ? part('downsample', x) : x))
  })
}

/**
 * ResNet-18 for 32×32 images: a 3×3 stem without max-pooling, GroupNorm in place of BatchNorm, d = 11,173,962 with 10
 * classes. Parameter names are torchvision's (`layer1.0.conv1.weight`, `bn1.weight`, …, `fc.bias`).
 *
 * GroupNorm because BatchNorm couples the samples of a batch, and a coupled sample has no gradient of its own.
 *
 * @see He, Zhang, Ren and Sun, arXiv 1512.03385
 */
export function resnet18(classes = 10, groups = 32): Model {
  const stage = (inputs: number, outputs: number, stride: number) =>
    sequential(basicBlock(inputs, outputs, stride, groups), basicBlock(outputs, outputs, 1, groups))
  const parts = {
    conv1: conv2d(3, 64, 3, { padding: 1, bias: false }),
    bn1: groupNorm(groups, 64),
    layer1: stage(64, 64, 1),
    layer2: stage(64, 128, 2),
    layer3: stage(128, 256, 2),
    layer4: stage(256, 512, 2),
    avgpool: globalAveragePool(),
    fc: linear(512, classes),
  }
  return {
    name: 'resnet18',
    input: [3, 32, 32],
    classes,
    chunkSize: 8,
    layer: composite('resnet18', parts, (x, part) => {
      const stem = positive(part('bn1', part('conv1', x)))
      const features = (['layer1', 'layer2', 'layer3', 'layer4'] as const).reduce((y, name) => part(name, y), stem)
      return part('fc', part('avgpool', features))
    }),
  }
}

/** Models by the names under which the command knows them. */
export const byName = {
  logistic: logisticRegression,
  'mnist-cnn': mnistCnn,
  'cifar-cnn': cifarCnn,
  resnet18,
} as const

/** What a model has to fit: one input without the batch axis, and the number of labels. */
export interface ModelContext {
  readonly input: Shape
  readonly classes: number
}

/** Every model, as it can be chosen by name. */
export const modelFamily: Family<Model, ModelContext> = {
  what: 'model',
  flag: 'model',
  help: 'the network',
  default: 'mnist-cnn',
  choices: [
    choice({
      name: 'mnist-cnn',
      summary: 'two 5×5 convolutions and a linear layer for 28×28 images, d = 28,938',
      options: {},
      make: mnistCnn,
    }),
    choice({
      name: 'logistic',
      summary: 'multinomial logistic regression, d = 7,850 on MNIST',
      options: {},
      make: (_, { input, classes }: ModelContext) => logisticRegression(input, classes),
    }),
    choice({
      name: 'cifar-cnn',
      summary: 'three 3×3 convolutions and two linear layers for 32×32 images',
      implies: { pixels: 'cnn', augment: false },
      options: {},
      make: (_, { classes }: ModelContext) => cifarCnn(classes),
    }),
    choice({
      name: 'resnet18',
      summary: 'ResNet-18 with GroupNorm for 32×32 images, d = 11,173,962 with 10 classes',
      implies: { pixels: 'resnet', augment: true },
      options: {
        groups: { type: 'integer', atLeast: 1, default: 32, help: 'groups of each normalisation' },
      },
      make: ({ groups }, { classes }: ModelContext) => resnet18(classes, groups),
    }),
  ],
}
