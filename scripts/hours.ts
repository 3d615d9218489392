import { InvalidArgumentError, Option } from 'commander'

/** `--grace HOURS`: 24 of them unless told otherwise; `grace` of the options is in milliseconds. */
export function graceOption(description: string): Option {
  return new Option('--grace <hours>', description).argParser(hours).default(hours('24'), '24')
}

function hours(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value * 3_600_000
  throw new InvalidArgumentError('It must be a number of hours.')
}
