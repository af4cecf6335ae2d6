import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { statisticsCommand } from '../../src/cli/statistics.ts'
import { writeSafetensors } from '../../src/data/safetensors.ts'
import { cifarCnn, logisticRegression, type Model, mnistCnn, resnet18 } from '../../src/nn/models.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'adadagrad-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Variances {
  readonly varianceL1: number
  readonly innerProductVariance: number
  readonly orthogonalVariance: number
}
interface Expected extends Variances {
  readonly batchSize: number
  readonly loss: number
  readonly meanSquaredNorm: number
  readonly sumSquaredNorms: number
  readonly suggestedBatchSize: Readonly<Record<string, number>>
  readonly official: Variances
}
interface Case {
  readonly model: string
  readonly batch: number
  readonly classes: number
  readonly microBatches: number
  readonly outlier: number
  readonly seed: number
  readonly expected: Expected
}

// Written by bench/pytorch/statistics.py --fixtures in float64 PyTorch.
const cases: Case[] = JSON.parse(readFileSync(here('statistics.fixtures.json'), 'utf8'))

/** Numbers in [0, 1) that bench/pytorch/statistics.py makes, too. */
function uniform(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, k) => {
    let h = (k + Math.imul(seed, 2654435769)) >>> 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
  })
}

const makers: Readonly<Record<string, (classes: number) => Model>> = {
  logistic: (classes) => logisticRegression([1, 28, 28], classes),
  'mnist-cnn': mnistCnn,
  'cifar-cnn': cifarCnn,
  resnet18: (classes) => resnet18(classes),
}

/** Writes the files of a case and returns the flags that name them. */
function writeCase({ model: name, batch, classes, outlier, seed }: Omit<Case, 'expected' | 'microBatches'>): string[] {
  const { layer, input } = makers[name]!(classes)
  const tensors = layer.parameters.map(({ name: parameter, shape }, i) => {
    const size = shape.reduce((a, b) => a * b, 1)
    const scale = 1 / Math.sqrt(size / shape[0]!)
    const values = uniform(size, 1000 * seed + i).map((u) => {
      if (shape.length > 1) return (2 * u - 1) * scale
      return parameter.endsWith('weight') ? 0.5 + u : 0.2 * u - 0.1
    })
    return [parameter, { shape, data: new Float32Array(values) }] as const
  })
  const size = input.reduce((a, b) => a * b, 1)
  const x = uniform(batch * size, 1000 * seed + 900).map((u, i) => Math.max(0, u - 0.5) * (i < size ? outlier : 1))
  const y = uniform(batch, 1000 * seed + 901).map((u) => Math.floor(u * classes))
  const path = join(folder, `${name}-${seed}`)
  writeFileSync(`${path}.safetensors`, writeSafetensors(tensors))
  writeFileSync(`${path}-x.npy`, npy('<f4', [batch, ...input], new Float32Array(x)))
  writeFileSync(`${path}-y.npy`, npy('<i4', [batch], new Int32Array(y)))
  return ['--model', name, '--weights', `${path}.safetensors`, '--inputs', `${path}-x.npy`, '--labels', `${path}-y.npy`]
}

function npy(descr: string, shape: readonly number[], data: ArrayBufferView): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(header.length)
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    length,
    Buffer.from(header),
    Buffer.from(data.buffer as ArrayBuffer),
  ])
}

/** What the command prints. */
async function run(...flags: string[]): Promise<string> {
  const print = vi.spyOn(console, 'log').mockImplementation(() => {})
  try {
    await statisticsCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parseAsync(flags, { from: 'user' })
    return print.mock.calls.map(([text]) => text).join('\n')
  } finally {
    print.mockRestore()
  }
}
const json = async (...flags: string[]) => JSON.parse(await run(...flags, '--json'))

/** The largest relative deviation must stay below the tolerance; the message names the field. */
function expectClose(actual: Readonly<Record<string, unknown>>, wanted: object, tolerance: number): void {
  for (const [name, value] of Object.entries(wanted) as [string, number][]) {
    const deviation = Math.abs((actual[name] as number) / value - 1)
    expect(deviation, `${name}: ${actual[name]}, PyTorch has ${value}`).toBeLessThan(tolerance)
  }
}

const tolerances = { reference: 1e-9, wasm: 1e-4 } as const

describe.each(['reference', 'wasm'] as const)('agrees with float64 PyTorch on %s', (backend) => {
  const tolerance = tolerances[backend]
  // A backward pass of ResNet-18 takes seconds in plain loops.
  const feasible = cases.filter(({ model }) => backend === 'wasm' || model !== 'resnet18')

  test.each(feasible)('$model, b = $batch, $classes classes, outlier $outlier', async (one) => {
    const { official, suggestedBatchSize, ...quantities } = one.expected
    const { coordinate, ...suggested } = suggestedBatchSize
    const flags = [...writeCase(one), '--backend', backend]
    const exact = await json(...flags)
    expectClose(exact, quantities, tolerance)
    expectClose(exact.suggestedBatchSize, suggested, tolerance)
    // It hangs on the coordinate with the least mean, which cancels: that much float32 cannot resolve.
    if (backend === 'reference') expectClose(exact.suggestedBatchSize, { coordinate }, 1e-6)

    const compatible = await json(
      ...flags,
      '--official',
      '--level',
      'projections',
      '--micro-batches',
      String(one.microBatches),
    )
    expectClose(compatible, { ...quantities, ...official }, tolerance)
  })
})

test('where one sample outweighs the others, variances are summed by their definitions and the report says so', async () => {
  const outlier = cases.find((one) => one.outlier > 1)!
  const report = await json(...writeCase(outlier))
  expect(report.method).toBe('by-definition')
  expect(outlier.expected.varianceL1 / outlier.expected.orthogonalVariance).toBeGreaterThan(1e4)
})

const small = { model: 'logistic', batch: 4, classes: 10, outlier: 1, seed: 50 }

describe('levels', () => {
  test('none measures the loss and the mean gradient', async () => {
    const report = await json(...writeCase(small), '--level', 'none')
    expect(report).toMatchObject({ batchSize: 4, sumSquaredNorms: null, varianceL1: null, tests: {}, cockpit: null })
    expect(report.meanSquaredNorm).toBeGreaterThan(0)
  })
  test('norms adds the norm test, coordinates and projections their own', async () => {
    const tests = async (level: string) => Object.keys((await json(...writeCase(small), '--level', level)).tests)
    expect(await tests('norms')).toEqual(['norm'])
    expect(await tests('coordinates')).toEqual(['norm', 'coordinate'])
    expect(await tests('projections')).toEqual(['norm', 'innerProduct', 'orthogonality', 'augmentedInnerProduct'])
  })
})

test('one sample: null variances and a named verdict', async () => {
  const report = await json(...writeCase({ ...small, batch: 1, seed: 51 }))
  expect(report).toMatchObject({ varianceL1: null, innerProductVariance: null, orthogonalVariance: null })
  expect(report.tests.norm).toMatchObject({ verdict: 'too-few-samples', passed: null, suggestedBatchSize: 2 })
  expect(report.sumSquaredNorms).toBeCloseTo(report.meanSquaredNorm, 4)
})

test("Cockpit's radius passes the norm test at η = θ, and the table shows what the JSON has", async () => {
  const flags = writeCase(small)
  const { cockpit, batchSize } = await json(...flags, '--backend', 'reference')
  const { tests } = await json(...flags, '--backend', 'reference', '--eta', String(cockpit.norm * 1.0001))
  expect(tests.norm.passed).toBe(true)
  expect(tests.norm.suggestedBatchSize / batchSize).toBeCloseTo(1, 3)
  const table = await run(...flags, '--backend', 'reference')
  expect(table).toContain(`Cockpit, norm           ${cockpit.norm.toPrecision(6)}`)
})

describe('mistakes get one line', () => {
  const flags = writeCase({ ...small, seed: 52 })
  const replaced = (flag: string, value: string) => flags.map((word, i) => (flags[i - 1] === flag ? value : word))
  const written = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  const labels = (values: number[]) =>
    written(`y${values.join('')}.npy`, npy('<i4', [values.length], new Int32Array(values)))
  const weights = (name: string, tensors: Parameters<typeof writeSafetensors>[0]) =>
    written(name, writeSafetensors(tensors))
  const weight = { shape: [10, 784], data: new Float32Array(7840) }
  const bias = { shape: [10], data: new Float32Array(10) }

  test.each([
    ['missing file', replaced('--inputs', join(folder, 'none.npy')), /none\.npy: cannot be read/],
    ['label out of range', replaced('--labels', labels([0, 1, 10, 3])), /label 2 is 10, expected 0 … 9/],
    ['count mismatch', replaced('--labels', labels([0, 1, 2])), /labels have shape \[3\], expected \[4\]/],
    [
      'dtype of the inputs',
      replaced('--inputs', written('x64.npy', npy('<f8', [4, 1, 28, 28], new Float64Array(3136)))),
      /inputs must be float32, got float64/,
    ],
    [
      'dtype of the labels',
      replaced('--labels', written('yf.npy', npy('<f4', [4], new Float32Array(4)))),
      /labels must be int32 or int64, got float32/,
    ],
    [
      'names',
      replaced(
        '--weights',
        weights('names.safetensors', [
          ['1.weight', weight],
          ['2.bias', bias],
        ]),
      ),
      /missing 1\.bias, not expected 2\.bias/,
    ],
    [
      'shape of a weight',
      replaced(
        '--weights',
        weights('shape.safetensors', [
          ['1.weight', { ...weight, shape: [10, 28, 28] }],
          ['1.bias', bias],
        ]),
      ),
      /1\.weight has shape \[10, 28, 28\], logistic on inputs \[b, 1, 28, 28\] expects \[10, 784\]/,
    ],
    [
      'another model',
      replaced('--model', 'resnet18'),
      /inputs have shape \[4, 1, 28, 28\], resnet18 expects \[b, 3, 32, 32\]/,
    ],
    ['η = 0', [...flags, '--eta', '0'], /eta must be a finite number above 0, got 0/],
    ['micro-batches alone', [...flags, '--micro-batches', '2'], /--micro-batches belongs to --official/],
    [
      'uneven micro-batches',
      [...flags, '--official', '--micro-batches', '3'],
      /4 samples cannot be cut into 3 micro-batches/,
    ],
    [
      'simd of the reference',
      [...flags, '--backend', 'reference', '--simd', 'strict'],
      /--simd belongs to --backend wasm/,
    ],
  ])('%s', async (_, given, message) => {
    const error = await run(...given).then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    expect(error?.message).toMatch(message)
    expect(error?.message).not.toContain('\n')
  })
})

const python = ['python3', '/usr/bin/python3'].find(
  (command) => spawnSync(command, ['-c', 'import torch, numpy'], { stdio: 'ignore' }).status === 0,
)

// A network in training: some samples are learnt, others are not, and one of them makes most of the gradient.
describe.skipIf(python === undefined)('agrees with PyTorch itself (needs python3 with torch)', () => {
  test.each([
    ['logistic', 16, 100],
    ['mnist-cnn', 8, 30],
    ['cifar-cnn', 5, 30],
  ] as const)('%s, b = %i, after %i steps', async (model, batch, steps) => {
    const out = join(folder, `trained-${model}`)
    const oracle = here('../../bench/pytorch/statistics.py')
    const options = { model, batch, train: steps, rate: 3e-3, seed: 7, out }
    execFileSync(python!, [oracle, ...Object.entries(options).map(([key, value]) => `--${key}=${value}`)])
    const {
      official: _,
      suggestedBatchSize: __,
      ...expected
    } = JSON.parse(readFileSync(join(out, 'expected.json'), 'utf8'))
    const flags = ['--model', model, '--weights', join(out, 'weights.safetensors')]
    flags.push('--inputs', join(out, 'inputs.npy'), '--labels', join(out, 'labels.npy'))
    for (const backend of ['reference', 'wasm'] as const)
      expectClose(await json(...flags, '--backend', backend), expected, tolerances[backend])
  })
})
