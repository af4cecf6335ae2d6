import { Command, InvalidArgumentError, Option } from 'commander'
import { backendFamily } from '../backends/choices.ts'
import { modelFamily } from '../nn/models.ts'
import { classification } from '../problems/objective.ts'
import { createExecutor } from '../training/executor.ts'
import { type InputFiles, loadBatch } from './statistics-inputs.ts'
import { type ReportOptions, report, type StatisticsOutput } from './statistics-report.ts'
import { statisticsTable } from './statistics-table.ts'
import { UsageError } from './usage-error.ts'

/** The flags, as commander hands them over. */
interface Flags extends Omit<ReportOptions, 'official'>, InputFiles {
  readonly official?: true
  readonly microBatches?: number
  readonly backend: string
  readonly simd?: string
  readonly groups?: number
  readonly json?: true
}

/**
 * The command `adadagrad statistics`: what one batch says about the gradients of a PyTorch network, as JSON or a table.
 *
 * @example await statisticsCommand().parseAsync(['--model', 'logistic', …, '--json'], { from: 'user' })
 */
export function statisticsCommand(): Command {
  const names = (family: { readonly choices: readonly { readonly name: string }[] }) =>
    family.choices.map(({ name }) => name)
  return new Command('statistics')
    .summary('gradient statistics of a PyTorch network on one batch')
    .description(
      'What one batch says about the gradients of a network: its variances, what each batch-size test makes of them, and ' +
        'the noise scales that others use.',
    )
    .addOption(new Option('--model <name>', 'the network').choices(names(modelFamily)).makeOptionMandatory())
    .requiredOption('--weights <file>', 'safetensors, float32, named and laid out as the state dict of torch.nn')
    .requiredOption('--inputs <file>', 'npy, float32 [b, C, H, W]')
    .requiredOption('--labels <file>', 'npy, int32 or int64 [b]')
    .addOption(
      new Option('--level <level>', 'how much to measure')
        .choices(['all', 'none', 'norms', 'coordinates', 'projections'])
        .default('all'),
    )
    .option('--eta <η>', 'of the norm test and the coordinate test', number, 0.1)
    .option('--theta <ϑ>', 'of the inner product test', number, 0.5)
    .option('--nu <ν>', 'of the orthogonality test', number, 1)
    .option('--alpha <α>', 'of CABS, in its paper the learning rate', number, 1)
    .option('--scale <S>', 'of AdaScale: the scale whose gain over this batch size is asked', number, 2)
    .option(
      '--initial-loss <F₀>',
      'of AdaDamp: the loss at the start of training, where this was the batch size',
      number,
    )
    .option('--official', "the official code's formulas, deviations included, instead of the exact ones")
    .option('--micro-batches <m>', 'with --official: pool the variance over m micro-batches', whole)
    .option('--groups <n>', 'groups of each normalisation of resnet18 (default: 32)', whole)
    .addOption(
      new Option('--backend <name>', backendFamily.help).choices(names(backendFamily)).default(backendFamily.default),
    )
    .addOption(
      new Option('--simd <kind>', 'kernels of --backend wasm (default: strict)').choices(['strict', 'relaxed', 'auto']),
    )
    .option('--json', 'print one JSON object instead of a table')
    .addHelpText(
      'after',
      `
Example, in Python and then in the shell:
  safetensors.torch.save_file(model.state_dict(), "weights.safetensors")
  numpy.save("inputs.npy", images.astype("float32")); numpy.save("labels.npy", labels)
  adadagrad statistics --model mnist-cnn --weights weights.safetensors --inputs inputs.npy --labels labels.npy`,
    )
    .action(async (flags: Flags) => {
      const output = await statistics(flags)
      // JSON has no Infinity: a batch size that no number is enough for is null there, with the verdict zero-gradient.
      console.log(flags.json ? JSON.stringify(output, null, 2) : statisticsTable(output))
    })
}

async function statistics(flags: Flags): Promise<StatisticsOutput> {
  const { official, microBatches, simd, groups } = flags
  if (microBatches !== undefined && !official)
    throw new UsageError(
      '--micro-batches belongs to --official: the exact formulas do not depend on how a batch is cut',
    )
  if (simd !== undefined && flags.backend !== 'wasm')
    throw new UsageError(`--simd belongs to --backend wasm, not to ${flags.backend}`)
  if (groups !== undefined && flags.model !== 'resnet18')
    throw new UsageError(`--groups belongs to --model resnet18, not to ${flags.model}`)
  const pooling = official && { microBatches: microBatches ?? 1 }

  const modelOptions = flags.model === 'resnet18' ? { groups: groups ?? 32 } : {}
  const { model, parameters, batch } = await loadBatch({ ...flags, modelOptions })
  const choice = backendFamily.choices.find(({ name }) => name === flags.backend)!
  const backend = await choice.make({ simd: simd ?? 'strict' })
  const executor = await createExecutor({ backend, objective: classification(model), dataset: batch })
  executor.parameters.set(parameters)
  const indices = Uint32Array.from({ length: batch.size }, (_, i) => i)
  return {
    model: model.name,
    parameters: executor.layout.size,
    backend: { name: backend.name, ...backend.details },
    level: flags.level,
    formulas: official ? 'official' : 'exact',
    ...(pooling && pooling),
    ...(await report(executor, indices, { ...flags, ...(pooling && { official: pooling }) } as ReportOptions)),
  }
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

function whole(text: string): number {
  const value = number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number of at least 1.')
  return value
}
