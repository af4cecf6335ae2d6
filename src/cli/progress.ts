import { styleText } from 'node:util'
import { count, duration, percent, short, sparkline } from '../report/format.ts'
import { type RunView, runView } from '../report/run-view.ts'
import type { RunObserver } from '../running/execute.ts'
import type { TrainingRecord } from '../training/run.ts'

/** A display of runs that go on at the same time or one after the other. */
export interface Progress {
  /** One for each label. */
  readonly observers: readonly RunObserver[]
  readonly views: readonly RunView[]
  /** Takes the live display away, or says the last lines. */
  stop(): void
}

/** Milliseconds between two frames of the live display, and between two reports of plain lines. */
const frameEvery = 120
const reportEvery = 5000

/** Live on a terminal; off it, a plain line for each run every few seconds. */
export async function progress(labels: readonly string[]): Promise<Progress> {
  const views = labels.map((label) => runView(label))
  return process.stdout.isTTY ? live(views) : plain(views)
}

async function live(views: readonly RunView[]): Promise<Progress> {
  const { default: logUpdate } = await import('log-update')
  const draw = () => logUpdate(frame(views, process.stdout.columns ?? 80).join('\n'))
  const timer = setInterval(draw, frameEvery)
  draw()
  return {
    views,
    observers: views,
    stop() {
      clearInterval(timer)
      logUpdate.clear()
      logUpdate.done()
    },
  }
}

const colours = process.stdout.isTTY && process.stdout.hasColors?.() && !process.env.NO_COLOR
type Style = Parameters<typeof styleText>[0]
const paint = (style: Style, text: string): string => (colours ? styleText(style, text) : text)

/** A column of the live display; of those that do not fit, the one with the largest `rank` goes first. */
interface Column {
  readonly title: string
  readonly width: number
  readonly rank: number
  /** Padded to the width. */
  cell(view: RunView, last: TrainingRecord): string
}

/** The live display as lines of at most `columns` characters, while there are three dozen of them. */
export function frame(views: readonly RunView[], columns: number): string[] {
  const room = columns - 1
  const longest = Math.max(3, ...views.map(({ label }) => label.length))
  const kept = fitting(room, longest)
  const used = kept.reduce((sum, { width }) => sum + 2 + width, 0)
  const labelWidth = Math.max(3, Math.min(longest, room - used))
  const line = (label: string, cells: readonly string[]) => [label, ...cells].join('  ')
  const titles = kept.map(({ title, width }) => title.padEnd(width))
  const lines = [paint('dim', line('run'.padEnd(labelWidth), titles).trimEnd())]
  for (const view of views) {
    const { last } = view
    const name = paint('bold', view.label.slice(0, labelWidth).padEnd(labelWidth))
    const waiting = paint('dim', view.config ? 'starting' : 'waiting')
    lines.push(line(name, last ? kept.map(({ cell }) => cell(view, last)) : [waiting]))
  }
  const [only] = views
  if (views.length === 1 && only?.last) lines.push(paint('dim', details(only).slice(0, room)))
  return lines
}

/** The columns for which there is room beside the labels. */
function fitting(room: number, labelWidth: number): Column[] {
  const widthOf = (columns: readonly Column[]) => columns.reduce((sum, { width }) => sum + 2 + width, labelWidth)
  // The two histories share what the others leave, and go where that is too little to see anything in.
  const spark = Math.min(24, Math.floor((room - widthOf(allColumns(0)) - 2) / 2))
  let kept = allColumns(spark < 4 ? 0 : spark)
  for (let last = Math.max(...kept.map(({ rank }) => rank)); widthOf(kept) > room && last > 0; last--)
    kept = kept.filter(({ rank }) => rank !== last)
  return kept
}

/** All columns, with `spark` characters of history behind batch size and loss. */
function allColumns(spark: number): Column[] {
  const historied = (text: string, width: number, style: Style, history: () => string) =>
    spark === 0 ? text.padStart(width) : `${text.padStart(width)} ${paint(style, history().padEnd(spark))}`
  const wider = spark === 0 ? 0 : spark + 1
  return [
    { title: 'progress', width: 10, rank: 2, cell: bar },
    { title: ' done', width: 5, rank: 0, cell: (view) => percent(view.done(), 0).padStart(5) },
    {
      title: spark === 0 ? '     b' : 'batch size',
      width: 6 + wider,
      rank: 0,
      cell: (view, last) =>
        historied(count(view.summary?.finalBatchSize ?? last.batchSize), 6, 'yellow', () =>
          sparkline(
            historyOf(view, last, spark).map(({ batchSize }) => batchSize),
            Math.log,
          ),
        ),
    },
    {
      title: spark === 0 ? '  loss' : 'loss',
      width: 6 + wider,
      rank: 0,
      cell: (view, last) =>
        historied(short(view.loss), 6, 'green', () => sparkline(historyOf(view, last, spark).map(({ loss }) => loss))),
    },
    { title: 'samples/s', width: 9, rank: 1, cell: (view) => speedWords(view).padStart(9) },
    { title: '  left', width: 6, rank: 0, cell: (view) => left(view).padStart(6) },
  ]
}

function bar(view: RunView): string {
  const filled = Math.round(10 * view.done())
  return paint('cyan', '━'.repeat(filled)) + paint('dim', '─'.repeat(10 - filled))
}

/** Equal shares of the budget, so that a run of 20 steps and one of 10,000 look alike; what is to come stays empty. */
function historyOf({ history, done }: RunView, last: TrainingRecord, spark: number) {
  const bars = Math.max(1, Math.round(spark * done()))
  const shares = Array.from({ length: bars }, (_, k) => (last.samples * (k + 1)) / bars)
  return shares.map((samples) => history.find((point) => point.samples >= samples) ?? history.at(-1)!)
}

function left(view: RunView): string {
  const outcome = view.summary?.outcome
  if (outcome !== undefined) return outcome === 'finished' ? 'done' : outcome
  return view.done() < 1 ? duration(view.secondsLeft()) : 'eval'
}

const speedWords = (view: RunView): string => {
  const speed = view.samplesPerSecond()
  return Number.isFinite(speed) ? count(speed) : ''
}

/** What else is known of a single run's last step. */
function details({ last }: RunView): string {
  const { step, samples, learningRate, gradientNorm, test, evaluation, validation } = last!
  const parts = [
    `step ${count(step)}, ${count(samples)} samples`,
    `α ${short(learningRate)}`,
    `‖ḡ‖ ${short(gradientNorm)}`,
  ]
  if (test) parts.push(`${test.name} test ${test.verdict}, T = ${count(Math.ceil(test.suggestedBatchSize))}`)
  if (evaluation?.accuracy !== undefined) parts.push(`test accuracy ${percent(evaluation.accuracy)}`)
  if (validation?.accuracy !== undefined) parts.push(`validation ${percent(validation.accuracy)}`)
  return parts.join(' · ')
}

function plain(views: readonly RunView[]): Progress {
  const say = (view: RunView) => console.log(`${view.label}: ${plainLine(view)}`)
  const timer = setInterval(() => {
    for (const view of views) if (view.last && !view.summary) say(view)
  }, reportEvery)
  return {
    views,
    observers: views.map((view) => ({
      begin: view.begin,
      past: view.record,
      record: view.record,
      end(summary) {
        view.end(summary)
        say(view)
      },
    })),
    stop: () => clearInterval(timer),
  }
}

function plainLine(view: RunView): string {
  const { last, summary } = view
  if (!last) return summary?.outcome ?? 'waiting'
  const parts = [
    percent(view.done(), 0),
    `step ${count(last.step)}`,
    `b = ${count(last.batchSize)}`,
    `loss ${short(view.loss)}`,
    `${speedWords(view)} samples/s`,
    summary ? summary.outcome : view.done() < 1 ? `${duration(view.secondsLeft())} left` : 'evaluating',
  ]
  return parts.join(', ')
}
