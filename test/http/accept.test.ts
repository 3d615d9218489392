import fc from 'fast-check'
import { parseAccept, selectMedia } from '../../src/http/accept.ts'

const QIDO = [
  { media: 'application/dicom+json' },
  { media: 'application/json' },
  { media: 'multipart/related', part: 'application/dicom+xml' },
]
const INSTANCE = [{ media: 'multipart/related', part: 'application/dicom' }, { media: 'application/dicom' }]
const FRAMES = [
  { media: 'multipart/related', part: 'application/octet-stream' },
  { media: 'multipart/related', part: 'image/jpeg' },
]

const chosen = (
  header: string | undefined,
  offers: { media: string; part?: string }[],
  accept: string[] = [],
) => {
  const found = selectMedia(parseAccept(header, accept), offers)
  return found && [found.offer.media, found.offer.part, found.range.transferSyntax].filter(Boolean).join(' ')
}

describe('Accept (PS3.18 §8.7, dicomweb.md T1)', () => {
  it.each([
    [undefined, 'application/dicom+json'],
    ['', 'application/dicom+json'],
    ['*/*', 'application/dicom+json'],
    ['*', 'application/dicom+json'],
    ['application/dicom+json', 'application/dicom+json'],
    ['Application/DICOM+JSON', 'application/dicom+json'],
    ['application/json', 'application/json'],
    ['application/dicom+json, application/json', 'application/dicom+json'],
    ['application/json;q=0.5, application/dicom+json;q=0.4', 'application/json'],
    [
      'application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*',
      'application/dicom+json',
    ],
    ['multipart/related; type="application/dicom+xml"', 'multipart/related application/dicom+xml'],
    ['multipart/related', 'multipart/related application/dicom+xml'],
    ['text/html, image/gif, image/jpeg, */*; q=.2', 'application/dicom+json'],
    ['text/html', null],
    ['application/dicom+xml', null],
    ['image/jpeg', null],
    ['application/dicom+json;q=0', null],
    ['application/dicom+json;q=0, */*', 'application/json'],
    ['garbage', null],
    [',,;;,', null],
  ])('search with %j gives %j', (header, media) => {
    expect(chosen(header, QIDO)).toBe(media)
  })

  it.each([
    ['multipart/related; type="application/dicom"', 'multipart/related application/dicom'],
    ['multipart/related; TYPE=application/dicom', 'multipart/related application/dicom'],
    ['multipart/related; type=" application/dicom"', 'multipart/related application/dicom'],
    [
      'multipart/related; type="application/dicom"; transfer-syntax=*',
      'multipart/related application/dicom *',
    ],
    [
      'multipart/related; type="application/dicom"; transfer-syntax="*"',
      'multipart/related application/dicom *',
    ],
    ['multipart/related; type="*/*"', 'multipart/related application/dicom'],
    ['multipart/related', 'multipart/related application/dicom'],
    ['application/dicom', 'application/dicom'],
    ['multipart/related, multipart/related; type="application/dicom"; q=0', null],
    [
      'multipart/related; type="application/*"; q=0, multipart/related; type="application/dicom"',
      'multipart/related application/dicom',
    ],
  ])('an instance with %j gives %j', (header, media) => {
    expect(chosen(header, INSTANCE)).toBe(media)
  })

  it('keeps every transfer syntax of an entry that names two, the first first', () => {
    const header =
      'multipart/related; type="image/jls"; transfer-syntax="1.2.840.10008.1.2.4.80"; transfer-syntax="*"'
    expect(parseAccept(header)).toEqual([
      { media: 'multipart/related', part: 'image/jls', transferSyntax: '1.2.840.10008.1.2.4.80', q: 1 },
      { media: 'multipart/related', part: 'image/jls', transferSyntax: '*', q: 1 },
    ])
  })

  it('takes a media type without a name for the type of the parts', () => {
    expect(parseAccept('multipart/related; image/dicom+jpx; transfer-syntax=*; boundary=**')).toEqual([
      { media: 'multipart/related', part: 'image/dicom+jpx', transferSyntax: '*', q: 1 },
    ])
    expect(chosen('multipart/related; type="image/*"', FRAMES)).toBe('multipart/related image/jpeg')
  })

  it('looks at the accept parameter before the header, and puts its plus back', () => {
    expect(chosen('application/json', QIDO, ['application/dicom json'])).toBe('application/dicom+json')
    expect(chosen('application/json', QIDO, ['image/jpeg'])).toBe('application/json')
    expect(chosen(undefined, QIDO, ['image/jpeg'])).toBeNull()
  })

  it('never throws, whatever the header is', () => {
    fc.assert(
      fc.property(
        fc.string({
          maxLength: 300,
          unit: fc.constantFrom('a', '*', '/', ';', ',', '=', '"', '\\', ' ', 'q', '.', '0'),
        }),
        (header) => {
          for (const { q, media } of parseAccept(header)) {
            expect(q).toBeGreaterThanOrEqual(0)
            expect(media).toContain('/')
          }
        },
      ),
    )
  })
})
