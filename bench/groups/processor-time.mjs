// Loaded before the command: says on standard error how much processor time had passed when the first step was recorded.
const write = process.stdout.write.bind(process.stdout)
let said = false
process.stdout.write = (chunk, ...rest) => {
  if (!said && String(chunk).includes('"step":1,')) {
    said = true
    const { user, system } = process.cpuUsage()
    process.stderr.write(`processor time ${((user + system) / 1e6).toFixed(3)}\n`)
  }
  return write(chunk, ...rest)
}
