// How cost grows with the work: samples/s against batch size and model width (one thread, processor time), and against
// threads (wall time: whoever else computes on the machine shows here).
import { availableParallelism } from 'node:os'
import { strict } from '../contenders/index.mjs'
import { median, race, ratio } from '../race.mjs'

const sweep = (contender, requests, clock) =>
  requests.map((request) => ({
    name: JSON.stringify(request),
    contender,
    request,
    samples: request.batch,
    ...(clock && { clock }),
  }))

async function curve(requests, effort, clock) {
  const contender = await strict()
  const measured = await race(sweep(contender, requests, clock), effort)
  contender.close()
  return { measured, points: requests.map((request) => rateOf(request, measured[JSON.stringify(request)])) }
}

const rateOf = (request, { samplesPerSecond, failed }) => ({
  ...request,
  ...(failed === undefined ? { samplesPerSecond: median(samplesPerSecond) } : { notMeasured: failed }),
})

export async function growth({ rounds, seconds, batches, widths }) {
  const works = ['plain', 'norms']
  const byBatch = await curve(
    works.flatMap((work) => batches.map((batch) => ({ work, batch }))),
    { rounds, seconds },
  )
  const byWidth = await curve(
    works.flatMap((work) => widths.map((width) => ({ work, batch: 64, width }))),
    { rounds, seconds },
  )
  return { byBatch: byBatch.points, byWidth: byWidth.points }
}

/** Each number of threads up to the processors', at three batch sizes; every round measures all of them. */
export async function threads({ rounds, seconds }) {
  const most = Math.min(8, availableParallelism())
  const counts = Array.from({ length: most }, (_, t) => t + 1)
  const points = []
  const ratios = {}
  for (const batch of [16, 64, 256, 1024]) {
    const requests = counts.map((count) => ({ work: 'norms', batch, threads: count }))
    const { measured, points: found } = await curve(requests, { rounds: 2 * rounds + 1, seconds }, 'wall')
    points.push(...found)
    if (most >= 2) ratios[batch] = ratio(measured, JSON.stringify(requests[1]), JSON.stringify(requests[0]))
  }
  return { points, 'two ÷ one': ratios }
}
