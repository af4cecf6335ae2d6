// What is measured in processes of their own: peak memory, seconds to the first step, microseconds a step of problems
// that have next to nothing to compute.
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median } from '../race.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The answer of a script beside this one, or why there is none. */
function answerOf(file, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', here(file), ...args.map(String)], {
    encoding: 'utf8',
  })
  return status === 0 ? JSON.parse(stdout.trim().split('\n').at(-1)) : { notMeasured: stderr.trim().split('\n').at(-1) }
}

/** Peak resident memory of a process that holds 60,000 images and makes steps of b samples, in MB, with its kernels' part. */
export function memory({ batches, rounds }) {
  const results = Object.fromEntries(
    batches.map((batch) => {
      const runs = Array.from({ length: rounds }, () => answerOf('./memory.mjs', batch))
      return [batch, { peak: median(runs.map(({ peak }) => peak)), kernels: runs[0].kernels }]
    }),
  )
  const [least, most] = [Math.min(...batches), Math.max(...batches)]
  return { results, ratio: results[most].peak / results[least].peak, least, most }
}

/** Microseconds a step and bytes of heap that are left after 10,000 of them. */
export const small = () => answerOf('./small.mjs')

/** Seconds from the command to the record of its first step, and how much of both processors that takes. */
export async function startup({ rounds }) {
  const times = []
  for (let k = 0; k < rounds; k++) times.push(await firstStep())
  return { wall: median(times.map(({ wall }) => wall)), processor: median(times.map(({ processor }) => processor)) }
}

function firstStep() {
  const started = performance.now()
  // A clock in the process says how much processor time had gone by; the other clock is this one.
  const child = spawn(
    process.execPath,
    ['--import', here('./processor-time.mjs'), here('../../dist/cli.js'), 'train', '--json', '--seed', '1'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  return new Promise((resolve, reject) => {
    let [output, errors] = ['', '']
    let processor
    let wall
    const finish = () => {
      if (wall === undefined || processor === undefined) return
      child.kill('SIGKILL')
      resolve({ wall, processor })
    }
    child.stdout.on('data', (text) => {
      output += text
      if (wall === undefined && output.includes('"step":1,')) wall = (performance.now() - started) / 1000
      finish()
    })
    child.stderr.on('data', (text) => {
      errors += text
      const found = /processor time (\d+\.\d+)/.exec(errors)
      if (found) processor = Number(found[1])
      finish()
    })
    child.on('error', reject)
    child.on('close', () => reject(new Error(`adadagrad train ended before its first step: ${errors}`)))
  })
}
