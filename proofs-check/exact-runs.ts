import fc from 'fast-check'
import type { Backend } from '../src/backends/backend.ts'
import { referenceBackend } from '../src/backends/reference/index.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import type { BatchPolicy } from '../src/batch-size/policy.ts'
import type { Optimizer } from '../src/optim/optimizer.ts'
import type { Problem } from '../src/problems/problem.ts'
import type { Executor } from '../src/training/executor.ts'
import type { Snapshot, TrainingRecord } from '../src/training/run.ts'
import type { Claim } from './claim.ts'
import { descriptions, realise } from './instances.ts'
import type { Subject } from './subject.ts'

/** What a run is made of, apart from who computes it. */
const scenarios = fc.record({
  problem: descriptions({ min: 8, max: 20 }),
  optimizer: fc.constantFrom('adagrad', 'adagradNorm', 'sgd', 'adam'),
  test: fc.constantFrom<'norm' | 'augmented' | 'coordinate' | 'ramp'>('norm', 'augmented', 'coordinate', 'ramp'),
  initial: fc.integer({ min: 1, max: 6 }),
  steps: fc.integer({ min: 2, max: 8 }),
  replacement: fc.boolean(),
  seed: fc.nat(1e6),
  coupling: fc.constantFrom('none' as const, 'sqrt' as const),
})
type Scenario = typeof scenarios extends fc.Arbitrary<infer T> ? T : never

const optimizers = {
  adagrad: (s: Subject) => s.adagrad({ learningRate: 0.1 }),
  adagradNorm: (s: Subject) => s.adagradNorm({ learningRate: 0.3 }),
  sgd: (s: Subject) => s.sgd({ learningRate: 0.05, momentum: 0.9 }),
  adam: (s: Subject) => s.adam({ learningRate: 0.05 }),
} satisfies Record<string, (s: Subject) => Optimizer>

function policyOf(subject: Subject, { test, initial, coupling }: Scenario): BatchPolicy {
  const options = { initial, max: 64, learningRateCoupling: coupling }
  const policies = {
    norm: () => subject.adaptive(subject.normTest({ eta: 0.7 }), options),
    augmented: () =>
      subject.adaptive(subject.augmentedInnerProductTest({ theta: 0.7, nu: 2 }), { ...options, interval: 2 }),
    coordinate: () => subject.adaptive(subject.coordinateTest({ eta: 1, quantile: 0.8 }), options),
    ramp: () => subject.linearRamp({ ...options, increment: 5 }),
  }
  return policies[test]() as unknown as BatchPolicy
}

interface Transcript {
  readonly records: readonly Omit<TrainingRecord, 'seconds'>[]
  readonly end: Omit<Snapshot, 'seconds'>
}

const timeless = <T extends { readonly seconds: number }>({ seconds: _, ...rest }: T): Omit<T, 'seconds'> => rest

/** Records and last state of a run, without the times; interrupted after the given steps, if any. */
async function transcript(
  subject: Subject,
  scenario: Scenario,
  problem: Problem,
  executorFor: () => Promise<Executor>,
  stops: readonly number[] = [],
): Promise<Transcript> {
  const records: Omit<TrainingRecord, 'seconds'>[] = []
  let resume: Snapshot | undefined
  for (const steps of [...stops, scenario.steps]) {
    const executor = await executorFor()
    const run = subject.createRun({
      executor,
      train: problem.train,
      optimizer: optimizers[scenario.optimizer as keyof typeof optimizers](subject),
      batchSize: policyOf(subject, scenario),
      budget: { steps },
      seed: scenario.seed,
      replacement: scenario.replacement,
      ...(resume && { resume }),
    })
    for await (const record of run) records.push(timeless(record))
    await executor.close()
    // As a checkpoint does: nothing of the old run is shared with the new one.
    resume = structuredClone(run.snapshot())
  }
  return { records, end: timeless(resume!) }
}

/** A backend whose work is done later, after other tasks had their turn, and a different number of them each time. */
function tardy(seed: number): Backend {
  const backend = referenceBackend()
  let state = seed + 1
  const later = async () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    for (let k = state % 4; k > 0; k--) await Promise.resolve()
  }
  return {
    ...backend,
    async compile(graph, buffers) {
      await later()
      const plan = await backend.compile(graph, buffers)
      return {
        slotBytes: plan.slotBytes,
        async run(stage, slot) {
          await later()
          await plan.run(stage, slot)
        },
      }
    },
  }
}

export const exactRuns: Claim = {
  id: 'runs',
  title: 'The same seed gives the same bits',
  statement:
    'A run’s records and its last state are the same to the last bit when it is repeated, interrupted and resumed at any ' +
    'step, computed by one thread or several, by a backend that answers late, or short of memory for activations. The k-th draw of the sampler ' +
    'depends on (seed, size, k) alone.',
  kind: 'proved',
  async check({ subject, forAll, exists }) {
    const build = (problem: Problem, options: object = {}) =>
      subject.createExecutor({
        backend: referenceBackend(),
        objective: problem.objective,
        dataset: problem.train,
        chunkSize: 4,
        lanes: 3,
        ...options,
      })
    const problemOf = async (scenario: Scenario) => (await realise(scenario.problem, subject.createExecutor)).problem
    const sizes = ({ steps }: Scenario, { end }: Transcript) => ({ steps, samples: end.samples })

    await forAll(
      'repeated',
      [scenarios],
      async (t, scenario) => {
        const problem = await problemOf(scenario)
        const first = await transcript(subject, scenario, problem, () => build(problem))
        t.size(sizes(scenario, first))
        t.same('transcript', await transcript(subject, scenario, problem, () => build(problem)), first)
      },
      { runs: 100 },
    )
    await forAll(
      'interrupted and resumed, twice',
      [scenarios, fc.nat(20), fc.nat(20)],
      async (t, scenario, a, b) => {
        const problem = await problemOf(scenario)
        const stops = [1 + (a % scenario.steps), 1 + (b % scenario.steps)].sort((p, q) => p - q)
        const whole = await transcript(subject, scenario, problem, () => build(problem))
        t.same('transcript', await transcript(subject, scenario, problem, () => build(problem), stops), whole)
      },
      { runs: 200 },
    )
    await forAll(
      'a backend that answers late',
      [scenarios, fc.nat(1e6)],
      async (t, scenario, seed) => {
        const problem = await problemOf(scenario)
        const prompt = await transcript(subject, scenario, problem, () => build(problem))
        t.same(
          'transcript',
          await transcript(subject, scenario, problem, () => build(problem, { backend: tardy(seed) })),
          prompt,
        )
      },
      { runs: 100 },
    )
    await forAll(
      'activations kept or recomputed',
      [scenarios],
      async (t, given) => {
        const scenario = { ...given, test: 'augmented' as const }
        const problem = await problemOf(scenario)
        const kept = await transcript(subject, scenario, problem, () => build(problem))
        t.same(
          'transcript',
          await transcript(subject, scenario, problem, () => build(problem, { projectionMemory: 0 })),
          kept,
        )
      },
      { runs: 100 },
    )
    await forAll(
      'one thread, two and three: who owns which lane does not matter (WebAssembly, strict SIMD)',
      [scenarios],
      async (t, scenario) => {
        const problem = await problemOf(scenario)
        const team = async (threads: number) => build(problem, { backend: await wasmBackend(), threads })
        const alone = await transcript(subject, scenario, problem, () => team(1))
        t.size({ threads: 1, ...sizes(scenario, alone) })
        for (const threads of [2, 3]) {
          t.size({ threads })
          t.same(`${threads} threads`, await transcript(subject, scenario, problem, () => team(threads)), alone)
        }
      },
      { runs: 6 },
    )
    const sampling = [fc.integer({ min: 1, max: 40 }), fc.nat(1e6), fc.boolean()] as const
    const pieces = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 })
    await forAll(
      'the sampler: however draws are cut, wherever one seeks',
      [...sampling, pieces],
      (t, size, seed, replacement, cuts) => {
        t.size({ N: size })
        const total = cuts.reduce((a, b) => a + b, 0)
        const whole = Array.from(subject.createSampler({ size, seed, replacement }).next(total))
        const piecewise = subject.createSampler({ size, seed, replacement })
        const read = (sampler: typeof piecewise, b: number) => Array.from(sampler.next(b))
        t.same(
          'in pieces',
          cuts.flatMap((b) => read(piecewise, b)),
          whole,
        )
        const sought = subject.createSampler({ size, seed, replacement })
        sought.seek({ draws: cuts[0] })
        if (total > cuts[0]) t.same('sought', read(sought, total - cuts[0]), whole.slice(cuts[0]))
        if (!replacement && total >= size) t.same('an epoch is a permutation', new Set(whole.slice(0, size)).size, size)
      },
    )
    await exists('another seed gives another run', [scenarios], async (_, scenario) => {
      const problem = await problemOf(scenario)
      const [one, other] = await Promise.all(
        [scenario, { ...scenario, seed: scenario.seed + 1 }].map((s) =>
          transcript(subject, s, problem, () => build(problem)),
        ),
      )
      return one.records[0].loss !== other.records[0].loss
    })
    await exists(
      'another number of lanes may give other bits: L is part of a run’s record',
      [scenarios],
      async (_, scenario) => {
        const problem = await problemOf({ ...scenario, test: 'ramp', steps: 8 })
        const run = (lanes: number) =>
          transcript(subject, { ...scenario, test: 'ramp', steps: 8 }, problem, () => build(problem, { lanes }))
        const [few, many] = [await run(1), await run(8)]
        return few.end.parameters.some((value, j) => value !== many.end.parameters[j])
      },
    )
  },
}
