import type { FloatArray } from '../autodiff/value.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Evaluation } from './executor.ts'
import type { Workspace } from './workspace.ts'

/** Mean loss over a whole data set and, where the objective has scores and the data labels `y`, the accuracy. */
export async function evaluateDataset(
  workspace: Workspace,
  data: Dataset,
  chunkSize: number,
  breathe: (() => Promise<void> | undefined) | undefined,
): Promise<Evaluation> {
  const { losses } = workspace
  const labels = data.fields.y?.dtype === 'index' ? new Int32Array(chunkSize) : undefined
  let [loss, correct] = [0, 0]
  for (let at = 0; at < data.size; at += chunkSize) {
    const B = Math.min(chunkSize, data.size - at)
    const { plan, fields } = await workspace.forwardPlan(B)
    const indices = Uint32Array.from({ length: B }, (_, i) => at + i)
    data.read(indices, fields, 0, at)
    const running = plan.run(0, 0)
    if (running) await running
    for (let i = 0; i < B; i++) loss += losses[i]!
    const scores = workspace.scores()
    if (scores && labels) {
      data.read(indices, { y: labels }, 0, at)
      for (let i = 0; i < B; i++) if (largest(scores.array, i * scores.classes, scores.classes) === labels[i]) correct++
    }
    const pause = breathe?.()
    if (pause) await pause
  }
  return { loss: loss / data.size, ...(workspace.scores() && labels && { accuracy: correct / data.size }) }
}

/** Position of the largest of n numbers from `start`; the first of equals. */
function largest(values: FloatArray, start: number, n: number): number {
  let best = 0
  for (let j = 1; j < n; j++) if (values[start + j]! > values[start + best]!) best = j
  return best
}
