import type { Executor } from '../../src/training/executor.ts'
import type { Cloud } from './protocol.ts'

/** So many arrows are drawn at most. */
const SHOWN = 300

/** An executor that remembers the last batch and where it was measured, so that its gradients can be looked at later. */
export interface Remembering {
  readonly executor: Executor
  /** The gradients of the last batch's samples one by one; undefined before the first batch. */
  cloud(): Promise<Cloud | undefined>
}

/**
 * Wraps an executor of two parameters. What it computes is untouched: looking at a cloud happens between steps, and
 * leaves the parameters as they were.
 */
export function remembering(inner: Executor): Remembering {
  const { parameters } = inner
  let indices = new Uint32Array(0)
  let firstDraw = 0
  const before = new Float64Array(2)

  return {
    executor: {
      ...inner,
      batch(wanted, draw, level) {
        indices = Uint32Array.from(wanted)
        firstDraw = draw
        before.set(parameters)
        return inner.batch(wanted, draw, level)
      },
    },
    async cloud() {
      const b = indices.length
      if (b === 0) return undefined
      const after = parameters.slice()
      parameters.set(before)
      const gradients = new Float64Array(2 * b)
      for (let i = 0; i < b; i++) {
        const { statistics } = await inner.batch(indices.subarray(i, i + 1), firstDraw + i, 'none')
        gradients.set(statistics.mean, 2 * i)
      }
      parameters.set(after)
      const mean = [0, 1].map((j) => averageOf(b, (i) => gradients[2 * i + j]!)) as [number, number]
      const moment = (j: number, k: number) =>
        (averageOf(b, (i) => (gradients[2 * i + j]! - mean[j]!) * (gradients[2 * i + k]! - mean[k]!)) * b) / (b - 1)
      return {
        x: [before[0]!, before[1]!],
        gradients: gradients.slice(0, 2 * SHOWN),
        mean,
        batchSize: b,
        covariance: [moment(0, 0), moment(1, 1), moment(0, 1)],
      }
    },
  }
}

function averageOf(n: number, value: (i: number) => number): number {
  let sum = 0
  for (let i = 0; i < n; i++) sum += value(i)
  return sum / n
}
