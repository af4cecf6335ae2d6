// The figures behind the target table, for the terminal.

const number = (value) => (typeof value === 'number' ? value.toFixed(value < 100 ? 1 : 0) : (value?.notMeasured ?? '–'))

export function printDetails({ steps, peers, threads, matmul, small, growth }) {
  const missing = new Map()
  for (const group of [steps, peers, matmul])
    for (const [name, { notMeasured }] of Object.entries(group?.versions ?? {}))
      if (notMeasured) missing.set(name, notMeasured)
  for (const [name, why] of missing) console.log(`not measured: ${name}: ${why}`)
  const versions = Object.assign({}, ...[steps, peers, matmul].map((group) => group?.versions))
  for (const [name, { notMeasured, ...about }] of Object.entries(versions))
    if (!notMeasured) console.log(`${name}: ${Object.values(about).join(', ')}`)

  if (/ blas\/libblas/.test(versions.PyTorch?.build))
    console.log(
      "PyTorch's BLAS is the reference one, which is slow; with libopenblas0 its products are 17 times as fast",
    )

  if (steps) {
    const batches = Object.keys(steps.results)
    console.log(`\nsamples/s of processor time, one thread, at b = ${batches.join(', ')}`)
    for (const name of Object.keys(steps.results[batches[0]].samplesPerSecond)) {
      const rates = batches.map((batch) => number(steps.results[batch].samplesPerSecond[name]))
      console.log(`${name.padEnd(26)} ${rates.map((rate) => rate.padStart(7)).join(' ')}`)
    }
    for (const name of Object.keys(steps.results[batches[0]].ratios)) {
      const ratios = batches.map((batch) => steps.results[batch].ratios[name]?.toFixed(3) ?? '–')
      console.log(`${name.padEnd(34)} ${ratios.map((each) => each.padStart(7)).join(' ')}`)
    }
  }
  if (peers) {
    console.log(`\nother libraries in JavaScript, samples/s at b = ${peers.batch}`)
    for (const [name, rate] of Object.entries(peers.samplesPerSecond)) console.log(`${name.padEnd(26)} ${number(rate)}`)
  }
  if (threads) {
    console.log('\nthreads, norms, samples/s of wall time')
    for (const { batch, threads: count, samplesPerSecond } of threads.points)
      console.log(`b = ${batch}, threads ${count}: ${number(samplesPerSecond)}`)
  }
  if (matmul) {
    console.log('\nmatmul n × n, GFLOP/s (part of the limit)')
    for (const [n, { strict, relaxed, peers: others }] of Object.entries(matmul.results)) {
      const own = [strict, relaxed].map(
        ({ gflops, ofLimit, limit }) => `${number(gflops)} (${(100 * ofLimit).toFixed(0)} % of ${number(limit)})`,
      )
      const theirs = Object.entries(others).map(([name, rate]) => `${name} ${number(rate)}`)
      console.log(`${n.padStart(5)}: strict ${own[0]}, relaxed ${own[1]}, ${theirs.join(', ')}`)
    }
  }
  if (small) {
    console.log('\nsmall problems at b = 8: processor time a step, growth of the heap')
    for (const [name, { microseconds, heapGrowth, steps: count }] of Object.entries(small))
      console.log(`${name.padEnd(32)} ${number(microseconds)} µs, ${heapGrowth} bytes after ${count} steps`)
  }
  if (growth) {
    console.log('\nsamples/s as work grows, one thread')
    for (const { work, batch, width = 1, samplesPerSecond } of [...growth.byBatch, ...growth.byWidth])
      console.log(`${work.padEnd(6)} b = ${batch}, width ${width}: ${number(samplesPerSecond)}`)
  }
}
