import type { ParsedInstance } from '../../src/dicom/data-set.ts'
import { frameExtents, readPixelMap } from '../../src/dicom/pixel-map.ts'
import { readPart10, Unreadable } from '../../src/dicom/reader.ts'
import {
  element,
  header,
  identity,
  instance,
  item,
  JPEG,
  LITTLE,
  part10,
  sequence,
  tagBytes,
  u16,
  u32,
  UNDEFINED,
} from './part10-bytes.ts'

const causes = ({ oddities }: ParsedInstance): string[] => oddities.map(({ text }) => text)
const size = (NumberOfFrames: number): Buffer[] => [
  element('00280002', 'US', u16(1)),
  element('00280008', 'IS', `${NumberOfFrames}`),
  element('00280010', 'US', u16(4)),
  element('00280011', 'US', u16(4)),
  element('00280100', 'US', u16(8)),
]
const file = (elements: readonly Buffer[], uid = LITTLE): Buffer =>
  part10(Buffer.concat([...identity(), ...elements]), uid)

/** The bytes of frame `n`, as the map that the reader made says. */
function frame(bytes: Buffer, parsed: ParsedInstance, n: number): Buffer | null {
  const extents = frameExtents(readPixelMap(parsed.pixelMap!), n)
  return (
    extents && Buffer.concat(extents.map(({ offset, length }) => bytes.subarray(offset, offset + length)))
  )
}
const jpeg = (fill: number, length: number): Buffer =>
  Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(length - 5, fill), Buffer.from([0xff, 0xd9])])

describe('native pixel data', () => {
  const one = Buffer.alloc(16, 1)
  const two = Buffer.alloc(16, 2)

  it('is no attribute, and its frames are found', () => {
    const bytes = file([...size(2), element('7FE00010', 'OB', Buffer.concat([one, two]))])
    const parsed = readPart10(bytes)
    expect(parsed.dataSet['7FE00010']).toBeUndefined()
    expect([frame(bytes, parsed, 1), frame(bytes, parsed, 2), frame(bytes, parsed, 3)]).toEqual([
      one,
      two,
      null,
    ])
    expect(parsed).toMatchObject({ damaged: false, oddities: [] })
  })

  it.each(['7FE00008', '7FE00009'])('may be of floats: %s', (tag) => {
    const parsed = readPart10(
      file([...size(1), element(tag, tag === '7FE00008' ? 'OF' : 'OD', Buffer.alloc(64))]),
    )
    expect(readPixelMap(parsed.pixelMap!).tag).toBe(tag)
    expect(parsed.dataSet[tag]).toBeUndefined()
  })

  it('that ends early is kept and marked, with the frames that are there', () => {
    const whole = file([...size(2), element('7FE00010', 'OB', Buffer.concat([one, two]))])
    const bytes = whole.subarray(0, -1)
    const parsed = readPart10(bytes)
    expect(parsed).toMatchObject({
      damaged: true,
      oddities: [{ reason: 0xb007, text: '(7FE0,0010) ends early' }],
    })
    expect([frame(bytes, parsed, 1), frame(bytes, parsed, 2)]).toEqual([one, null])
  })

  it('of no length makes no map', () => {
    expect(readPart10(file([...size(1), element('7FE00010', 'OW')])).pixelMap).toBeNull()
  })

  it('in an item is binary like any other', () => {
    const icon = sequence('00880200', [item(element('7FE00010', 'OB', Buffer.alloc(2000, 3)))])
    const bytes = instance([icon])
    const parsed = readPart10(bytes)
    const [inner] = parsed.dataSet['00880200']!.Value as Record<string, { offset: number; length: number }>[]
    const { offset, length } = inner!['7FE00010']!
    expect(bytes.subarray(offset, offset + length)).toEqual(Buffer.alloc(2000, 3))
    expect(parsed.pixelMap).toBeNull()
  })

  it('is followed by what follows it', () => {
    const parsed = readPart10(
      file([...size(1), element('7FE00010', 'OB', one), element('FFFCFFFC', 'OB', Buffer.alloc(6))]),
    )
    expect(parsed.dataSet['FFFCFFFC']).toEqual({ vr: 'OB', InlineBinary: 'AAAAAAAA' })
    expect(parsed.oddities).toEqual([])
  })

  it.each([
    ['zeros', Buffer.alloc(500)],
    ['three zeros', Buffer.alloc(3)],
    ['text', Buffer.from('and something else that is no DICOM')],
    ['an element that is cut', header('FFFCFFFC', 'OB', 500)],
    ['a sequence that is cut', Buffer.concat([header('FFFAFFFA', 'SQ', UNDEFINED), tagBytes('FFFEE000')])],
  ])('may be followed by %s', (_, more) => {
    const bytes = file([...size(1), element('7FE00010', 'OB', one), more])
    const parsed = readPart10(bytes)
    expect(frame(bytes, parsed, 1)).toEqual(one)
    expect(parsed).toMatchObject({ damaged: false, size: bytes.length })
    expect(causes(parsed)).toHaveLength(1)
    expect(causes(parsed)[0]).toMatch(/bytes behind the data set/u)
    expect(Object.keys(parsed.dataSet).filter((tag) => tag > '7FE00010')).toEqual([])
  })

  it('that comes twice counts once', () => {
    const bytes = file([...size(1), element('7FE00010', 'OB', one), element('7FE00010', 'OB', two)])
    const parsed = readPart10(bytes)
    expect(frame(bytes, parsed, 1)).toEqual(one)
    expect(causes(parsed)).toEqual(['(7FE0,0010) is pixel data for a second time'])
  })
})

describe('without pixel data', () => {
  it('zeros may follow the data set, anything else may not', () => {
    expect(causes(readPart10(file([Buffer.alloc(500)])))).toEqual(['has zero bytes behind the data set'])
    expect(causes(readPart10(file([Buffer.alloc(5)])))).toEqual(['has zero bytes behind the data set'])
    expect(() => readPart10(file([Buffer.alloc(500), Buffer.from('x')]))).toThrow(Unreadable)
    expect(() => readPart10(file([Buffer.from('xyz')]))).toThrow(Unreadable)
  })
})

describe('encapsulated pixel data', () => {
  const one = jpeg(1, 40)
  const two = jpeg(2, 18)
  const start = [header('7FE00010', 'OB', UNDEFINED), item(Buffer.alloc(0))]
  const end = [tagBytes('FFFEE0DD'), u32(0)]

  it('has its frames found', () => {
    const bytes = file([...size(2), ...start, item(one), item(two), ...end], JPEG)
    const parsed = readPart10(bytes)
    expect([frame(bytes, parsed, 1), frame(bytes, parsed, 2)]).toEqual([one, two])
    expect(parsed).toMatchObject({ damaged: false, oddities: [] })
  })

  it('has its offset tables believed', () => {
    const table = item(Buffer.concat([u32(0), u32(8 + 40)]))
    const bytes = file([...size(2), start[0]!, table, item(one), item(two), ...end], JPEG)
    const parsed = readPart10(bytes)
    expect([frame(bytes, parsed, 1), frame(bytes, parsed, 2)]).toEqual([one, two])
  })

  it('has its extended offset table read', () => {
    const offsets = Buffer.from(BigUint64Array.from([0n, 48n]).buffer)
    const lengths = Buffer.from(BigUint64Array.from([39n, 18n]).buffer)
    const tables = [element('7FE00001', 'OV', offsets), element('7FE00002', 'OV', lengths)]
    const bytes = file([...size(2), ...tables, ...start, item(one), item(two), ...end], JPEG)
    const parsed = readPart10(bytes)
    expect(parsed.dataSet['7FE00001']).toEqual({ vr: 'OV', InlineBinary: offsets.toString('base64') })
    // The first frame is one byte shorter than its fragment: the pad byte.
    expect([frame(bytes, parsed, 1), frame(bytes, parsed, 2)]).toEqual([one.subarray(0, -1), two])
  })

  it.each([
    ['its delimiter', [item(one), item(two)], [one, two]],
    ['half its delimiter', [item(one), item(two), tagBytes('FFFEE0DD')], [one, two]],
    [
      'its last pad byte',
      [item(one), item(Buffer.concat([jpeg(2, 17), Buffer.alloc(1)])).subarray(0, -1)],
      [one, jpeg(2, 17)],
    ],
    ['half a fragment', [item(one), item(two).subarray(0, -9)], [one, null]],
  ])('that lacks %s is kept and marked', (_, items, frames) => {
    const bytes = file([...size(2), ...start, ...items], JPEG)
    const parsed = readPart10(bytes)
    expect(parsed).toMatchObject({ damaged: true, oddities: [{ reason: 0xb007 }] })
    expect([frame(bytes, parsed, 1), frame(bytes, parsed, 2)]).toEqual(frames)
  })

  it('that lacks its delimiter may be followed by an element', () => {
    const more = element('FFFCFFFC', 'OB', Buffer.alloc(6))
    const parsed = readPart10(file([...size(1), ...start, item(one), more], JPEG))
    expect(parsed.damaged).toBe(true)
    expect(parsed.dataSet['FFFCFFFC']).toEqual({ vr: 'OB', InlineBinary: 'AAAAAAAA' })
  })

  it('in an item is given by its place, and may not end early', () => {
    const content = Buffer.concat([item(Buffer.alloc(0)), item(one)])
    const icon = Buffer.concat([header('7FE00010', 'OB', UNDEFINED), content, ...end])
    const bytes = instance([sequence('00880200', [item(icon)])])
    const [inner] = readPart10(bytes).dataSet['00880200']!.Value as Record<
      string,
      { offset: number; length: number }
    >[]
    const { offset, length } = inner!['7FE00010']!
    expect(bytes.subarray(offset, offset + length)).toEqual(content)
    const cut = instance([sequence('00880200', [item(icon, true)], { delimited: true })]).subarray(0, -100)
    expect(() => readPart10(cut)).toThrow(Unreadable)
  })

  it('whose offset table is larger than the header may be is refused', () => {
    const bytes = file([...size(1), start[0]!, tagBytes('FFFEE000'), u32(4000)], JPEG)
    expect(() => readPart10(bytes, { headerBytes: 2000 })).toThrow(/larger than 2000 bytes/u)
  })
})
