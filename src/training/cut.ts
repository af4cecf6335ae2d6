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
