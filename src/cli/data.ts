import { Command } from 'commander'
import { didYouMean } from '../config/nearest.ts'
import { dataVariable } from '../data/files.ts'
import { checkDataset } from '../data/obtain/check.ts'
import { byHand, downloadDataset } from '../data/obtain/download.ts'
import { findDataset, knownDataset } from '../data/obtain/find.ts'
import { type KnownDataset, knownDatasets } from '../data/obtain/known.ts'
import { ConfigurationError, DataError } from '../errors.ts'
import { count } from '../report/format.ts'
import { untilInterrupted } from './interrupt.ts'
import { exitCodes } from './report.ts'
import { UsageError } from './usage-error.ts'

/** `adadagrad data`: which data sets there are, where they lie, whether they are right, and how to get them. */
export function dataCommand(): Command {
  const command = new Command('data')
    .summary('data sets: where they are, how to get them, whether they are right')
    .description(
      `Lists the data sets that are known. They are looked for in --folder, in the folder that ${dataVariable} names\n` +
        '(each in a folder of its name, or as torchvision stores them), and where the system puts them.',
    )
    .option('--folder <folder>', 'look here first')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  adadagrad data
  adadagrad data check fashion-mnist
  adadagrad data download cifar10 data/cifar10
  ${dataVariable}=data adadagrad train --model cifar-cnn --data cifar10`,
    )
    // Taken so that a mistyped subcommand is called one, rather than an argument too many.
    .argument('[command]')
    .usage('[options] [command]')
    .configureHelp({ visibleArguments: () => [] })
    .action((given: string | undefined, { folder, json }: { folder?: string; json?: true }) => {
      if (given !== undefined) throw new UsageError(unknownCommand(given))
      const found = knownDatasets.map((dataset) => ({ dataset, folder: findDataset(dataset, folder) }))
      if (json) console.log(JSON.stringify(found.map(plain), null, 2))
      else console.log(found.map(({ dataset, folder }) => entry(dataset, folder)).join('\n\n'))
    })
  // Every subcommand is made here, so its errors are told as those of the command.
  const sub = (name: string, description: string) => {
    const made = new Command(name).copyInheritedSettings(command).description(description)
    made.configureOutput({ outputError: () => {} }).exitOverride()
    command.addCommand(made)
    return made
  }
  sub('check', 'checks the files against the published checksums, and reads every sample')
    .argument('<name>', 'the data set')
    .argument('[folder]', 'where it is (default: where it is found)')
    .action(check)
  sub('download', 'downloads the files from where they are published; goes on where it was broken off')
    .argument('<name>', 'the data set')
    .argument('<folder>', 'where to put them')
    .option('--from <address>', 'folder on another server with the same files')
    .action(download)
  return command
}

const subcommands = ['check', 'download']

function unknownCommand(given: string): string {
  const hint = didYouMean(given, subcommands) || `; there are ${subcommands.join(' and ')}`
  return `unknown command 'data ${given}'${hint}`
}

const megabytes = (bytes: number): string =>
  bytes >= 1e6 ? `${count(bytes / 1e6)} MB` : bytes >= 1e3 ? `${count(bytes / 1e3)} kB` : `${bytes} bytes`

function plain({ dataset, folder }: { dataset: KnownDataset; folder: string | undefined }) {
  const { load: _, ...rest } = dataset
  return { ...rest, found: folder ?? null }
}

function entry(dataset: KnownDataset, folder: string | undefined): string {
  const { name, what, files, places, checksums, debian, homepage } = dataset
  const lines = [`${name}: ${what}`]
  if (files.length === 0) return lines.join('\n')
  lines.push(folder === undefined ? '  not found' : `  found in ${folder}`)
  if (folder === undefined) {
    if (debian) lines.push(`  apt install ${debian.package}, or`)
    lines.push(`  adadagrad data download ${name} FOLDER, from ${new URL(places[0]!).host}`)
  }
  lines.push(`  ${homepage}; ${checksums}`)
  const width = Math.max(...files.map((file) => file.name.length))
  for (const file of files)
    lines.push(`  ${file.name.padEnd(width)}  ${megabytes(file.bytes).padStart(6)}  ${file.md5}`)
  return lines.join('\n')
}

async function check(name: string, given: string | undefined): Promise<void> {
  const dataset = knownDataset(name)
  const folder = given ?? (dataset.files.length === 0 ? 'the package' : findDataset(dataset))
  if (folder === undefined)
    throw new ConfigurationError(
      `${name}: not found; name its folder, or get it: adadagrad data download ${name} FOLDER`,
    )
  console.log(`${name} in ${folder}`)
  const { files, samples, error, passed } = await checkDataset(dataset, folder)
  const width = Math.max(0, ...files.map((file) => file.name.length))
  for (const { name, verdict, why } of files) console.log(`  ${name.padEnd(width)}  ${verdict}: ${why}`)
  if (samples) console.log(`  read: ${count(samples[0])} samples to train on, ${count(samples[1])} to test on`)
  if (error !== undefined) console.log(`  cannot be read: ${error}`)
  console.log(passed ? 'all is right' : 'not as it should be')
  if (!passed) process.exitCode = exitCodes.failed
}

async function download(name: string, folder: string, { from }: { from?: string }): Promise<void> {
  const dataset = knownDataset(name)
  const live = process.stderr.isTTY
  let shown = 0
  const progress = (what: string, bytes: number, total: number) => {
    if (!live || (Date.now() - shown < 200 && bytes < total)) return
    shown = Date.now()
    process.stderr.write(`\r\x1b[K${what}  ${count((100 * bytes) / total)} %`)
  }
  try {
    await untilInterrupted((signal) =>
      downloadDataset(dataset, folder, { ...(from !== undefined && { from }), progress, signal }),
    )
  } catch (error) {
    if ((error as Error).name === 'AbortError') {
      console.error('interrupted; what came is kept, and the same command goes on from there')
      process.exitCode = exitCodes.interrupted
      return
    }
    if (error instanceof DataError && from === undefined && error.message.includes('cannot be reached'))
      throw new DataError(`${error.message}; ${byHand(dataset, folder)}`, { cause: error })
    throw error
  } finally {
    if (live) process.stderr.write('\r\x1b[K')
  }
  await check(name, folder)
}
