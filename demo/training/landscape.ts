import type { Backend } from '../../src/backends/backend.ts'
import { wasmBackend } from '../../src/backends/wasm/index.ts'
import { constant } from '../../src/batch-size/scheduled.ts'
import { adam } from '../../src/optim/optimizers.ts'
import type { Problem } from '../../src/problems/problem.ts'
import { createExecutor } from '../../src/training/executor.ts'
import { createRun } from '../../src/training/run.ts'
import type { Landscape } from './protocol.ts'

const COLUMNS = 108
const ROWS = 72
/** Steps of the search for the lowest point, so that the picture has it. */
const SEARCH = 1500
/** How much wider than start and minimum the picture is. */
const MARGIN = 0.4

/**
 * F of a problem with two parameters on a grid that shows its start and its minimum.
 *
 * Both come from the library: the way down by its own loop with full batches, F by its executor on the whole data set.
 */
export async function landscapeOf(problem: Problem, given?: Backend): Promise<Landscape> {
  const backend = given ?? (await wasmBackend())
  const { objective, train } = problem
  const executor = await createExecutor({ backend, objective, dataset: train, chunkSize: train.size })
  const search = createRun({
    executor,
    train,
    optimizer: adam({ learningRate: 0.02 }),
    batchSize: constant(train.size),
    budget: { steps: SEARCH },
    seed: 1,
  })
  const low = [Infinity, Infinity]
  const high = [-Infinity, -Infinity]
  const include = () => {
    for (const j of [0, 1]) {
      low[j] = Math.min(low[j]!, executor.parameters[j]!)
      high[j] = Math.max(high[j]!, executor.parameters[j]!)
    }
  }
  include()
  for await (const _ of search) include()

  const middle = [0, 1].map((j) => (low[j]! + high[j]!) / 2)
  // Both axes have the same scale, so that a gradient stands upright on a contour.
  const height = Math.max(high[1]! - low[1]!, ((high[0]! - low[0]!) * ROWS) / COLUMNS)
  const half = [COLUMNS / ROWS, 1].map((ratio) => ratio * height * (0.5 + MARGIN))
  const from = [middle[0]! - half[0]!, middle[1]! - half[1]!] as const
  const to = [middle[0]! + half[0]!, middle[1]! + half[1]!] as const
  const values = new Float64Array(COLUMNS * ROWS)
  for (let row = 0; row < ROWS; row++)
    for (let column = 0; column < COLUMNS; column++) {
      executor.parameters[0] = from[0] + ((to[0] - from[0]) * column) / (COLUMNS - 1)
      executor.parameters[1] = from[1] + ((to[1] - from[1]) * row) / (ROWS - 1)
      values[row * COLUMNS + column] = (await executor.evaluate(train)).loss
    }
  return { from, to, columns: COLUMNS, rows: ROWS, values }
}
