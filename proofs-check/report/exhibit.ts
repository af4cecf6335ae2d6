/** What a measured claim shows beside its verdict. */
export interface Table {
  readonly caption: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
}

/** A line of a figure, with an optional band around it. */
export interface Series {
  readonly label: string
  readonly x: readonly number[]
  readonly y: readonly number[]
  readonly low?: readonly number[]
  readonly high?: readonly number[]
  readonly dashed?: boolean
}

/** Lines over logarithmic axes. */
export interface Figure {
  readonly title: string
  readonly caption: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly Series[]
}

export const isFigure = (exhibit: Table | Figure): exhibit is Figure => 'series' in exhibit
