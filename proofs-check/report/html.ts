import {
  checkHeader,
  checkRow,
  mutantHeader,
  mutantRow,
  READING,
  summaryHeader,
  summaryRow,
  type Verification,
} from './document.ts'
import { isFigure } from './exhibit.ts'
import { plot } from './plot.ts'

const escaped = (value: string | number): string =>
  String(value).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

const verdict = (text: string): string => {
  if (text === 'passed') return ' class="passed"'
  if (text === 'FAILED' || text === 'NOTHING') return ' class="failed"'
  // Numbers with their units and intervals stay on one line.
  return /^[−\d]/.test(text) && text.length < 26 ? ' class="number"' : ''
}

function table(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  link?: (row: number) => string,
) {
  const head = header.map((cell) => `<th scope="col">${escaped(cell)}</th>`).join('')
  const body = rows.map((row, k) => {
    const cells = row.map((cell, i) => {
      const text = escaped(cell)
      return `<td${verdict(String(cell))}>${link && i === 0 ? `<a href="#${escaped(link(k))}">${text}</a>` : text}</td>`
    })
    return `<tr>${cells.join('')}</tr>`
  })
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
}

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:70rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-top:1px solid #ddd;padding-top:1rem}.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;margin:1rem 0}th,td{border-bottom:1px solid #ddd;padding:.25rem .6rem;text-align:left;vertical-align:top}
th{background:#f4f4f4}.number{white-space:nowrap}.passed{color:#00643c}.failed{color:#b00020;font-weight:700}figure{margin:1.5rem 0}figcaption,caption{font-size:.9rem;color:#444}
pre{background:#f4f4f4;padding:.75rem;overflow-x:auto}svg{max-width:100%;height:auto}`

/** The report as one file that needs nothing else. */
export function html(verification: Verification): string {
  const { claims, mutants, environment, seed, effort, seconds, passed } = verification
  const anchor = (id: string) => `claim-${id}`
  const failed = claims.filter((claim) => !claim.passed).map(({ id }) => id)
  const machine = Object.entries(environment).map(([name, value]) => `${name} ${value}`)
  const sections = claims.map((claim) => {
    const failures = claim.checks.flatMap(({ name, failure }) =>
      failure === null
        ? []
        : [
            `<p class="failed">${escaped(name)}: ${escaped(failure.message)}</p>`,
            failure.counterexample === null ? '' : `<pre>${escaped(failure.counterexample)}</pre>`,
            `<p>Replay: <code>${escaped(failure.command)}</code></p>`,
          ],
    )
    const exhibits = claim.exhibits.map((exhibit) => {
      if (typeof exhibit === 'string') return `<p>${escaped(exhibit)}</p>`
      if (!isFigure(exhibit)) return `<p>${escaped(exhibit.caption)}</p>${table(exhibit.columns, exhibit.rows)}`
      const caption = `<b>${escaped(exhibit.title)}.</b> ${escaped(exhibit.caption)}`
      return `<figure>${plot(exhibit)}<figcaption>${caption}</figcaption></figure>`
    })
    return `<section id="${escaped(anchor(claim.id))}"><h2>${escaped(claim.id)} ${escaped(claim.title)}</h2>
<p>${escaped(claim.statement)}</p>${table(checkHeader, claim.checks.map(checkRow))}${failures.join('')}${exhibits.join('')}</section>`
  })
  const caught = mutants?.filter(({ caughtBy }) => caughtBy.length > 0).length
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Verification of adadagrad</title><style>${STYLE}</style></head><body><main><h1>Verification report</h1>
<p>${escaped(verification.package)}, ${effort} form, seed ${seed}, ${seconds.toFixed(0)} s, ${escaped(machine.join(', '))}.
Sections are those of docs/maths.md.</p>
<p class="${passed ? 'passed' : 'failed'}">${passed ? 'Everything passed.' : `Failed: ${escaped(failed.join(', ') || 'a mutant survived')}.`}</p>
${table(summaryHeader, claims.map(summaryRow), (k) => anchor(claims[k].id))}
<h3>How to read it</h3><ul>${READING.map((sentence) => `<li>${escaped(sentence)}</li>`).join('')}</ul>
${sections.join('\n')}
${mutants ? `<section><h2>The checks, checked</h2><p>Deliberately broken functions in place of the real ones: ${caught} of ${mutants.length} are caught.</p>${table(mutantHeader, mutants.map(mutantRow))}</section>` : ''}
</main></body></html>
`
}
