import { adagradSums } from './adagrad-sums.ts'
import { approximateTest } from './approximate-test.ts'
import { augmentedTestStrongGrowth } from './augmented-test-strong-growth.ts'
import { autodiffLaws } from './autodiff-laws.ts'
import { batchGradients } from './batch-gradients.ts'
import type { Claim } from './claim.ts'
import { convergenceRates } from './convergence-rates.ts'
import { coordinateTestStrongGrowth } from './coordinate-test-strong-growth.ts'
import { edgeCases } from './edge-cases.ts'
import { exactRuns } from './exact-runs.ts'
import { invariances } from './invariances.ts'
import { leastBatchSizeClaim } from './least-batch-size.ts'
import { mergeLaws } from './merge-laws.ts'
import { monotoneBatchSizes } from './monotone-batch-sizes.ts'
import { neighbours } from './neighbours.ts'
import { normTestStrongGrowth } from './norm-test-strong-growth.ts'
import { officialDeviations } from './official-deviations.ts'
import { optimizerOptions } from './optimizer-options.ts'
import { optimizerTrajectories } from './optimizer-trajectories.ts'
import { statisticsOfBatches } from './statistics-of-batches.ts'
import { testsByDefinition } from './tests-by-definition.ts'
import { varianceIdentity } from './variance-identity.ts'

/** Every claim, in the order of docs/maths.md. */
export const claims: readonly Claim[] = [
  statisticsOfBatches,
  varianceIdentity,
  testsByDefinition,
  edgeCases,
  batchGradients,
  normTestStrongGrowth,
  augmentedTestStrongGrowth,
  coordinateTestStrongGrowth,
  leastBatchSizeClaim,
  invariances,
  monotoneBatchSizes,
  approximateTest,
  adagradSums,
  convergenceRates,
  mergeLaws,
  optimizerTrajectories,
  optimizerOptions,
  officialDeviations,
  neighbours,
  autodiffLaws,
  exactRuns,
]
