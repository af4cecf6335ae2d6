import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cropAndFlip } from '../../src/data/augment.ts'
import { allocateBatch, arrayDataset, pixelScales, subset, take } from '../../src/data/dataset.ts'
import { ConfigurationError, DataError, ShapeError } from '../../src/errors.ts'

const range = (n: number) => Array.from({ length: n }, (_, k) => k)

describe('arrayDataset', () => {
  const pixels = Uint8Array.from({ length: 5 * 12 }, (_, k) => (k * 37) % 256)
  const images = arrayDataset({
    name: 'images',
    fields: {
      x: { data: pixels, shape: [3, 2, 2], scale: pixelScales.resnet },
      y: { data: new Uint8Array([0, 1, 2, 3, 4]), dtype: 'index', classes: 5 },
    },
  })

  it('writes (x − mean)/std per channel at the asked position and nothing elsewhere', () => {
    const batch = allocateBatch(images, 4, 'float64')
    batch.x!.fill(-99)
    images.read([3, 1], batch, 1, 0)
    const expected = (sample: number) =>
      range(12).map((j) => {
        const c = Math.floor(j / 4)
        return (pixels[sample * 12 + j]! - pixelScales.resnet.mean[c]!) / pixelScales.resnet.std[c]!
      })
    expect([...batch.x!]).toEqual([...Array(12).fill(-99), ...expected(3), ...expected(1), ...Array(12).fill(-99)])
    expect([...batch.y!]).toEqual([0, 3, 1, 0])
  })

  it('scales floats as it scales bytes, and float32 is the rounded float64', () => {
    const floats = arrayDataset({
      name: 'floats',
      fields: { x: { data: Float32Array.from(pixels), shape: [3, 2, 2], scale: pixelScales.resnet } },
    })
    const double = new Float64Array(60)
    const same = new Float64Array(60)
    const single = new Float32Array(60)
    images.read(range(5), { x: double }, 0, 0)
    floats.read(range(5), { x: same }, 0, 0)
    images.read(range(5), { x: single }, 0, 0)
    expect(same).toEqual(double)
    expect(single).toEqual(Float32Array.from(double))
  })

  it('maps [0, 255] to [0, 1] and to [−1, 1]', () => {
    for (const [scale, low] of [
      [pixelScales.unit, 0],
      [pixelScales.cnn, -1],
    ] as const) {
      const out = new Float32Array(2)
      arrayDataset({ name: 'p', fields: { x: { data: new Uint8Array([0, 255]), shape: [], scale } } }).read(
        [0, 1],
        { x: out },
        0,
        0,
      )
      expect([...out]).toEqual([low, 1])
    }
  })

  it('takes int64 labels, as NumPy saves them', () => {
    const dataset = arrayDataset({ name: 'n', fields: { y: { data: new BigInt64Array([3n, 1n]), dtype: 'index' } } })
    const y = new Int32Array(2)
    dataset.read([0, 1], { y }, 0, 0)
    expect([...y]).toEqual([3, 1])
  })

  it('says what is wrong', () => {
    const x = { data: new Float32Array(6), shape: [2] }
    const make = (fields: Parameters<typeof arrayDataset>[0]['fields']) => () => arrayDataset({ name: 'd', fields })
    expect(make({ x, y: { data: new Uint8Array(2), dtype: 'index' } })).toThrow(
      new ShapeError('d.y: 2 samples, but the fields before it have 3'),
    )
    expect(make({ x: { data: new Float32Array(5), shape: [2] } })).toThrow(ShapeError)
    expect(make({ y: { data: new Uint8Array([1, 7]), dtype: 'index', classes: 5 } })).toThrow(
      new DataError('d.y: entry 1 is 7, expected 0 … 4'),
    )
    expect(make({ x: { ...x, scale: { mean: [0, 0, 0], std: [1, 1, 1] } } })).toThrow(ShapeError)
    expect(make({ x: { ...x, scale: { mean: [0], std: [0] } } })).toThrow(ConfigurationError)
    expect(make({})).toThrow(ConfigurationError)
    const batch = allocateBatch(images, 2)
    expect(() => images.read([5], batch, 0, 0)).toThrow(
      new ConfigurationError('images: sample index 5, expected an integer in 0 … 4'),
    )
    expect(() => images.read([0, 1, 2], batch, 0, 0)).toThrow(
      new ShapeError('images.x: the array has 24 numbers, the samples to write end at 36'),
    )
    expect(() => images.read([0], { z: batch.x! }, 0, 0)).toThrow(new ShapeError("images: no field 'z'"))
    expect(() => images.read([0], { y: batch.x! }, 0, 0)).toThrow(
      new ShapeError('images.y: index values cannot be read into a Float32Array'),
    )
  })

  it('subset and take read the samples they name', () => {
    const chosen = subset(images, [4, 2, 0])
    const y = new Int32Array(3)
    chosen.read([0, 1, 2], { y }, 0, 0)
    expect([...y]).toEqual([4, 2, 0])
    take(chosen, 2).read([1], { y }, 0, 0)
    expect(y[0]).toBe(2)
    expect(take(images, 99)).toBe(images)
    expect(() => take(chosen, 2).read([2], { y }, 0, 0)).toThrow(ConfigurationError)
    expect(() => subset(images, [5])).toThrow(ConfigurationError)
    expect(() => take(images, 0)).toThrow(ConfigurationError)
  })
})

describe('cropAndFlip', () => {
  // Every pixel is distinct and nonzero within its image, so the window and the mirroring can be read off.
  const [channels, height, width] = [2, 6, 5]
  const sampleSize = channels * height * width
  const plain = arrayDataset({
    name: 'plain',
    fields: {
      x: { data: Float64Array.from({ length: 7 * sampleSize }, (_, k) => k + 1), shape: [channels, height, width] },
      y: { data: new Uint8Array(7), dtype: 'index' },
    },
  })
  const padding = 2
  const augmented = cropAndFlip(plain, { seed: 3, padding })

  const windowsOf = (sample: number) => {
    const all = new Map<string, string>()
    for (const mirrored of [false, true])
      for (let down = -padding; down <= padding; down++)
        for (let right = -padding; right <= padding; right++) {
          const image = range(sampleSize).map((j) => {
            const x = j % width
            const y = (Math.floor(j / width) % height) + down
            const column = (mirrored ? width - 1 - x : x) + right
            const channel = Math.floor(j / (width * height))
            const inside = y >= 0 && y < height && column >= 0 && column < width
            return inside ? sample * sampleSize + (channel * height + y) * width + column + 1 : 0
          })
          all.set(image.join(), `${down} ${right} ${mirrored}`)
        }
    return all
  }
  const readOne = (sample: number, draw: number, dataset = augmented) => {
    const x = new Float64Array(sampleSize)
    dataset.read([sample], { x }, 0, draw)
    return x
  }

  it('gives a window of the padded image, each about equally often, whatever the sample', () => {
    const windows = [windowsOf(0), windowsOf(1)]
    const counts = new Map<string, number>()
    const draws = 5000
    for (let draw = 0; draw < draws; draw++) {
      const name = windows[0]!.get(readOne(0, draw).join())
      expect(name).toBeDefined()
      expect(windows[1]!.get(readOne(1, draw).join())).toBe(name)
      counts.set(name!, (counts.get(name!) ?? 0) + 1)
    }
    const choices = 5 * 5 * 2
    expect(counts.size).toBe(choices)
    const chiSquared = [...counts.values()].reduce((sum, n) => sum + (n - draws / choices) ** 2 / (draws / choices), 0)
    expect(chiSquared).toBeLessThan(49 + 4 * Math.sqrt(2 * 49))
  })

  it('depends on (seed, draw) alone, not on how draws are grouped or what was read before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(6), { minLength: 1, maxLength: 12 }),
        fc.nat(12),
        fc.nat(2 ** 40),
        (samples, cut, firstDraw) => {
          const whole = new Float64Array(samples.length * sampleSize)
          augmented.read(samples, { x: whole }, 0, firstDraw)
          const parts = new Float64Array(whole.length)
          const at = Math.min(cut, samples.length)
          augmented.read(samples.slice(at), { x: parts }, at, firstDraw + at)
          augmented.read(samples.slice(0, at), { x: parts }, 0, firstDraw)
          expect(parts).toEqual(whole)
        },
      ),
      { seed: 1, numRuns: 50 },
    )
  })

  it('differs between seeds, and between draws 2³² apart', () => {
    const other = cropAndFlip(plain, { seed: 4, padding })
    expect(range(20).some((draw) => readOne(0, draw).join() !== readOne(0, draw, other).join())).toBe(true)
    expect(range(20).some((draw) => readOne(0, draw).join() !== readOne(0, draw + 2 ** 32).join())).toBe(true)
  })

  it('pads with what a stored 0 reads as', () => {
    const scaled = arrayDataset({
      name: 'white',
      fields: { x: { data: new Uint8Array(48).fill(255), shape: [3, 4, 4], scale: pixelScales.resnet } },
    })
    const moved = cropAndFlip(scaled, { seed: 1, padding: 1 })
    const values = [new Set<number>(), new Set<number>(), new Set<number>()]
    const x = new Float64Array(48)
    for (let draw = 0; draw < 30; draw++) {
      moved.read([0], { x }, 0, draw)
      x.forEach((value, j) => {
        values[Math.floor(j / 16)]!.add(value)
      })
    }
    const { mean, std } = pixelScales.resnet
    expect(values.map((seen) => [...seen].sort((a, b) => a - b))).toEqual(
      mean.map((m, c) => [(0 - m) / std[c]!, (255 - m) / std[c]!]),
    )
  })

  it('leaves other fields alone and refuses what is no image', () => {
    const y = new Int32Array(1)
    augmented.read([2], { y }, 0, 5)
    expect(y[0]).toBe(0)
    expect(() => cropAndFlip(plain, { seed: 1, field: 'y' })).toThrow(
      new ShapeError('cropAndFlip: plain.y must be a float image [C, H, W], is index []'),
    )
    expect(() => cropAndFlip(plain, { seed: 1, padding: -1 })).toThrow(ConfigurationError)
  })
})
