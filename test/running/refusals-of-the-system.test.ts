import { existsSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeFolder } from '../../src/folder.ts'
import { openRunFolder } from '../../src/running/run-folder.ts'
import { call, temporary } from '../cli/command.ts'

describe('what the system refuses', () => {
  it('comes from the thread of a run as a line, without a stack', async () => {
    const folder = await temporary()
    const [file, output] = [join(folder, 'one.yaml'), join(folder, 'runs')]
    await writeFile(file, 'problem: quadratic\nbudget: { steps: 2 }\nschemes:\n  one: { batchSize: 2 }\n')
    // Not to be removed, as a file would be.
    const inTheWay = join(output, 'one', 'seed-1', 'weights.safetensors')
    await mkdir(inTheWay, { recursive: true })
    const { code, stderr } = await call(['compare', file, '--output', output])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: one[^\n]*directory[^\n]*\n$/)
    expect(stderr).toContain(inTheWay)
  })

  it('names the file of a run that cannot be written', async () => {
    const path = join(await temporary(), 'run')
    const config = { checkpointEvery: 60 } as Parameters<typeof openRunFolder>[1]['config']
    const folder = openRunFolder(path, { config, layout: { slots: [], size: 0 } as never })
    await mkdir(join(path, 'config.json'))
    await expect(folder.begin!(config)).rejects.toThrow(/^[^\n]*run.config\.json: cannot be written: EISDIR: [^\n]*$/)
  })
})

describe('makeFolder', () => {
  it('makes what is missing, and leaves what is there', async () => {
    const root = await temporary()
    const path = join(root, 'a', 'b', 'c')
    makeFolder(path)
    await writeFile(join(path, 'x'), '')
    makeFolder(path)
    expect(existsSync(join(path, 'x'))).toBe(true)
    expect(() => makeFolder(join(path, 'x'))).toThrow('EEXIST')
    expect(() => makeFolder(join(path, 'x', 'y'))).toThrow('ENOTDIR')
    await symlink(join(root, 'nowhere'), join(root, 'link'))
    expect(() => makeFolder(join(root, 'link', 'y'))).toThrow('EEXIST')
  })

  it.runIf(existsSync('/proc/self'))('ends where no folders can be made', () => {
    expect(() => makeFolder('/proc/x')).toThrow('ENOENT')
    expect(() => makeFolder('/proc/x/y/z')).toThrow('ENOENT')
  })
})
