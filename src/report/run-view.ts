import { averageLoss } from '../running/average-loss.ts'
import type { RunObserver, Summary } from '../running/execute.ts'
import type { ResolvedConfig } from '../running/resolved-config.ts'
import type { TrainingRecord } from '../training/run.ts'

/** Seconds of training over which speed is measured. */
const window = 4
/** Points of history that are kept; beyond, neighbours are thinned out. */
const most = 256

interface Point {
  readonly samples: number
  readonly batchSize: number
  readonly loss: number
}

/** What a display knows of a run that is going on: gathered from its records, never from live state. */
export interface RunView extends RunObserver {
  readonly label: string
  readonly config: ResolvedConfig | undefined
  readonly last: TrainingRecord | undefined
  readonly summary: Summary | undefined
  /** The running mean: the loss of a batch of 8 says little. */
  readonly loss: number
  /** Batch size and that loss over the samples processed, thinned. */
  readonly history: readonly Point[]
  /** 0 … 1 of the budget. */
  done(): number
  samplesPerSecond(): number
  /** By the speed of the last seconds; NaN before there is any. */
  secondsLeft(): number
}

export function runView(label: string): RunView {
  let config: ResolvedConfig | undefined
  let last: TrainingRecord | undefined
  let summary: Summary | undefined
  let history: Point[] = []
  let loss = Number.NaN
  const average = averageLoss()
  let every = 0
  let recent: TrainingRecord[] = []

  // A window may hold thousands of records of small batches; one in ten milliseconds is enough.
  const remember = (record: TrainingRecord) => {
    if (recent.length === 0 || record.seconds - recent.at(-1)!.seconds > 0.01) recent.push(record)
    if (recent.length > 2 && record.seconds - recent[1]!.seconds > window)
      recent = recent.slice(recent.findIndex(({ seconds }) => record.seconds - seconds <= window))
  }
  const speed = () => {
    if (!last) return { samples: Number.NaN, steps: Number.NaN }
    const from = recent.length > 1 ? recent[0]! : { samples: 0, step: 0, seconds: 0 }
    const seconds = last.seconds - from.seconds
    return { samples: (last.samples - from.samples) / seconds, steps: (last.step - from.step) / seconds }
  }
  /** What is left of each bound, and how fast it is used up. */
  const bounds = () => {
    const { samples, steps, seconds } = config?.budget ?? {}
    const at = last ?? { samples: 0, step: 0, seconds: 0 }
    const rate = speed()
    return [
      ...(samples === undefined ? [] : [{ total: samples, used: at.samples, rate: rate.samples }]),
      ...(steps === undefined ? [] : [{ total: steps, used: at.step, rate: rate.steps }]),
      ...(seconds === undefined ? [] : [{ total: seconds, used: at.seconds, rate: 1 }]),
    ]
  }
  const view: RunView = {
    label,
    get config() {
      return config
    },
    get last() {
      return last
    },
    get summary() {
      return summary
    },
    get loss() {
      return loss
    },
    get history() {
      return history
    },
    begin(resolved) {
      config = resolved
    },
    past: (record) => view.record(record),
    record(record) {
      last = record
      remember(record)
      const { samples } = record
      loss = average(record)
      // The last batch is what the budget has left: the policy's choice did not fall with it.
      const cut = samples >= (config?.budget?.samples ?? Number.POSITIVE_INFINITY)
      const batchSize = Math.max(record.batchSize, cut ? (history.at(-1)?.batchSize ?? 0) : 0)
      if (history.length > 0 && samples - history.at(-1)!.samples < every) return
      history.push({ samples, batchSize, loss })
      if (history.length < most) return
      history = history.filter((_, k) => k % 2 === 0)
      every = (2 * samples) / most
    },
    end(given) {
      summary = given
    },
    done: () => Math.min(1, Math.max(0, ...bounds().map(({ used, total }) => used / total))),
    samplesPerSecond: () => summary?.samplesPerSecond ?? speed().samples,
    secondsLeft: () => (summary ? 0 : Math.min(...bounds().map(({ used, total, rate }) => (total - used) / rate))),
  }
  return view
}
