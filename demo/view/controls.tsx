import { useEffect, useId, useState } from 'preact/hooks'
import { expected, type Family, type Option, type Surroundings } from '../../src/choice.ts'
import { defaultOf, inRange, type Picked, rowOf } from '../experiment/choose.ts'

// Controls come from the catalogue's descriptions: a new test, policy or optimiser appears by itself.

/** `learningRateCoupling` → “learning rate coupling”. */
const wordsOf = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('-', ' ')

interface ChoiceProps {
  readonly label: string
  readonly family: Family<unknown>
  readonly picked: Picked
  readonly surroundings: Surroundings
  readonly change: (next: Picked) => void
}

/** A choice by name with the options of what is chosen; the rarer ones are folded away. */
export function ChoiceControl({ label, family, picked, surroundings, change }: ChoiceProps) {
  const id = useId()
  const row = rowOf(family, picked.name)
  const entries = Object.entries(row.options)
  const isMain = ([key, option]: [string, Option]) =>
    option.symbol !== undefined ||
    option.type === 'family' ||
    ('derived' in option && option.derived !== undefined) ||
    key in picked ||
    key === row.shorthand
  const main = entries.filter(isMain)
  const rare = entries.filter((entry) => !isMain(entry))
  const control = ([key, option]: [string, Option]) => (
    <OptionControl
      key={key}
      name={key}
      option={option}
      picked={picked}
      surroundings={surroundings}
      change={(value) => {
        const { [key]: _, ...rest } = picked
        change(value === undefined ? (rest as Picked) : { ...picked, [key]: value })
      }}
    />
  )
  return (
    <div class="choice">
      <div class="field">
        <label for={id}>{label}</label>
        <select id={id} value={picked.name} onChange={(event) => change({ name: event.currentTarget.value })}>
          {family.choices.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <p class="hint">{row.summary}</p>
      {main.map(control)}
      {rare.length > 0 && (
        <details class="more">
          <summary>more options of {row.name}</summary>
          {rare.map(control)}
        </details>
      )}
    </div>
  )
}

interface OptionProps {
  readonly name: string
  readonly option: Option
  readonly picked: Picked
  readonly surroundings: Surroundings
  readonly change: (value: unknown) => void
}

function OptionControl({ name, option, picked, surroundings, change }: OptionProps) {
  const id = useId()
  const given = picked[name]
  const standard = defaultOf(option, surroundings, picked)
  const value = given ?? standard
  const label = (
    <label for={id} title={option.help}>
      {wordsOf(name)}
      {option.symbol && <i class="symbol"> {option.symbol}</i>}
    </label>
  )
  switch (option.type) {
    case 'family':
      return (
        <div class="nested">
          <ChoiceControl
            label={wordsOf(name)}
            family={option.family}
            picked={value as Picked}
            surroundings={surroundings}
            change={change}
          />
        </div>
      )
    case 'boolean':
      return (
        <div class="field">
          {label}
          <input
            id={id}
            type="checkbox"
            checked={value === true}
            onChange={(event) => change(event.currentTarget.checked)}
          />
        </div>
      )
    case 'choice':
      return (
        <div class="field">
          {label}
          <select id={id} value={value as string} onChange={(event) => change(event.currentTarget.value)}>
            {option.of.map((word) => (
              <option key={word}>{word}</option>
            ))}
          </select>
        </div>
      )
    default:
      return (
        <TextField
          id={id}
          label={label}
          help={option.help}
          numeric={option.type === 'number' || option.type === 'integer'}
          shown={given === undefined ? '' : String(given)}
          placeholder={standard === undefined ? 'none' : String(standard)}
          expectation={expected(option)}
          read={(text) => readText(option, text)}
          change={change}
        />
      )
  }
}

/** A value from what was typed; undefined for the default, null for none that fits. */
function readText(option: Option, text: string): unknown {
  if (text.trim() === '') return undefined
  if (option.type === 'string') return text
  if (option.type === 'integers') {
    const list = text.split(',').map(Number)
    return list.every(Number.isSafeInteger) ? list : null
  }
  if (option.type !== 'number' && option.type !== 'integer') return null
  const value = Number(text)
  return inRange(option, value) ? value : null
}

interface TextFieldProps {
  readonly id: string
  readonly label: preact.ComponentChildren
  readonly help: string
  readonly numeric: boolean
  readonly shown: string
  readonly placeholder: string
  readonly expectation: string
  readonly read: (text: string) => unknown
  readonly change: (value: unknown) => void
}

/** A field that takes effect when it is left or confirmed, and says what it expects instead of taking what does not fit. */
export function TextField({ id, label, help, numeric, shown, placeholder, expectation, read, change }: TextFieldProps) {
  // What is being typed: the page draws itself anew while schemes train, and must not take it back.
  const [draft, setDraft] = useState<string>()
  const wrong = draft !== undefined && read(draft) === null
  useEffect(() => setDraft(undefined), [shown])
  return (
    <div class="field">
      {label}
      <span class="entry">
        <input
          id={id}
          type="text"
          inputMode={numeric ? 'decimal' : 'text'}
          value={draft ?? shown}
          placeholder={placeholder}
          title={help}
          autocomplete="off"
          aria-invalid={wrong}
          aria-describedby={wrong ? `${id}-wrong` : undefined}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onChange={(event) => {
            const value = read(event.currentTarget.value)
            if (value === null) return
            setDraft(undefined)
            change(value)
          }}
        />
        {wrong && (
          <span class="wrong" id={`${id}-wrong`} role="alert">
            {expectation}
          </span>
        )}
      </span>
    </div>
  )
}
