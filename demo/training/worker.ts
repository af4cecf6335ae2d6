import { parseDigits } from '../../src/data/digits.ts'
import type { TrainingRecord } from '../../src/training/run.ts'
import { makeTask, prepare } from '../experiment/build.ts'
import { openBackend, threadsOf } from './backend.ts'
import { type Remembering, remembering } from './cloud.ts'
import { bytesOf, fingerprint, fingerprintOf } from './fingerprint.ts'
import { guesser, SHOWN_DIGITS, shownDigits } from './guess.ts'
import { landscapeOf } from './landscape.ts'
import { COLUMNS, type FromWorker, type ToWorker } from './protocol.ts'

// One scheme's training. It makes steps while it may (`until`), and reports what happened at most every so many
// milliseconds, so that the page is never flooded.
const REPORT_EVERY = 30
// Looking at gradients and guesses may take one part in so many of the time.
const LOOKING = 10

// The library compiles for pages; this file alone runs in a worker.
const port = globalThis as unknown as {
  postMessage(message: FromWorker, transfer?: Transferable[]): void
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null
}
const tell = (message: FromWorker, transfer: Transferable[] = []) => port.postMessage(message, transfer)

let until = 0
let singleSteps = 0
let watched = false
let drawn: Float32Array | undefined
let wake: (() => void) | undefined

port.onmessage = ({ data }) => {
  switch (data.kind) {
    case 'start':
      start(data).catch(fail)
      break
    case 'survey':
      survey(data).catch(fail)
      break
    case 'until':
      until = data.samples
      break
    case 'step':
      singleSteps += 1
      break
    case 'watched':
      watched = data.watched
      break
    case 'guess':
      drawn = data.pixels
  }
  wake?.()
}

const fail = (error: unknown) =>
  tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })

async function survey({ experiment, kernels }: Extract<ToWorker, { kind: 'survey' }>) {
  const backend = await openBackend(experiment.backend, kernels)
  tell({ kind: 'landscape', landscape: await landscapeOf(makeTask(experiment), backend) })
}

async function start({ experiment, scheme, kernels, digits }: Extract<ToWorker, { kind: 'start' }>) {
  const backend = await openBackend(experiment.backend, kernels)
  const threads = threadsOf(experiment.backend, experiment.schemes.length, digits !== undefined)
  const images = digits && (await parseDigits(digits))
  const problem = makeTask(experiment, images)
  let memory: Remembering | undefined
  const options = { backend, threads }
  const { executor, run } = await prepare(experiment, experiment.schemes[scheme]!, problem, options, (inner) => {
    if (inner.layout.size !== 2) return inner
    memory = remembering(inner)
    return memory.executor
  })
  const { parameters } = executor
  const plane = executor.layout.size === 2
  const ready = { kind: 'ready', parameters: executor.layout.size, details: { ...backend.details, threads } } as const
  tell(plane ? { ...ready, start: [parameters[0]!, parameters[1]!] } : ready)
  const digit = images && (await guesser(backend, executor, images.test, 1))
  const shown = images && shownDigits(images.test)
  const digitsShown = images && (await guesser(backend, executor, images.test, SHOWN_DIGITS))

  const iterator = run[Symbol.asyncIterator]()
  const records = fingerprint()
  let rows: number[] = []
  let evaluation: TrainingRecord['evaluation']
  let last: TrainingRecord | undefined
  let [finished, unreported] = [false, false]
  let [reported, lookAgain] = [0, 0]

  async function report() {
    reported = performance.now()
    unreported = false
    if (last === undefined) return
    const resting = finished || singleSteps > 0 || last.samples >= until
    const look = watched && (resting || reported >= lookAgain)
    const cloud = look ? await memory?.cloud() : undefined
    const guesses = look && shown ? await digitsShown!(shown.pixels) : undefined
    if (look) lookAgain = performance.now() + LOOKING * (performance.now() - reported)
    const columns = Float64Array.from(rows)
    tell(
      {
        kind: 'progress',
        rows: columns,
        ...(evaluation && { evaluation }),
        last,
        finished,
        ...(cloud && { cloud }),
        ...(guesses && { guesses }),
        ...(finished && { fingerprint: { parameters: fingerprintOf(parameters), records: records.value() } }),
      },
      [columns.buffer],
    )
    rows = []
  }

  let lookedAt = watched
  for (;;) {
    if (drawn && digit) {
      const probabilities = await digit(drawn)
      drawn = undefined
      tell({ kind: 'guess', probabilities })
    }
    if (watched !== lookedAt) {
      lookedAt = watched
      if (watched) unreported = true
    }
    const may = !finished && (singleSteps > 0 || (last?.samples ?? 0) < until)
    if (!may) {
      if (unreported) {
        await report()
        continue
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      wake = undefined
      continue
    }
    if (singleSteps > 0) singleSteps -= 1
    const { value, done } = await iterator.next()
    if (done) finished = true
    else {
      const record: TrainingRecord = value
      last = record
      records.add(bytesOf(record))
      rows.push(...rowOf(record, plane ? parameters : undefined))
      evaluation = record.evaluation ?? evaluation
      finished = record.samples >= experiment.samples
    }
    unreported = true
    if (finished || performance.now() - reported >= REPORT_EVERY) await report()
  }
}

function rowOf(record: TrainingRecord, x: ArrayLike<number> | undefined): number[] {
  const { step, samples, batchSize, loss, gradientNorm, test, evaluation } = record
  const { statistic, threshold } = test ?? {}
  const row = [step, samples, batchSize, loss, gradientNorm, statistic ?? Number.NaN, threshold ?? Number.NaN]
  row.push(evaluation?.loss ?? Number.NaN, evaluation?.accuracy ?? Number.NaN)
  row.push(x?.[0] ?? Number.NaN, x?.[1] ?? Number.NaN)
  if (row.length !== COLUMNS.length) throw new Error('a row does not have the columns that it is said to have')
  return row
}
