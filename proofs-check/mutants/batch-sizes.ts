import type { BatchPolicy } from '../../src/batch-size/policy.ts'
import type { Mutant } from '../mutation.ts'
import { real } from '../subject.ts'

/** A policy whose choice of b is changed. */
function withBatchSize<P>(policy: P, change: (next: number, last: number) => number): P {
  const original = policy as unknown as BatchPolicy
  return {
    ...original,
    next(state, observation) {
      const update = original.next(state, observation)
      const batchSize = change(update.batchSize, state.batchSize)
      return { ...update, batchSize, state: { ...update.state, batchSize } }
    },
  } satisfies BatchPolicy as unknown as P
}

/** Mistakes in the choice of the next batch size. */
export const batchSizeMutants: readonly Mutant[] = [
  {
    name: 'cap not clamped',
    what: 'b may pass the cap',
    functions: {
      nextBatchSize: (current, T, limits) =>
        real.nextBatchSize(current, Math.min(T, 2 ** 40), { ...limits, cap: Number.POSITIVE_INFINITY }),
    },
  },
  {
    name: 'adaptive passes the cap',
    what: 'the adaptive policy ends one above the cap',
    functions: {
      adaptive: (test, options) => withBatchSize(real.adaptive(test, options), (b) => (b === options.max ? b + 1 : b)),
    },
  },
  {
    name: 'batch size falls',
    what: 'b ← ⌈T⌉ without the maximum with b',
    functions: {
      nextBatchSize: (_, T, { cap }) => Math.min(Math.max(1, Math.ceil(T)), cap),
    },
  },
  {
    name: 'adaptive shrinks',
    what: 'the adaptive policy falls by one where it would stay',
    functions: {
      adaptive: (test, options) =>
        withBatchSize(real.adaptive(test, options), (next, last) =>
          next === last && last > options.initial ? last - 1 : next,
        ),
    },
  },
  {
    name: 'rounded down',
    what: 'b ← ⌊T⌋',
    functions: { nextBatchSize: (current, T, limits) => real.nextBatchSize(current, Math.floor(T), limits) },
  },
  {
    name: 'learning rate not coupled',
    what: 'growth by κ leaves the learning rate as it was',
    functions: { linearRamp: (options) => real.linearRamp({ ...options, learningRateCoupling: 'none' }) },
  },
]
