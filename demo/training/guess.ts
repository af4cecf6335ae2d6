import type { Backend } from '../../src/backends/backend.ts'
import type { Dataset } from '../../src/data/dataset.ts'
import { fieldBuffer, forwardGraph } from '../../src/training/chunk.ts'
import type { Executor } from '../../src/training/executor.ts'

/** Test digits whose guesses are shown. */
export const SHOWN_DIGITS = 12

/** Class probabilities of `count` inputs, with the executor's live parameters. */
export async function guesser(backend: Backend, executor: Executor, dataset: Dataset, count: number) {
  const { graph, classes } = forwardGraph(executor.objective, executor.layout, dataset, count)
  const size = dataset.fields.x!.shape.reduce((a, b) => a * b, 1)
  const x = backend.allocate(count * size)
  const scores = backend.allocate(count * classes)
  const plan = await backend.compile(graph, {
    parameters: executor.parameters,
    [fieldBuffer('x')]: x,
    [fieldBuffer('y')]: backend.allocateIndices(count),
    losses: backend.allocate(count),
    scores,
  })
  return async (pixels: ArrayLike<number>): Promise<Float32Array> => {
    x.set(pixels)
    backend.changed?.(executor.parameters)
    const running = plan.run(0, 0)
    if (running) await running
    const probabilities = new Float32Array(count * classes)
    for (let i = 0; i < count; i++) softmax(scores.subarray(i * classes, (i + 1) * classes), probabilities, i * classes)
    return probabilities
  }
}

function softmax(scores: ArrayLike<number>, out: Float32Array, at: number): void {
  let [most, sum] = [-Infinity, 0]
  for (let j = 0; j < scores.length; j++) most = Math.max(most, scores[j]!)
  for (let j = 0; j < scores.length; j++) sum += Math.exp(scores[j]! - most)
  for (let j = 0; j < scores.length; j++) out[at + j] = Math.exp(scores[j]! - most) / sum
}

/** Pixels in [0, 1] and labels of the digits that are shown: the first of each class and a few more, [SHOWN_DIGITS]. */
export function shownDigits(test: Dataset): { readonly pixels: Float32Array; readonly labels: Int32Array } {
  const candidates = Uint32Array.from({ length: Math.min(test.size, 400) }, (_, i) => i)
  const all = new Int32Array(candidates.length)
  test.read(candidates, { y: all }, 0, 0)
  const chosen = [...Array(SHOWN_DIGITS).keys()].map((k) => {
    const wanted = k % 10
    // The second of a class for the digits beyond ten.
    let at = all.indexOf(wanted)
    if (k >= 10) at = all.indexOf(wanted, at + 1)
    return at
  })
  const size = test.fields.x!.shape.reduce((a, b) => a * b, 1)
  const pixels = new Float32Array(SHOWN_DIGITS * size)
  const labels = new Int32Array(SHOWN_DIGITS)
  test.read(chosen, { x: pixels, y: labels }, 0, 0)
  return { pixels, labels }
}
