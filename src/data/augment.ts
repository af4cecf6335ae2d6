import { ConfigurationError, ShapeError } from '../errors.ts'
import { random } from '../random.ts'
import type { Dataset } from './dataset.ts'

/**
 * Random crops of the zero-padded image and random horizontal flips, the usual augmentation for CIFAR.
 *
 * The image is padded by `padding` pixels on each side with what a stored 0 reads as (so padding comes before scaling, as
 * in torchvision), one of the (2·padding + 1)² windows of the original size is taken, and it is mirrored with
 * probability ½. The choice is a function of (seed, draw): not of the sample, the batch size or what was read before.
 *
 * @param dataset one whose `field` has shape [C, H, W]
 * @param options.seed the run's seed
 * @param options.padding pixels on each side
 * @param options.flip whether to mirror
 * @param options.field name of the image field
 * @throws ShapeError when the field is not a float image
 * @example const train = cropAndFlip(cifar.train, { seed: 1 })
 */
export function cropAndFlip(
  dataset: Dataset,
  options: { seed: number | string; padding?: number; flip?: boolean; field?: string },
): Dataset {
  const { seed, padding = 4, flip = true, field = 'x' } = options
  const spec = dataset.fields[field]
  if (spec?.shape.length !== 3 || spec.dtype !== 'float')
    throw new ShapeError(
      `cropAndFlip: ${dataset.name}.${field} must be a float image [C, H, W], is ${spec ? `${spec.dtype} [${spec.shape}]` : 'absent'}`,
    )
  if (!(Number.isInteger(padding) && padding >= 0))
    throw new ConfigurationError(`cropAndFlip: padding must be an integer ≥ 0, got ${padding}`)

  const [channels, height, width] = spec.shape as [number, number, number]
  const sampleSize = channels * height * width
  const zero = Array.from({ length: channels }, (_, c) => spec.zero?.[spec.zero.length === 1 ? 0 : c] ?? 0)
  const windows = 2 * padding + 1
  const choices = windows * windows * (flip ? 2 : 1)
  const choose = drawHash(seed)
  const original = new Float64Array(sampleSize) // scratch: holds either precision exactly

  return {
    ...dataset,
    name: `${dataset.name}/crop and flip`,
    read(indices, into, at, firstDraw) {
      dataset.read(indices, into, at, firstDraw)
      const out = into[field]
      if (!out) return
      for (let k = 0; k < indices.length; k++) {
        const start = (at + k) * sampleSize
        for (let j = 0; j < sampleSize; j++) original[j] = out[start + j]!
        const choice = Math.floor((choose(firstDraw + k) / 2 ** 32) * choices)
        const down = (choice % windows) - padding
        const right = (Math.floor(choice / windows) % windows) - padding
        const mirrored = choice >= windows * windows
        let to = start
        for (let c = 0; c < channels; c++) {
          for (let y = 0; y < height; y++) {
            const row = y + down
            const rowInside = row >= 0 && row < height
            for (let x = 0; x < width; x++) {
              const column = (mirrored ? width - 1 - x : x) + right
              out[to++] =
                rowInside && column >= 0 && column < width ? original[(c * height + row) * width + column]! : zero[c]!
            }
          }
        }
      }
    },
  }
}

/**
 * draw ↦ 32 hashed bits. A stream of `random` for every draw would cost more than the crop, and allocate.
 *
 * The mixer is `lowbias32` of Chris Wellons' hash-prospector.
 */
function drawHash(seed: number | string): (draw: number) => number {
  const key = random(seed, 'augmentation')
  const low = key.integer(2 ** 32)
  const high = key.integer(2 ** 32)
  return (draw) => mix(mix((draw + low) | 0) ^ (Math.floor(draw / 2 ** 32) + high)) >>> 0
}

function mix(x: number): number {
  x ^= x >>> 16
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  return x ^ (x >>> 16)
}
