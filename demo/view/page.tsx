import { useEffect, useId, useState } from 'preact/hooks'
import { backendFamily } from '../../src/backends/choices.ts'
import { testFamily } from '../../src/batch-size/tests.ts'
import { isolated, sharesMemory } from '../capabilities.ts'
import type { NamedTest } from '../drawing/regions.ts'
import { rowOf, untyped } from '../experiment/choose.ts'
import { configurationOf } from '../experiment/experiment.ts'
import { needsDigits, taskFamily } from '../experiment/tasks.ts'
import { type Axis, WIDTHS, type Width, widthOf } from '../training/history.ts'
import { ChartPanel } from './charts.tsx'
import { ChoiceControl } from './controls.tsx'
import { DigitsPanel } from './digits.tsx'
import { Formulas } from './formulas.tsx'
import { GradientPanel, LandscapePanel, testOf } from './plane.tsx'
import { nameOf, Schemes } from './schemes.tsx'
import { type Demo, useDemo } from './store.ts'
import { ExperimentControls, Toolbar } from './toolbar.tsx'

/** What is shown where the browser cannot run the page. */
export const Missing = ({ what }: { what: string }) => (
  <main class="placeholder">
    <h1>See the batch size grow</h1>
    <p role="alert">{what}</p>
  </main>
)

export function Page() {
  const demo = useDemo(needsDigits)
  const { state, race } = demo
  const { experiment, view } = state
  const digits = needsDigits(experiment.task.name)
  const shared = useShared()
  useKeys(demo)
  const tested = testOf(experiment.schemes[view.focus]!)
  const look = (focus: number) => demo.change({ view: { ...view, focus } })

  const batchSize = (
    <ChartPanel
      demo={demo}
      title="Batch size"
      unit="samples in each step, log scale"
      y={{ scale: 'log2' }}
      curve="batchSize"
      stepped
      class={digits ? 'hero' : ''}
    />
  )
  return (
    <>
      <header class="masthead">
        <div>
          <h1>See the batch size grow</h1>
          <p class="lead">
            At first a handful of samples shows which way is down. As training goes on their gradients disagree more
            than their mean is long, so AdAdaGrad asks for more of them: the batch grows.
          </p>
        </div>
      </header>
      <main>
        <Toolbar demo={demo} share={shared.share} shared={shared.copied} />
        <Notices demo={demo} />
        <div class="reading">
          <Story demo={demo} />
          <AxisSwitch axis={view.axis} change={(axis) => demo.change({ view: { ...view, axis } })} />
        </div>
        <div class="columns">
          <div class="rail">
            <Schemes
              experiment={experiment}
              racers={race?.racers ?? []}
              focus={view.focus}
              look={look}
              change={(schemes) =>
                demo.change({
                  experiment: { ...experiment, schemes },
                  view: { ...view, focus: Math.min(view.focus, schemes.length - 1) },
                })
              }
            />
            <ExperimentControls demo={demo}>
              <ChoiceControl
                label="problem"
                family={untyped(taskFamily)}
                picked={experiment.task}
                surroundings={{}}
                change={(task) =>
                  task.name === experiment.task.name
                    ? demo.change({ experiment: { ...experiment, task } })
                    : demo.choose(task.name)
                }
              />
              <ChoiceControl
                label="backend"
                family={untyped(backendFamily)}
                picked={experiment.backend}
                surroundings={{}}
                change={(backend) => demo.change({ experiment: { ...experiment, backend } })}
              />
            </ExperimentControls>
          </div>
          <div class="board">
            {digits ? batchSize : <LandscapePanel demo={demo} />}
            {digits ? <DigitsPanel demo={demo} /> : <GradientPanel demo={demo} />}
            {!digits && batchSize}
            <ChartPanel
              demo={demo}
              title={digits ? 'Loss' : 'F(x)'}
              unit={digits ? 'of the batches, smoothed, log scale' : 'over all samples, log scale'}
              y={{ scale: 'log' }}
              curve={digits ? 'loss' : 'objective'}
              smoothed={digits}
              {...(!digits && { map: positive })}
            />
            {digits && (
              <ChartPanel
                demo={demo}
                title="Accuracy"
                unit="on 1,000 test digits"
                y={accuracyAxis}
                curve="accuracy"
                marked
                map={(accuracy) => Math.max(1 - accuracy, 0.002)}
              />
            )}
            <ChartPanel
              demo={demo}
              title="The test"
              unit="— statistic, ┄ threshold, log scale"
              y={{ scale: 'log' }}
              curve={[
                { scheme: view.focus, curve: 'statistic' },
                { scheme: view.focus, curve: 'threshold', dashed: true },
              ]}
              {...(tested
                ? { about: <AboutTest test={tested} /> }
                : { empty: 'This scheme has no test. Choose one that adapts to see its statistic.' })}
            />
            <Formulas demo={demo} />
          </div>
        </div>
      </main>
      <Footer demo={demo} />
    </>
  )
}

/** The test in plain words: those that all tests share, and the test's own. */
function AboutTest({ test }: { test: NamedTest }) {
  return (
    <p>
      A step goes along ḡ, the mean of the batch’s gradients: an estimate, whose error shrinks as the batch grows.{' '}
      {rowOf(testFamily, test.name).plainly} That holds while the solid line is below the dashed one. Otherwise the test
      suggests the size T at which it would just hold; batches grow towards it, up to the cap, and never shrink.
    </p>
  )
}

const positive = (value: number) => Math.max(value, 1e-6)

// What matters is the distance from 100 %, so the axis is logarithmic in the error.
const accuracyAxis = {
  scale: 'log',
  reversed: true,
  range: () => [0.01, 0.9] as const,
  splits: [0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01],
  format: (error: number) => `${Math.round(100 * (1 - error))} %`,
} as const

function AxisSwitch({ axis, change }: { axis: Axis; change: (axis: Axis) => void }) {
  const id = useId()
  const chosen = widthOf(axis)
  // Kept while another axis is shown.
  const [width, setWidth] = useState<Width>(chosen ?? 64)
  const option = (each: Axis, name: string) => (
    <label>
      <input type="radio" name="axis" checked={axis === each} onChange={() => change(each)} />
      <span>{name}</span>
    </label>
  )
  // Not a fieldset: WebKit puts a legend on a line of its own.
  return (
    <div class="axis-switch" role="radiogroup" aria-labelledby={id}>
      <span id={id}>Charts against</span>
      {option('samples', 'samples')}
      <span title="A machine that computes P samples at once makes a step of b samples in ⌈b/P⌉ rounds: with P = 1 these are samples, with P beyond all batches they are steps.">
        {option(`rounds-${chosen ?? width}`, 'rounds of')}
        <select
          aria-label="Samples that the machine computes at once"
          value={chosen ?? width}
          onChange={({ currentTarget }) => {
            const next = WIDTHS.find((P) => P === Number(currentTarget.value))!
            setWidth(next)
            change(`rounds-${next}`)
          }}
        >
          {WIDTHS.map((P) => (
            <option key={P} value={P}>
              {P}
            </option>
          ))}
        </select>
      </span>
      {option('steps', 'steps')}
    </div>
  )
}

/** What the numbers say, in a sentence; spoken now and then. */
function Story({ demo }: { demo: Demo }) {
  const { race, state } = demo
  const { focus } = state.view
  const sentence = storyOf(race?.racers[focus], state, focus)
  // A screen reader hears it every few seconds, not at every change.
  const [spoken, setSpoken] = useState('')
  const slot = Math.floor((race?.samples ?? 0) / (state.experiment.samples / 8))
  // Spoken by slot.
  useEffect(() => setSpoken(sentence), [slot, race?.finished])
  return (
    <>
      <p class="story" aria-hidden="true">
        {sentence}
      </p>
      <p class="visually-hidden" aria-live="polite">
        {spoken}
      </p>
    </>
  )
}

type Racer = NonNullable<Demo['race']>['racers'][number]

function storyOf(racer: Racer | undefined, { experiment }: Demo['state'], focus: number): string {
  const scheme = experiment.schemes[focus]!
  if (!racer?.last) return `${nameOf(scheme)} is about to begin.`
  const { last, judged, batchSize } = racer
  const after = `After ${last.samples.toLocaleString('en')} samples`
  if (scheme.batchSize.name === 'constant') return `${after} each step still takes ${batchSize}: this batch is fixed.`
  const initial = Number(scheme.batchSize.initial ?? 8)
  const now = batchSize.toLocaleString('en')
  const grown = `${after} the batch ${batchSize > initial ? `has grown from ${initial} to ${now}` : `is still ${now}`}`
  const { statistic, threshold, passed } = judged?.test ?? {}
  if (!statistic || !threshold) return `${grown}.`
  const ratio = Math.sqrt(statistic / threshold)
  return passed
    ? `${grown}: its noise is ${Math.round(100 * ratio)} % of what the test allows.`
    : `${grown}: its noise is ${ratio.toFixed(1)} times what the test allows, so it grows.`
}

function Notices({ demo }: { demo: Demo }) {
  const notices = [
    ...demo.mistakes.map((mistake) => `The address says something that this page does not know: ${mistake}.`),
    ...(demo.failure ? [`The race cannot start: ${demo.failure}.`] : []),
  ]
  if (notices.length === 0) return null
  return (
    <ul class="notices" role="alert">
      {notices.map((notice) => (
        <li key={notice}>{notice}</li>
      ))}
    </ul>
  )
}

function Footer({ demo }: { demo: Demo }) {
  const { race, state } = demo
  const { focus } = state.view
  const racer = race?.racers[focus]
  const config = JSON.stringify(configurationOf(state.experiment, state.experiment.schemes[focus]!), null, 2)
  const { threads = 1, simd } = racer?.details ?? {}
  const how = !sharesMemory()
    ? `Each scheme trains in one thread: ${isolated() ? 'this browser does not let' : 'this host does not send the headers that let'} threads share memory.`
    : `Each scheme trains in ${threads === 1 ? 'a thread of its own' : `${threads} threads over shared memory`}.`
  return (
    <footer>
      <p>
        {how} Nothing leaves this page.{' '}
        {simd === 'strict' &&
          'Strict SIMD: the same seed gives the same bits here, in every other browser and in Node.'}
      </p>
      <details>
        <summary>The same run on the command line</summary>
        <p>
          Save this as <code>run.json</code> and run <code>adadagrad train --config run.json</code>: it makes the same
          steps, bit for bit.
        </p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to scroll by keyboard, too */}
        <pre tabIndex={0}>{config}</pre>
        {racer?.fingerprint && (
          <p>
            Fingerprint of the parameters: <code class="fingerprint">{racer.fingerprint.parameters}</code>, of the
            records: <code>{racer.fingerprint.records}</code>
          </p>
        )}
      </details>
      <p>
        AdAdaGrad: Lau, Liu and Kolar, arXiv 2402.11215. Digits: the first 10,000 of MNIST. Space starts and pauses, a
        full stop makes one step, R resets.
      </p>
    </footer>
  )
}

function useShared() {
  const [copied, setCopied] = useState<string>()
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(undefined), 2500)
    return () => clearTimeout(timer)
  }, [copied])
  return {
    copied,
    share() {
      const { href } = location
      // Phones have a sheet for this; elsewhere the clipboard.
      if (navigator.share && matchMedia('(pointer: coarse)').matches) navigator.share({ url: href }).catch(() => {})
      else if (navigator.clipboard)
        navigator.clipboard.writeText(href).then(
          () => setCopied('Link copied'),
          () => setCopied('It is the address'),
        )
      // Without a secure connection there is no clipboard; the address bar has it all.
      else setCopied('It is the address')
    },
  }
}

/** Space, full stop and R, wherever nothing else listens to them. */
function useKeys(demo: Demo) {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const busy =
        event.target instanceof Element && event.target.closest('input, select, button, summary, textarea, canvas')
      if (busy || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === ' ') demo.toggle()
      else if (event.key === '.') demo.step()
      else if (event.key === 'r') demo.reset()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [demo])
}
