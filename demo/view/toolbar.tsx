import { useId } from 'preact/hooks'
import { thousands } from '../drawing/canvas.ts'
import { trainingSamples } from '../experiment/experiment.ts'
import { needsDigits, taskFamily } from '../experiment/tasks.ts'
import { TextField } from './controls.tsx'
import type { Demo } from './store.ts'

const titles: Readonly<Record<string, string>> = {
  'mnist-cnn': 'Digits: small CNN',
  logistic: 'Digits: logistic',
  quadratic: 'Landscape: noisy bowl',
  rosenbrock: 'Landscape: Rosenbrock',
  'least-squares': 'Landscape: least squares',
  'logistic-regression': 'Landscape: logistic',
  nonconvex: 'Landscape: nonconvex',
}

export const titleOf = (task: string): string =>
  titles[task] ?? `${needsDigits(task) ? 'Digits' : 'Landscape'}: ${task}`

/** Positions of the speed control, in samples a second. */
const PACES = [10, 30, 100, 300, 1000, 3000, 10_000, 30_000, Number.POSITIVE_INFINITY]

const paceText = (pace: number) => (Number.isFinite(pace) ? `${thousands(pace)} samples/s` : 'full speed')

/** What is trained, and the controls of time. */
export function Toolbar({ demo, share, shared }: { demo: Demo; share: () => void; shared: string | undefined }) {
  const id = useId()
  const { state, race } = demo
  const { experiment, view } = state
  const running = race?.running === true
  const place = PACES.reduce((best, pace, k) => (pace <= view.pace ? k : best), 0)
  const samples = race?.samples ?? 0
  return (
    <section class="toolbar card" aria-label="Training">
      <label class="visually-hidden" for={`${id}-task`}>
        What to train
      </label>
      <select
        id={`${id}-task`}
        class="task"
        value={experiment.task.name}
        onChange={(event) => demo.choose(event.currentTarget.value)}
      >
        {taskFamily.choices.map(({ name }) => (
          <option key={name} value={name}>
            {titleOf(name)}
          </option>
        ))}
      </select>
      <div class="buttons">
        <button type="button" class="primary" disabled={!race} onClick={demo.toggle} aria-keyshortcuts="Space">
          {running ? '❚❚ Pause' : race?.finished ? '↻ Again' : '▶ Start'}
        </button>
        <button
          type="button"
          disabled={!race || race.finished}
          onClick={demo.step}
          title="One step of every scheme (.)"
          aria-keyshortcuts="."
        >
          Step
        </button>
        <button
          type="button"
          disabled={!race}
          onClick={demo.reset}
          title="Back to the beginning (R)"
          aria-keyshortcuts="R"
        >
          Reset
        </button>
      </div>
      <div class="speed">
        <label for={`${id}-pace`}>Speed</label>
        <input
          id={`${id}-pace`}
          type="range"
          min={0}
          max={PACES.length - 1}
          step={1}
          value={place}
          aria-valuetext={paceText(view.pace)}
          onInput={(event) => demo.change({ view: { ...view, pace: PACES[Number(event.currentTarget.value)]! } })}
        />
        <output for={`${id}-pace`}>{paceText(view.pace)}</output>
      </div>
      <div class="progress">
        <progress max={experiment.samples} value={samples} aria-label="Samples processed" />
        <span>
          <b>{samples.toLocaleString('en')}</b> of {experiment.samples.toLocaleString('en')} samples
          {needsDigits(experiment.task.name) && (
            <span class="epoch"> · epoch {(samples / trainingSamples(experiment)).toFixed(1)}</span>
          )}
        </span>
      </div>
      <button type="button" class="quiet share" onClick={share}>
        {shared ?? 'Share'}
      </button>
    </section>
  )
}

/** Options of the experiment as a whole. */
export function ExperimentControls({ demo, children }: { demo: Demo; children?: preact.ComponentChildren }) {
  const id = useId()
  const { experiment } = demo.state
  const whole = (least: number) => (text: string) => {
    if (text.trim() === '') return null
    const value = Number(text)
    return Number.isSafeInteger(value) && value >= least ? value : null
  }
  return (
    <details class="card experiment">
      <summary>Problem, seed and budget</summary>
      {children}
      <TextField
        id={`${id}-seed`}
        label={<label for={`${id}-seed`}>seed</label>}
        help="decides initialisation and sampling: the same seed gives the same bits"
        numeric
        shown={String(experiment.seed)}
        placeholder="1"
        expectation="a whole number of at least 0"
        read={whole(0)}
        change={(seed) => demo.change({ experiment: { ...experiment, seed: seed as number } })}
      />
      <TextField
        id={`${id}-samples`}
        label={<label for={`${id}-samples`}>samples</label>}
        help="samples that each scheme processes"
        numeric
        shown={String(experiment.samples)}
        placeholder="60000"
        expectation="a whole number of at least 1"
        read={whole(1)}
        change={(samples) => demo.change({ experiment: { ...experiment, samples: samples as number } })}
      />
    </details>
  )
}
