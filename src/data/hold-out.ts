import { ConfigurationError } from '../errors.ts'
import { type Dataset, subset } from './dataset.ts'

/** Labels that are read at a time. */
const block = 4096

/**
 * Cuts a training set in two: what is learned from, and what is held out to validate on.
 *
 * The cut depends on the data alone, so every seed and every scheme validates on the same samples: of each class the last
 * ones in order, as many as its share asks for (largest remainders first, so that `count` is met exactly). Without labels it
 * is the last samples. Augment what is left and not what is given, or augmented images are validated on.
 *
 * @param train the samples; classes are those of a field `y` of indices, one for each sample
 * @param count samples to hold out, at least 1 and fewer than there are
 * @throws ConfigurationError for another count
 * @example const { train, validation } = holdOut(digits.train, 1000) // 7,000 and 1,000
 */
export function holdOut(train: Dataset, count: number): { readonly train: Dataset; readonly validation: Dataset } {
  const { name, size } = train
  if (!(Number.isInteger(count) && count >= 1 && count < size))
    throw new ConfigurationError(
      `validation: expected a whole number in [1, ${size}), since ${name} has ${size} samples; got ${count}`,
    )
  const classes = byClass(train)
  const quotas = shares(classes, count)
  // slice(-0) would take all.
  const held = new Set(classes.flatMap((members, c) => members.slice(members.length - quotas[c]!)))
  const all = Array.from({ length: size }, (_, i) => i)
  return {
    train: subset(
      train,
      all.filter((i) => !held.has(i)),
      `${name}/without ${count}`,
    ),
    validation: subset(
      train,
      all.filter((i) => held.has(i)),
      `${name}/held out ${count}`,
    ),
  }
}

/** Samples of each class in order; one class where there are no labels. */
function byClass(data: Dataset): number[][] {
  const { dtype, shape, classes } = data.fields.y ?? {}
  const labelled = dtype === 'index' && shape!.length === 0
  const members: number[][] = Array.from({ length: labelled ? classes! : 1 }, () => [])
  const labels = new Int32Array(block)
  for (let at = 0; at < data.size; at += block) {
    const indices = Array.from({ length: Math.min(block, data.size - at) }, (_, k) => at + k)
    if (labelled) data.read(indices, { y: labels }, 0, at)
    for (const [k, i] of indices.entries()) members[labels[k]!]!.push(i)
  }
  return members.filter(({ length }) => length > 0)
}

/** How many of each class make `count` together: its share rounded down, and one more for the largest remainders. */
function shares(classes: readonly (readonly number[])[], count: number): number[] {
  const total = classes.reduce((sum, { length }) => sum + length, 0)
  const whole = classes.map(({ length }) => Math.floor((count * length) / total))
  const missing = count - whole.reduce((sum, n) => sum + n, 0)
  const byRemainder = classes
    .map(({ length }, c) => ({ c, remainder: (count * length) % total }))
    .sort((a, b) => b.remainder - a.remainder || a.c - b.c)
  for (const { c } of byRemainder.slice(0, missing)) whole[c]!++
  return whole
}
