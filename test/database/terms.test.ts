import fc from 'fast-check'
import {
  columnText,
  CUT,
  eachTerm,
  INDEX_BYTES,
  indexText,
  isCut,
  markerId,
  markerOf,
} from '../../src/database/terms.ts'

describe('what the tag index holds', () => {
  it('is text of at most so many bytes that every engine can keep, and says when it was cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const kept = indexText(text)
        const body = isCut(kept) ? kept.slice(0, -1) : kept
        expect(Buffer.byteLength(body)).toBeLessThanOrEqual(INDEX_BYTES)
        expect(Buffer.from(kept).toString()).toBe(kept)
        expect(body).not.toContain('\0')
        expect(body).not.toContain(CUT)
        expect(isCut(kept)).toBe(
          Buffer.byteLength(text.toWellFormed().replaceAll(/[\0\u0001]/g, '\ufffd')) > INDEX_BYTES,
        )
        expect(indexText(body)).toBe(body)
      }),
    )
  })

  it('keeps markers apart from values and from each other', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 40 }),
        fc.constantFrom('varies', 'absent', 'present'),
        (pathId, marker) => {
          const id = markerId(pathId, marker)
          expect(id).toBeLessThan(0)
          expect(markerOf(id)).toEqual({ pathId, marker })
        },
      ),
    )
  })

  it('has what is in sequences under the whole path, and knows what has no text', () => {
    const terms: [string, string | null][] = []
    eachTerm(
      '00400275',
      {
        vr: 'SQ',
        Value: [
          {
            '00080100': { vr: 'SH', Value: ['A', '', null] },
            '00091001': { vr: 'UN', InlineBinary: 'AA==' },
          },
          {
            '00321033': { vr: 'LO', Value: ['\ufffd'], undecoded: '/w==' },
            '00080020': { vr: 'DA', Value: ['soon'] },
          },
          {},
        ],
      },
      (path, value) => terms.push([path, value]),
    )
    expect(terms).toEqual([
      ['00400275 SQ', null],
      ['00400275.00080100 SH', 'A'],
      ['00400275.00091001 UN', null],
      ['00400275 SQ', null],
      ['00400275.00321033 LO', null],
      ['00400275.00080020 DA', null],
      ['00400275 SQ', null],
    ])
  })

  it('gives a name one term for each component group', () => {
    const terms: (string | null)[] = []
    const Value = [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }]
    eachTerm('00100010', { vr: 'PN', Value }, (_, value) => terms.push(value))
    expect(terms).toEqual(['YAMADA^TAROU', '山田^太郎'])
  })

  it('says whether a column tells all of its attribute', () => {
    expect(columnText(undefined)).toEqual({ text: '', exact: true })
    expect(columnText({ vr: 'LO', Value: [' A '] })).toEqual({ text: 'A', exact: true })
    expect(columnText({ vr: 'LO', Value: ['A', 'B'] })).toEqual({ text: 'A\\B', exact: false })
    // What has no normal form matches no key, and an empty column matches none either.
    expect(columnText({ vr: 'DA', Value: ['soon'] })).toEqual({ text: '', exact: true })
    expect(columnText({ vr: 'LO', Value: ['\ufffd'], undecoded: '/w==' })).toEqual({ text: '', exact: true })
  })
})
