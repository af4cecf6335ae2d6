import { describe, expect, it } from 'vitest'
import { pullback } from '../../src/autodiff/grad.ts'
import * as ops from '../../src/autodiff/operations/index.ts'
import { type Shape, sizeOf } from '../../src/autodiff/shape.ts'
import { constant, leaf } from '../../src/autodiff/value.ts'
import * as nn from '../../src/nn/layers.ts'
import { cifarCnn, logisticRegression, type Model, mnistCnn, resnet18 } from '../../src/nn/models.ts'
import { initialise, layOutParameters, type ParameterSpec, parameterLeaves } from '../../src/nn/parameters.ts'
import { prepare } from '../support/evaluate.ts'

const shapesOf = (model: Model) => Object.fromEntries(model.layer.parameters.map(({ name, shape }) => [name, shape]))

describe('parameters have the names, shapes and counts of PyTorch', () => {
  const count = (model: Model) => layOutParameters(model.layer.parameters).size

  it('logistic regression, d = 7,850', () => {
    expect(shapesOf(logisticRegression())).toEqual({ '1.weight': [10, 784], '1.bias': [10] })
    expect(count(logisticRegression())).toBe(7850)
    expect(shapesOf(logisticRegression([3, 32, 32], 100))).toEqual({ '1.weight': [100, 3072], '1.bias': [100] })
  })

  it('MNIST CNN, d = 28,938', () => {
    expect(shapesOf(mnistCnn())).toEqual({
      '0.weight': [16, 1, 5, 5],
      '0.bias': [16],
      '3.weight': [32, 16, 5, 5],
      '3.bias': [32],
      '7.weight': [10, 1568],
      '7.bias': [10],
    })
    expect(count(mnistCnn())).toBe(28_938)
  })

  it('CIFAR CNN, d = 541,094', () => {
    expect(shapesOf(cifarCnn())).toEqual({
      '0.weight': [16, 3, 3, 3],
      '0.bias': [16],
      '3.weight': [32, 16, 3, 3],
      '3.bias': [32],
      '6.weight': [64, 32, 3, 3],
      '6.bias': [64],
      '10.weight': [500, 1024],
      '10.bias': [500],
      '12.weight': [10, 500],
      '12.bias': [10],
    })
    expect(count(cifarCnn())).toBe(541_094)
  })

  it('ResNet-18, d = 11,173,962, named as in torchvision', () => {
    const shapes = shapesOf(resnet18())
    const block = (stage: number, i: number, inputs: number, outputs: number, stride: number) => ({
      [`layer${stage}.${i}.conv1.weight`]: [outputs, inputs, 3, 3],
      [`layer${stage}.${i}.bn1.weight`]: [outputs],
      [`layer${stage}.${i}.bn1.bias`]: [outputs],
      [`layer${stage}.${i}.conv2.weight`]: [outputs, outputs, 3, 3],
      [`layer${stage}.${i}.bn2.weight`]: [outputs],
      [`layer${stage}.${i}.bn2.bias`]: [outputs],
      ...(stride === 2 && {
        [`layer${stage}.${i}.downsample.0.weight`]: [outputs, inputs, 1, 1],
        [`layer${stage}.${i}.downsample.1.weight`]: [outputs],
        [`layer${stage}.${i}.downsample.1.bias`]: [outputs],
      }),
    })
    const expected = {
      'conv1.weight': [64, 3, 3, 3],
      'bn1.weight': [64],
      'bn1.bias': [64],
      ...block(1, 0, 64, 64, 1),
      ...block(1, 1, 64, 64, 1),
      ...block(2, 0, 64, 128, 2),
      ...block(2, 1, 128, 128, 1),
      ...block(3, 0, 128, 256, 2),
      ...block(3, 1, 256, 256, 1),
      ...block(4, 0, 256, 512, 2),
      ...block(4, 1, 512, 512, 1),
      'fc.weight': [10, 512],
      'fc.bias': [10],
    }
    expect(shapes).toEqual(expected)
    // In the order of torch's state dict, too.
    expect(Object.keys(shapes)).toEqual(Object.keys(expected))
    expect(count(resnet18())).toBe(11_173_962)
    expect(count(resnet18(100))).toBe(11_220_132)
  })

  it('have their shapes on the images that they are made for', () => {
    for (const model of [logisticRegression(), mnistCnn(), cifarCnn(100), resnet18()]) {
      const leaves = parameterLeaves(layOutParameters(model.layer.parameters), 'parameters')
      const x = leaf({ buffer: 'x', offset: 0, shape: [3, ...model.input], dtype: 'float', sampling: 'each' })
      const y = model.layer.apply(x, (name) => leaves.get(name)!)
      expect(y.shape).toEqual([3, model.classes])
      expect(y.sampling).toBe('each')
    }
  })
})

/** The k-th number of the n-th parameter, as the PyTorch script has it: scaled by fan-in, near 1 for scales. */
function wave({ name, shape }: ParameterSpec, n: number): Float64Array {
  const isScale = /bn|downsample/.test(name) && name.endsWith('weight')
  const [factor, around] = shape.length > 1 ? [Math.sqrt(2 / sizeOf(shape.slice(1))), 0] : [0.1, isScale ? 1 : 0]
  return Float64Array.from({ length: sizeOf(shape) }, (_, k) => around + factor * Math.sin(1.3 * k + n))
}

/** Logits of the images sin(0.37 k), and ‖∇‖ of the summed cross-entropy with labels 0, 3, …. */
function logitsAndGradientNorm(model: Model, images: Shape) {
  const specs = model.layer.parameters
  const layout = layOutParameters(specs)
  const parameters = new Float64Array(layout.size)
  for (const [n, { offset }] of layout.slots.entries()) parameters.set(wave(specs[n], n), offset)
  const leaves = parameterLeaves(layout, 'parameters')
  const x = leaf({ buffer: 'x', offset: 0, shape: images, dtype: 'float', sampling: 'each' })
  const y = leaf({ buffer: 'y', offset: 0, shape: images.slice(0, 1), dtype: 'index', sampling: 'each' })
  const logits = model.layer.apply(x, (name) => leaves.get(name)!)
  const losses = ops.softmaxCrossEntropy(logits, y)
  const pulled = pullback([[losses, constant(1, losses.shape)]])
  const gradients = specs.map(({ name }) => pulled.get(leaves.get(name)!)!)
  const buffers = {
    parameters,
    x: Float64Array.from({ length: sizeOf(images) }, (_, k) => Math.sin(0.37 * k)),
    y: Int32Array.from({ length: images[0] }, (_, i) => (3 * i) % 10),
  }
  const [values, ...found] = prepare([logits, ...gradients], buffers)()
  return { logits: [...values], norm: Math.sqrt(found.reduce((sum, g) => g.reduce((s, v) => s + v * v, sum), 0)) }
}

// Logits and gradient norms by PyTorch 1.13 (Debian python3-torch, float64) on the same weights; ResNet-18 is
// torchvision's forward pass with 3×3 stem, no max-pooling and GroupNorm(32), on an image of 8 × 8.
const expected: readonly { model: Model; images: Shape; logits: readonly number[]; norm: number }[] = [
  {
    model: logisticRegression(),
    images: [2, 1, 28, 28],
    logits: [
      0.0616781559865, 0.0820833775296, -0.0181120530779, -0.0929851882894, -0.0318786728262, 0.0770229152243,
      0.0738635727403, -0.0382187482042, -0.0954365707729, -0.0126771538538, 0.0804149133609, 0.111136669262,
      -0.0226523389531, -0.124257025157, -0.0426189184963, 0.103046686125, 0.0973199582991, -0.0527808949928,
      -0.126008539094, -0.0130535579513,
    ],
    norm: 25.9714895055,
  },
  {
    model: mnistCnn(),
    images: [2, 1, 28, 28],
    logits: [
      -0.0987228562554, -0.00731304017676, 0.115463703907, 0.0262111942873, -0.0465817245237, -0.104877348817,
      0.0302711996327, 0.104722692563, 0.0147522128613, -0.0611017747127, -0.0963533003739, -0.00540868197205,
      0.109740125153, 0.0343874049619, -0.0552583765377, -0.0977719337764, 0.026433543937, 0.10437629216,
      0.0191999611708, -0.0685889055876,
    ],
    norm: 8.61571101995,
  },
  {
    model: cifarCnn(),
    images: [2, 3, 32, 32],
    logits: [
      0.47109393624, -0.690095072372, 0.656137815697, -0.760516073638, 0.872440084376, -0.657857942755, 0.431064162324,
      -0.37981406886, 0.126198448957, 0.267044092321, 0.471393355928, -0.690328322518, 0.656282705514, -0.760558818701,
      0.872376618036, -0.657694303028, 0.43081591745, -0.379504836182, 0.125857648036, 0.267384038611,
    ],
    norm: 2.85223390799,
  },
  {
    model: resnet18(),
    images: [1, 3, 8, 8],
    logits: [
      0.255319715494, 0.955605793234, 1.55719582005, 1.80125173047, 1.62202023618, 1.19300162706, 0.688083721534,
      0.104948036135, -0.603976182732, -1.30678574721,
    ],
    norm: 18208.7642217,
  },
]

describe('logits and gradients are those of PyTorch 1.13', () => {
  for (const { model, images, ...torch } of expected)
    it(model.name, () => {
      const found = logitsAndGradientNorm(model, images)
      expect(found.logits.length).toBe(torch.logits.length)
      for (const [i, logit] of torch.logits.entries()) expect(Math.abs(found.logits[i] - logit)).toBeLessThan(1e-9)
      expect(Math.abs(found.norm / torch.norm - 1)).toBeLessThan(1e-9)
    })
})

describe('initial values', () => {
  const { parameters } = mnistCnn().layer
  const values = initialise(parameters, 1)
  const { slots } = layOutParameters(parameters)
  const of = (name: string) => {
    const { offset, size } = slots.find((slot) => slot.name === name)!
    return values.subarray(offset, offset + size)
  }

  it('are uniform on ±1/√fan-in for weights and biases, as in PyTorch', () => {
    for (const [name, fanIn] of [
      ['0.weight', 25],
      ['3.weight', 400],
      ['3.bias', 400],
      ['7.weight', 1568],
      ['7.bias', 1568],
    ] as const) {
      const bound = 1 / Math.sqrt(fanIn)
      const numbers = of(name)
      expect(Math.max(...numbers.map(Math.abs))).toBeLessThanOrEqual(bound)
      const deviation = Math.sqrt(numbers.reduce((s, v) => s + v * v, 0) / numbers.length)
      // The standard deviation of u² is 2/(3√5)·bound², hence five of its errors.
      const allowed = (5 * (2 / (3 * Math.sqrt(5)))) / Math.sqrt(numbers.length)
      expect(Math.abs((deviation / bound) ** 2 - 1 / 3)).toBeLessThan(allowed)
    }
  })

  it('of a parameter depend on the seed and its name alone', () => {
    expect(initialise(parameters, 1)).toEqual(values)
    expect(initialise(parameters, 2)).not.toEqual(values)
    expect([...initialise(parameters.slice(2, 3), 1)]).toEqual([...of('3.weight')])
  })

  it('of normalisations are 1 and 0', () => {
    expect([...initialise(nn.groupNorm(1, 2).parameters, 1)]).toEqual([1, 1, 0, 0])
  })
})

describe('layers', () => {
  it('lay out parameters without gaps, and refuse a name that occurs twice', () => {
    const { slots, size } = layOutParameters(nn.sequential(nn.linear(2, 3), nn.tanh(), nn.linear(3, 1)).parameters)
    expect(slots.map(({ name, offset, size: n }) => [name, offset, n])).toEqual([
      ['0.weight', 0, 6],
      ['0.bias', 6, 3],
      ['2.weight', 9, 3],
      ['2.bias', 12, 1],
    ])
    expect(size).toBe(13)
    const twice = [...nn.linear(1, 1).parameters, ...nn.linear(2, 2).parameters]
    expect(() => layOutParameters(twice)).toThrow('parameters: the name weight occurs twice')
  })

  it('without a bias have none', () => {
    expect(nn.linear(2, 3, { bias: false }).parameters.map(({ name }) => name)).toEqual(['weight'])
    expect(nn.conv2d(2, 3, [1, 2], { bias: false }).parameters.map(({ shape }) => shape)).toEqual([[3, 2, 1, 2]])
  })
})
