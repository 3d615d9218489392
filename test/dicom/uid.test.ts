import fc from 'fast-check'
import { isConformantUid, isUid, newUid, uidFrom, uidFromUuid, uuidv5, uuidv7 } from '../../src/dicom/uid.ts'

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'

describe('UIDs', () => {
  it('are digits and dots, at most 64 characters', () => {
    const good = ['1', '1.2.840.10008.1.2', '0.0', `1.${'2'.repeat(62)}`]
    const bad = [
      '',
      '.',
      '1.',
      '.1',
      '1..2',
      '1.a',
      ' 1',
      '1\n',
      `1.${'2'.repeat(63)}`,
      '../../etc/passwd',
      '１.2',
    ]

    expect(good.filter((uid) => !isUid(uid) || !isConformantUid(uid))).toEqual([])
    expect(bad.filter((uid) => isUid(uid) || isConformantUid(uid))).toEqual([])
    expect([isUid('1.02.3'), isConformantUid('1.02.3')]).toEqual([true, false])
  })

  it('are made of UUIDs under 2.25, new ones every time, derived ones the same every time', () => {
    expect(uidFromUuid('f81d4fae-7dec-11d0-a765-00a0c91e6bf6')).toBe(
      '2.25.329800735698586629295641978511506172918',
    )
    expect(isConformantUid(newUid())).toBe(true)
    expect(newUid()).not.toBe(newUid())
    expect(uidFrom(DNS, 'a')).toBe(uidFrom(DNS, 'a'))
    expect(uidFrom(DNS, 'a')).not.toBe(uidFrom(DNS, 'b'))
  })

  it('are conformant for every UUID', () => {
    fc.assert(fc.property(fc.uuid(), (uuid) => expect(isConformantUid(uidFromUuid(uuid))).toBe(true)))
  })
})

describe('UUIDs', () => {
  it('of version 5 are those of RFC 9562 Appendix A.4', () => {
    expect(uuidv5(DNS, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
    expect(() => uuidv5('no uuid', 'x')).toThrow('namespace')
  })

  it('of version 7 say when, and sort by it', () => {
    const at = 0x017f22e279b0
    const uuid = uuidv7(at)

    expect(uuid).toMatch(/^017f22e2-79b0-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(uuidv7(at + 1) > uuid).toBe(true)
    expect(uuidv7()).not.toBe(uuidv7())
  })
})
