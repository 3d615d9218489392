import fc from 'fast-check'
import { startedAt, zoneOffset } from '../../../src/fhir/mapping/started.ts'

const BERLIN = 'Europe/Berlin'

describe('a date and time as FHIR has it', () => {
  it.each([
    ['20240301', '091422.123', '+0100', undefined, '2024-03-01T09:14:22.123+01:00'],
    ['20240301', '091422.120000', '-0330', BERLIN, '2024-03-01T09:14:22.12-03:30'],
    ['20240301', '091422', '', BERLIN, '2024-03-01T09:14:22+01:00'],
    ['20240701', '091422', '', BERLIN, '2024-07-01T09:14:22+02:00'],
    ['20240701', '091422', '', 'Asia/Kolkata', '2024-07-01T09:14:22+05:30'],
    ['20240701', '0914', '', 'UTC', '2024-07-01T09:14:00+00:00'],
    // No offset and no zone: the instant is not known, and is not made up.
    ['20240301', '091422', '', undefined, '2024-03-01'],
    ['20240301', '09', '+0100', undefined, '2024-03-01'],
    ['20240301', '', '+0100', undefined, '2024-03-01'],
    ['20240301', '99', '+0100', undefined, '2024-03-01'],
    ['20240301', '235960', '+0100', undefined, '2024-03-01T23:59:59+01:00'],
    ['2024.03.01', '09:14:22', '+0100', undefined, '2024-03-01T09:14:22+01:00'],
    ['20240230', '091422', '+0100', undefined, undefined],
    ['', '091422', '+0100', undefined, undefined],
    ['20240301', '091422', '+1500', undefined, '2024-03-01'],
    ['20240301', '091422', 'CET', undefined, '2024-03-01'],
    // The hour that summer skips and the one that it tells twice.
    ['20240331', '023000', '', BERLIN, '2024-03-31T02:30:00+01:00'],
    ['20241027', '023000', '', BERLIN, '2024-10-27T02:30:00+02:00'],
  ])('%s %s %s in %s is %s', (date, time, offset, zone, expected) => {
    expect(startedAt(date, time, offset, zone)).toBe(expected)
  })

  it('names the instant at which clocks in the zone showed that time', () => {
    const zones = fc.constantFrom(
      BERLIN,
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'Pacific/Apia',
    )
    const instants = fc.date({
      min: new Date('1975-01-01'),
      max: new Date('2035-01-01'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(zones, instants, (timeZone, instant) => {
        instant.setMilliseconds(0)
        const shown = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
        const wall = shown.format(instant).replace(' ', 'T')
        const found = new Date(`${wall}${zoneOffset(timeZone, wall) ?? ''}`)
        // Where clocks tell an hour twice there are two such instants: clocks show the same at both.
        expect(shown.format(found)).toBe(shown.format(instant))
      }),
    )
  })
})
