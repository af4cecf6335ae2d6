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

const cell = (value: string | number): string => String(value).replace(/\|/g, '\\|').replace(/\n/g, ' ')
const line = (cells: readonly (string | number)[]): string => `| ${cells.map(cell).join(' | ')} |`
export const table = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')

/** Name of the file in which a figure lies beside the report. */
export const figureFile = (claim: string, position: number): string =>
  `${claim.replace(/[^\w.-]+/g, '-')}-${position + 1}.svg`

/** The report as Markdown; figures lie beside it. */
export function markdown(verification: Verification): string {
  const { claims, mutants, environment, seed, effort, seconds, passed } = verification
  const parts = [
    '# Verification report',
    `${verification.package}, ${effort} form, seed ${seed}, ${seconds.toFixed(0)} s, ` +
      `${Object.entries(environment)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}.`,
    `**${
      passed
        ? 'Everything passed.'
        : `Failed: ${
            claims
              .filter((claim) => !claim.passed)
              .map(({ id }) => id)
              .join(', ') || 'a mutant survived'
          }.`
    }** Sections are those of docs/maths.md.`,
    table(summaryHeader, claims.map(summaryRow)),
    ['How to read it:', ...READING.map((sentence) => `- ${sentence}`)].join('\n'),
  ]
  for (const claim of claims) {
    parts.push(`## ${claim.id} ${claim.title}`, claim.statement, table(checkHeader, claim.checks.map(checkRow)))
    for (const { name, failure } of claim.checks) {
      if (!failure) continue
      const found =
        failure.counterexample === null
          ? ''
          : `\n\nCounterexample, shrunk:\n\n\`\`\`\n${failure.counterexample}\n\`\`\``
      parts.push(`**${name}: ${failure.message}**${found}\n\nReplay: \`${failure.command}\``)
    }
    for (const [k, exhibit] of claim.exhibits.entries()) {
      if (typeof exhibit === 'string') parts.push(exhibit)
      else if (isFigure(exhibit)) {
        parts.push(`![${exhibit.title}](${figureFile(claim.id, k)})\n\n*${exhibit.title}. ${exhibit.caption}*`)
      } else parts.push(`*${exhibit.caption}*\n\n${table(exhibit.columns, exhibit.rows)}`)
    }
  }
  if (mutants) {
    const caught = mutants.filter(({ caughtBy }) => caughtBy.length > 0).length
    parts.push(
      '## The checks, checked',
      `Deliberately broken functions in place of the real ones: ${caught} of ${mutants.length} are caught.`,
      table(mutantHeader, mutants.map(mutantRow)),
    )
  }
  return `${parts.join('\n\n')}\n`
}
