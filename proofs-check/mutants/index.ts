import type { Mutant } from '../mutation.ts'
import { batchSizeMutants } from './batch-sizes.ts'
import { engineMutants } from './engine.ts'
import { optimizerMutants } from './optimizers.ts'
import { statisticsMutants } from './statistics.ts'
import { testMutants } from './tests.ts'

/** Plausible mistakes, each of which the claims must catch. */
export const mutants: readonly Mutant[] = [
  ...statisticsMutants,
  ...testMutants,
  ...batchSizeMutants,
  ...optimizerMutants,
  ...engineMutants,
]
