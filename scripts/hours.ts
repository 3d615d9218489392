import { InvalidArgumentError } from 'commander'

/** Hours as a person writes them, in milliseconds. */
export function hours(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value * 3_600_000
  throw new InvalidArgumentError('It must be a number of hours.')
}
