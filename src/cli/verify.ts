import { Command, InvalidArgumentError } from 'commander'
import { pathArgument } from './arguments.ts'
import { UsageError } from './usage-error.ts'

/** What dist/verify.js offers: the claims of proofs-check/, bundled with their generators of cases. */
interface Verifier {
  verify(options: {
    readonly short?: boolean
    readonly only?: readonly string[]
    readonly seed?: number
    readonly path?: string
    readonly mutants?: boolean
    readonly output?: string
    readonly print: (line: string) => void
  }): Promise<boolean>
}

/** The claims are no part of the library: built, they lie in one file beside it; in the sources, in their folder. */
const verifier = import.meta.url.endsWith('.ts') ? '../../proofs-check/verify.ts' : '../verify.js'

/**
 * The command `adadagrad verify`: checks the mathematics of docs/maths.md against this package.
 *
 * @example await verifyCommand().parseAsync(['--short', '--only', '3.2'], { from: 'user' })
 */
export function verifyCommand(): Command {
  return new Command('verify')
    .summary('the mathematics, checked: every claim with its margins, and a report')
    .description(
      'Checks every statement of the mathematics against this package: exactly where batches can be enumerated, with ' +
        'uncertainty where a rate is measured. Prints a table and writes report.html, report.md and report.json.',
    )
    .option('--short', 'less of everything: within a minute, where the full form takes up to ten')
    .option('--only <ids>', 'claims, separated by commas: 3.2,4', list)
    .option('--seed <n>', 'seed of all generated cases', seed, 1)
    .option('--path <path>', 'replay one case of the one claim given with --only, as a failure says')
    .option('--mutants', 'put broken functions in place of the real ones, and list which claims notice')
    .option('--output <folder>', 'where the report goes', pathArgument, 'runs/verify')
    .addHelpText(
      'after',
      `
Examples:
  adadagrad verify --short
  adadagrad verify --only 3.2,3.3
  adadagrad verify --short --mutants --output report`,
    )
    .action(async (flags: Omit<Parameters<Verifier['verify']>[0], 'print'>) => {
      if (flags.path !== undefined && flags.only?.length !== 1)
        throw new UsageError('verify: --path replays a case of one claim: give its id with --only')
      const { verify } = (await import(verifier)) as Verifier
      if (!(await verify({ ...flags, print: (line) => console.log(line) }))) process.exitCode = 1
    })
}

function list(value: string): string[] {
  const ids = value.split(',').map((id) => id.trim())
  if (ids.includes('')) throw new InvalidArgumentError(`expected ids separated by commas, got "${value}"`)
  return ids
}

function seed(value: string): number {
  const n = Number(value)
  if (value.trim() === '' || !Number.isSafeInteger(n))
    throw new InvalidArgumentError(`expected a whole number, got "${value}"`)
  return n
}
