import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { afterAll, describe, expect, it } from 'vitest'

// Every TypeScript snippet of the documentation is run as its reader would run it: as a module that imports the package.
// What is marked as a fragment is not a program.
const root = fileURLToPath(new URL('..', import.meta.url))
// Inside the package, so that the name `adadagrad` means this very package.
mkdirSync(join(root, 'runs'), { recursive: true })
const folder = mkdtempSync(join(root, 'runs', 'snippets-'))
afterAll(() => rmSync(folder, { recursive: true }))

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs')).flatMap((n) => (n.endsWith('.md') ? [join('docs', n)] : [])),
]
const snippets = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)].map(([, code], i) => ({
    name: `${page}, snippet ${i + 1}`,
    file: `${page.replaceAll(/\W/g, '-')}-${i + 1}.mjs`,
    code: code!,
  })),
)

describe('the documentation', () => {
  it.each(snippets)('$name runs', async ({ file, code }) => {
    writeFileSync(join(folder, file), (await transform(code, { loader: 'ts', target: 'es2022' })).code)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(folder, file)])
    expect(stderr).toBe('')
    expect(stdout.trim().split('\n').length).toBeGreaterThan(2)
    expect(stdout).not.toMatch(/NaN|undefined/)
  })
})
