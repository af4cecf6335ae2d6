import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig, readConfigFile } from '../../src/config/file.ts'
import { readYamlFile } from '../../src/config/yaml.ts'
import { temporary } from '../cli/command.ts'

describe('a configuration file', () => {
  it.each([
    ['{"a": 1, "a": 2}', 'f:1:10: the key "a" is there twice'],
    ['{"b": [{"x": 1},\n {"y": 1, "x": 2, "y": 1}]}', 'f:2:19: the key "y" is there twice'],
    ['{"a": 1, "\\u0061": 2}', 'f:1:10: the key "a" is there twice'],
  ])('with a key twice in one object is refused: %s', (text, message) => {
    expect(() => parseConfig(text, 'f')).toThrow(message)
  })

  it('may have the same key in several objects', () => {
    expect(parseConfig('{"a": {"a": 1}, "b": {"a": [{"a": 2}, {"a": 3}]}}', 'f').value).toEqual({
      a: { a: 1 },
      b: { a: [{ a: 2 }, { a: 3 }] },
    })
  })

  it('may begin with a byte order mark, which is no column', async () => {
    const file = join(await temporary(), 'file')
    await writeFile(file, '\uFEFF{"seed": 3}')
    for (const read of [readConfigFile, readYamlFile]) {
      const { value, place } = await read(file)
      expect([value, place(['seed'])]).toEqual([{ seed: 3 }, `${file}:1:2`])
    }
    await writeFile(file, '\uFEFF{"seed" 3}')
    await expect(readConfigFile(file)).rejects.toThrow(`${file}:1:9: not JSON: colon expected`)
  })
})
