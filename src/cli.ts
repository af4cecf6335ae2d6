#!/usr/bin/env node
import { Command } from 'commander'
import { report } from './cli/report.ts'
import { packageVersion } from './running/version.ts'

// A command is loaded when it is called: what it needs is most of the time to its first line.
const commands: Record<string, { readonly summary: string; load(): Promise<Command> }> = {
  start: {
    summary: 'adaptive batches beside fixed ones, on real digits: a minute or two',
    load: async () => (await import('./cli/start.ts')).startCommand(),
  },
  train: {
    summary: 'one run of any model, data, optimiser and batch policy',
    load: async () => (await import('./cli/train.ts')).trainCommand(),
  },
  compare: {
    summary: 'schemes × seeds from a file: runs over all processors, tables, plots, a report',
    load: async () => (await import('./cli/compare.ts')).compareCommand(),
  },
  worker: {
    summary: 'makes the runs that compare --queue has queued, on this machine',
    load: async () => (await import('./cli/worker.ts')).workerCommand(),
  },
  statistics: {
    summary: 'the numbers of the tests, for given weights and data',
    load: async () => (await import('./cli/statistics.ts')).statisticsCommand(),
  },
  control: {
    summary: 'the next batch size, for a training loop in another language',
    load: async () => (await import('./cli/control.ts')).controlCommand(),
  },
  data: {
    summary: 'data sets: where they are, how to get them, whether they are right',
    load: async () => (await import('./cli/data.ts')).dataCommand(),
  },
  export: {
    summary: 'records of runs as CSV, Parquet or TensorBoard event files',
    load: async () => (await import('./cli/export.ts')).exportCommand(),
  },
  verify: {
    summary: 'the mathematics, checked: every claim with its margins, and a report',
    load: async () => (await import('./cli/verify.ts')).verifyCommand(),
  },
}

const program = new Command('adadagrad')
  .description('Adaptive batch sizes with exact per-sample gradient statistics.')
  .version(packageVersion())
  .helpCommand(false)
  .configureOutput({ outputError: () => {} })
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  adadagrad start
  adadagrad train --test norm --eta 0.25 --max-batch-size 4000
  adadagrad train --batch-policy constant --batch-size 64 --optimizer adam --output runs/adam
  adadagrad train --config runs/adam/config.json --seed 2 --output runs/adam-2
  adadagrad train --resume runs/adam
  adadagrad compare experiments/digits-logistic.yaml
  adadagrad train --help`,
  )

// A reader that has read enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  const called = process.argv[2] ?? ''
  for (const [name, { summary, load }] of Object.entries(commands))
    program.addCommand(
      name === called
        ? (await load()).copyInheritedSettings(program)
        : new Command(name).summary(summary).description(summary),
    )
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}
// A step that was interrupted, or other runs than the one that failed, may still be computing.
if (process.exitCode) process.stdout.write('', () => process.exit())
