import { expect } from 'vitest'
import type { Backend, Plan } from '../../src/backends/backend.ts'
import { referenceBackend } from '../../src/backends/reference/index.ts'
import { initialise } from '../../src/nn/parameters.ts'
import { createExecutor, type Executor, type ExecutorOptions } from '../../src/training/executor.ts'
import type { Problem } from './problems.ts'

/** The reference backend, which complains when a later stage meets a slot that another plan has used, or runs late. */
export function strictBackend(deferred: boolean): Backend {
  const reference = referenceBackend()
  const owners: object[] = []
  return {
    ...reference,
    compile(graph, buffers) {
      const plan = reference.compile(graph, buffers) as Plan
      const owner = {}
      const run = (stage: number, slot: number) => {
        if (stage === 0) owners[slot] = owner
        else if (owners[slot] !== owner) throw new Error(`slot ${slot} holds what another plan left there`)
        return deferred ? Promise.resolve().then(() => plan.run(stage, slot)) : plan.run(stage, slot)
      }
      const strict = { slotBytes: plan.slotBytes, run }
      return deferred ? Promise.resolve(strict) : strict
    },
  }
}

export const executorOf = (problem: Problem, rest: Partial<ExecutorOptions> = {}): Promise<Executor> =>
  createExecutor({ backend: strictBackend(false), ...problem, ...rest }).then((executor) => {
    executor.parameters.set(initialise(problem.objective.parameters, 'weights'))
    return executor
  })

/** Equal up to 1e-10 of the largest entry that is expected. */
export function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, what: string) {
  expect(found.length, what).toBe(expected.length)
  const scale = Math.max(1e-3, ...Array.from(expected, Math.abs))
  for (let i = 0; i < found.length; i++)
    expect(Math.abs(found[i] - expected[i]) / scale, `${what}[${i}]`).toBeLessThan(1e-10)
}
