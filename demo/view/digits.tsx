import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Dataset } from '../../src/data/dataset.ts'
import { parseDigits } from '../../src/data/digits.ts'
import { paletteOf } from '../drawing/palette.ts'
import { shownDigits } from '../training/guess.ts'
import { createPad, type Pad } from './pad.ts'
import { nameOf } from './schemes.tsx'
import type { Demo } from './store.ts'

const SIDE = 28
const CLASSES = 10

/** Digits that the network has never learned from, with what the scheme in focus takes them for. */
export function DigitsPanel({ demo }: { demo: Demo }) {
  const { race, state, digits, guessed } = demo
  const { focus } = state.view
  const [test, setTest] = useState<Dataset>()
  useEffect(() => {
    if (digits) parseDigits(digits).then((parsed) => setTest(parsed.test))
  }, [digits])
  const shown = useMemo(() => test && shownDigits(test), [test])
  const guesses = race?.racers[focus]?.guesses

  return (
    <section class="card digits side" aria-label="Guesses">
      <header>
        <h2>What the network sees</h2>
        <span class="unit">test digits, guessed by {nameOf(state.experiment.schemes[focus]!)}</span>
      </header>
      <ul class="digit-grid">
        {shown
          ? [...shown.labels].map((label, k) => (
              <Digit
                // The digits do not change.
                key={k}
                pixels={shown.pixels.subarray(k * SIDE * SIDE, (k + 1) * SIDE * SIDE)}
                label={label}
                guess={guesses?.subarray(k * CLASSES, (k + 1) * CLASSES)}
              />
            ))
          : [...Array(12).keys()].map((k) => <li key={k} class="digit waiting" />)}
      </ul>
      <DrawingPad demo={demo} guessed={guessed} />
    </section>
  )
}

interface DigitProps {
  readonly pixels: Float32Array
  readonly label: number
  readonly guess: Float32Array | undefined
}

function Digit({ pixels, label, guess }: DigitProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => paintDigit(canvas.current!, pixels), [pixels])
  const best = guess ? mostLikely(guess) : undefined
  const right = best === label
  const chance = best === undefined ? 0 : guess![best]!
  const said = best === undefined ? 'not guessed yet' : `guessed ${best} with ${Math.round(100 * chance)} %`
  return (
    <li class={`digit ${best === undefined ? '' : right ? 'right' : 'wrong-guess'}`}>
      <canvas ref={canvas} width={SIDE} height={SIDE} role="img" aria-label={`A ${label}, ${said}`} />
      <span class="guess" aria-hidden="true">
        {best === undefined ? '·' : best}
        <span class="mark">{best === undefined ? '' : right ? '✓' : '✗'}</span>
      </span>
      <meter class="chance" aria-label={said} min={0} max={1} value={chance} />
    </li>
  )
}

/** Ink on paper, in the page's colours. */
function paintDigit(canvas: HTMLCanvasElement, pixels: ArrayLike<number>): void {
  const context = canvas.getContext('2d')!
  const image = context.createImageData(SIDE, SIDE)
  const [r, g, b] = rgb(paletteOf(canvas).ink)
  for (let i = 0; i < SIDE * SIDE; i++) image.data.set([r, g, b, 255 * pixels[i]!], 4 * i)
  context.putImageData(image, 0, 0)
}

function rgb(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

const mostLikely = (probabilities: ArrayLike<number>): number => {
  let best = 0
  for (let j = 1; j < probabilities.length; j++) if (probabilities[j]! > probabilities[best]!) best = j
  return best
}

/** A pad to draw a digit of one's own, with mouse, finger or the arrow keys. */
function DrawingPad({ demo, guessed }: { demo: Demo; guessed: Float32Array | undefined }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const pad = useRef<Pad | undefined>(undefined)
  const [empty, setEmpty] = useState(true)
  const ask = useRef(demo.guess)
  ask.current = demo.guess
  useEffect(() => {
    const made = createPad(canvas.current!, () => {
      const image = made.image()
      setEmpty(image === undefined)
      if (image) ask.current(image)
    })
    pad.current = made
    return made.destroy
  }, [])

  // While the network learns, its opinion of the drawing changes.
  const { samples = 0 } = demo.race ?? {}
  const round = Math.floor(samples / 1000)
  const { focus } = demo.state.view
  // Asked again as the run goes on.
  useEffect(() => {
    const image = pad.current?.image()
    if (image) ask.current(image)
  }, [round, focus, demo.race])

  const probabilities = empty ? undefined : guessed
  const best = probabilities && mostLikely(probabilities)
  return (
    <div class="pad">
      <div class="paper">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it is drawn on by keyboard, which only this role passes on */}
        <canvas
          ref={canvas}
          width="168"
          height="168"
          tabIndex={0}
          role="application"
          aria-label="Drawing pad. Draw a digit with the pointer; or move with the arrow keys and hold shift to draw."
        />
        {empty && <span class="invitation">draw a digit</span>}
      </div>
      <div class="opinion">
        <ol aria-label="How likely each digit is">
          {[...Array(CLASSES).keys()].map((digit) => (
            <li key={digit} class={digit === best ? 'best' : ''}>
              <span>{digit}</span>
              <meter
                min={0}
                max={1}
                value={probabilities?.[digit] ?? 0}
                aria-label={`${digit}: ${Math.round(100 * (probabilities?.[digit] ?? 0))} %`}
              />
            </li>
          ))}
        </ol>
        <button type="button" class="quiet" disabled={empty} onClick={() => pad.current?.clear()}>
          Clear
        </button>
      </div>
      <p class="visually-hidden" aria-live="polite">
        {best === undefined ? '' : `Your drawing looks like a ${best}.`}
      </p>
    </div>
  )
}
