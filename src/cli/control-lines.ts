import type { ObservedStep } from '../batch-size/batch-size-controller.ts'
import { DataError } from '../errors.ts'
import { type GradientStatistics, merge } from '../statistics/gradient-statistics.ts'
import { fromMeasured, type Measured } from '../statistics/measured.ts'
import { fromWorkerMeans, fromWorkerNorms, type WorkerMean } from '../statistics/workers.ts'
import { show } from '../validate.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * What a step showed, from a line of JSON: the loss, and statistics of the whole batch, of workers, or of micro-batches.
 *
 * @throws DataError for what is no JSON object; ConfigurationError, ShapeError, DivergenceError for wrong numbers
 * @example observedStep('{"loss": 2.3, "batchSize": 8, "squaredNorm": 0.5, "sumSquaredNorms": 40}')
 */
export function observedStep(line: string): ObservedStep {
  const { loss, population, ...rest } = parsed(line)
  return {
    loss: loss as number,
    statistics: statisticsOf(rest),
    ...(population !== undefined && { population: fromMeasured(population as Measured) }),
  }
}

function statisticsOf({ workers, microBatches, ...rest }: Fields): GradientStatistics {
  if (workers === undefined && microBatches === undefined) return fromMeasured(rest as unknown as Measured)
  if (microBatches !== undefined) {
    only('microBatches', workers === undefined ? rest : { workers, ...rest }, [])
    return list('microBatches', microBatches)
      .map((each) => fromMeasured(each as unknown as Measured))
      .reduce(merge)
  }
  const parts = list('workers', workers)
  if (parts.every(({ mean }) => Array.isArray(mean))) {
    only('workers with mean', rest, [])
    return fromWorkerMeans(parts as unknown as readonly WorkerMean[])
  }
  only('workers', rest, ['squaredNorm'])
  return fromWorkerNorms(parts as unknown as { batchSize: number; squaredNorm: number }[], rest.squaredNorm as number)
}

function parsed(line: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new DataError(`not JSON: ${(cause as Error).message}`, { cause })
  }
  return object('a step', value)
}

function object(what: string, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new DataError(`${what} must be an object, got ${show(value)}`)
  return value as Fields
}

function list(name: string, value: unknown): readonly Fields[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new DataError(`${name} must be a list with at least one entry, got ${show(value)}`)
  return value.map((each, k) => object(`${name}[${k}]`, each))
}

function only(beside: string, rest: Fields, known: readonly string[]): void {
  const unknown = Object.keys(rest).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new DataError(`unknown field ${unknown} beside ${beside}`)
}
