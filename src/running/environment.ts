// What a run depends on beside its configuration; Node only.
import { availableParallelism } from 'node:os'
import type { Problem } from '../problems/problem.ts'
import type { Executor } from '../training/executor.ts'
import { packageVersion } from './version.ts'

/** Versions, machine, backend as it was found, sizes: for the record. */
export function environment({ backend, layout, perSample }: Executor, { train, test, validation }: Problem) {
  return {
    adadagrad: packageVersion(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processors: availableParallelism(),
    backend: { name: backend.name, ...backend.details },
    parameters: layout.size,
    trainingSamples: train.size,
    testSamples: test?.size ?? null,
    ...(validation && { validationSamples: validation.size }),
    statistics: perSample === 'fused' ? 'in the backward pass' : `sample by sample: ${perSample.sampleBySample}`,
  } as const
}
