import fc from 'fast-check'
import { hrefOf, LEVELS, readRoute, type Route } from '../../src/console/route.js'
import { guesses, hintsFor, queryOf, readTerm, requestOf, termsOf } from '../../src/console/terms.js'
import { readSearchParams } from '../../src/http/query-params.ts'

const keywords = fc.constantFrom(
  'PatientName',
  'StudyDescription',
  '00100020',
  '0019xx01;ACME 1.1; & CO',
  'ContentSequence.TextValue',
)
const words = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((text) => text.isWellFormed() && !text.includes('\0') && !/[*?]/.test(text))
const uids = fc.stringMatching(/^[1-9]\d{0,3}(\.[1-9]\d{0,5}){3,6}$/)

describe('terms of the search box', () => {
  it('come back from the address as they went into it', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ name: keywords, value: words })), (terms) => {
        expect(termsOf(queryOf(terms))).toEqual(terms)
      }),
    )
  })

  it('make a request that the service reads as the same keys', () => {
    fc.assert(
      fc.property(keywords, words, (name, value) => {
        const read = readSearchParams(requestOf([{ name, value }], { limit: 25 }))
        expect(read.keys).toHaveLength(1)
        expect([read.limit, read.total, read.warnings]).toEqual([25, true, []])
      }),
    )
  })

  it('ask for what has no value when that is typed', () => {
    const read = readSearchParams(requestOf([{ name: 'AccessionNumber', value: '""' }], { limit: 1 }))
    expect(read.keys[0]?.match).toEqual({ kind: 'empty' })
  })

  it.each([
    ['Modality=CT', { name: 'Modality', value: 'CT' }],
    [' PatientName = Doe^J* ', { name: 'PatientName', value: 'Doe^J*' }],
    ['0019xx01;A=B', { name: '0019xx01;A', value: 'B' }],
    ['StudyDescription=a=b', { name: 'StudyDescription', value: 'a=b' }],
    ['Modality=', undefined],
    ['=CT', undefined],
    ['doe', undefined],
  ])('are read from %j as typed', (text, term) => expect(readTerm(text)).toEqual(term))

  it('are guessed of a bare word as names first, and of a UID as identifiers', () => {
    expect(guesses('doe')[0]?.term).toEqual({ name: 'PatientName', value: '*doe*' })
    expect(guesses('d?e')[0]?.term).toEqual({ name: 'PatientName', value: 'd?e' })
    fc.assert(
      fc.property(uids, (uid) => {
        expect(guesses(uid).map(({ term }) => term.name)).toEqual([
          'StudyInstanceUID',
          'SeriesInstanceUID',
          'SOPInstanceUID',
        ])
      }),
    )
    expect(guesses('  ')).toEqual([])
  })

  it('are each explained by examples that the service takes', () => {
    const examples = [
      ['PatientName', 'PN'],
      ['StudyDate', 'DA'],
      ['StudyTime', 'TM'],
      ['SeriesNumber', 'IS'],
      ['StudyInstanceUID', 'UI'],
      ['StudyDescription', 'LO'],
    ] as const
    for (const [name, vr] of examples) {
      expect(hintsFor(vr).length).toBeGreaterThan(1)
      for (const { sign } of hintsFor(vr)) {
        const value = sign.replaceAll('a\\b', '1\\2')
        expect(readSearchParams(requestOf([{ name, value }], { limit: 1 })).keys).toHaveLength(1)
      }
    }
    expect(hintsFor(undefined)).toEqual(hintsFor('LO'))
  })
})

describe('addresses of the console', () => {
  const routes: fc.Arbitrary<Route> = fc.oneof(
    fc.record({
      page: fc.constant('search' as const),
      level: fc.constantFrom(...LEVELS),
      query: fc.array(fc.record({ name: keywords, value: words })).map(queryOf),
    }),
    fc.record({ page: fc.constant('study' as const), study: uids }),
    fc.record({ page: fc.constant('study' as const), study: uids, series: uids, instance: uids }),
    fc.constantFrom({ page: 'status' as const }, { page: 'upload' as const }),
  )

  it('lead back to where they were made', () => {
    fc.assert(fc.property(routes, (route) => expect(readRoute(hrefOf(route))).toEqual(route)))
  })

  it('always mean something', () => {
    fc.assert(
      fc.property(fc.string(), (hash) =>
        expect(['search', 'study', 'status', 'upload']).toContain(readRoute(hash).page),
      ),
    )
    expect(readRoute('')).toEqual({ page: 'search', level: 'studies', query: '' })
    expect(readRoute('#/study/%E0%A4%A')).toEqual({ page: 'study', study: '%E0%A4%A' })
  })
})
