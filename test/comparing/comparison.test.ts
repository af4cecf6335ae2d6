import { describe, expect, it } from 'vitest'
import { checkComparison } from '../../src/comparing/comparison.ts'
import type { SchemeRow } from '../../src/comparing/results.ts'
import { estimate, interval, studentWidth } from '../../src/comparing/statistics.ts'
import { csvTable, formatEstimate, latexTable, markdownTable, tableLines } from '../../src/comparing/table.ts'
import { parseYaml } from '../../src/config/yaml.ts'

const small = { problem: 'quadratic', budget: { samples: 1000 }, schemes: { one: {}, two: { batchSize: 4 } } }

describe('a comparison', () => {
  it('lays out all schemes with each seed, in one order', () => {
    const { runs, title } = checkComparison({ ...small, seeds: 2, title: 'T' })
    expect(title).toBe('T')
    expect(runs.map(({ folder }) => folder)).toEqual(['one/seed-1', 'two/seed-1', 'one/seed-2', 'two/seed-2'])
    expect(runs[3]!.config).toMatchObject({ seed: 2, batchSize: { name: 'constant', batchSize: 4 }, evaluateEvery: 40 })
    expect(checkComparison({ ...small, seeds: [7, 3] }).seeds).toEqual([7, 3])
  })

  it('gives schemes of alike names folders of their own', () => {
    const schemes = { 'η = 0.1': {}, 'eta 0.1': {}, '…': {} }
    const { runs } = checkComparison({ ...small, schemes, seeds: 1 })
    expect(runs.map(({ folder }) => folder)).toEqual(['eta-0.1/seed-1', 'eta-0.1-2/seed-1', 'scheme/seed-1'])
    const foldersOf = (...labels: string[]) =>
      checkComparison({ ...small, schemes: Object.fromEntries(labels.map((label) => [label, {}])), seeds: 1 }).runs.map(
        ({ folder }) => folder.replace('/seed-1', ''),
      )
    // A number that one gets may be the name of another.
    expect(foldersOf('a', 'A', 'a-2', 'a 2')).toEqual(['a', 'a-2', 'a-2-2', 'a-2-3'])
    // What stands beside them is the report's.
    expect(foldersOf('plots', 'report.html', 'Table.md')).toEqual(['plots-2', 'report.html-2', 'table.md-2'])
    const long = foldersOf('x'.repeat(300), `${'x'.repeat(300)} and more`)
    expect(new Set(long).size).toBe(2)
    for (const folder of long) expect(folder.length).toBeLessThan(120)
  })

  const mistakes: Record<string, [unknown, string]> = {
    'no object': [3, 'expected an object with schemes, got 3'],
    'no schemes': [{ model: 'logistic' }, 'expected schemes by name'],
    'a wrong seed': [
      { ...small, seeds: [1, 1] },
      'seeds: expected how many seeds, or a list of different whole numbers',
    ],
    'a seed of its own': [{ ...small, seed: 3 }, 'seed: a comparison takes seeds in its place'],
    'an output of a scheme': [
      { ...small, schemes: { a: { output: 'x' } } },
      'schemes.a.output: a comparison takes --output',
    ],
    'an unknown key': [{ ...small, batchsize: 3 }, 'batchsize: unknown key, did you mean batchSize?'],
    'a misspelt key of its own': [{ ...small, sedes: 3 }, 'sedes: unknown key, did you mean seeds?'],
    'a wrong value': [
      { ...small, schemes: { a: { batchSize: { test: { eta: -1 } } } } },
      'schemes.a.batchSize.test.eta: expected',
    ],
  }
  it.each(Object.entries(mistakes))('is refused for %s', (_, [raw, message]) => {
    expect(() => checkComparison(raw)).toThrow(message)
  })

  it('places mistakes in its file, once each', () => {
    const text =
      'problem: quadratic\nbudget:\n  sample: 100\nschemes:\n  a:\n    batchSize: { test: { eta: 0 } }\n  b: {}\n'
    const file = parseYaml(text, 'x.yaml')
    const check = () => checkComparison(file.value, file.place)
    expect(check).toThrow('x.yaml:3:3: budget.sample: unknown key, did you mean samples?')
    expect(check).toThrow('x.yaml:6:26: schemes.a.batchSize.test.eta: expected')
    const two = parseYaml('problem: quadratic\nseed: 3\nbudgt: 1\nschemes: { a: { optimiser: adam } }\n', 'z.yaml')
    const without = { ...(two.value as object), seed: undefined }
    expect(() => checkComparison(two.value, two.place)).toThrow(
      'z.yaml:2:1: seed: a comparison takes seeds in its place',
    )
    delete (without as { seed?: unknown }).seed
    expect(() => checkComparison(without, two.place)).toThrow(
      /budgt: unknown key, did you mean budget\?\nz.yaml:4:17: schemes.a.optimiser: unknown key, did you mean optimizer\?/,
    )
    expect(() => parseYaml('a: [1, 2\nb: 3', 'y.yaml')).toThrow(/^y.yaml:2:1: not YAML: /)
  })
})

describe('estimates', () => {
  it('are mean, standard error and Student’s interval', () => {
    const of3 = estimate([1, 2, 3, null, Number.NaN])!
    expect(of3).toMatchObject({ mean: 2, n: 3 })
    expect(of3.standardError).toBeCloseTo(1 / Math.sqrt(3), 14)
    expect(interval(of3)[1]).toBeCloseTo(2 + 4.303 / Math.sqrt(3), 3)
    expect(estimate([160_000 / 21, 160_000 / 21, 160_000 / 21, 160_000 / 21, 160_000 / 21])!.standardError).toBe(0)
    expect(estimate([5])).toEqual({ mean: 5, standardError: null, n: 1 })
    expect(estimate([])).toBeUndefined()
    // Quantiles of tables.
    expect(studentWidth(12)).toBeCloseTo(2.201, 2)
    expect(studentWidth(31)).toBeCloseTo(2.042, 3)
  })
})

describe('tables', () => {
  const row = (scheme: string, steps: number, accuracy: [number, number | null]): SchemeRow => ({
    scheme,
    finished: 3,
    planned: 4,
    notes: [],
    quantities: {
      steps: { mean: steps, standardError: 0, n: 3 },
      testAccuracy: { mean: accuracy[0], standardError: accuracy[1], n: 3 },
    },
  })
  const rows = [row('η = 0.1 & more', 12_345, [0.97812, 0.00234]), row('b|64', 20, [0.9, null])]

  it('are Markdown', () => {
    expect(markdownTable(rows)).toBe(
      '| scheme | seeds | steps | test accuracy (%) |\n| --- | --: | --: | --: |\n' +
        '| η = 0.1 & more | 3 of 4 | 12,345 | 97.81 ± 0.23 |\n| b\\|64 | 3 of 4 | 20 | 90.00 |\n',
    )
  })
  it('leave columns out where a terminal is narrow, and say how many', () => {
    const full = tableLines(rows, Number.POSITIVE_INFINITY)
    expect(full).toMatchObject({ left: 0 })
    const wide = row('wide', 5, [0.5, null])
    const more = [{ ...wide, quantities: { ...wide.quantities, samples: { mean: 1e6, standardError: 0, n: 3 } } }]
    expect(tableLines(more, 200).lines[0]).toContain('samples')
    const { lines, left } = tableLines(more, 45)
    expect(left).toBe(1)
    expect(lines[0]).not.toContain('samples')
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(45)
    expect(tableLines(more, 3).lines[0]).toContain('test accuracy')
  })
  it('are CSV with all digits', () => {
    expect(csvTable(rows)).toContain('η = 0.1 & more,3,4,12345,0,0.97812,0.00234\n')
    expect(csvTable(rows)).toContain('b|64,3,4,20,0,0.9,\n')
  })
  it('show small numbers with one exponent for mean and error', () => {
    const shown = (mean: number, standardError: number | null) => {
      const { mean: value, error } = formatEstimate({ mean, standardError, n: 3 }, 'trainLoss')
      return error === '' ? value : `${value} ± ${error}`
    }
    expect(shown(2.0314e-6, 4.12e-7)).toBe('2.03e-6 ± 0.41e-6')
    expect(shown(9.16e-37, 9.2e-37)).toBe('9.2e-37 ± 9.2e-37')
    expect(shown(0.000128, 0.000022)).toBe('0.000128 ± 0.000022')
    expect(shown(0.27132, 0.0042)).toBe('0.2713 ± 0.0042')
    expect(shown(2e-9, null)).toBe('2.000e-9')
    expect(shown(0, 3e-9)).toBe('0.0e-9 ± 3.0e-9')
    expect(shown(0, 0)).toBe('0')
    const small = {
      ...row('a', 1, [0.5, null]),
      quantities: { trainLoss: { mean: 2.0314e-6, standardError: 4.12e-7, n: 3 } },
    }
    expect(latexTable([small])).toContain('$2.03 \\cdot 10^{-6} \\pm 0.41 \\cdot 10^{-6}$')
  })
  it('are LaTeX', () => {
    expect(latexTable(rows)).toContain('  $\\eta$ = 0.1 \\& more & 3 of 4 & $12{,}345$ & $97.81 \\pm 0.23$ \\\\\n')
  })
})
