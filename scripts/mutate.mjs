// Mutates the sources themselves, one operator or number at a time, and asks the claims of proofs-check/ to notice.
//
//   node scripts/mutate.mjs [--jobs 2] [--sample 1] src/statistics/derived.ts …
//
// Every mutant is bundled with the claims (esbuild) and checked in a process of its own with the least effort; it is
// caught when a claim fails, throws or does not come to an end. What survives is printed with its line: equivalent code,
// an error message's condition, or a hole in the claims.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { values, positionals } = parseArgs({
  options: { jobs: { type: 'string', default: '2' }, sample: { type: 'string', default: '1' } },
  allowPositionals: true,
})

const swaps = [
  [/ \+ /g, ' - '],
  [/ - /g, ' + '],
  [/ \* /g, ' / '],
  [/ \/ /g, ' * '],
  [/ \*\* /g, ' * '],
  [/ < /g, ' <= '],
  [/ <= /g, ' < '],
  [/ > /g, ' >= '],
  [/ >= /g, ' > '],
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ \+= /g, ' -= '],
  [/Math\.max\(/g, 'Math.min('],
  [/Math\.min\(/g, 'Math.max('],
  [/Math\.ceil\(/g, 'Math.floor('],
  [/Math\.floor\(/g, 'Math.ceil('],
  [/Math\.sqrt\(/g, 'Math.abs('],
  [/(?<![\w.])0(?![\w.])/g, '1'],
  [/(?<![\w.])1(?![\w.])/g, '2'],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
]

/** The code with comments and strings blanked out, so that nothing in them is mutated. */
const masked = (code) =>
  code.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g, (text) =>
    text.replace(/[^\n]/g, '·'),
  )

function mutantsOf(file) {
  const code = readFileSync(file, 'utf8')
  const visible = masked(code)
  return swaps.flatMap(([pattern, replacement]) =>
    [...visible.matchAll(pattern)].map(({ index, 0: found }) => {
      const start = code.lastIndexOf('\n', index) + 1
      return {
        file,
        line: code.slice(0, index).split('\n').length,
        text: code.slice(start, code.indexOf('\n', index)).trim(),
        change: `${found.trim()} → ${replacement.trim()}`,
        code: code.slice(0, index) + replacement + code.slice(index + found.length),
      }
    }),
  )
}

const folder = mkdtempSync(join(tmpdir(), 'mutate-'))
const entry = `
import { claims } from './proofs-check/index.ts'
import { checkClaim } from './proofs-check/check-claim.ts'
import { real } from './proofs-check/subject.ts'
// Threads load their code from files of their own, which a bundle is not.
for (const claim of claims.filter(({ kind, id }) => kind === 'proved' && id !== 'runs')) {
  const { passed } = await checkClaim(claim, { subject: real, effort: 'mutant', seed: 1 })
  if (!passed) { console.log(claim.id); process.exit(1) }
}
process.exit(0)`

/** `survived`, or who caught it. */
async function outcome(mutant, k) {
  const outfile = join(folder, `${k}.mjs`)
  const swap = {
    name: 'swap',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, ({ path }) =>
        mutant && path === resolve(mutant.file) ? { contents: mutant.code, loader: 'ts' } : undefined,
      ),
  }
  const stdin = { contents: entry, resolveDir: process.cwd(), loader: 'ts' }
  await build({ stdin, bundle: true, format: 'esm', platform: 'node', outfile, plugins: [swap], logLevel: 'silent' })
  return new Promise((done) => {
    const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'ignore'] })
    let said = ''
    child.stdout.on('data', (data) => {
      said += data
    })
    const timer = setTimeout(() => child.kill(), 60_000)
    child.on('close', (status) => {
      clearTimeout(timer)
      rmSync(outfile, { force: true })
      done(status === 0 ? 'survived' : said.trim() || (status === null ? 'no end' : 'an error'))
    })
  })
}

const baseline = await outcome(null, 'baseline')
if (baseline !== 'survived') throw new Error(`the claims fail without a mutant: ${baseline}`)
const stride = Number(values.sample)
const mutants = positionals.flatMap(mutantsOf).filter((_, k) => k % stride === 0)
const survivors = []
let next = 0
await Promise.all(
  Array.from({ length: Number(values.jobs) }, async () => {
    while (next < mutants.length) {
      const k = next++
      const said = await outcome(mutants[k], k)
      if (said === 'survived') {
        survivors.push(mutants[k])
        const { file, line, change, text } = mutants[k]
        console.log(`survived ${file}:${line} ${change}   ${text}`)
      }
    }
  }),
)
rmSync(folder, { recursive: true })
console.log(`${mutants.length - survivors.length} of ${mutants.length} mutants caught`)
