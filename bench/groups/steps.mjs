// A training step of the MNIST CNN, one thread: ours at each level of statistics, and the native ways. Processor time.
import { jax, pytorch, relaxed, strict, tfjsCpu, tfjsWasm } from '../contenders/index.mjs'
import { median, race, ratio } from '../race.mjs'

const levels = ['plain', 'norms', 'coordinates', 'projections']
const native = ['plain', 'official', 'sumGradSquared', 'batchL2Grad']

const summarise = (results) =>
  Object.fromEntries(
    Object.entries(results).map(([name, { samplesPerSecond, failed }]) => [
      name,
      failed === undefined ? Math.round(10 * median(samplesPerSecond)) / 10 : { notMeasured: failed },
    ]),
  )

/** A contender's step of that batch, for a race. */
const entryAt = (batch) => (contender, work) => ({
  name: `${contender.name} ${work}`,
  contender,
  request: { work, batch },
  samples: batch,
})

/** samples/s by batch size and contender, and the ratios of the target table. */
export async function steps({ rounds, seconds, batches }) {
  const all = await Promise.all([strict(), relaxed(), pytorch()])
  const [ours, fused, torch] = all
  const results = {}
  for (const batch of batches) {
    const entry = entryAt(batch)
    const measured = await race(
      [
        ...levels.map((work) => entry(ours, work)),
        ...levels.map((work) => entry(fused, work)),
        ...native.map((work) => entry(torch, work)),
      ],
      { rounds, seconds },
    )
    results[batch] = {
      samplesPerSecond: summarise(measured),
      ratios: {
        'norms ÷ plain': ratio(measured, 'strict plain', 'strict norms'),
        'coordinates ÷ plain': ratio(measured, 'strict plain', 'strict coordinates'),
        'projections ÷ plain': ratio(measured, 'strict plain', 'strict projections'),
        'norms ÷ official': ratio(measured, 'strict norms', 'PyTorch official'),
        'norms ÷ sumGradSquared': ratio(measured, 'strict norms', 'PyTorch sumGradSquared'),
        'norms ÷ batchL2Grad': ratio(measured, 'strict norms', 'PyTorch batchL2Grad'),
        'plain ÷ native plain': ratio(measured, 'strict plain', 'PyTorch plain'),
        'relaxed norms ÷ plain': ratio(measured, 'relaxed plain', 'relaxed norms'),
        'relaxed plain ÷ strict plain': ratio(measured, 'relaxed plain', 'strict plain'),
        'relaxed norms ÷ official': ratio(measured, 'relaxed norms', 'PyTorch official'),
        'relaxed norms ÷ sumGradSquared': ratio(measured, 'relaxed norms', 'PyTorch sumGradSquared'),
        'relaxed plain ÷ native plain': ratio(measured, 'relaxed plain', 'PyTorch plain'),
      },
    }
  }
  for (const contender of all) contender.close()
  return { versions: versionsOf(all), results }
}

/** The other libraries in JavaScript, which are slower by orders of magnitude: few steps of a small batch. */
export async function peers({ rounds, seconds }) {
  const all = await Promise.all([strict(), jax(), tfjsCpu(), tfjsWasm()])
  const [ours, jaxJs, cpu, wasm] = all
  const batch = 16
  const entry = entryAt(batch)
  const measured = await race(
    [entry(ours, 'plain'), entry(ours, 'norms'), entry(jaxJs, 'plain'), entry(jaxJs, 'norms'), entry(wasm, 'plain')],
    { rounds, seconds },
  )
  // Seconds for one step: once is enough.
  Object.assign(measured, await race([entry(cpu, 'plain')], { rounds: 1, seconds: 0 }))
  for (const contender of all) contender.close()
  return {
    versions: versionsOf(all),
    batch,
    samplesPerSecond: summarise(measured),
    ratios: {
      'plain ÷ jax-js plain': ratio(measured, 'strict plain', 'jax-js plain'),
      'norms ÷ jax-js norms': ratio(measured, 'strict norms', 'jax-js norms'),
    },
  }
}

export const versionsOf = (contenders) =>
  Object.fromEntries(
    contenders.map(({ name, introduction, missing }) => [
      name,
      missing === undefined ? introduction : { notMeasured: missing },
    ]),
  )
