import { ConfigurationError } from '../errors.ts'
import { random } from '../random.ts'

/** A position in the stream of draws. JSON. */
export interface SamplerState {
  readonly draws: number
}

/** An endless stream of sample indices, cut into batches of any size. */
export interface Sampler {
  readonly size: number
  readonly replacement: boolean
  /** How many samples were drawn so far: the ordinal of the next draw. */
  readonly draws: number
  /** The next `batchSize` indices. The array belongs to the sampler and is overwritten by the next call. */
  next(batchSize: number): Uint32Array
  state(): SamplerState
  /** Goes to a position; what follows is what an uninterrupted sampler would give. */
  seek(state: SamplerState): void
}

// With replacement there are no epochs; draws come in blocks, so that seeking regenerates one block at most.
const blockLength = 4096

/**
 * A seeded stream of indices in 0 … size − 1.
 *
 * Without replacement, epoch e is the Fisher–Yates permutation from the stream (seed, 'shuffle', e), and batches run on
 * from one epoch into the next, so none is short. With replacement, draws are independent and uniform. Either way the
 * k-th draw depends on (seed, size, k) alone, not on how draws were cut into batches.
 *
 * @param options.size samples in the data set
 * @param options.seed the run's seed
 * @param options.replacement draw independently, instead of by epochs
 * @throws ConfigurationError for a size, batch size or position that is not a whole number in range
 * @example createSampler({ size: 60_000, seed: 1 }).next(64)
 */
export function createSampler(options: { size: number; seed: number | string; replacement?: boolean }): Sampler {
  const { size, seed, replacement = false } = options
  if (!(Number.isInteger(size) && size >= 1 && size < 2 ** 32))
    throw new ConfigurationError(`sampler: size must be an integer in 1 … 2³² − 1, got ${size}`)
  const block = new Uint32Array(replacement ? blockLength : size)
  let blockAt = -1 // which block (epoch) `block` holds
  let draws = 0
  let buffer = new Uint32Array(0)
  let batch = buffer

  function fill(which: number) {
    blockAt = which
    if (replacement) {
      const { integer } = random(seed, 'draw', which)
      for (let k = 0; k < block.length; k++) block[k] = integer(size)
      return
    }
    const { integer } = random(seed, 'shuffle', which)
    // From the identity each time: an epoch must not depend on the ones before it.
    for (let k = 0; k < size; k++) block[k] = k
    for (let k = size - 1; k > 0; k--) {
      const other = integer(k + 1)
      const swapped = block[k]!
      block[k] = block[other]!
      block[other] = swapped
    }
  }

  return {
    size,
    replacement,
    get draws() {
      return draws
    },
    next(batchSize) {
      if (!(Number.isInteger(batchSize) && batchSize >= 1))
        throw new ConfigurationError(`sampler: batch size must be an integer ≥ 1, got ${batchSize}`)
      if (batchSize > buffer.length) buffer = new Uint32Array(Math.max(batchSize, 2 * buffer.length))
      if (batch.length !== batchSize || batch.buffer !== buffer.buffer) batch = buffer.subarray(0, batchSize)
      for (let k = 0; k < batchSize; k++, draws++) {
        const which = Math.floor(draws / block.length)
        if (which !== blockAt) fill(which)
        batch[k] = block[draws - which * block.length]!
      }
      return batch
    },
    state: () => ({ draws }),
    seek(state) {
      if (!(Number.isSafeInteger(state.draws) && state.draws >= 0))
        throw new ConfigurationError(`sampler: draws must be an integer ≥ 0, got ${state.draws}`)
      draws = state.draws
    },
  }
}
