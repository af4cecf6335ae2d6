import { Command } from 'commander'
import { work } from '../queue/work.ts'
import { defaultPatience } from '../running/lease.ts'
import { positiveNumber, wholeNumber } from './arguments.ts'
import { untilInterrupted } from './interrupt.ts'

interface Flags {
  readonly queue: string
  readonly jobs?: number
  readonly patience: number
  readonly untilEmpty?: true
}

/** `adadagrad worker`: makes the runs that `compare --queue` has queued. */
export function workerCommand(): Command {
  return new Command('worker')
    .summary('makes the runs that compare --queue has queued, on this machine')
    .description(
      'Takes runs from a queue (BullMQ on Redis) until it is interrupted; any number of machines may do so. The folder of the\n' +
        'comparison has to be on a disk that all of them have under the same path. A run whose worker is killed is taken up by\n' +
        'another from its last checkpoint.',
    )
    .requiredOption('--queue <address>', 'Redis server: redis://host:port')
    .option('--jobs <n>', 'runs at a time (default: the processors)', wholeNumber(1))
    .option(
      '--patience <seconds>',
      'silence after which a run is taken from its worker; the same for all',
      positiveNumber,
      defaultPatience,
    )
    .option('--until-empty', 'end when nothing is left to do')
    .addHelpText(
      'after',
      `
Example, on one machine and then on others:
  adadagrad compare FILE --output /shared/first --queue redis://head:6379
  adadagrad worker --queue redis://head:6379`,
    )
    .action(async (flags: Flags) => {
      console.log('waiting for runs; Ctrl-C ends, and what is unfinished goes back to the queue')
      await untilInterrupted((signal) => work({ ...flags, signal, print: (line) => console.log(line) }))
    })
}
