/**
 * An error that the user can act on: a wrong argument, a malformed file, a run that diverged.
 *
 * The message alone must say what was given, what was expected and where; the command prints it without a stack trace.
 */
export class AdadagradError extends Error {
  override readonly name: string = 'AdadagradError'
}

/** What an error of the system says of itself: a full disk, a folder that may not be written to. */
export interface SystemDetails {
  readonly code: string
  readonly syscall: string
  readonly path?: string
}

/** Whether an error is the system's, whose message says all that there is: ours is no part of it. */
export const isSystemError = (error: unknown): error is Error & SystemDetails =>
  error instanceof Error && 'syscall' in error

/** The shapes given to an operation break its rule; thrown while tracing, before anything runs. */
export class ShapeError extends AdadagradError {
  override readonly name = 'ShapeError'
}

/** A value outside its domain: `η = 0`, a cap below the initial batch size. */
export class ConfigurationError extends AdadagradError {
  override readonly name = 'ConfigurationError'
}

/** A data file that is missing, truncated or of the wrong kind. The message names file, offset and expectation. */
export class DataError extends AdadagradError {
  override readonly name = 'DataError'
}

/** A loss or gradient that is not finite: the run stops here; its last checkpoint is of a state from which both were finite. */
export class DivergenceError extends AdadagradError {
  override readonly name = 'DivergenceError'
}
