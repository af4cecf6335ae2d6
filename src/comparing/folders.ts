// Where the runs of a comparison lie.

/** What a report puts beside the folders of schemes; none of them may be one. */
export const reportFiles = {
  comparison: 'comparison.json',
  page: 'report.html',
  plots: 'plots',
  csv: 'table.csv',
  latex: 'table.tex',
  markdown: 'table.md',
  tuning: 'tuning.csv',
} as const

/** Characters of a label that its folder is named by: file systems take 255 bytes. */
const longest = 100

/** Folders by labels: these in plain letters, told apart by numbers where they would be the same, or one that is taken. */
export function foldersOf(labels: readonly string[], taken: Iterable<string> = []): string[] {
  const used = new Set(taken)
  return labels.map((label) => {
    const slug = slugOf(label) || 'scheme'
    let folder = slug
    for (let n = 2; used.has(folder); n++) folder = `${slug}-${n}`
    used.add(folder)
    return folder
  })
}

const greek: Record<string, string> = {
  η: 'eta',
  ϑ: 'theta',
  θ: 'theta',
  ν: 'nu',
  α: 'alpha',
  κ: 'kappa',
  σ: 'sigma',
}

/** A label in letters that file names may have everywhere. */
function slugOf(label: string): string {
  const plain = label.toLowerCase().replaceAll(/[ηϑθνακσ]/g, (letter) => ` ${greek[letter]} `)
  const slug = plain.replaceAll(/[^a-z0-9.]+/g, '-').replace(/^[-.]+/, '')
  return slug.slice(0, longest).replace(/[-.]+$/, '')
}
