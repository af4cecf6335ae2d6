import fc from 'fast-check'
import type { BatchPolicy, PolicyState } from '../src/batch-size/policy.ts'
import type { Claim } from './claim.ts'
import { populations } from './instances.ts'
import type { Subject } from './subject.ts'

/** Options of a policy and of the observations that drive it. */
const scenarios = fc.record({
  initial: fc.integer({ min: 1, max: 40 }),
  room: fc.integer({ min: 0, max: 400 }),
  interval: fc.integer({ min: 1, max: 4 }),
  maxGrowth: fc.constantFrom(1.5, 2, 10, Number.POSITIVE_INFINITY),
  hysteresis: fc.constantFrom(0, 0.1, 1),
  learningRateCoupling: fc.constantFrom('none' as const, 'sqrt' as const, 'linear' as const),
  metricOnly: fc.constantFrom(false, false, false, true),
  eta: fc.integer({ min: 1, max: 32 }).map((k) => k / 8),
  observed: fc.array(fc.tuple(populations({ min: 2, max: 4 }, { min: 2, max: 2 }), fc.integer({ min: 0, max: 1000 })), {
    minLength: 1,
    maxLength: 12,
  }),
})
type Scenario = typeof scenarios extends fc.Arbitrary<infer T> ? T : never

function policiesOf(subject: Subject, s: Scenario): BatchPolicy[] {
  const { initial, room, learningRateCoupling, eta } = s
  const bounds = { initial, max: initial + room, learningRateCoupling }
  const { interval, maxGrowth, hysteresis, metricOnly } = s
  const limits = { ...bounds, interval, maxGrowth, hysteresis, metricOnly }
  const adaptive = subject.adaptive(subject.normTest({ eta }), limits)
  return [
    subject.constant(initial),
    subject.stages([
      { batchSize: initial, steps: 2 },
      { batchSize: initial + room, steps: 1 },
      { batchSize: initial + room },
    ]),
    subject.linearRamp({ ...bounds, increment: 7 }),
    subject.geometric({ ...bounds, factor: 1.7, every: { samples: 100 } }),
    adaptive,
    subject.adaptive(subject.innerProductTest({ theta: eta }), limits),
    subject.adaptive(subject.augmentedInnerProductTest({ theta: eta, nu: eta }), limits),
    subject.adaptive(subject.coordinateTest({ eta, quantile: 0.9, floor: 1e-3 }), limits),
    subject.cabs({ ...limits, alpha: eta }),
    subject.adaDamp(limits),
    subject.noiseScale({ ...limits, multiple: eta }),
    subject.adaScale(adaptive),
  ] as unknown as BatchPolicy[]
}

/** Drives a policy as the training loop does; the statistics are the scenario's, with the policy's own batch size. */
function drive(
  subject: Subject,
  policy: BatchPolicy,
  { observed }: Scenario,
): { states: PolicyState[]; growths: number[] } {
  let state = policy.start()
  let samples = 0
  const states = [state]
  const growths: number[] = []
  for (const [step, [g, loss]] of observed.entries()) {
    samples += state.batchSize
    const level = policy.levelFor(state)
    const measured = subject.fromPerSampleGradients(g)
    const batchSize = state.batchSize
    // Only what was asked for is there, as in a run; one sample has no variance, so it repeats nothing.
    const statistics =
      level === 'none'
        ? { batchSize, mean: measured.mean }
        : {
            ...measured,
            batchSize,
            sumSquaredNorms: (measured.sumSquaredNorms * batchSize) / g.length,
            sumSquares: measured.sumSquares.map((x) => (x * batchSize) / g.length),
            projections: Float64Array.from({ length: batchSize }, (_, i) => measured.projections[i % g.length]),
          }
    const update = policy.next(state, { step, samples, loss: loss / 16, statistics })
    growths.push(update.growth)
    ;({ state } = update)
    states.push(state)
  }
  return { states, growths }
}

export const monotoneBatchSizes: Claim = {
  id: '3.6.b',
  title: 'Batch sizes never fall and never pass the cap',
  statement:
    'Under every policy and whatever the gradients, b is whole, b_{k+1} ≥ b_k, b_k ≤ cap, growth limits and intervals are ' +
    'kept, and the learning-rate factor is the product of those of all growth (1, √κ or κ).',
  kind: 'proved',
  async check({ subject, forAll, exists, example }) {
    await forAll(
      'every policy, every option',
      [scenarios],
      (t, scenario) => {
        const { interval, maxGrowth, metricOnly, learningRateCoupling } = scenario
        const policies = policiesOf(subject, scenario)
        t.size({ policies: policies.length, steps: scenario.observed.length })
        for (const [which, policy] of policies.entries()) {
          const { states, growths } = drive(subject, policy, scenario)
          const adaptive = which >= 4
          for (const [k, growth] of growths.entries()) {
            const [b, next] = [states[k].batchSize, states[k + 1].batchSize]
            t.that(`${policy.name}: b is whole`, Number.isInteger(next))
            t.that(`${policy.name}: ${b} → ${next} does not fall`, next >= b)
            t.atMost(`${policy.name}: cap`, next, policy.cap)
            t.equal(`${policy.name}: growth`, growth, next / b)
            if (!adaptive) continue
            if (metricOnly) t.same(`${policy.name}: metric only`, next, b)
            if (k % interval !== 0) t.same(`${policy.name}: between tests`, next, b)
            t.that(`${policy.name}: ${b} → ${next} within the growth limit`, next <= Math.max(b + 1, b * maxGrowth))
          }
          if (which === 0 || which === 1 || policy.name === 'adaScale') continue
          const kappa = states[states.length - 1].batchSize / policy.initial
          const factor = { none: 1, sqrt: Math.sqrt(kappa), linear: kappa }[learningRateCoupling]
          t.equal(`${policy.name}: learning-rate factor`, states[states.length - 1].learningRateFactor, factor)
        }
      },
      { runs: 2000 },
    )
    await forAll(
      'the update is min(max(b, ⌈T⌉), cap)',
      [fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 1 << 20 }), fc.integer({ min: 0, max: 5000 })],
      (t, b, k, room) => {
        const T = k / 256
        const cap = b + room
        const next = subject.nextBatchSize(b, T, { cap, maxGrowth: Number.POSITIVE_INFINITY, hysteresis: 0 })
        t.same('next', next, Math.min(Math.max(b, Math.ceil(T)), cap))
        t.same(
          'Infinity is the cap',
          subject.nextBatchSize(b, Infinity, { cap, maxGrowth: Infinity, hysteresis: 0 }),
          cap,
        )
      },
      { runs: 5000 },
    )
    await forAll(
      'growth limit and dead band',
      [
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 1 << 16 }).map((k) => k / 128),
        fc.integer({ min: 0, max: 600 }),
        fc.integer({ min: 17, max: 64 }).map((k) => k / 16),
        fc.integer({ min: 0, max: 16 }).map((k) => k / 16),
      ],
      (t, b, T, room, maxGrowth, hysteresis) => {
        const cap = b + room
        const free = { cap, maxGrowth: Number.POSITIVE_INFINITY, hysteresis: 0 }
        const wanted = subject.nextBatchSize(b, T, free)
        // A limited step reaches b·growth or, lest a small batch be stuck, one sample more.
        const reach = Math.min(cap, Math.max(b + 1, Math.floor(b * maxGrowth)))
        t.same('growth limit', subject.nextBatchSize(b, T, { ...free, maxGrowth }), Math.min(wanted, reach))
        // Within the dead band nothing changes, beyond it everything does; one sample has none.
        const still = b > 1 && wanted / b - 1 <= hysteresis
        t.same('dead band', subject.nextBatchSize(b, T, { ...free, hysteresis }), still ? b : wanted)
      },
      { runs: 3000 },
    )
    await example('the ramps are their formulas', (t) => {
      const sizes = (policy: BatchPolicy, steps: number) => {
        let state = policy.start()
        let samples = 0
        return Array.from({ length: steps }, (_, step) => {
          const { batchSize } = state
          samples += batchSize
          const statistics = { batchSize, mean: new Float64Array(1) }
          ;({ state } = policy.next(state, { step, samples, loss: 1, statistics }))
          return batchSize
        })
      }
      t.same('linear', sizes(subject.linearRamp({ initial: 4, increment: 3, max: 12 }), 5), [4, 7, 10, 12, 12])
      const everyStep = { steps: 1 }
      t.same(
        'geometric',
        sizes(subject.geometric({ initial: 3, factor: 2, every: everyStep, max: 20 }), 5),
        [3, 6, 12, 20, 20],
      )
      const each = { samples: 8 }
      t.same(
        'by samples',
        sizes(subject.geometric({ initial: 4, factor: 2, every: each, max: 1000 }), 5),
        [4, 4, 8, 16, 64],
      )
      // Stage k ends when the lengths of all stages up to it are processed: at 4, 21 and 30 samples; the last one stays.
      const list = [
        { batchSize: 2, samples: 4 },
        { batchSize: 8, samples: 17 },
        { batchSize: 16, samples: 9 },
      ]
      t.same('stages', sizes(subject.stages(list), 7), [2, 2, 8, 8, 8, 16, 16])
      t.same('constant', sizes(subject.constant(5), 3), [5, 5, 5])
    })
    await forAll(
      'by default every step is judged, any gain is taken and the learning rate is left alone',
      [scenarios],
      (t, scenario) => {
        const { initial, room, eta, observed } = scenario
        const test = subject.normTest({ eta })
        const policy = subject.adaptive(test, { initial, max: initial + room })
        t.same('at the start', [policy.start().batchSize, policy.start().learningRateFactor], [initial, 1])
        let state = policy.start()
        for (const [step, [g]] of observed.entries()) {
          const b = state.batchSize
          t.same('level', policy.levelFor(state), b > 1 && b < policy.cap ? 'norms' : 'none')
          const statistics = subject.fromPerSampleGradients(g)
          const T = b === policy.cap ? b : test.evaluate(statistics).suggestedBatchSize
          ;({ state } = policy.next(state, { step, samples: 1, loss: 1, statistics }))
          t.same('b', state.batchSize, Math.min(Math.max(b, Math.ceil(T)), policy.cap))
          t.same('learning-rate factor', state.learningRateFactor, 1)
        }
      },
    )
    await exists('a list of stages that the user lets fall does fall', [fc.integer({ min: 2, max: 50 })], (_, b) => {
      const policy = subject.stages([{ batchSize: b, steps: 1 }, { batchSize: b - 1 }])
      const statistics = { batchSize: b, mean: new Float64Array(1) }
      return policy.next(policy.start(), { step: 0, samples: b, loss: 1, statistics }).batchSize < b
    })
    await exists(
      'T itself does fall: without the maximum with b, so would the batch size',
      [scenarios],
      (_, { observed, eta }) => {
        const Ts = observed.map(
          ([g]) => subject.normTest({ eta }).evaluate(subject.fromPerSampleGradients(g)).suggestedBatchSize,
        )
        return Ts.some((T, k) => k > 0 && T < Ts[k - 1] - 1)
      },
    )
    await forAll(
      'the cap is attained, and nothing is measured there',
      [scenarios],
      (t, scenario) => {
        const max = scenario.initial + scenario.room
        const policy = subject.adaptive(subject.normTest({ eta: 1e-3 }), { initial: scenario.initial, max })
        const { states } = drive(subject, policy, scenario)
        for (const state of states) {
          t.atMost('b', state.batchSize, max)
          if (state.batchSize === max) t.same('level at the cap', policy.levelFor(state as never), 'none')
        }
      },
      { role: 'tight', attains: 1 },
    )
  },
}
