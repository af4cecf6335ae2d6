import { AdadagradError } from '../../errors.ts'

/** The device went away, or refused a command: what it holds is gone, and no result of it may be used. */
export class DeviceError extends AdadagradError {
  override readonly name = 'DeviceError'
}
