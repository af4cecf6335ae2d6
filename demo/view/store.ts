import { useEffect, useRef, useState } from 'preact/hooks'
import { presetOf } from '../experiment/presets.ts'
import { defaultPace, fromFragment, type PageState, toFragment } from '../experiment/url.ts'
import { kernelsOf } from '../training/backend.ts'
import { createRace, type Race } from '../training/race.ts'

/** The parts of a race that do not depend on the experiment, fetched once. */
interface Resources {
  file(name: string): Promise<ArrayBuffer>
  digits(): Promise<Uint8Array>
}

function fetchResources(): Resources {
  const get = async (name: string) => {
    const response = await fetch(new URL(name, document.baseURI))
    if (!response.ok) throw new Error(`${name}: the server answered ${response.status}`)
    return response.arrayBuffer()
  }
  const files = new Map<string, Promise<ArrayBuffer>>()
  const file = (name: string) => {
    const asked = files.get(name) ?? get(name)
    files.set(name, asked)
    return asked
  }
  let digits: Promise<Uint8Array> | undefined
  return {
    file,
    digits() {
      digits ??= file('digits.bin').then((buffer) => new Uint8Array(buffer))
      return digits
    },
  }
}

export interface Demo {
  readonly state: PageState
  readonly mistakes: readonly string[]
  readonly race: Race | undefined
  /** Why there is no race. */
  readonly failure: string | undefined
  readonly digits: Uint8Array | undefined
  /** Probabilities of the digit that was drawn last. */
  readonly guessed: Float32Array | undefined
  change(next: Partial<PageState>): void
  choose(task: string): void
  reset(): void
  toggle(): void
  step(): void
  guess(pixels: Float32Array): void
  /** Calls back for each change of the race, for what is drawn without rendering the page. */
  onFrame(draw: () => void): () => void
}

const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches
/** Milliseconds between two renderings of numbers, and between two drawings where motion shall be reduced. */
const NUMBERS_EVERY = 120
const CALM_EVERY = 500

/** The page's state: an experiment in the address, and the race that it describes. */
export function useDemo(needsDigits: (task: string) => boolean): Demo {
  const [{ mistakes, ...state }, setState] = useState(() => fromFragment(location.hash))
  const [, render] = useState(0)
  const [failure, setFailure] = useState<string>()
  const [digits, setDigits] = useState<Uint8Array>()
  const [guessed, setGuessed] = useState<Float32Array>()
  const [attempt, setAttempt] = useState(0)
  const race = useRef<Race | undefined>(undefined)
  const resources = useRef<Resources | undefined>(undefined)
  const drawings = useRef(new Set<() => void>())
  // What is out of date: drawings, numbers.
  const stale = useRef({ drawings: false, numbers: false })
  // The first race of a visit starts by itself, and so does one that is changed while it runs.
  const eager = useRef(true)

  const { experiment, view } = state
  const key = JSON.stringify(experiment)
  // A race depends on the experiment's content and on resets
  useEffect(() => {
    resources.current ??= fetchResources()
    let current: Race | undefined
    let closed = false
    setFailure(undefined)
    setGuessed(undefined)
    const { file, digits: getDigits } = resources.current
    const kernels = kernelsOf(experiment.backend, file)
    const images = needsDigits(experiment.task.name) ? getDigits() : undefined
    Promise.all([kernels, images])
      .then(([module, bytes]) => {
        if (closed) return
        if (bytes) setDigits(bytes)
        current = createRace({
          experiment,
          ...(module && { kernels: module }),
          ...(bytes && { digits: bytes }),
          createWorker: () => new Worker(new URL('./training.js', document.baseURI), { type: 'module' }),
          changed: () => {
            stale.current = { drawings: true, numbers: true }
          },
          guessed: setGuessed,
        })
        race.current = current
        current.pace(view.pace)
        current.watch(view.focus)
        if (eager.current) current.start()
        render((n) => n + 1)
      })
      .catch((error: unknown) => setFailure(error instanceof Error ? error.message : String(error)))
    return () => {
      closed = true
      current?.close()
      if (race.current === current) race.current = undefined
    }
  }, [key, attempt])

  useEffect(() => race.current?.pace(view.pace), [view.pace])
  useEffect(() => race.current?.watch(view.focus), [view.focus])

  // Drawing follows the display, numbers follow the eye.
  useEffect(() => {
    let [frame, drawn, rendered] = [0, 0, 0]
    const tick = (now: number) => {
      frame = requestAnimationFrame(tick)
      if (stale.current.drawings && !(calm() && now - drawn < CALM_EVERY)) {
        stale.current.drawings = false
        drawn = now
        for (const draw of drawings.current) draw()
      }
      if (stale.current.numbers && now - rendered >= NUMBERS_EVERY) {
        stale.current.numbers = false
        rendered = now
        render((n) => n + 1)
      }
    }
    frame = requestAnimationFrame(tick)
    return () => cancelAnimationFrame(frame)
  }, [])

  useEffect(() => {
    const listen = () => setState(fromFragment(location.hash))
    addEventListener('popstate', listen)
    return () => removeEventListener('popstate', listen)
  }, [])

  const become = (next: PageState, remember: boolean) => {
    const address = `#${toFragment(next)}`
    if (remember) history.pushState(null, '', address)
    else history.replaceState(null, '', address)
    if (race.current) eager.current = race.current.running || race.current.finished
    setState({ ...next, mistakes: [] })
  }
  return {
    state,
    mistakes,
    race: race.current,
    failure,
    digits,
    guessed,
    change: (next) => become({ ...state, ...next }, false),
    choose(task) {
      become({ experiment: presetOf(task), view: { ...view, focus: 0, pace: defaultPace(task) } }, true)
      eager.current = true
    },
    reset() {
      // A race that ran starts again; one that was paused waits.
      eager.current = race.current?.running ?? false
      setAttempt((n) => n + 1)
    },
    toggle() {
      const now = race.current
      if (!now) return
      if (now.finished) {
        eager.current = true
        race.current = undefined
        setAttempt((n) => n + 1)
      } else if (now.running) now.pause()
      else now.start()
      render((n) => n + 1)
    },
    step() {
      race.current?.pause()
      race.current?.step()
    },
    guess: (pixels) => race.current?.guess(pixels),
    onFrame(draw) {
      drawings.current.add(draw)
      stale.current.drawings = true
      return () => drawings.current.delete(draw)
    },
  }
}
