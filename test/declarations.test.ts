import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'

// Programs that check the declarations of their packages: strictly, and without the page's types where there is no page.
const root = fileURLToPath(new URL('..', import.meta.url))
mkdirSync(join(root, 'runs'), { recursive: true })
const folder = mkdtempSync(join(root, 'runs', 'declarations-'))
afterAll(() => rmSync(folder, { recursive: true }))

const use = {
  node: `import { adaptive, batchSizeController, normTest, train } from 'adadagrad'
import { compare } from 'adadagrad/compare'
export const controller = batchSizeController(adaptive(normTest({ eta: 0.5 }), { initial: 8, max: 64 }))
export const next: number = controller.batchSize
export { compare, train }
`,
  page: `import { chart, createRace, landscape, train } from 'adadagrad/browser'
export { chart, createRace, landscape, train }
`,
}

describe('the declarations of the package', () => {
  it.each([
    ['node', ['ES2023'], ['node'], 'NodeNext'],
    ['page', ['ES2023', 'DOM', 'DOM.Iterable'], [], 'Bundler'],
  ] as const)('are whole for a program for the %s', async (kind, lib, types, moduleResolution) => {
    const compilerOptions = {
      target: 'ES2022',
      module: moduleResolution === 'Bundler' ? 'ESNext' : moduleResolution,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      lib,
      types,
    }
    writeFileSync(join(folder, `${kind}.ts`), use[kind])
    const project = join(folder, `${kind}.json`)
    writeFileSync(project, JSON.stringify({ compilerOptions, files: [`${kind}.ts`] }))
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const said = await promisify(execFile)(process.execPath, [tsc, '-p', project]).catch((error) => error)
    expect(said.stdout).toBe('')
  })
})
