import { entries, entryOf, keywordOf, nearestKeyword, tagOf, tagText } from '../../src/dicom/dictionary.ts'

describe('the dictionary', () => {
  it.each([
    ['00100010', 'PatientName', 'PN', false],
    ['7FE00010', 'PixelData', 'ox', false],
    ['00280106', 'SmallestImagePixelValue', 'xs', false],
    ['00283006', 'LUTData', 'lt', false],
    ['00041200', 'OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity', 'UL', false],
    ['00080001', 'LengthToEnd', 'UL', true],
    ['60003000', 'OverlayData', 'ox', false],
  ])('knows %s as %s', (tag, keyword, vr, retired) => {
    expect(entryOf(tag)).toEqual({ tag, keyword, vr, retired })
    expect(keywordOf(tag)).toBe(keyword)
    expect(tagOf(keyword)).toBe(tag)
  })

  it.each([
    ['60023000', 'OverlayData'],
    ['601E0010', 'OverlayRows'],
    ['50020005', 'CurveDimensions'],
    ['0010001a', undefined],
    ['60013000', undefined],
    ['00191010', undefined],
    ['FFFEE000', undefined],
    ['PatientName', undefined],
    ['__proto__', undefined],
  ])('gives %s the keyword %s', (tag, keyword) => {
    expect(keywordOf(tag)).toBe(keyword)
    expect(entryOf(tag)?.tag).toBe(keyword === undefined ? undefined : tag)
  })

  it('has no tag for what is no keyword', () => {
    expect([tagOf('patientname'), tagOf('constructor'), tagOf('')]).toEqual([undefined, undefined, undefined])
  })

  it('holds every keyword once, with a tag that leads back to it', () => {
    const all = [...entries()]
    expect(all.length).toBeGreaterThan(5000)
    expect(all.filter(({ keyword }) => tagOf(keyword) === undefined)).toEqual([])
    // Only a retired element may have lost its tag to a younger one.
    expect(all.filter(({ tag, keyword, retired }) => !retired && keywordOf(tag) !== keyword)).toEqual([])
    expect(all.filter(({ vr }) => !/^([A-Z]{2}|xs|ox|lt)$/u.test(vr))).toEqual([])
  })

  it('writes tags of any number', () => {
    for (const tag of [0, 1, 0x00100010, 0x7fe00010, 0xfffcfffc, 0xffffffff, 0x00100010]) {
      expect(tagText(tag)).toBe(tag.toString(16).toUpperCase().padStart(8, '0'))
    }
  })

  it.each([
    ['PatientNam', 'PatientName'],
    ['patientname', 'PatientName'],
    ['StudyInstanceUid', 'StudyInstanceUID'],
    ['ModalitesInStudy', 'ModalitiesInStudy'],
    ['AcessionNumber', 'AccessionNumber'],
    ['Xyzzy', undefined],
    ['', undefined],
    ['x'.repeat(10_000), undefined],
  ])('has for %s the nearest keyword %s', (name, keyword) => {
    expect(nearestKeyword(name)).toBe(keyword)
  })
})
