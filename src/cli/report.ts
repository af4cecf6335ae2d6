import { CommanderError } from 'commander'
import { AdadagradError, isSystemError } from '../errors.ts'

/** Exit codes of the command. */
export const exitCodes = { failed: 1, usage: 2, interrupted: 130 } as const

/**
 * Says what went wrong, a mistake of the user's in its own words and anything else with its stack.
 *
 * @returns the exit code
 */
export function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    // Help that was printed for want of a command is a usage error without a message of its own.
    if (error.code !== 'commander.help') console.error(oneLine(error.message))
    return exitCodes.usage
  }
  if (error instanceof AdadagradError) {
    console.error(`error: ${error.message}`)
    return error.name === 'UsageError' ? exitCodes.usage : exitCodes.failed
  }
  // What arrays say when there is no room: a number was larger than anybody meant.
  if (error instanceof RangeError && /typed array length|array buffer|allocat|out of memory/i.test(error.message))
    console.error(`error: not enough memory for what was asked: ${error.message}`)
  // A full disk, a folder that may not be written to: the system's own words say it.
  else if (isSystemError(error)) console.error(`error: ${error.message}`)
  else console.error(error)
  return exitCodes.failed
}

/** commander puts its suggestion on a line of its own. */
const oneLine = (message: string): string =>
  message.replace(/\n\(Did you mean (.*)\?\)/s, ', did you mean $1?').replaceAll('\n', ' ')
