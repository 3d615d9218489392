import { composeDataSet, type Attributes } from '../../src/dicom/compose.ts'
import { partReferences } from '../../src/dicom/part-references.ts'
import { Unreadable } from '../../src/dicom/reader.ts'

const leaving = {
  uids: new Map([
    ['1.1.1', '2.1.1'],
    ['1.1.1.1', '2.1.1.1'],
    ['1.1.1.2', '2.1.1.2'],
  ]),
  study: { from: '1.1', to: '2.1' },
}

const sop = (uid: string): Attributes => ({ ReferencedSOPInstanceUID: uid })
const inSeries = (uid: string, ...sops: string[]): Attributes => ({
  SeriesInstanceUID: uid,
  ReferencedSOPSequence: sops.map(sop),
})
const evidence = (...series: Attributes[]): Attributes => ({
  StudyInstanceUID: '1.1',
  ReferencedSeriesSequence: series,
})

function parted(attributes: Attributes) {
  const { set, uidsOf } = partReferences(composeDataSet(attributes), leaving, new Set(['04000561']))
  return { set: Object.fromEntries(set), uidsOf }
}

describe('references when a part of a study leaves it', () => {
  it('follow what leaves, and the study with them, where they name nothing else', () => {
    const { set, uidsOf } = parted({
      CurrentRequestedProcedureEvidenceSequence: [evidence(inSeries('1.1.1', '1.1.1.1', '1.1.1.2'))],
      RequestAttributesSequence: [{ StudyInstanceUID: '1.1', RequestedProcedureID: '7' }],
      // Without study or series: whatever leaves is replaced, which needs no parting.
      ReferencedImageSequence: [sop('1.1.1.1'), sop('1.1.9.1')],
      OriginalAttributesSequence: [{ ModifiedAttributesSequence: [{ StudyInstanceUID: '1.1' }] }],
    })
    expect(set).toEqual({})
    expect([...uidsOf.keys()].sort()).toEqual(['00400275', '0040A375'])
    expect(uidsOf.get('0040A375')?.get('1.1')).toBe('2.1')
  })

  it('keep the study where they name only what stays, even of a series that parts', () => {
    const { set, uidsOf } = parted({
      CurrentRequestedProcedureEvidenceSequence: [evidence(inSeries('1.1.1', '1.1.1.9'))],
    })
    expect(set).toEqual({})
    expect([...(uidsOf.get('0040A375') ?? [['x']])]).toEqual([])
  })

  it('become two where they name both, down to the series', () => {
    const { set, uidsOf } = parted({
      CurrentRequestedProcedureEvidenceSequence: [
        evidence(inSeries('1.1.1', '1.1.1.1', '1.1.1.9'), inSeries('1.1.2', '1.1.2.1')),
        { ...evidence(inSeries('7.1.1', '7.1.1.1')), StudyInstanceUID: '7.1' },
      ],
    })
    expect(uidsOf.size).toBe(0)
    expect(set).toEqual(
      composeDataSet({
        CurrentRequestedProcedureEvidenceSequence: [
          { ...evidence(inSeries('2.1.1', '2.1.1.1')), StudyInstanceUID: '2.1' },
          evidence(inSeries('1.1.1', '1.1.1.9'), inSeries('1.1.2', '1.1.2.1')),
          { ...evidence(inSeries('7.1.1', '7.1.1.1')), StudyInstanceUID: '7.1' },
        ],
      }),
    )
  })

  it('of the own study are of another one when they stay', () => {
    const references = partReferences(
      composeDataSet({
        ReferencedSeriesSequence: [inSeries('1.1.1', '1.1.1.1', '1.1.1.9'), inSeries('1.1.2', '1.1.2.1')],
      }),
      leaving,
      new Set(),
    )
    expect(Object.fromEntries(references.set)).toEqual(
      composeDataSet({ ReferencedSeriesSequence: [inSeries('2.1.1', '2.1.1.1')] }),
    )
    expect(references.behind).toEqual(
      [inSeries('1.1.1', '1.1.1.9'), inSeries('1.1.2', '1.1.2.1')].map((one) => composeDataSet(one)),
    )
    // The series of an image has left, and that image has not.
    const none = partReferences(
      composeDataSet({ ReferencedSeriesSequence: [inSeries('1.1.1', '1.1.1.9')] }),
      leaving,
      new Set(),
    )
    expect([...none.set]).toEqual([['00081115', null]])
  })

  it('are found where RT names a study as if it were an instance', () => {
    const study = (uid: string, ...series: Attributes[]): Attributes => ({
      ...sop(uid),
      RTReferencedSeriesSequence: series,
    })
    const contours = (uid: string, ...sops: string[]): Attributes => ({
      SeriesInstanceUID: uid,
      ContourImageSequence: sops.map(sop),
    })
    const frames = (...studies: Attributes[]): Attributes => ({
      ReferencedFrameOfReferenceSequence: [
        { FrameOfReferenceUID: '1.1.1.1.5', RTReferencedStudySequence: studies },
      ],
    })
    const { set } = parted(frames(study('1.1', contours('1.1.1', '1.1.1.1'), contours('1.1.2', '1.1.2.1'))))
    expect(set).toEqual(
      composeDataSet(
        frames(study('2.1', contours('2.1.1', '2.1.1.1')), study('1.1', contours('1.1.2', '1.1.2.1'))),
      ),
    )
  })

  it('cannot be parted beside bulk data', () => {
    const both = evidence(inSeries('1.1.1', '1.1.1.1', '1.1.1.9'))
    const bulk = { '00091010': { vr: 'OB' as const, offset: 5000, length: 4000 } }
    expect(() => parted({ CurrentRequestedProcedureEvidenceSequence: [{ ...both, ...bulk }] })).toThrow(
      Unreadable,
    )
  })
})
