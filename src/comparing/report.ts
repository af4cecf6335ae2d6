// What a comparison comes to, as files: tables, plots and one page; Node only.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { packageVersion } from '../running/version.ts'
import type { Comparison } from './comparison.ts'
import { drawPng, drawSvg } from './draw.ts'
import { page } from './page.ts'
import { plotsOf } from './plots.ts'
import { readResults, type SchemeRow, schemeRows } from './results.ts'
import type { RunState } from './runs.ts'
import { csvTable, latexTable, markdownTable } from './table.ts'

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
 * Writes `table.md`, `table.csv`, `table.tex`, `plots/*.svg`, `plots/*.png` and the self-contained `report.html`, from what
 * the runs have recorded; runs that are missing are named.
 *
 * @example await writeReport(comparison, await makeRuns(comparison, { output }), { output })
 */
export async function writeReport(
  comparison: Comparison,
  states: readonly RunState[],
  options: ReportOptions,
): Promise<Report> {
  const { output } = options
  const { schemes } = comparison
  const results = await readResults(states)
  const rows = schemeRows(schemes, states)
  const files: string[] = []
  const write = async (name: string, content: string | Uint8Array) => {
    await writeFileAtomic(join(output, name), typeof content === 'string' ? content : Buffer.from(content))
    files.push(name)
  }
  await mkdir(join(output, 'plots'), { recursive: true })
  await write('table.md', markdownTable(rows))
  await write('table.csv', csvTable(rows))
  await write('table.tex', latexTable(rows))
  const drawn: { name: string; caption: string; svg: string }[] = []
  for (const { name, caption, spec } of plotsOf(schemes, results)) {
    const svg = await drawSvg(spec)
    drawn.push({ name, caption, svg })
    await write(join('plots', `${name}.svg`), svg)
    await write(join('plots', `${name}.png`), await drawPng(svg))
  }
  const environment = results.find(({ config }) => config)?.config?.environment
  await write(
    'report.html',
    page({ comparison, rows, plots: drawn, environment, version: packageVersion(), states, ...options }),
  )
  return { rows, files }
}
