import type { BatchSizeTest } from '../../src/batch-size/batch-size-test.ts'
import { coordinateTest } from '../../src/batch-size/coordinate-test.ts'
import { augmentedInnerProductTest, innerProductTest, normTest, orthogonalityTest } from '../../src/batch-size/tests.ts'

/** Every test at one setting of its parameters. */
export const all = (p: number): BatchSizeTest[] => [
  normTest({ eta: p }),
  innerProductTest({ theta: p }),
  orthogonalityTest({ nu: p }),
  augmentedInnerProductTest({ theta: p, nu: p }),
  coordinateTest({ eta: p }),
  coordinateTest({ eta: p, quantile: 0.5, floor: 1e-3 }),
]
