import { styleText } from 'node:util'
import { count, duration, percent, short, sparkline } from '../report/format.ts'
import { type RunView, runView } from '../report/run-view.ts'
import type { RunObserver } from '../running/execute.ts'

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

/** The live display as lines of at most `columns` characters. */
export function frame(views: readonly RunView[], columns: number): string[] {
  const labelWidth = Math.max(3, ...views.map(({ label }) => label.length))
  // The two histories share what label, bar and numbers leave.
  const fixed = labelWidth + 2 + 10 + 1 + 5 + 2 + 6 + 1 + 2 + 6 + 1 + 2 + 9 + 2 + 6
  const spark = Math.max(4, Math.min(24, Math.floor((columns - 1 - fixed) / 2)))
  const head = [
    'run'.padEnd(labelWidth),
    'progress'.padEnd(16),
    'batch size'.padEnd(7 + spark),
    'loss'.padEnd(7 + spark),
    'samples/s',
    '  left',
  ].join('  ')
  const lines = [paint('dim', head.slice(0, columns - 1)), ...views.map((view) => row(view, labelWidth, spark))]
  const [only] = views
  if (views.length === 1 && only?.last) lines.push(paint('dim', details(only).slice(0, columns - 1)))
  return lines
}

function row(view: RunView, labelWidth: number, spark: number): string {
  const { label, last, summary, history } = view
  const name = paint('bold', label.padEnd(labelWidth))
  if (!last) return `${name}  ${paint('dim', view.config ? 'starting' : 'waiting')}`
  const filled = Math.round(10 * view.done())
  const bar = paint('cyan', '━'.repeat(filled)) + paint('dim', '─'.repeat(10 - filled))
  // Equal shares of the budget, so that a run of 20 steps and one of 10,000 look alike; what is to come stays empty.
  const bars = Math.max(1, Math.round(spark * view.done()))
  const shares = Array.from({ length: bars }, (_, k) => (last.samples * (k + 1)) / bars)
  const at = shares.map((samples) => history.find((point) => point.samples >= samples) ?? history.at(-1)!)
  const batchSizes = sparkline(
    at.map(({ batchSize }) => batchSize),
    Math.log,
  )
  const losses = sparkline(at.map(({ loss }) => loss))
  const outcome = summary?.outcome
  const going = view.done() < 1 ? duration(view.secondsLeft()) : 'eval'
  const left = outcome === undefined ? going : outcome === 'finished' ? 'done' : outcome
  return [
    name,
    `${bar} ${percent(view.done(), 0).padStart(5)}`,
    `${count(summary?.finalBatchSize ?? last.batchSize).padStart(6)} ${paint('yellow', batchSizes.padEnd(spark))}`,
    `${short(view.loss).padStart(6)} ${paint('green', losses.padEnd(spark))}`,
    speedWords(view).padStart(9),
    left.padStart(6),
  ].join('  ')
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
