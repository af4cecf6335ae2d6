// What every contender in JavaScript does: answers requests on standard input, one JSON object a line, with steps and
// seconds. Python's does the same (bench/pytorch/contender.py), so that all of them can be run in turn.
import { createInterface } from 'node:readline'

/** Seconds of processor time of all threads of this process. */
const processorTime = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/**
 * @param introduction said first: versions, flags
 * @param prepare (request) => step, a function that makes one step, promise or not; throws where there is none
 */
export async function serve(introduction, prepare) {
  const prepared = new Map()
  console.log(JSON.stringify(introduction))
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line)
    const { seconds, ...what } = request
    const key = JSON.stringify(what)
    let answer
    try {
      const fresh = !prepared.has(key)
      if (fresh) prepared.set(key, await prepare(what))
      answer = await measure(prepared.get(key), seconds, fresh ? 0.25 : 0)
    } catch (error) {
      answer = { failed: `${error.name}: ${error.message}`.slice(0, 200) }
    }
    console.log(JSON.stringify(answer))
  }
}

async function measure(step, seconds, warmUp) {
  const start = performance.now()
  for (let i = 0; i < 2 || performance.now() - start < 1000 * warmUp; i++) await step()
  const [cpu, wall] = [processorTime(), performance.now()]
  let steps = 0
  do {
    await step()
    steps++
  } while (processorTime() - cpu < seconds)
  return { steps, cpu: processorTime() - cpu, wall: (performance.now() - wall) / 1000 }
}
