/** Colours of drawings, from custom properties of the page where it sets them. */
export interface Palette {
  readonly schemes: readonly string[]
  readonly ink: string
  readonly muted: string
  readonly grid: string
  readonly surface: string
  readonly pass: string
  readonly fail: string
  /** Of contours, from low to high. */
  readonly low: string
  readonly high: string
}

// Distinguishable with every kind of colour vision (after Okabe and Ito); green is kept for "passes".
const light: Palette = {
  schemes: ['#0b62c4', '#c8500a', '#8a3fa8', '#5d6470'],
  ink: '#1b2130',
  muted: '#5c6575',
  grid: '#e4e7ec',
  surface: '#ffffff',
  pass: '#0f8a4c',
  fail: '#c0392b',
  low: '#dbe9f8',
  high: '#ffffff',
}
const dark: Palette = {
  schemes: ['#6db3ff', '#ff9e5e', '#d79bf0', '#aab3c2'],
  ink: '#e8ebf1',
  muted: '#a3adbd',
  grid: '#2b323e',
  surface: '#171c25',
  pass: '#4bd18b',
  fail: '#ff7b6e',
  low: '#1f3450',
  high: '#171c25',
}

/** How lines differ beside their colours: dashes in pixels, by scheme. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [9, 3, 2, 3]]

const prefersDark = () => matchMedia('(prefers-color-scheme: dark)')

/** The colours in force at an element: `--scheme-1`, `--ink`, … where they are set, and a light or dark default. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element)
  const base = prefersDark().matches ? dark : light
  const read = (name: string, fallback: string) => style.getPropertyValue(`--${name}`).trim() || fallback
  return {
    schemes: base.schemes.map((colour, k) => read(`scheme-${k + 1}`, colour)),
    ink: read('ink', base.ink),
    muted: read('muted', base.muted),
    grid: read('grid', base.grid),
    surface: read('surface', base.surface),
    pass: read('pass', base.pass),
    fail: read('fail', base.fail),
    low: read('contour-low', base.low),
    high: read('contour-high', base.high),
  }
}

/** Calls back when colours change; returns how to stop. */
export function onPaletteChange(callback: () => void): () => void {
  const query = prefersDark()
  query.addEventListener('change', callback)
  return () => query.removeEventListener('change', callback)
}
