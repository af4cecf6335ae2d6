// `adadagrad/compare`: an entry of its own, for what it draws with has no place in a browser bundle.
import { type ComparisonInput, checkComparison } from './comparison.ts'
import { readResults, type SchemeRow, schemeRows } from './results.ts'
import { makeRuns, type RunState, type RunsOptions } from './runs.ts'

export type { ComparisonInput, PlannedRun } from './comparison.ts'
export type { SchemeRow } from './results.ts'
export type { ComparisonObserver, RunState } from './runs.ts'
export type { Setting, TuneBy } from './settings.ts'
export type { Estimate } from './statistics.ts'
export type { Target } from './target.ts'

export interface CompareOptions extends RunsOptions {
  /** Write tables, plots and report.html beside the runs; true by default. */
  readonly report?: boolean
}

/** What a comparison came to. */
export interface CompareResult {
  /** How each run stands, in the comparison's order: all schemes with the first seed, then with the second, … */
  readonly runs: readonly RunState[]
  /** Mean and standard error over seeds, for each scheme. */
  readonly rows: readonly SchemeRow[]
}

/**
 * Compares schemes on one problem over several seeds, as `adadagrad compare` does. Node only.
 *
 * Runs are spread over the processors and recorded in folders below `output`; those that are there already are not made
 * again, and those that were interrupted go on, bit for bit. A run that fails is reported, and the others go on.
 *
 * @throws ConfigurationError for a comparison with mistakes, or an output folder with runs of another configuration
 * @example
 * import { compare } from 'adadagrad/compare'
 * const adaptive = { name: 'adaptive', test: { name: 'norm', eta: 0.5 }, initial: 8 }
 * const { rows } = await compare(
 *   { model: 'logistic', budget: { samples: 20_000 }, seeds: 3, schemes: { AdAdaGrad: { batchSize: adaptive }, 'b = 64': { batchSize: 64 } } },
 *   { output: 'runs/first' },
 * )
 * for (const { scheme, quantities } of rows) console.log(scheme, quantities.testAccuracy?.mean)
 */
export async function compare(input: ComparisonInput, options: CompareOptions): Promise<CompareResult> {
  const { report = true, ...settings } = options
  const comparison = checkComparison(input)
  const runs = await makeRuns(comparison, settings)
  const results = await readResults(runs, comparison.target)
  if (report) await (await import('./report.ts')).writeReport(comparison, results, { output: options.output })
  return { runs, rows: schemeRows(comparison, results) }
}
