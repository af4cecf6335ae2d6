import seedrandom from 'seedrandom'
import { cosineOfTurns, log } from './elementary.ts'

/** A stream of pseudo-random numbers, the same on every machine for the same seed. */
export interface Random {
  /** Uniform on [0, 1), 32 bits of resolution. */
  uniform(): number
  /** Standard normal. */
  normal(): number
  /** Uniform on {0, …, bound − 1}. */
  integer(bound: number): number
}

/**
 * A generator for one purpose, derived from a seed and the names of that purpose.
 *
 * Streams are addressed, never shared: `random(1, 'shuffle', 3)` is the shuffle of epoch 3 whatever was drawn before,
 * so a position in a run is a few integers and resuming needs no generator state.
 *
 * @param seed the run's seed
 * @param path what the stream is for, for example `'shuffle', epoch`
 * @example random(1, 'initialisation').uniform()
 */
export function random(seed: number | string, ...path: (string | number)[]): Random {
  const uniform = seedrandom.alea([seed, ...path].join('/'))
  return {
    uniform: () => uniform(),
    normal() {
      // Box–Muller; 1 − u lies in (0, 1], so the logarithm is finite.
      const radius = Math.sqrt(-2 * log(1 - uniform()))
      return radius * cosineOfTurns(uniform())
    },
    integer: (bound) => Math.floor(uniform() * bound),
  }
}
