import type { FloatArray } from '../autodiff/value.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Evaluation } from './batch.ts'
import { type ChunkTask, perform, type Team } from './team.ts'

/** Mean loss over a whole data set and, where the objective has scores and the data labels `y`, the accuracy. */
export async function evaluateDataset(
  team: Team,
  data: Dataset,
  chunkSize: number,
  breathe: (() => Promise<void> | undefined) | undefined,
): Promise<Evaluation> {
  const threads = 1 + team.stations.length
  const labels = data.fields.y?.dtype === 'index' ? new Int32Array(chunkSize) : undefined
  const chunks = Math.ceil(data.size / chunkSize)
  // Summed in the order of the chunks once all are there, not in the order in which they come.
  const losses = new Float64Array(chunks)
  let [correct, scored] = [0, false]
  const queues: ChunkTask[][] = Array.from({ length: threads }, () => [])
  for (let k = 0; k < chunks; k++) {
    const at = k * chunkSize
    const B = Math.min(chunkSize, data.size - at)
    const indices = Uint32Array.from({ length: B }, (_, i) => at + i)
    queues[k % threads]!.push({
      plan: (workspace) => workspace.forwardPlan(B),
      stage: 0,
      slot: 0,
      read: (fields) => data.read(indices, fields, 0, at),
      harvest(workspace) {
        for (let i = 0; i < B; i++) losses[k]! += workspace.losses[i]!
        const scores = workspace.scores()
        if (!scores || !labels) return
        scored = true
        data.read(indices, { y: labels }, 0, at)
        for (let i = 0; i < B; i++)
          if (largest(scores.array, i * scores.classes, scores.classes) === labels[i]) correct++
      },
    })
  }
  await perform(team, queues, breathe)
  const loss = losses.reduce((sum, each) => sum + each, 0) / data.size
  return { loss, ...(scored && { accuracy: correct / data.size }) }
}

/** Position of the largest of n numbers from `start`; the first of equals. */
function largest(values: FloatArray, start: number, n: number): number {
  let best = 0
  for (let j = 1; j < n; j++) if (values[start + j]! > values[start + best]!) best = j
  return best
}
