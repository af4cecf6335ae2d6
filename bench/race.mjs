// Contenders as processes of their own, and measurements that take turns: A B A B …, so that a machine that slows down
// slows down for all. Figures are medians over the rounds.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Starts a contender, which answers requests one by one.
 *
 * @returns undefined and why, where it does not start: a peer that is not installed is not measured
 */
export async function contend(name, command, args, environment = {}) {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let errors = ''
  child.stderr.on('data', (text) => {
    errors = (errors + text).slice(-2000)
  })
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = new Promise((resolve) => {
    child.on('error', ({ message }) => resolve(message))
    child.on('close', () => resolve(errors.trim().split('\n').at(-1) ?? 'it ended'))
  })
  /** The next line that is JSON: libraries greet. */
  async function answer() {
    for (;;) {
      const { value, done } = await lines.next()
      if (done) return { failed: await ended }
      if (value.startsWith('{')) return JSON.parse(value)
    }
  }
  const introduction = await answer()
  return {
    name,
    introduction,
    missing: introduction.failed,
    async measure(request) {
      if (introduction.failed) return introduction
      child.stdin.write(`${JSON.stringify(request)}\n`)
      return answer()
    },
    close: () => child.stdin.end(),
  }
}

/**
 * Runs entries in turn, for so many rounds.
 *
 * @param entries { name, contender, request, samples: samples a step, clock: 'cpu' | 'wall' }
 * @returns name → { samplesPerSecond: one for each round, failed? }
 */
export async function race(entries, { rounds, seconds }) {
  const results = Object.fromEntries(entries.map(({ name }) => [name, { samplesPerSecond: [] }]))
  for (let round = 0; round < rounds; round++)
    for (const { name, contender, request, samples, clock = 'cpu' } of entries) {
      if (results[name].failed) continue
      const answer = await contender.measure({ ...request, seconds })
      if (answer.failed) results[name].failed = answer.failed
      else results[name].samplesPerSecond.push((answer.steps * samples) / answer[clock])
    }
  return results
}

/** The median of the ratio of two entries, round by round, times in the numerator where `times` is said. */
export function ratio(results, over, under) {
  const [a, b] = [results[over], results[under]]
  if (!a || !b || a.failed || b.failed) return undefined
  return median(a.samplesPerSecond.map((rate, round) => rate / b.samplesPerSecond[round]))
}
