import { readDate, readTime } from '../../dicom/times.ts'

/**
 * A FHIR dateTime of a DICOM date and time. With a time it SHALL have an offset (R4 §2.24.0.1), and a made-up one would
 * name another instant: so the offset is that of Timezone Offset From UTC (0008,0201), else that of the site's own zone
 * on that day, else the time is left out and the date stands alone. Undefined without a date.
 *
 * @param zone IANA name of the site's zone (SITE_TIMEZONE)
 */
export function startedAt(
  date: string,
  time: string,
  offset: string,
  zone: string | undefined,
): string | undefined {
  const day = readDate(date)?.from
  if (day === undefined) return undefined
  const iso = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`
  const clock = readTime(time)?.from
  // An hour alone is no time of FHIR: minutes are required there.
  if (clock === undefined || time.trim().length < 4) return iso
  const seconds = Math.min(Number(clock.slice(4, 6)), 59)
  const wall = `${iso}T${clock.slice(0, 2)}:${clock.slice(2, 4)}:${String(seconds).padStart(2, '0')}`
  const place = fhirOffset(offset) ?? (zone === undefined ? undefined : zoneOffset(zone, wall))
  return place === undefined ? iso : `${wall}${fraction(clock.slice(7))}${place}`
}

function fraction(digits: string): string {
  const kept = digits.replace(/0+$/u, '')
  return kept === '' ? '' : `.${kept}`
}

/** `+0130` as `+01:30`; undefined beyond what both standards know (-12:00 to +14:00; PS3.3 C.12.1.1.8). */
function fhirOffset(offset: string): string | undefined {
  const parts = /^([+-])(0\d|1[0-4])([0-5]\d)$/u.exec(offset.trim())
  if (!parts) return undefined
  const [, sign = '', hours = '', minutes = ''] = parts
  if (hours === '14' && minutes !== '00') return undefined
  return `${sign}${hours}:${minutes}`
}

/**
 * The offset that clocks in `zone` had when they showed `wall` (`YYYY-MM-DDTHH:MM:SS`). In the hour that is told twice
 * when summer ends, the first telling; in the hour that is skipped, the offset before the change.
 */
export function zoneOffset(zone: string, wall: string): string | undefined {
  const asUtc = Date.parse(`${wall}Z`)
  if (Number.isNaN(asUtc)) return undefined
  const formatter = formatterOf(zone)
  // The true instant lies within a day of `wall` read as UTC: the offsets a day before and after are all candidates.
  const before = offsetMinutes(formatter, asUtc - 86_400_000)
  const after = offsetMinutes(formatter, asUtc + 86_400_000)
  const fits = [before, after].find(
    (minutes) => offsetMinutes(formatter, asUtc - minutes * 60_000) === minutes,
  )
  const minutes = fits ?? before
  const sign = minutes < 0 ? '-' : '+'
  const size = Math.abs(minutes)
  return `${sign}${String(Math.trunc(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' })
    formatters.set(zone, formatter)
  }
  return formatter
}

/** Offsets of before the zones were made (local mean time, with seconds) are cut to minutes. */
function offsetMinutes(formatter: Intl.DateTimeFormat, instant: number): number {
  const name = formatter.formatToParts(instant).find((part) => part.type === 'timeZoneName')?.value ?? ''
  const parts = /GMT([+-])(\d\d):(\d\d)/u.exec(name)
  if (!parts) return 0
  const minutes = Number(parts[2]) * 60 + Number(parts[3])
  return parts[1] === '-' ? -minutes : minutes
}
