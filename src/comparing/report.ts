// What a comparison comes to, as files: tables, plots and one page; Node only.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { makeFolder } from '../folder.ts'
import { packageVersion } from '../running/version.ts'
import { choicePlots, targetPlot, tuningPlot } from './choice-plots.ts'
import type { Comparison } from './comparison.ts'
import { drawPng, drawSvg } from './draw.ts'
import { reportFiles } from './folders.ts'
import { page } from './page.ts'
import { plotsOf } from './plots.ts'
import { type RunResult, type SchemeRow, schemeRows } from './results.ts'
import { csvTable, latexTable, markdownTable, tuningCells, tuningCsv } from './table.ts'
import { criterionWords, isShown, trialsOf } from './tuning.ts'

export interface ReportOptions {
  /** Folder of the comparison; files of an earlier report are replaced. */
  readonly output: string
  /** The command that makes the comparison again, for the page. */
  readonly command?: string
  /** The comparison as it was written, for the page; otherwise as it was understood. */
  readonly source?: string
}

/** What a report consists of. */
export interface Report {
  readonly rows: readonly SchemeRow[]
  /** Below the comparison's folder. */
  readonly files: readonly string[]
}

/**
 * Writes `table.md`, `table.csv`, `table.tex`, `tuning.csv`, `plots/*.svg`, `plots/*.png` and the self-contained `report.html`, from what
 * the runs have recorded; runs that are missing are named.
 *
 * @example await writeReport(comparison, await readResults(await makeRuns(comparison, { output })), { output })
 */
export async function writeReport(
  comparison: Comparison,
  results: readonly RunResult[],
  options: ReportOptions,
): Promise<Report> {
  const { output } = options
  const { schemes, target } = comparison
  const rows = schemeRows(comparison, results)
  const trials = trialsOf(comparison, results)
  const shown = results.filter(({ run }) => isShown(trials, run))
  const files: string[] = []
  const write = async (name: string, content: string | Uint8Array) => {
    await writeFileAtomic(join(output, name), typeof content === 'string' ? content : Buffer.from(content))
    files.push(name)
  }
  makeFolder(join(output, reportFiles.plots))
  // What an earlier report may have had, and this one has nothing for.
  const plotFiles = choicePlots.flatMap((name) =>
    ['svg', 'png'].map((kind) => join(reportFiles.plots, `${name}.${kind}`)),
  )
  for (const name of [reportFiles.tuning, ...plotFiles]) await rm(join(output, name), { force: true })
  await write(reportFiles.markdown, markdownTable(rows))
  await write(reportFiles.csv, csvTable(rows))
  await write(reportFiles.latex, latexTable(rows))
  const criterion = criterionWords(comparison)
  if (trials.length > 0) await write(reportFiles.tuning, tuningCsv(trials, criterion))
  const drawn: { name: string; caption: string; svg: string }[] = []
  const plots = [
    ...plotsOf(schemes, shown),
    target && targetPlot(schemes, shown, target),
    tuningPlot(schemes, trials, criterion),
  ].filter((plot) => plot !== undefined)
  for (const { name, caption, spec } of plots) {
    const svg = await drawSvg(spec)
    drawn.push({ name, caption, svg })
    await write(join(reportFiles.plots, `${name}.svg`), svg)
    await write(join(reportFiles.plots, `${name}.png`), await drawPng(svg))
  }
  const environment = results.find(({ config }) => config)?.config?.environment
  await write(
    reportFiles.page,
    page({
      comparison,
      rows,
      ...(trials.length > 0 && { tuning: tuningCells(trials, criterion) }),
      plots: drawn,
      environment,
      version: packageVersion(),
      states: results,
      ...options,
    }),
  )
  return { rows, files }
}
