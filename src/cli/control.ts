import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import writeFileAtomic from 'write-file-atomic'
import {
  type BatchSizeController,
  batchSizeController,
  type SavedController,
} from '../batch-size/batch-size-controller.ts'
import type { BatchPolicy } from '../batch-size/policy.ts'
import { families } from '../catalogue/index.ts'
import { checkConfig } from '../config/check.ts'
import { complete, make } from '../config/complete.ts'
import { AdadagradError, DataError } from '../errors.ts'
import { applyFlags } from './apply-flags.ts'
import { observedStep } from './control-lines.ts'
import { catalogueFlags, commanderFlags, type FlagRow, givenFlags } from './flags.ts'
import { UsageError } from './usage-error.ts'

/** `adadagrad control`: the batch size of a training loop in another language, through lines of JSON. */
export function controlCommand(): Command {
  const rows = policyFlags()
  const command = new Command('control')
    .summary('the next batch size, for a training loop in another language: JSON lines in and out')
    .description(
      'Reads what each step of a training loop showed, one JSON object a line, and answers with the batch size of the next\n' +
        'step. The first line that it prints is about the first step, before anything is read.',
    )
    .option('--state <file>', 'go on from this file if it is there, and keep it up to date')
    .addHelpText(
      'after',
      `
A line has the mean loss and one of these; g_i is the gradient of sample i's own loss, not divided by the batch size:
  {"loss": 2.3, "batchSize": 8, "squaredNorm": ‖ḡ‖², "sumSquaredNorms": Σ‖g_i‖²}    or "mean": ḡ, [d]
     with "projections": ⟨g_i, ḡ⟩, [b], for tests of inner products; "sumSquares": Σ g_i∘g_i, [d], for coordinates
  {"loss": 2.3, "workers": [{"batchSize": 8, "squaredNorm": ‖ḡ_k‖²}, …], "squaredNorm": ‖ḡ‖²}    or each with "mean": ḡ_k
  {"loss": 2.3, "microBatches": [{"batchSize": 8, "mean": ḡ_k, "sumSquaredNorms": Σ‖g_i‖²}, …]}

Examples:
  adadagrad control --test norm --eta 0.5 --batch-size 32 --max-batch-size 65536 --state controller.json
  adadagrad control --batch-policy noise-scale --max-batch-size 65536`,
    )
  for (const flag of commanderFlags(rows)) command.addOption(flag)
  return command.action(async (options: Record<string, string | boolean | undefined>) => {
    await control(policyOf(rows, givenFlags(command, rows, options)), options.state as string | undefined)
  })
}

/** The flags of batch policies, their tests and gains. */
function policyFlags(): Map<string, FlagRow> {
  const keys: unknown[] = ['batchSize', 'gain']
  const ours = ({ selects, owners }: FlagRow) =>
    keys.includes(selects?.key) || owners.some(({ path }) => keys.includes(path[0]))
  return new Map([...catalogueFlags()].filter(([, row]) => ours(row)))
}

function policyOf(rows: ReadonlyMap<string, FlagRow>, given: ReturnType<typeof givenFlags>): BatchPolicy {
  const { raw, place } = applyFlags(rows, given)
  try {
    const config = checkConfig(raw, place)
    const policy = make(
      families.batchSize,
      complete(families.batchSize, config.batchSize!, {}, place, ['batchSize']),
      undefined,
    )
    return make(families.gain, complete(families.gain, config.gain!, {}, place, ['gain']), undefined)(policy)
  } catch (error) {
    throw error instanceof AdadagradError ? new UsageError(error.message) : error
  }
}

async function control(policy: BatchPolicy, file: string | undefined): Promise<void> {
  const controller = file === undefined ? batchSizeController(policy) : restored(policy, file)
  answer(controller)
  let number = 0
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1
    if (line.trim() === '') continue
    try {
      const { test } = controller.next(observedStep(line))
      if (file !== undefined) await writeFileAtomic(file, `${JSON.stringify(controller)}\n`)
      answer(controller, { test })
    } catch (error) {
      throw error instanceof AdadagradError
        ? new DataError(`line ${number}: ${error.message}`, { cause: error })
        : error
    }
  }
}

function answer({ step, samples, batchSize, learningRateFactor, level }: BatchSizeController, more: object = {}): void {
  console.log(JSON.stringify({ step, samples, batchSize, learningRateFactor, level, ...more }))
}

/** Goes on from a file, or starts where there is none. */
function restored(policy: BatchPolicy, file: string): BatchSizeController {
  if (!existsSync(file)) return batchSizeController(policy)
  try {
    return batchSizeController(policy, JSON.parse(readFileSync(file, 'utf8')) as SavedController)
  } catch (cause) {
    throw new DataError(`${file}: ${(cause as Error).message}`, { cause })
  }
}
