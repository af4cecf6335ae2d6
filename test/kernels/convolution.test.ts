import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { builds, type Kernels, noise, worst } from './load.ts'

const tolerance = 1e-6

interface Extents {
  readonly B: number
  readonly C: number
  readonly H: number
  readonly W: number
  readonly O: number
  readonly kernel: readonly [number, number]
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number]
}

const positions = ({ H, W, kernel, stride, padding }: Extents): [number, number] => [
  Math.floor((H + 2 * padding[0] - kernel[0]) / stride[0]) + 1,
  Math.floor((W + 2 * padding[1] - kernel[1]) / stride[1]) + 1,
]

/** Visits every product: flat places in input, weight and output, and the sample. */
function products(e: Extents, visit: (x: number, w: number, y: number, b: number) => void): void {
  const { B, C, H, W, O, kernel, stride, padding } = e
  const [P, Q] = positions(e)
  for (let b = 0; b < B; b++)
    for (let o = 0; o < O; o++)
      for (let p = 0; p < P; p++)
        for (let q = 0; q < Q; q++)
          for (let c = 0; c < C; c++)
            for (let i = 0; i < kernel[0]; i++)
              for (let j = 0; j < kernel[1]; j++) {
                const h = p * stride[0] + i - padding[0]
                const w = q * stride[1] + j - padding[1]
                if (h < 0 || h >= H || w < 0 || w >= W) continue
                visit(
                  ((b * C + c) * H + h) * W + w,
                  ((o * C + c) * kernel[0] + i) * kernel[1] + j,
                  ((b * O + o) * P + p) * Q + q,
                  b,
                )
              }
}

function check(kernels: Kernels, e: Extents, epilogue = true): void {
  const { B, C, H, W, O, kernel, stride, padding } = e
  const [P, Q] = positions(e)
  const extents = [B, C, H, W, O, ...kernel, ...stride, ...padding, P, Q]
  const [sizeX, sizeW, sizeY] = [B * C * H * W, O * C * kernel[0] * kernel[1], B * O * P * Q]
  const { call } = kernels
  kernels.reset()
  const x = kernels.place(noise(sizeX, 1))
  const w = kernels.place(noise(sizeW, 2))
  const u = kernels.place(noise(sizeY, 3))
  const bias = kernels.place(noise(O, 4))

  const y = { want: new Float64Array(sizeY), scale: new Float64Array(sizeY) }
  const dx = { want: new Float64Array(sizeX), scale: new Float64Array(sizeX) }
  const each = { want: new Float64Array(B * sizeW), scale: new Float64Array(B * sizeW) }
  products(e, (i, j, k, b) => {
    y.want[k]! += x[i]! * w[j]!
    y.scale[k]! += Math.abs(x[i]! * w[j]!)
    dx.want[i]! += u[k]! * w[j]!
    dx.scale[i]! += Math.abs(u[k]! * w[j]!)
    each.want[b * sizeW + j]! += u[k]! * x[i]!
    each.scale[b * sizeW + j]! += Math.abs(u[k]! * x[i]!)
  })

  const forward = kernels.place(sizeY)
  const scratch = kernels.scratch(call.conv2dWorkspace!(...extents))
  call.conv2d!(x.byteOffset, w.byteOffset, forward.byteOffset, ...extents, 0, 0, scratch)
  expect(worst(forward, y.want, y.scale)).toBeLessThan(tolerance)

  if (epilogue) {
    call.conv2d!(x.byteOffset, w.byteOffset, forward.byteOffset, ...extents, bias.byteOffset, 1, scratch)
    const biased = y.want.map((value, k) => Math.max(0, value + bias[Math.floor(k / (P * Q)) % O]!))
    const scale = y.scale.map((value) => value + 1)
    expect(worst(forward, biased, scale)).toBeLessThan(tolerance)
  }

  const input = kernels.place(sizeX)
  const inputScratch = kernels.scratch(call.conv2dInputWorkspace!(...extents))
  call.conv2dInput!(u.byteOffset, w.byteOffset, input.byteOffset, ...extents, inputScratch)
  expect(worst(input, dx.want, dx.scale)).toBeLessThan(tolerance)

  const wanted = { dw: new Float64Array(sizeW), norms: new Float64Array(B), squares: new Float64Array(sizeW) }
  const scales = { dw: new Float64Array(sizeW), norms: new Float64Array(B), squares: new Float64Array(sizeW) }
  for (let i = 0; i < B * sizeW; i++) {
    const [b, j] = [Math.floor(i / sizeW), i % sizeW]
    wanted.dw[j]! += each.want[i]!
    scales.dw[j]! += each.scale[i]!
    wanted.norms[b]! += each.want[i]! ** 2
    scales.norms[b]! += each.scale[i]! ** 2
    wanted.squares[j]! += each.want[i]! ** 2
    scales.squares[j]! += each.scale[i]! ** 2
  }
  const dw = kernels.place(sizeW)
  const norms = kernels.place(B)
  const squares = kernels.place(sizeW)
  const own = kernels.place(B * sizeW)
  const weightScratch = kernels.scratch(call.conv2dWeightWorkspace!(...extents))
  const sweep = (...into: number[]) =>
    call.conv2dWeight!(x.byteOffset, u.byteOffset, ...into, ...extents, weightScratch)
  sweep(dw.byteOffset, norms.byteOffset, squares.byteOffset, own.byteOffset)
  expect(worst(dw, wanted.dw, scales.dw)).toBeLessThan(tolerance)
  expect(worst(norms, wanted.norms, scales.norms)).toBeLessThan(tolerance)
  expect(worst(squares, wanted.squares, scales.squares)).toBeLessThan(tolerance)
  expect(worst(own, each.want, each.scale)).toBeLessThan(tolerance)
  dw.fill(Number.NaN)
  norms.fill(Number.NaN)
  sweep(dw.byteOffset, 0, 0, 0)
  expect(worst(dw, wanted.dw, scales.dw)).toBeLessThan(tolerance)
  sweep(0, norms.byteOffset, 0, 0)
  expect(worst(norms, wanted.norms, scales.norms)).toBeLessThan(tolerance)
  expect(kernels.intact()).toBe(true)
}

describe.each(builds.map((kernels) => [kernels.name, kernels] as const))('convolution, %s', (_, kernels) => {
  test('random extents, kernels, strides and paddings', () => {
    const small = fc.integer({ min: 1, max: 11 })
    const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }))
    fc.assert(
      fc.property(
        fc
          .record({
            B: fc.integer({ min: 1, max: 3 }),
            C: fc.integer({ min: 1, max: 5 }),
            O: fc.integer({ min: 1, max: 21 }),
            kernel: pair(1, 5),
            stride: pair(1, 3),
            padding: pair(0, 3),
            more: fc.tuple(small, small),
          })
          .map(({ more, ...rest }) => ({
            ...rest,
            // At least as large as the kernel without its padding.
            H: Math.max(1, rest.kernel[0] - 2 * rest.padding[0]) + more[0] - 1,
            W: Math.max(1, rest.kernel[1] - 2 * rest.padding[1]) + more[1] - 1,
          })),
        (extents) => check(kernels, extents),
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  // [C, extent, O, kernel, stride, padding]
  test.each([
    [1, 28, 16, 5, 1, 2],
    [16, 14, 32, 5, 1, 2],
    [3, 32, 16, 3, 1, 1],
    [32, 8, 64, 3, 1, 1],
    [8, 16, 12, 3, 2, 1],
    [8, 16, 14, 1, 2, 0],
    [9, 16, 10, 1, 1, 0],
    // weights larger than a cache block
    [260, 3, 70, 3, 1, 1],
  ] as const)('%i channels of extent %i to %i, kernel %i, stride %i, padding %i', (C, extent, O, k, s, p) => {
    check(kernels, { B: 2, C, H: extent, W: extent, O, kernel: [k, k], stride: [s, s], padding: [p, p] }, C < 200)
  })
})
