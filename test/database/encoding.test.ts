import fc from 'fast-check'
import {
  differences,
  jsonOfLines,
  linesOfJson,
  merged,
  patchOf,
  splicer,
  unpacked,
  wholeColumns,
} from '../../src/database/encoding.ts'

const tag = fc.constantFrom(
  '00020003',
  '00080005',
  '00080016',
  '00100010',
  '00104000',
  '00200013',
  '00400275',
  'FFFCFFFC',
)
const value = fc.oneof(
  fc.constant({ vr: 'LO' }),
  fc.record({
    vr: fc.constant('LO'),
    Value: fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ vr: fc.constant('SQ'), Value: fc.constant([{ '00080100': { vr: 'SH', Value: ['\n,{}'] } }]) }),
)
const dataSet = fc.dictionary(tag, value, { maxKeys: 8 })

const linesOf = (set: Record<string, unknown>): string[] =>
  Object.keys(set)
    .sort()
    .map((key) => `"${key}":${JSON.stringify(set[key])}`)

const sortedSet = (set: Record<string, unknown>): Record<string, unknown> =>
  JSON.parse(`{${linesOf(set).join(',')}}`) as Record<string, unknown>

describe('a data set against a base', () => {
  it('is merged again to what it was, from what differs', () => {
    fc.assert(
      fc.property(dataSet, dataSet, (base, own) => {
        const patch = patchOf(differences(linesOf(base), linesOf(own)))
        expect(merged(linesOf(base), linesOfJson(patch))).toEqual(linesOf(own))
        expect(() => JSON.parse(patch) as unknown).not.toThrow()
      }),
    )
  })

  it('differs in nothing from itself', () => {
    fc.assert(fc.property(dataSet, (own) => differences(linesOf(own), linesOf(own)).length === 0))
  })

  it('is spliced as DICOM JSON without group 0002, whatever patches came before', () => {
    fc.assert(
      fc.property(dataSet, fc.array(dataSet, { minLength: 1, maxLength: 5 }), (base, sets) => {
        const splice = splicer(linesOf(base))
        for (const own of sets) {
          const json = splice(linesOfJson(patchOf(differences(linesOf(base), linesOf(own)))))
          const parsed = JSON.parse(json) as Record<string, unknown>
          const expected = Object.fromEntries(
            Object.entries(sortedSet(own)).filter(([key]) => !key.startsWith('0002')),
          )
          expect(parsed).toEqual(expected)
          expect(Object.keys(parsed)).toEqual(Object.keys(expected))
        }
      }),
    )
  })

  it('is compressed only where it is long and the engine does not do it itself', () => {
    const long = [`"00104000":{"vr":"LT","Value":["${'x'.repeat(300_000)}"]}`]
    const { patch, packed } = wholeColumns('sqlite', long)
    expect(patch).toBeNull()
    expect(packed?.length).toBeLessThan(2000)
    expect(unpacked(packed ?? new Uint8Array())).toBe(jsonOfLines(long))
    expect(wholeColumns('postgres', long)).toEqual({ patch: jsonOfLines(long), packed: null })
    expect(wholeColumns('sqlite', ['"00080005":{"vr":"CS"}']).packed).toBeNull()
  })
})
