import { correctionPatch } from '../../src/dicom/correction.ts'
import type { DataSet, Uid } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { newUid } from '../../src/dicom/uid.ts'
import { ct, pdf, sr, type Sample } from '../samples.ts'

const WHOLE_SLIDE: Uid = '1.2.840.10008.5.1.4.1.1.77.1.6'
const OPHTHALMIC: Uid = '1.2.840.10008.5.1.4.1.1.77.1.5.1'

/** What the patch of a correction appends, but for what says who corrected what. */
function sourcesOf({ bytes }: Sample, newStudy?: Uid): Record<string, DataSet> {
  const correction = {
    attributes: { '00100020': { vr: 'LO', Value: ['RIGHT'] } },
    ...{ reason: 'CORRECT', description: 'test', InstanceCreatorUID: '2.25.1', now: new Date() },
    ...(newStudy !== undefined && { newStudy }),
  } as const
  const { append } = correctionPatch(readPart10(bytes), new Map(), correction as never, null)
  return Object.fromEntries([...append].filter(([tag]) => tag !== '04000561' && tag !== '0018A001'))
}

const uidsOf = (one: DataSet | undefined, tag: string): unknown => one?.[tag]?.Value

describe('the source of a corrected instance', () => {
  it.each([
    ['an image', ct(), '00082112'],
    ['a document', pdf(), '00420013'],
    // Its own module would have it say of what the pixels were derived (PS3.3 C.8.17.2).
    ['a photograph of an eye', ct({ SOPClassUID: OPHTHALMIC }), '00420013'],
  ])('of %s is referred to where its IOD has room for it', (_what, sample, tag) => {
    const sources = sourcesOf(sample)
    expect(Object.keys(sources)).toEqual([tag])
    expect(uidsOf(sources[tag], '00081155')).toEqual([sample.uids.instance])
  })

  it('of a report is its predecessor', () => {
    expect(Object.keys(sourcesOf(sr()))).toEqual(['0040A360'])
  })

  it('of a whole slide image is listed with its series, and with its study where that is another', () => {
    const sample = ct({ SOPClassUID: WHOLE_SLIDE })
    const { study, series, instance } = sample.uids
    const here = sourcesOf(sample)
    expect(Object.keys(here)).toEqual(['00082112', '00081115'])
    expect(uidsOf(here['00081115'], '0020000E')).toEqual([series])
    expect(JSON.stringify(here['00081115'])).toContain(instance)
    const elsewhere = sourcesOf(sample, newUid())
    expect(Object.keys(elsewhere)).toEqual(['00082112', '00081200'])
    expect(uidsOf(elsewhere['00081200'], '0020000D')).toEqual([study])
  })
})
