import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkComparison } from '../../src/comparing/comparison.ts'
import { parseYaml } from '../../src/config/yaml.ts'

const folder = fileURLToPath(new URL('../../experiments/', import.meta.url))
const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'))

describe('the experiments', () => {
  it.each(files)('%s is a comparison, and its header says what it is', async (name) => {
    const text = await readFile(`${folder}${name}`, 'utf8')
    const { value, place } = parseYaml(text, name)
    const { runs, schemes } = checkComparison(value, place)
    expect(runs.length).toBeGreaterThanOrEqual(schemes.length)
    for (const said of ['# Reproduces:', '# Takes:']) expect(text).toContain(said)
  })

  it('are all listed in their README', async () => {
    const list = await readFile(`${folder}README.md`, 'utf8')
    for (const name of files) expect(list).toContain(`(${name})`)
  })
})
