// Records as columns of a table: what is nested gets a dotted name, and every run has the same columns.

/** What a cell of a record may be. */
export type Cell = number | string | boolean | null

/** The kind of a column, from its values. */
export type Kind = 'integer' | 'number' | 'boolean' | 'text'

export interface Column {
  /** `test.statistic`, `evaluation.accuracy`. */
  readonly name: string
  readonly kind: Kind
  /** What it is and in which unit; empty for what this version does not know. */
  readonly meaning: string
  /** One for each row; null where a record has no such value. */
  readonly values: readonly Cell[]
}

/** Columns of equal length. */
export interface Table {
  readonly columns: readonly Column[]
  readonly rows: number
}

/** The columns of a record in their order, with units. Others follow as they appear. */
export const columnMeanings: Readonly<Record<string, string>> = {
  run: 'name of the run',
  step: 'optimiser steps made, this one included',
  samples: 'training samples processed, those of this step included',
  batchSize: 'samples of this step',
  learningRate: 'learning rate of this step',
  loss: "mean loss over this step's batch, before the step; nats per sample for classifiers",
  gradientNorm: "Euclidean length of the batch's mean gradient; loss per unit of the parameters",
  seconds: 'seconds of training since the run began, evaluations left out',
  'test.name': 'batch-size test',
  'test.verdict': 'passed, failed, too-few-samples, zero-gradient or zero-variance',
  'test.statistic':
    'left side of the test, a variance over b; unit: gradientNorm², or gradientNorm⁴ for tests of inner products',
  'test.threshold': 'right side of the test, in the same unit',
  'test.passed': 'whether statistic ≤ threshold; empty for too-few-samples',
  'test.suggestedBatchSize':
    'samples at which the test would just pass, not rounded; the cap where no number is enough',
  'evaluation.loss': 'mean loss over the test set, after the step; nats per sample for classifiers',
  'evaluation.accuracy': 'share of the test set that is classified rightly, 0 to 1',
  'validation.loss': 'mean loss over the samples that were held out, after the step; nats per sample for classifiers',
  'validation.accuracy': 'share of the samples that were held out that is classified rightly, 0 to 1',
}

/** Counts, which every record has. */
export const integers = ['step', 'samples', 'batchSize'] as const

/** Gathers records, given one after another, into columns. */
export function tableBuilder(): { add(run: string, record: object): void; table(): Table } {
  const columns = new Map<string, Cell[]>()
  let rows = 0
  const put = (name: string, value: Cell) => {
    let cells = columns.get(name)
    if (!cells) {
      cells = []
      columns.set(name, cells)
    }
    // Earlier records may have lacked it.
    while (cells.length < rows) cells.push(null)
    cells.push(value)
  }
  return {
    add(run, record) {
      put('run', run)
      for (const [name, value] of cellsOf(record)) put(name, value)
      rows += 1
    },
    table() {
      const known = Object.keys(columnMeanings).filter((name) => columns.has(name))
      const others = [...columns.keys()].filter((name) => !(name in columnMeanings))
      const all = [...known, ...others].map((name): Column => {
        const values = columns.get(name)!
        while (values.length < rows) values.push(null)
        return { name, kind: kindOf(name, values), meaning: meaningOf(name), values }
      })
      // An object that was null throughout has no cells of its own: `test` of a run that asked for none.
      return { columns: all.filter(({ values }) => values.some((value) => value !== null)), rows }
    },
  }
}

/** The values within a record, with dotted names; entries of a list go by their `name`, or else by their number. */
export function* cellsOf(value: object, prefix = ''): Generator<[string, Cell]> {
  for (const [key, inner] of Object.entries(value)) {
    const label = Array.isArray(value) ? String((inner as { name?: unknown } | null)?.name ?? key) : key
    if (typeof inner === 'object' && inner !== null) yield* cellsOf(inner, `${prefix}${label}.`)
    else yield [`${prefix}${label}`, inner as Cell]
  }
}

function kindOf(name: string, values: readonly Cell[]): Kind {
  if (integers.some((count) => count === name)) return 'integer'
  const types = new Set<string>()
  for (const value of values) if (value !== null) types.add(typeof value)
  if (types.size === 1) {
    if (types.has('number')) return 'number'
    if (types.has('boolean')) return 'boolean'
  }
  return 'text'
}

/** Of an inequality of a test that has several: what the same column of the whole test means. */
function meaningOf(name: string): string {
  const component = /^test\.components\.(?<inequality>.+)\.(?<field>[^.]+)$/.exec(name)?.groups
  if (!component) return columnMeanings[name] ?? ''
  return `${component.inequality}: ${columnMeanings[`test.${component.field}`] ?? component.field}`
}
