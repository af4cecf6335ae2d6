import { AdadagradError } from '../errors.ts'

/** The command line itself is wrong; exit code 2. */
export class UsageError extends AdadagradError {
  override readonly name = 'UsageError'
}
