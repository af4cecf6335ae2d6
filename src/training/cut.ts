/**
 * Sizes of the chunks of a batch of b samples.
 *
 * They depend on b, the chunk size C and the number of lanes L alone, never on how many threads work: chunk k belongs to
 * lane k mod L, a lane adds its chunks in order and lanes merge in order, so the bits do not depend on who computed.
 * Sizes differ by at most one, so a batch needs two plans at most. Beyond L chunks their number is a multiple of L, and
 * small batches come in an even number of chunks of at least 8 samples, so that several threads have equal work.
 *
 * @example cut(20, 64, 8) // [10, 10]
 */
export function cut(b: number, chunkSize: number, lanes: number): number[] {
  const least = Math.ceil(b / chunkSize)
  const spread = Math.min(lanes, Math.max(1, 2 * Math.floor(b / 16)))
  const wanted = Math.max(least, spread)
  const count = Math.min(b, wanted > lanes ? Math.ceil(wanted / lanes) * lanes : wanted)
  const small = Math.floor(b / count)
  const larger = b - small * count
  return Array.from({ length: count }, (_, k) => (k < larger ? small + 1 : small))
}

/** A chunk of a batch: its samples are `size` from position `at` on, and its sums go to one of the lanes. */
export interface Chunk {
  readonly at: number
  readonly size: number
  readonly lane: number
}

/**
 * The chunks that `cut` makes, lane by lane and in order within each lane: the order in which they are added.
 *
 * @example layOutChunks(5, 1, 2).map(({ at }) => at) // [0, 2, 4, 1, 3]
 */
export function layOutChunks(b: number, chunkSize: number, lanes: number): Chunk[] {
  let at = 0
  const chunks = cut(b, chunkSize, lanes).map((size, k) => {
    const chunk = { at, size, lane: k % lanes }
    at += size
    return chunk
  })
  return chunks.sort((a, b) => a.lane - b.lane)
}
