import { FAILURE, reasonHex, reasonMeaning, WARNING } from '../../src/dicom/reasons.ts'
import { transferSyntax, transferSyntaxes } from '../../src/dicom/transfer-syntax.ts'
import { isConformantUid } from '../../src/dicom/uid.ts'

const BASE = '1.2.840.10008.1.2'

describe('transfer syntaxes', () => {
  it('are told apart by what a reader must know', () => {
    const facts = (suffix: string) => {
      const { explicitVr, bigEndian, encapsulated, deflated, web } = transferSyntax(BASE + suffix)!
      return [explicitVr, bigEndian, encapsulated, deflated, web]
    }

    expect(facts('')).toEqual([false, false, false, false, false])
    expect(facts('.1')).toEqual([true, false, false, false, true])
    expect(facts('.1.99')).toEqual([true, false, false, true, true])
    expect(facts('.2')).toEqual([true, true, false, false, false])
    expect(facts('.4.50')).toEqual([true, false, true, false, true])
    expect(facts('.4.95')).toEqual([true, false, false, true, true])
    expect(transferSyntax('1.2.3')).toBeUndefined()
  })

  it.each([
    ['', 'application/octet-stream', '.1'],
    ['.2', 'application/octet-stream', '.1'],
    ['.1.99', 'application/octet-stream', '.1'],
    ['.1.98', 'application/octet-stream', '.1'],
    ['.4.57', 'image/jpeg', '.4.57'],
    ['.4.81', 'image/jls', '.4.81'],
    ['.4.90', 'image/jp2', '.4.90'],
    ['.4.93', 'image/jpx', '.4.93'],
    ['.4.112', 'image/jxl', '.4.112'],
    ['.4.202', 'image/jphc', '.4.202'],
    ['.5', 'image/dicom-rle', '.5'],
    ['.4.100.1', 'video/mpeg', '.4.100.1'],
    ['.4.106', 'video/mp4', '.4.106'],
    ['.4.108', 'video/H265', '.4.108'],
  ])('label a frame of %s as %s (PS3.18 Table 8.7.3-5)', (suffix, mediaType, frameSuffix) => {
    expect(transferSyntax(BASE + suffix)).toMatchObject({ mediaType, frameSyntax: BASE + frameSuffix })
  })

  it('are each there once', () => {
    const uids = transferSyntaxes().map(({ uid }) => uid)

    expect(new Set(uids).size).toBe(uids.length)
    expect(uids.every(isConformantUid)).toBe(true)
    expect(transferSyntaxes().every(({ video, mediaType }) => video === mediaType.startsWith('video/'))).toBe(
      true,
    )
  })
})

describe('reasons of the Store response', () => {
  it('have the codes of PS3.18 Annex I', () => {
    expect(Object.values(FAILURE).map(({ code }) => reasonHex(code))).toEqual([
      ...['0110', '0111', '0122', '0124', 'A700', 'A900', 'A901', 'A902', 'C000', 'C122'],
    ])
    expect(Object.values(WARNING).map(({ code }) => reasonHex(code))).toEqual(['B000', 'B006', 'B007'])
  })

  it('mean what their class means where the member is not ours', () => {
    expect(reasonMeaning(0xa7ff)).toBe(FAILURE.outOfResources.meaning)
    expect(reasonMeaning(0xa9ab)).toBe(FAILURE.notMatchingSopClass.meaning)
    expect(reasonMeaning(0xc001)).toBe(FAILURE.cannotUnderstand.meaning)
    expect(reasonMeaning(0xc122)).toBe(FAILURE.transferSyntaxNotSupported.meaning)
    expect(reasonMeaning(0x0001)).toBeUndefined()
  })
})
