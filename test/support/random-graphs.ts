// Graphs of random operations, for plans as a whole.
import fc from 'fast-check'
import type { Value } from '../../src/autodiff/value.ts'
import type { Graph, Output } from '../../src/backends/backend.ts'

/** An operation on two values [4, 6] whose result is one, and stays moderate. */
export type Step = (x: Value, y: Value) => Value

/** Each step applies one operation to two earlier values; marks say which are outputs, and of which stage. */
export const programs = (operations: readonly Step[], longest: number) =>
  fc.record({
    steps: fc.array(fc.tuple(fc.nat(operations.length - 1), fc.nat(), fc.nat(), fc.nat(3)), {
      minLength: 3,
      maxLength: longest,
    }),
    stages: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat(1000),
  })

export type Program = ReturnType<typeof programs> extends fc.Arbitrary<infer T> ? T : never

/** The program's graph; the result of step i lies at 24·i of the buffer `results`. */
export function graphOf({ steps, stages }: Program, operations: readonly Step[], leaves: readonly Value[]): Graph {
  const values = [...leaves]
  const graph: Output[][] = Array.from({ length: stages }, () => [])
  for (const [i, [operation, p, q, mark]] of steps.entries()) {
    // Mostly recent values, so that there are long chains and storage is used again.
    const pick = (n: number) =>
      values[n % 3 === 0 ? n % values.length : values.length - 1 - (n % Math.min(4, values.length))]!
    const value = operations[operation]!(pick(p), pick(q))
    values.push(value)
    if (mark === 0 || i === steps.length - 1)
      graph[Math.floor((i * stages) / steps.length)]!.push({ value, buffer: 'results', offset: 24 * i })
  }
  return { stages: graph }
}
