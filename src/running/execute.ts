import { DivergenceError } from '../errors.ts'
import type { Evaluation } from '../training/batch.ts'
import type { Snapshot, TrainingRecord } from '../training/run.ts'
import { averageLoss } from './average-loss.ts'
import type { PreparedRun } from './prepare.ts'
import type { ResolvedConfig } from './resolved-config.ts'

/** How a run ended: at its budget, because it was asked to, or because loss or gradient were not finite. */
export type Outcome = 'finished' | 'interrupted' | 'diverged'

/** What a run came to. */
export interface Summary {
  readonly outcome: Outcome
  /** Why it diverged. */
  readonly reason?: string
  readonly steps: number
  readonly samples: number
  /** Seconds of training, evaluations left out. */
  readonly seconds: number
  readonly samplesPerSecond: number
  /** Samples a step. */
  readonly averageBatchSize: number
  /** b of the last step that was as large as the policy wanted it: the budget cuts the last one. */
  readonly finalBatchSize: number
  /** Mean loss of the first batch. */
  readonly firstLoss: number | null
  /** Mean of the batch losses, weighted to about the last 1,000 samples; a batch of 8 says little. */
  readonly recentLoss: number | null
  /** On the whole training set, at the end. */
  readonly training?: Evaluation
  /** On the test set, the last one made. */
  readonly test?: Evaluation
  /** On the samples that were held out, likewise. */
  readonly validation?: Evaluation
}

/** Something that a run is told to as it goes: a folder, a display, another thread. */
export interface RunSink {
  begin?(config: ResolvedConfig): void | Promise<void>
  /** A record of before, where a run goes on: after `begin` and ahead of the first `record`. */
  past?(record: TrainingRecord): void
  record?(record: TrainingRecord): void
  /** Called after a step; `snapshot` copies the state, so only those who want it pay. */
  step?(snapshot: () => Snapshot): void | Promise<void>
  /** `snapshot` is the state after the last record. */
  end?(summary: Summary, snapshot: Snapshot): void | Promise<void>
}

/** A sink that only looks on. */
export interface RunObserver {
  begin(config: ResolvedConfig): void
  past?(record: TrainingRecord): void
  record(record: TrainingRecord): void
  end(summary: Summary): void
}

/**
 * Makes a run step until it ends, and tells the sinks.
 *
 * A run that diverges or is interrupted ends with a summary like any other: an outcome, not an exception.
 *
 * @param options.signal ends the run between two steps, or within one, which then is as if it had not begun
 * @param options.past the records up to the snapshot that the run goes on from
 */
export async function execute(
  { run, executor, problem, config }: PreparedRun,
  sinks: readonly RunSink[],
  options: { readonly signal?: AbortSignal; readonly past?: AsyncIterable<TrainingRecord> } = {},
): Promise<Summary> {
  const { signal, past } = options
  const each = async (tell: (sink: RunSink) => void | Promise<void> | undefined) => {
    for (const sink of sinks) await tell(sink)
  }
  await each((sink) => sink.begin?.(config))

  let last: TrainingRecord | undefined
  let finalBatchSize = 0
  let firstLoss: number | null = null
  let recentLoss: number | null = null
  const average = averageLoss()
  let test: Evaluation | undefined
  let validation: Evaluation | undefined
  let outcome: Outcome = 'finished'
  let reason: string | undefined
  // One reaction for each step: racing every step against one lasting promise would keep them all.
  let interrupt = () => {}
  signal?.addEventListener('abort', () => interrupt(), { once: true })
  const orInterrupted = <T>(pending: Promise<T>) =>
    new Promise<T | 'interrupted'>((resolve, reject) => {
      interrupt = () => resolve('interrupted')
      pending.then(resolve, reject)
      if (signal?.aborted) interrupt()
    })
  const records = run[Symbol.asyncIterator]()
  const count = (record: TrainingRecord) => {
    const cutByBudget = record.samples === config.budget?.samples && last !== undefined
    finalBatchSize = cutByBudget ? Math.max(finalBatchSize, record.batchSize) : record.batchSize
    last = record
    firstLoss ??= record.loss
    recentLoss = average(record)
    test = record.evaluation ?? test
    validation = record.validation ?? validation
  }
  const take = (record: TrainingRecord) => {
    count(record)
    for (const sink of sinks) sink.record?.(record)
  }
  for await (const record of past ?? []) {
    count(record)
    for (const sink of sinks) sink.past?.(record)
  }
  try {
    for (;;) {
      const pending = records.next()
      const next = await orInterrupted(pending)
      if (next === 'interrupted') {
        outcome = 'interrupted'
        // The state may already be that of a step whose evaluation is under way: its record belongs to it.
        if (run.snapshot().step > (last?.step ?? 0)) {
          const { value } = await pending
          if (value) take(value)
        }
        break
      }
      if (next.done) break
      take(next.value)
      for (const sink of sinks) {
        const working = sink.step?.(run.snapshot)
        if (working) await working
      }
    }
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error
    outcome = 'diverged'
    // A test that finds its statistics not finite does not know which step it is.
    const step = `step ${run.snapshot().step + 1}`
    reason = error.message.startsWith('step') ? error.message : `${step}: ${error.message}`
  }

  const training =
    config.evaluateTraining && outcome === 'finished' ? await executor.evaluate(problem.train) : undefined
  if (training && !Number.isFinite(training.loss)) {
    outcome = 'diverged'
    reason = `step ${last?.step}: the loss on the training set is ${training.loss} after it`
  }
  const { step: steps, samples, seconds } = last ?? { step: 0, samples: 0, seconds: 0 }
  const summary: Summary = {
    outcome,
    ...(reason !== undefined && { reason }),
    steps,
    samples,
    seconds,
    samplesPerSecond: seconds > 0 ? samples / seconds : 0,
    averageBatchSize: steps > 0 ? samples / steps : 0,
    finalBatchSize,
    firstLoss,
    recentLoss,
    ...(training && { training }),
    ...(test && { test }),
    ...(validation && { validation }),
  }
  const snapshot = run.snapshot()
  await each((sink) => sink.end?.(summary, snapshot))
  // A step that was interrupted still needs its threads; they end with the process.
  if (outcome !== 'interrupted') await executor.close()
  return summary
}
