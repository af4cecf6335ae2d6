import { InvalidArgumentError } from 'commander'

// Values of flags that no catalogue describes. An empty text is no number, although `Number('')` is 0.
const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text))

/** The path of a file or folder: an empty one would be the folder where the command is called, or nothing at all. */
export const pathArgument = (text: string) => {
  if (text.trim() !== '') return text
  throw new InvalidArgumentError('expected a path')
}

export const wholeNumber = (least: number) => (text: string) => {
  const value = numberOf(text)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new InvalidArgumentError(`expected a whole number of at least ${least}`)
}

export const positiveNumber = (text: string) => {
  const value = numberOf(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('expected a number above 0')
}
