import { type Comparison, type PlannedRun, runName } from '../comparing/comparison.ts'
import { type ComparisonObserver, isDone } from '../comparing/runs.ts'
import { duration } from '../report/format.ts'
import { type RunView, runView } from '../report/run-view.ts'
import { frame } from './progress.ts'

/** Milliseconds between two frames of the live display, and between two plain lines. */
const frameEvery = 150
const reportEvery = 10_000

/** All runs of a comparison together: how many are done, those that go on, and the time that is left. */
export async function comparisonProgress(
  comparison: Comparison,
): Promise<{ readonly observer: ComparisonObserver; stop(): void }> {
  const total = comparison.runs.length
  const waiting = new Set(comparison.runs)
  const going = new Map<PlannedRun, { view: RunView; began: number }>()
  const took: { scheme: string; seconds: number }[] = []
  let [done, failed] = [0, 0]
  let most = 1

  /** Seconds of a run by those of its scheme, or of all, that are known. */
  const expected = ({ scheme }: PlannedRun): number => {
    const known = [
      ...took,
      ...[...going].map(([run, { view, began }]) => ({
        scheme: run.scheme,
        seconds: (performance.now() - began) / 1000 + view.secondsLeft(),
      })),
    ].filter(({ seconds }) => Number.isFinite(seconds))
    const alike = known.filter((each) => each.scheme === scheme)
    const from = alike.length > 0 ? alike : known
    return from.reduce((sum, { seconds }) => sum + seconds, 0) / from.length
  }
  const secondsLeft = () => {
    const active = [...going].map(([run, { view, began }]) => {
      const left = view.secondsLeft()
      return Number.isFinite(left) ? left : Math.max(0, expected(run) - (performance.now() - began) / 1000)
    })
    const sum = [...active, ...[...waiting].map(expected)].reduce((total, seconds) => total + seconds, 0)
    return Math.max(sum / most, ...active)
  }
  const overall = () => {
    const left = duration(secondsLeft())
    const bad = failed > 0 ? `, ${failed} failed` : ''
    return `${done} of ${total} runs done${bad}${left && waiting.size + going.size > 0 ? `, ${left} left` : ''}`
  }

  const terminal = process.stdout.isTTY
  const logUpdate = terminal ? (await import('log-update')).default : undefined
  const draw = () => {
    const views = [...going.values()].map(({ view }) => view)
    logUpdate?.([overall(), ...(views.length > 0 ? frame(views, process.stdout.columns ?? 80) : [])].join('\n'))
  }
  const timer = setInterval(
    () => {
      if (terminal) draw()
      else if (going.size > 0) console.log(overall())
    },
    terminal ? frameEvery : reportEvery,
  )
  return {
    observer: {
      begin(states) {
        for (const { run, summary } of states)
          if (isDone(summary)) {
            waiting.delete(run)
            done++
          }
        if (done > 0) console.log(`${done} of ${total} runs are there already`)
      },
      start(run) {
        waiting.delete(run)
        const view = runView(runName(run))
        going.set(run, { view, began: performance.now() })
        most = Math.max(most, going.size)
        return view
      },
      end({ run, summary, error }) {
        const { began } = going.get(run)!
        going.delete(run)
        if (error === undefined && isDone(summary)) {
          done++
          took.push({ scheme: run.scheme, seconds: (performance.now() - began) / 1000 })
        } else if (error !== undefined) failed++
        const outcome = error === undefined ? summary?.outcome : `failed: ${error.split('\n')[0]}`
        const line = `${runName(run)}: ${outcome}`
        if (!terminal) console.log(`${line}; ${overall()}`)
        else if (outcome !== 'finished') {
          logUpdate!.clear()
          console.log(line)
        }
      },
    },
    stop() {
      clearInterval(timer)
      logUpdate?.clear()
      logUpdate?.done()
    },
  }
}
