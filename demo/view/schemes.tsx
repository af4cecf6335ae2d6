import { short } from '../drawing/canvas.ts'
import type { Picked } from '../experiment/choose.ts'
import { type Experiment, MOST_SCHEMES, type Scheme, surroundingsOf } from '../experiment/experiment.ts'
import { anotherScheme } from '../experiment/presets.ts'
import { schemeFamilies } from '../experiment/url.ts'
import type { Racer } from '../training/race.ts'
import { ChoiceControl } from './controls.tsx'

const names: Readonly<Record<string, string>> = {
  adagrad: 'AdaGrad',
  'adagrad-norm': 'AdaGrad-Norm',
  sgd: 'SGD',
  rmsprop: 'RMSProp',
  adam: 'Adam',
  adamw: 'AdamW',
}

const symbols: Readonly<Record<string, string>> = { eta: 'η', theta: 'ϑ', nu: 'ν' }

/** What a scheme is called: AdAdaGrad is AdaGrad with a test. */
export function nameOf({ optimizer, batchSize }: Scheme): string {
  const base = names[optimizer.name] ?? optimizer.name
  if (batchSize.name !== 'adaptive') return base
  return base.startsWith('AdaGrad') ? base.replace('AdaGrad', 'AdAdaGrad') : `adaptive ${base}`
}

/** What decides its batch size, in a few words. */
export function policyOf({ batchSize }: Scheme): string {
  if (batchSize.name === 'constant') return `fixed batch, b = ${batchSize.batchSize ?? 64}`
  if (batchSize.name !== 'adaptive') return `${batchSize.name.replaceAll('-', ' ')} policy`
  const test = (batchSize.test as Picked | undefined) ?? { name: 'norm' }
  const parameters = Object.entries(test)
    .filter(([key]) => key in symbols)
    .map(([key, value]) => `${symbols[key]} = ${value}`)
  return [`${test.name.replaceAll('-', ' ')} test`, ...parameters].join(', ')
}

interface SchemesProps {
  readonly experiment: Experiment
  readonly racers: readonly Racer[]
  readonly focus: number
  readonly look: (scheme: number) => void
  readonly change: (schemes: readonly Scheme[]) => void
}

/** The schemes of the race: the legend of all charts, with their numbers and controls. */
export function Schemes({ experiment, racers, focus, look, change }: SchemesProps) {
  const { schemes } = experiment
  const replace = (k: number, ...by: readonly Scheme[]) =>
    change([...schemes.slice(0, k), ...by, ...schemes.slice(k + 1)])
  return (
    <section class="schemes" aria-label="Schemes">
      {schemes.map((scheme, k) => (
        <SchemeCard
          // A scheme is its place: colour, worker and curve go by it.
          key={k}
          place={k}
          experiment={experiment}
          scheme={scheme}
          racer={racers[k]}
          focused={k === focus}
          look={() => look(k)}
          change={(next) => replace(k, next)}
          {...(schemes.length > 1 && { remove: () => replace(k) })}
        />
      ))}
      {schemes.length < MOST_SCHEMES && (
        <button type="button" class="quiet add" onClick={() => change([...schemes, anotherScheme(experiment)])}>
          + Add a scheme to the race
        </button>
      )}
    </section>
  )
}

interface CardProps {
  readonly place: number
  readonly experiment: Experiment
  readonly scheme: Scheme
  readonly racer: Racer | undefined
  readonly focused: boolean
  readonly look: () => void
  readonly change: (next: Scheme) => void
  readonly remove?: () => void
}

const labels: Readonly<Record<keyof Scheme, string>> = {
  optimizer: 'optimiser',
  learningRate: 'learning rate',
  batchSize: 'batch size',
  gain: 'gain',
}

function SchemeCard({ place, experiment, scheme, racer, focused, look, change, remove }: CardProps) {
  const { last, evaluation, failure } = racer ?? {}
  const title = `${nameOf(scheme)}, ${policyOf(scheme)}`
  return (
    <article class={`card scheme scheme-${place + 1}`} aria-label={title}>
      <button
        type="button"
        class="scheme-head"
        aria-pressed={focused}
        onClick={look}
        title="Look at this scheme's test"
      >
        <LineSample place={place} />
        <span>
          <strong>{nameOf(scheme)}</strong>
          <span class="hint">{policyOf(scheme)}</span>
        </span>
      </button>
      {failure ? (
        <p class="failure" role="alert">
          {failure}
        </p>
      ) : (
        <dl class="numbers">
          <Figure label="batch" value={racer?.last ? racer.batchSize.toLocaleString('en') : '–'} strong />
          <Figure label="steps" value={last ? last.step.toLocaleString('en') : '–'} />
          {evaluation?.accuracy === undefined ? (
            <Figure label="F(x)" value={evaluation ? short(evaluation.loss) : '–'} />
          ) : (
            <Figure label="accuracy" value={`${(100 * evaluation.accuracy).toFixed(1)} %`} />
          )}
        </dl>
      )}
      <details class="edit">
        <summary>Change</summary>
        {(Object.keys(schemeFamilies) as (keyof Scheme)[]).map((key) => (
          <ChoiceControl
            key={key}
            label={labels[key]}
            family={schemeFamilies[key]}
            picked={scheme[key]}
            surroundings={surroundingsOf(experiment, scheme)}
            change={(picked) => {
              // A learning rate belongs to its optimiser: with another one, the new one's default applies.
              const rate = key === 'optimizer' && picked.name !== scheme.optimizer.name
              change({ ...scheme, [key]: picked, ...(rate && { learningRate: { name: 'constant' } }) })
            }}
          />
        ))}
        {remove && (
          <button type="button" class="quiet" onClick={remove}>
            Remove from the race
          </button>
        )}
      </details>
    </article>
  )
}

const Figure = ({ label, value, strong }: { label: string; value: string; strong?: boolean }) => (
  <div class={strong ? 'strong' : ''}>
    <dt>{label}</dt>
    <dd>{value}</dd>
  </div>
)

/** The scheme's line as it is in the charts. */
export const LineSample = ({ place }: { place: number }) => (
  <svg class={`line scheme-${place + 1}`} width="30" height="10" aria-hidden="true">
    <line x1="1" y1="5" x2="29" y2="5" />
  </svg>
)
