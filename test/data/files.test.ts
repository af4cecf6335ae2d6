import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { allocateBatch, type Dataset } from '../../src/data/dataset.ts'
import { parseDigits } from '../../src/data/digits.ts'
import {
  debianFashionMnist,
  loadCifar10,
  loadCifar100,
  loadDigits,
  loadFashionMnist,
  loadMnist,
  readNpy,
  readSafetensors,
} from '../../src/data/files.ts'
import { writeSafetensors } from '../../src/data/safetensors.ts'
import { DataError } from '../../src/errors.ts'
import { cifarFile, idxFile, npyFile } from './files.ts'

const root = mkdtempSync(join(tmpdir(), 'adadagrad-data-'))
afterAll(() => rmSync(root, { recursive: true }))

let made = 0
async function folderOf(files: Record<string, Uint8Array>, subfolder = '.') {
  const folder = join(root, `${made++}`)
  await mkdir(join(folder, subfolder), { recursive: true })
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, subfolder, name), bytes)
  return folder
}

function labelsOf(dataset: Dataset): Int32Array {
  const y = new Int32Array(dataset.size)
  dataset.read(
    y.map((_, k) => k),
    { y },
    0,
    0,
  )
  return y
}

function classCounts(dataset: Dataset): number[] {
  const counts = Array(dataset.fields.y!.classes).fill(0)
  for (const label of labelsOf(dataset)) counts[label]++
  return counts
}

describe('MNIST files', () => {
  const images = (count: number) => idxFile([count, 28, 28], new Uint8Array(count * 784).fill(51))
  const mnist = {
    'train-images-idx3-ubyte': images(3),
    'train-labels-idx1-ubyte': idxFile([3], [5, 0, 9]),
    't10k-images-idx3-ubyte': images(1),
    't10k-labels-idx1-ubyte': idxFile([1], [7]),
  }
  const compressed = Object.fromEntries(Object.entries(mnist).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]))
  const dotted = Object.fromEntries(Object.entries(mnist).map(([name, bytes]) => [name.replace('-idx', '.idx'), bytes]))

  it.each([
    ['plain', mnist, '.'],
    ['compressed', compressed, '.'],
    ['named as some archives do', dotted, '.'],
    ["in torchvision's folder", mnist, 'MNIST/raw'],
  ])('loads them %s', async (_, files, subfolder) => {
    const { train, test } = await loadMnist(await folderOf(files, subfolder))
    expect([train.size, test.size, train.fields.x!.shape]).toEqual([3, 1, [1, 28, 28]])
    expect([...labelsOf(train)]).toEqual([5, 0, 9])
    const batch = allocateBatch(train, 1)
    train.read([2], batch, 0, 0)
    expect([...new Set(batch.x)]).toEqual([Math.fround(0.2)])
  })

  it('says which file is missing, truncated or mislabelled', async () => {
    const { 't10k-labels-idx1-ubyte': _, ...missing } = mnist
    await expect(loadMnist(await folderOf(missing))).rejects.toThrow(
      /t10k-labels-idx1-ubyte: no such file; looked for t10k-labels-idx1-ubyte, t10k-labels-idx1-ubyte\.gz/,
    )
    const cut = { ...compressed, 'train-images-idx3-ubyte.gz': gzipSync(images(3)).subarray(0, 40) }
    await expect(loadMnist(await folderOf(cut))).rejects.toThrow(
      /train-images-idx3-ubyte\.gz: expected a complete gzip stream in its 40 bytes, found: unexpected end of file/,
    )
    const short = { ...compressed, 'train-images-idx3-ubyte.gz': gzipSync(images(3).subarray(0, 1000)) }
    await expect(loadMnist(await folderOf(short))).rejects.toThrow(
      /train-images-idx3-ubyte\.gz \(decompressed\): at byte 16: expected 2352 bytes for shape \[3, 28, 28\], found 984 bytes/,
    )
    const small = { ...mnist, 'train-images-idx3-ubyte': idxFile([3, 2, 2], new Uint8Array(12)) }
    await expect(loadMnist(await folderOf(small))).rejects.toThrow('images of 28 × 28 pixels, found 3 of 2 × 2')
    const wrong = { ...mnist, 'train-labels-idx1-ubyte': idxFile([3], [5, 11, 9]) }
    await expect(loadMnist(await folderOf(wrong))).rejects.toThrow(DataError)
  })

  it.skipIf(!existsSync(debianFashionMnist))(
    "loads Fashion-MNIST from Debian's package dataset-fashion-mnist",
    async () => {
      const { train, test } = await loadFashionMnist()
      expect(classCounts(train)).toEqual(Array(10).fill(6000))
      expect(classCounts(test)).toEqual(Array(10).fill(1000))
      const batch = allocateBatch(train, 1000, 'float64')
      let sum = 0
      for (let from = 0; from < train.size; from += 1000) {
        train.read(
          Array.from({ length: 1000 }, (_, k) => from + k),
          batch,
          0,
          from,
        )
        for (const value of batch.x!) sum += value
      }
      expect(sum / (60_000 * 784)).toBeCloseTo(0.286, 3) // the published mean pixel
    },
  )
})

describe('CIFAR files', () => {
  const batches = Object.fromEntries([1, 2, 3, 4, 5].map((k) => [`data_batch_${k}.bin`, cifarFile([[k], [k + 1]])]))
  const ten = { ...batches, 'test_batch.bin': gzipSync(cifarFile([[0], [9]])) }

  it('joins the batches of CIFAR-10 in order', async () => {
    for (const subfolder of ['.', 'cifar-10-batches-bin']) {
      const folder = await folderOf(ten, subfolder)
      const { train, test } = await loadCifar10(folder, { recordsPerFile: 2, scaling: 'cnn' })
      expect([...labelsOf(train)]).toEqual([1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
      expect([...labelsOf(test)]).toEqual([0, 9])
      const x = new Float64Array(3072)
      train.read([9], { x }, 0, 0)
      expect([x[0], x[254]]).toEqual([(1 - 127.5) / 127.5, 1])
      await expect(loadCifar10(folder)).rejects.toThrow(
        /data_batch_\d\.bin: at byte 6146: expected the file to end after 10000 cifar-10 records, found its end after 2/,
      )
    }
  })

  it('takes the fine labels of CIFAR-100, scaled as for ResNets by default', async () => {
    const files = {
      'train.bin': cifarFile([
        [1, 42],
        [2, 99],
      ]),
      'test.bin': cifarFile([
        [0, 0],
        [19, 7],
      ]),
    }
    const { train, test } = await loadCifar100(await folderOf(files, 'cifar-100-binary'), { recordsPerFile: 2 })
    expect([...labelsOf(train), ...labelsOf(test)]).toEqual([42, 99, 0, 7])
    expect(train.fields.y!.classes).toBe(100)
    const x = new Float64Array(3072)
    train.read([0], { x }, 0, 0)
    expect([x[0], x[1024], x[2049]]).toEqual([-125.3 / 63, -123 / 62.1, (1 - 113.9) / 66.7])
  })
})

describe('arrays from files', () => {
  it('reads .npy and .safetensors', async () => {
    const data = new Float32Array([1, 2])
    const folder = await folderOf({
      'a.npy': npyFile({ shape: '(2,)', data: new Uint8Array(data.buffer) }),
      'a.safetensors': writeSafetensors([['w', { shape: [2], data }]]),
    })
    expect(await readNpy(join(folder, 'a.npy'))).toEqual({ shape: [2], data })
    expect((await readSafetensors(join(folder, 'a.safetensors'))).tensors.get('w')).toEqual({ shape: [2], data })
    await expect(readNpy(join(folder, 'b.npy'))).rejects.toThrow(/b\.npy: cannot be read: ENOENT/)
  })
})

describe('digits', () => {
  it('are 10,000, in 8,000 and 2,000 with the classes in proportion, shuffled', async () => {
    const { train, test } = await loadDigits()
    expect([train.size, test.size]).toEqual([8000, 2000])
    const counts = [classCounts(train), classCounts(test)]
    const total = counts[0]!.map((n, label) => n + counts[1]![label]!)
    // The first 10,000 images of MNIST's training part.
    expect(total).toEqual([1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978])
    for (const [label, n] of total.entries()) expect(Math.abs(counts[1]![label]! - n / 5)).toBeLessThan(1)
    // Neighbours in a shuffled order agree about one time in ten; sorted by class, nearly always.
    const labels = labelsOf(train)
    const agreeing = labels.filter((label, k) => k > 0 && label === labels[k - 1]).length
    expect(agreeing / labels.length).toBeCloseTo(0.1, 1)
  })

  it('are bytes over 255, and no image is in both parts', async () => {
    const { train, test } = await loadDigits()
    const seen = new Set<string>()
    for (const part of [train, test])
      for (let k = 0; k < part.size; k++) {
        const x = new Float32Array(784)
        part.read([k], { x }, 0, k)
        const bytes = Uint8Array.from(x, (value) => Math.round(value * 255))
        if (k < 100) expect(Float32Array.from(bytes, (byte) => byte / 255)).toEqual(x)
        seen.add(String.fromCharCode(...bytes))
      }
    expect(seen.size).toBe(10_000)
  })

  it('parse from decompressed bytes too, and say when they are something else', async () => {
    const header = new Uint8Array(24)
    header.set(new TextEncoder().encode('digits01'))
    new Uint32Array(header.buffer).set([2, 1, 1, 2], 2)
    const file = new Uint8Array([...header, 4, 5, 6, 0, 255, 51, 0, 255, 255])
    for (const bytes of [file, gzipSync(file)]) {
      const { train, test } = await parseDigits(bytes)
      expect([...labelsOf(train), ...labelsOf(test)]).toEqual([4, 5, 6])
      const x = new Float64Array(4)
      train.read([0, 1], { x }, 0, 0)
      expect([...x]).toEqual([0, 1, 0.2, 0])
    }
    await expect(parseDigits(file.subarray(0, 30))).rejects.toThrow(
      new DataError('digits.bin: at byte 24: expected 9 bytes of labels and pixels, found 6 bytes'),
    )
    await expect(parseDigits(new TextEncoder().encode('<!doctype html>'))).rejects.toThrow(
      'digits.bin: at byte 0: expected "digits01" and a header of 24 bytes, found "<!doctyp" in 15 bytes',
    )
    await expect(parseDigits(gzipSync(file).subarray(0, 20))).rejects.toThrow('expected a complete gzip stream')
  })
})
