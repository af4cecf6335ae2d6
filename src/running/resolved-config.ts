import type { Named, RunConfig } from '../config/schema.ts'
import type { environment } from './environment.ts'

/** A configuration that leaves nothing open. It can be given again as a configuration; `environment` is then ignored. */
export type ResolvedConfig = RunConfig & {
  readonly optimizer: Named
  readonly learningRate: Named
  readonly batchSize: Named
  readonly chunkSize: number
  readonly environment: ReturnType<typeof environment>
}
