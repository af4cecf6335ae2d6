import type { Evaluation } from '../../src/training/batch.ts'
import type { TrainingRecord } from '../../src/training/run.ts'
import type { Experiment } from '../experiment/experiment.ts'
import { createHistory, createPath, type History, type Path } from './history.ts'
import { type Cloud, COLUMNS, type Fingerprint, type FromWorker, type Landscape, type ToWorker } from './protocol.ts'

/** One scheme of a race, as far as it is. */
export interface Racer {
  readonly history: History
  readonly path: Path
  /** b as the policy has it: a last batch that the budget cuts short does not count. 0 before the first step. */
  readonly batchSize: number
  /** The last step; undefined before the first. */
  readonly last: TrainingRecord | undefined
  /** The last step whose batch was judged. */
  readonly judged: TrainingRecord | undefined
  readonly evaluation: Evaluation | undefined
  readonly cloud: Cloud | undefined
  /** Probabilities of the shown digits' classes, [shown, 10]. */
  readonly guesses: Float32Array | undefined
  readonly finished: boolean
  readonly ready: boolean
  readonly failure: string | undefined
  readonly fingerprint: Fingerprint | undefined
  /** What the backend chose, for the record. */
  readonly details: Readonly<Record<string, string | number | boolean>> | undefined
}

/** Up to four schemes that train side by side, each in a worker, and stay together in samples. */
export interface Race {
  readonly experiment: Experiment
  readonly racers: readonly Racer[]
  readonly landscape: Landscape | undefined
  readonly running: boolean
  readonly finished: boolean
  /** Samples that every scheme has processed. */
  readonly samples: number
  start(): void
  pause(): void
  /** One step of every scheme. */
  step(): void
  /** Samples a second; Infinity for as fast as it goes. */
  pace(samplesPerSecond: number): void
  /** Which scheme is looked at more closely. */
  watch(scheme: number): void
  /** Asks the watched scheme what a drawn digit is. */
  guess(pixels: Float32Array): void
  /** Ends all workers. */
  close(): void
}

export interface RaceOptions {
  readonly experiment: Experiment
  readonly kernels?: WebAssembly.Module
  readonly digits?: Uint8Array
  readonly createWorker: () => Worker
  /** Something is new. Called at most once for each report of a worker. */
  readonly changed: () => void
  readonly guessed?: (probabilities: Float32Array) => void
}

// No scheme runs ahead of the slowest by more than this part of the budget.
const LEAD = 1 / 60
const TICK = 40

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export function createRace(options: RaceOptions): Race {
  const { experiment, kernels, digits, changed } = options
  const { samples: budget, schemes } = experiment
  const racers: Mutable<Racer>[] = schemes.map(() => ({
    history: createHistory(budget),
    path: createPath(),
    batchSize: 0,
    last: undefined,
    judged: undefined,
    evaluation: undefined,
    cloud: undefined,
    guesses: undefined,
    finished: false,
    ready: false,
    failure: undefined,
    fingerprint: undefined,
    details: undefined,
  }))
  let landscape: Landscape | undefined
  let [running, watched] = [false, 0]
  let [pace, allowance] = [Number.POSITIVE_INFINITY, 0]
  let told = 0

  const workers = schemes.map((_, k) => {
    const worker = options.createWorker()
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => hear(k, data)
    worker.onerror = (event) => hear(k, { kind: 'failed', message: event.message || 'the worker did not start' })
    return worker
  })
  // The schemes need not wait for the ground that they are drawn on.
  const surveyor = digits === undefined ? options.createWorker() : undefined
  if (surveyor) {
    surveyor.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === 'landscape') landscape = data.landscape
      surveyor.terminate()
      changed()
    }
    surveyor.postMessage({ kind: 'survey', experiment, ...(kernels && { kernels }) } satisfies ToWorker)
  }
  const tell = (k: number, message: ToWorker) => workers[k]!.postMessage(message)
  const tellAll = (message: ToWorker) => workers.forEach((_, k) => void tell(k, message))
  for (const [k] of workers.entries())
    tell(k, {
      ...{ kind: 'start', experiment, scheme: k },
      ...(kernels && { kernels }),
      ...(digits && { digits }),
    })
  tell(watched, { kind: 'watched', watched: true })

  const alive = () => racers.filter(({ failure }) => failure === undefined)
  const progress = () => {
    const counted = alive().length > 0 ? alive() : racers
    return counted.reduce((least, { last }) => Math.min(least, last?.samples ?? 0), budget)
  }

  /** Lets everyone go on as far as the slowest and the pace allow. */
  function advance() {
    if (!running || !alive().every(({ ready }) => ready)) return
    const largest = Math.max(...alive().map(({ last }) => last?.batchSize ?? 1))
    const limit = Math.min(budget, allowance, progress() + Math.max(LEAD * budget, largest))
    if (limit <= told) return
    told = limit
    tellAll({ kind: 'until', samples: limit })
  }

  let lastTick = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    if (running) {
      // However far behind the workers are, they catch up with a tenth of a second at most.
      allowance = Math.min(allowance + (pace * (now - lastTick)) / 1000, progress() + Math.max(1, pace / 10))
      advance()
    }
    lastTick = now
  }, TICK)

  function hear(k: number, message: FromWorker) {
    const racer = racers[k]!
    switch (message.kind) {
      case 'ready':
        racer.ready = true
        racer.details = message.details
        if (message.start) racer.path.add(...message.start)
        break
      case 'progress': {
        const { rows, evaluation, last, finished, cloud, guesses, fingerprint } = message
        addRows(racer, rows, budget)
        if (evaluation) racer.evaluation = evaluation
        racer.last = last
        // A batch that the budget cuts short is judged, too, but nothing follows from it.
        if (last.test && last.batchSize === racer.batchSize) racer.judged = last
        if (cloud) racer.cloud = cloud
        if (guesses) racer.guesses = guesses
        racer.finished = finished
        racer.fingerprint = fingerprint
        break
      }
      case 'guess':
        options.guessed?.(message.probabilities)
        return
      case 'failed':
        racer.failure = message.message
    }
    if (alive().every(({ finished }) => finished)) running = false
    advance()
    changed()
  }

  return {
    experiment,
    racers,
    get landscape() {
      return landscape
    },
    get running() {
      return running
    },
    get finished() {
      return alive().every(({ finished }) => finished)
    },
    get samples() {
      return progress()
    },
    start() {
      running = true
      allowance = Number.isFinite(pace) ? progress() : Number.POSITIVE_INFINITY
      advance()
      changed()
    },
    pause() {
      running = false
      told = 0
      tellAll({ kind: 'until', samples: 0 })
      changed()
    },
    step: () => tellAll({ kind: 'step' }),
    pace(samplesPerSecond) {
      pace = samplesPerSecond
      allowance = Number.isFinite(pace) ? progress() : Number.POSITIVE_INFINITY
    },
    watch(scheme) {
      tell(watched, { kind: 'watched', watched: false })
      watched = Math.min(scheme, workers.length - 1)
      tell(watched, { kind: 'watched', watched: true })
    },
    guess: (pixels) => tell(watched, { kind: 'guess', pixels }),
    close() {
      clearInterval(timer)
      surveyor?.terminate()
      for (const worker of workers) worker.terminate()
    },
  }
}

function addRows(racer: Mutable<Racer>, rows: Float64Array, budget: number): void {
  const { history, path } = racer
  const width = COLUMNS.length
  const values: Partial<Record<(typeof COLUMNS)[number], number>> = {}
  for (let at = 0; at < rows.length; at += width) {
    for (let c = 0; c < width; c++) values[COLUMNS[c]!] = rows[at + c]!
    if (values.samples! >= budget && values.batchSize! < racer.batchSize) {
      values.batchSize = racer.batchSize
      values.statistic = Number.NaN
      values.threshold = Number.NaN
    }
    racer.batchSize = values.batchSize!
    history.add(values.step!, values.samples!, values)
    if (!Number.isNaN(values.x1)) path.add(values.x1!, values.x2!)
  }
}
