import { count, percent, plural, short } from '../report/format.ts'
import type { ResolvedConfig } from '../running/resolved-config.ts'
import { type Comparison, runName } from './comparison.ts'
import type { SchemeRow } from './results.ts'
import type { RunState } from './runs.ts'
import { tableCells } from './table.ts'
import { targetWords } from './target.ts'

export interface PageContent {
  readonly comparison: Comparison
  readonly rows: readonly SchemeRow[]
  /** What each setting that was tried came to. */
  readonly tuning?: { readonly header: readonly string[]; readonly rows: readonly (readonly string[])[] }
  readonly plots: readonly { readonly name: string; readonly caption: string; readonly svg: string }[]
  readonly states: readonly RunState[]
  readonly environment: ResolvedConfig['environment'] | undefined
  readonly version: string
  readonly command?: string
  readonly source?: string
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const style = `
:root { color-scheme: light; --ink: #1a1a1a; --faint: #666; --rule: #d8d8d8 }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; max-width: 88rem; margin: 2rem auto; padding: 0 1.25rem }
h1 { line-height: 1.2 } h2 { margin-top: 2.5rem }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto }
th, td { padding: .3rem .4rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap }
thead th { white-space: normal; vertical-align: bottom }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
thead th { border-bottom: 2px solid var(--ink); font-weight: 600 }
pre { background: #f5f5f5; padding: .8rem 1rem; overflow-x: auto; font-size: .85rem; border-radius: 4px }
figure { margin: 0 } figure svg { max-width: 100%; height: auto }
figcaption, .note { color: var(--faint); font-size: .9rem; max-width: 46rem }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr)); gap: 1.5rem 2rem }
@media print { body { max-width: none; margin: 0 } figure { break-inside: avoid } }
`

/** One page with everything in it, for reading and for keeping: no script, nothing to load. */
export function page(content: PageContent): string {
  const { comparison, rows, tuning, plots, states, environment, version, command, source } = content
  const notes = rows.flatMap(({ scheme, notes }) => notes.map((note) => `${scheme}, ${note}`))
  const { header, rows: cells } = tableCells(rows)
  const configuration =
    source ??
    JSON.stringify(
      comparison.runs.map(({ folder, config }) => ({ folder, config })),
      null,
      2,
    )
  const section = (title: string, body: string) => `<section>\n<h2>${title}</h2>\n${body}\n</section>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(comparison.title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escaped(comparison.title)}</h1>
<p>${escaped(summaryLine(comparison, environment))}</p>
${section(
  'Table',
  `<p class="note">Mean ± standard error over seeds, of the runs that reached their budget. Average b is samples a step, final b that of the last whole step; losses and accuracy are those at the end, on the whole sets; seconds are of training alone.${comparison.target ? ` Samples and steps to target are those until a ${targetWords(comparison.target)} was first seen, where all runs got there; one that diverged before did not.` : ''}</p>
${table(header, cells)}
${notes.length > 0 ? `<ul class="note">${notes.map((note) => `<li>${escaped(note)}</li>`).join('')}</ul>` : ''}`,
)}
${tuning ? section('Tuning', `<p class="note">${escaped(tuningNote)}</p>\n${table(tuning.header, tuning.rows)}`) : ''}
${section('Plots', `<div class="plots">\n${plots.map(figure).join('\n')}\n</div>`)}
${section('Configuration', `<pre>${escaped(configuration.trimEnd())}</pre>`)}
${section('Runs', table(['run', 'outcome', 'steps', 'samples', 'seconds', 'test accuracy'], states.map(runCells)))}
${section(
  'How it was made',
  `${command === undefined ? '' : `<p>This command makes it again:</p>\n<pre>${escaped(command)}</pre>\n`}<pre>${escaped(JSON.stringify({ adadagrad: version, ...environment }, null, 2))}</pre>`,
)}
</body>
</html>
`
}

const tuningNote =
  'Each scheme is shown at the setting that is best by what is named here, a mean over seeds ± standard error; the test set has ' +
  'no say in it. Settings some of whose runs did not come to their end are not chosen, unless there are no others.'

function summaryLine({ schemes, seeds, runs }: Comparison, environment: PageContent['environment']): string {
  const config = runs[0]!.config
  const what = config.problem ? config.problem.name : `${config.model?.name} on ${config.data?.name}`
  const sizes = environment
    ? `: ${count(environment.parameters)} parameters, ${count(environment.trainingSamples)} training samples`
    : ''
  return `${what}${sizes}; ${plural(schemes.length, 'scheme')}, ${plural(seeds.length, 'seed')}.`
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table>
<thead>${line(header, 'th')}</thead>
<tbody>
${rows.map((cells) => line(cells, 'td')).join('\n')}
</tbody>
</table></div>`
}

function figure({ name, caption, svg }: PageContent['plots'][number]): string {
  // Ids of two drawings in one page must not meet.
  const own = svg.replaceAll(/\b(id="|url\(#)/g, `$1${name}-`)
  return `<figure role="img" aria-label="${escaped(caption)}">\n${own}\n<figcaption>${escaped(caption)}</figcaption>\n</figure>`
}

function runCells({ run, summary, error }: RunState): string[] {
  const name = runName(run)
  if (!summary) return [name, error === undefined ? 'missing' : `failed: ${error.split('\n')[0]}`, '', '', '', '']
  const { outcome, steps, samples, seconds, test } = summary
  const accuracy = test?.accuracy === undefined ? '' : percent(test.accuracy, 2)
  return [name, outcome, count(steps), count(samples), short(seconds), accuracy]
}
