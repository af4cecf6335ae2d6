import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { differences } from '../../src/running/differences.ts'
import { keepRecords, readRecords } from '../../src/running/records.ts'
import { temporary } from '../cli/command.ts'

const line = (step: number) => `${JSON.stringify({ step, loss: 1 / step, padding: 'x'.repeat(step % 97) })}\n`
const text = (steps: number) => Array.from({ length: steps }, (_, k) => line(k + 1)).join('')

async function file(content: string): Promise<string> {
  const path = join(await temporary(), 'records.jsonl')
  await writeFile(path, content)
  return path
}
const steps = async (path: string) => {
  const found: number[] = []
  for await (const { step } of readRecords(path)) found.push(step)
  return found
}

describe('records', () => {
  // Several blocks of the reader.
  it.each([0, 1, 2, 777, 2999, 3000])('are cut after step %i of 3,000 and a torn line', async (last) => {
    const path = await file(`${text(3000)}{"step":3001,"lo`)
    keepRecords(path, last)
    expect(await readFile(path, 'utf8')).toBe(text(last))
  })

  it('may lack a file at step 0 only', async () => {
    const path = join(await temporary(), 'records.jsonl')
    keepRecords(path, 0)
    expect(() => keepRecords(path, 3)).toThrow('0 records, but the checkpoint beside it is of step 3')
  })

  it('are read without a torn last line; one in the middle, or a gap, is an error', async () => {
    expect(await steps(await file(`${text(3)}{"step":4,`))).toEqual([1, 2, 3])
    await expect(steps(await file(`${line(1)}{"st\n${line(2)}`))).rejects.toThrow(/:2: not a record: \{"st/)
    await expect(steps(await file(line(1) + line(3)))).rejects.toThrow(/:2: expected step 2, got 3/)
  })
})

describe('differences', () => {
  it('are listed place by place', () => {
    const [a, b] = [
      { a: 1, b: { c: [1, 2], d: 'x' }, e: null },
      { a: 1, b: { c: [1, 3] }, e: null, f: 0.5 },
    ]
    expect(differences(a, b, ['there', 'here'])).toEqual([
      'b.c: [1,2] there, [1,3] here',
      'b.d: "x" there, none here',
      'f: none there, 0.5 here',
    ])
    expect(differences(a, a, ['there', 'here'])).toEqual([])
  })
})
