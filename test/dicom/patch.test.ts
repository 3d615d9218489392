import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { composeDataSet } from '../../src/dicom/compose.ts'
import { correctionPatch, type Correction } from '../../src/dicom/correction.ts'
import type { DataElement, DataSet, ParsedInstance, Tag, Uid } from '../../src/dicom/data-set.ts'
import { pixelStream, type OpenFile } from '../../src/dicom/frames.ts'
import { patchFile, type Patch } from '../../src/dicom/patch.ts'
import { scanFile } from '../../src/dicom/patch-scan.ts'
import { readPixelMap } from '../../src/dicom/pixel-map.ts'
import { readPart10, Unreadable } from '../../src/dicom/reader.ts'
import {
  DeflatedExplicitVRLittleEndian,
  ExplicitVRBigEndian,
  ExplicitVRLittleEndian,
  ImplicitVRLittleEndian,
} from '../../src/dicom/transfer-syntax.ts'
import { newUid, uidFrom } from '../../src/dicom/uid.ts'
import { corpusFile, corpusPaths, describeCorpus } from './corpus.ts'
import { ct, segmentation, sr, type Sample } from '../samples.ts'

const opened =
  (bytes: Buffer): OpenFile =>
  (extent) =>
    Promise.resolve(
      Readable.from(
        [extent === undefined ? bytes : bytes.subarray(extent.offset, extent.offset + extent.length)],
        { objectMode: false },
      ),
    )

const CORRECTION: Correction = {
  attributes: composeDataSet({ PatientName: 'Right^Name', PatientID: 'RIGHT', PatientBirthDate: '' }),
  reason: 'CORRECT',
  description: 'Patient attributes corrected from FHIR Patient/p1/_history/7',
  InstanceCreatorUID: newUid(),
  now: new Date('2026-11-24T10:20:30.456Z'),
}

interface Corrected {
  readonly before: ParsedInstance
  readonly after: ParsedInstance
  readonly bytes: Buffer
  /** Bytes that are not ranges of the original. */
  readonly fresh: number
}

async function corrected(
  original: Buffer,
  correction: Correction = CORRECTION,
  more: ReadonlyMap<Uid, Uid> = new Map(),
): Promise<Corrected> {
  const open = opened(original)
  const file = await scanFile(open)
  const { instance, series } = file.parsed.uids
  const uids = new Map([...more, [instance, renamed(instance)], [series, renamed(series)]])
  const pieces = await patchFile(file, correctionPatch(file.parsed, uids, correction, 'MODALITY'))
  const parts = await Promise.all(
    pieces.map(async (piece) => (Buffer.isBuffer(piece) ? piece : buffer(await open(piece)))),
  )
  const bytes = Buffer.concat(parts)
  const fresh = pieces.reduce((sum, piece) => sum + (Buffer.isBuffer(piece) ? piece.length : 0), 0)
  return { before: file.parsed, after: readPart10(bytes), bytes, fresh }
}

const renamed = (uid: Uid): Uid => uidFrom('1f0f2c1c-51ba-4b3f-b3e5-0f2f3b5e6a77', uid)

async function pixelHash(bytes: Buffer, { pixelMap }: ParsedInstance): Promise<string | null> {
  if (pixelMap === null) return null
  const hash = createHash('sha256')
  for await (const chunk of (await pixelStream(
    opened(bytes),
    readPixelMap(pixelMap),
  )) as AsyncIterable<Buffer>)
    hash.update(chunk)
  return hash.digest('hex')
}

/** A data set with every UID of the map replaced, but in Original Attributes, and long values without their offsets. */
function expected(dataSet: DataSet, uids: ReadonlyMap<Uid, Uid>): DataSet {
  return Object.fromEntries(
    Object.entries(dataSet).map(([tag, element]) => [
      tag,
      tag === '04000561' ? bare(element, new Map()) : bare(element, uids),
    ]),
  )
}

function bare(
  { vr, Value, InlineBinary, length, undecoded }: DataElement,
  uids: ReadonlyMap<Uid, Uid>,
): DataElement {
  const rest = {
    ...(InlineBinary && { InlineBinary }),
    ...(length && { length }),
    ...(undecoded && { undecoded }),
  }
  const values = Value?.map((value) => {
    if (vr === 'SQ') return expected(value as DataSet, uids)
    return vr === 'UI' ? (uids.get(value as string) ?? value) : value
  })
  return { vr, ...rest, ...(values && { Value: values }) }
}

const ADDED: readonly Tag[] = [
  '04000561',
  '0018A001',
  '00082112',
  '00420013',
  '0040A360',
  '00081115',
  '00081200',
]
const without = (dataSet: DataSet, tags: ReadonlySet<Tag>): DataSet =>
  Object.fromEntries(Object.entries(dataSet).filter(([tag]) => !tags.has(tag)))

/** What must be true of every corrected file. */
async function check(original: Buffer, { before, after, bytes }: Corrected): Promise<void> {
  const uids = new Map([
    [before.uids.instance, renamed(before.uids.instance)],
    [before.uids.series, renamed(before.uids.series)],
  ])
  const patch: Patch = correctionPatch(before, uids, CORRECTION, 'MODALITY')
  const touched = new Set([...patch.set.keys(), ...ADDED])
  // Nothing but what is named has changed, in value, VR or place.
  expect(without(expected(after.dataSet, new Map()), touched)).toEqual(
    without(expected(before.dataSet, uids), touched),
  )
  for (const [tag, element] of patch.set) {
    if (element === null) expect(after.dataSet[tag]).toBeUndefined()
    else expect([tag, after.dataSet[tag]?.Value]).toEqual([tag, element.Value])
  }
  expect(after.TransferSyntaxUID).toBe(before.TransferSyntaxUID)
  expect(after.damaged).toBe(before.damaged)
  expect(await pixelHash(bytes, after)).toBe(await pixelHash(original, before))
  checkAdded(before, after, patch)
}

function checkAdded(before: ParsedInstance, after: ParsedInstance, patch: Patch): void {
  // The items that were there are there still, and one more, which holds the old values.
  for (const tag of ADDED) {
    const [old, now] = [before.dataSet[tag]?.Value ?? [], after.dataSet[tag]?.Value ?? []]
    if (patch.append.has(tag)) expect([tag, now.length]).toEqual([tag, old.length + 1])
  }
  const item = after.dataSet['04000561']?.Value?.at(-1) as DataSet
  const [modified] = item['04000550']?.Value as DataSet[]
  for (const tag of patch.originals)
    expect([tag, modified?.[tag]?.Value]).toEqual([
      tag,
      bare(before.dataSet[tag] ?? { vr: 'CS' }, new Map()).Value,
    ])
}

describe('patching a file', () => {
  const syntaxes = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
  ]
  it.each(syntaxes)('changes what it is told to and nothing else, in %s', async (TransferSyntaxUID) => {
    for (const undefinedLengths of [false, true]) {
      const { bytes } = ct(
        { OtherPatientIDsSequence: [{ PatientID: 'OLD' }], PatientName: 'Wrong^Name' },
        { TransferSyntaxUID, undefinedLengths },
      )
      const result = await corrected(bytes)
      await check(bytes, result)
      // And once more: the item of the first time is kept.
      const again = await corrected(result.bytes)
      await check(result.bytes, again)
      expect(again.after.dataSet['04000561']?.Value).toHaveLength(2)
    }
  })

  it.each(
    syntaxes.flatMap((syntax) =>
      [false, true].map((undefinedLengths) => [syntax, undefinedLengths] as const),
    ),
  )(
    'follows references at any depth, and leaves those of Original Attributes alone, in %s (open: %s)',
    async (TransferSyntaxUID, undefinedLengths) => {
      const [image, other]: Sample[] = [ct(), ct()]
      const attributes = {
        CurrentRequestedProcedureEvidenceSequence: [
          {
            StudyInstanceUID: '1.2.3',
            ReferencedSeriesSequence: [
              {
                SeriesInstanceUID: image!.uids.series,
                ReferencedSOPSequence: [image!, other!].map(({ uids }) => ({
                  ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
                  ReferencedSOPInstanceUID: uids.instance,
                })),
              },
            ],
          },
        ],
        OriginalAttributesSequence: [
          { ModifiedAttributesSequence: [{ SOPInstanceUID: image!.uids.instance }] },
        ],
      }
      const { bytes } = sr(attributes, { TransferSyntaxUID, undefinedLengths })
      const more = new Map([
        [image!.uids.instance, '2.25.1'],
        [image!.uids.series, '2.25.2'],
      ])
      const { after } = await corrected(bytes, CORRECTION, more)
      const text = JSON.stringify({ ...after.dataSet, '04000561': undefined })
      expect(text).not.toContain(image!.uids.instance)
      expect(text).not.toContain(image!.uids.series)
      expect(text).toContain('"2.25.1"')
      expect(text).toContain(other!.uids.instance)
      const [first] = after.dataSet['04000561']?.Value as DataSet[]
      expect(JSON.stringify(first)).toContain(image!.uids.instance)
      // A document names the one that it takes the place of.
      expect(JSON.stringify(after.dataSet['0040A360'])).toContain('00081199')
    },
  )

  it.each(syntaxes)(
    'turns to UTF-8 where a name does not fit, and keeps the old one readable, in %s',
    async (TransferSyntaxUID) => {
      const { bytes } = ct(
        {
          PatientName: 'Müller^Jörg',
          StudyDescription: 'Schädel',
          RequestAttributesSequence: [{ RequestedProcedureDescription: 'Übersicht' }],
        },
        { SpecificCharacterSet: 'ISO_IR 100', TransferSyntaxUID },
      )
      const attributes = composeDataSet({ PatientName: '山田^太郎' })
      const { after } = await corrected(bytes, { ...CORRECTION, attributes })
      expect(after.dataSet['00080005']?.Value).toEqual(['ISO_IR 192'])
      expect(after.dataSet['00100010']?.Value).toEqual([{ Alphabetic: '山田^太郎' }])
      expect(after.dataSet['00081030']?.Value).toEqual(['Schädel'])
      expect(JSON.stringify(after.dataSet['00400275'])).toContain('Übersicht')
      const item = after.dataSet['04000561']?.Value?.at(-1) as DataSet
      const [modified] = item['04000550']?.Value as DataSet[]
      expect(modified?.['00100010']?.Value).toEqual([{ Alphabetic: 'Müller^Jörg' }])
      expect(modified?.['00080005']?.Value).toEqual(['ISO_IR 100'])
      const latin = await corrected(bytes, {
        ...CORRECTION,
        attributes: composeDataSet({ PatientName: 'Möller' }),
      })
      expect(latin.after.dataSet['00080005']?.Value).toEqual(['ISO_IR 100'])
      expect(latin.after.dataSet['00100010']?.Value).toEqual([{ Alphabetic: 'Möller' }])
    },
  )

  it('lists what it leaves behind as of another study', async () => {
    const [image, stays]: Sample[] = [ct(), ct()]
    const listing = [image!, stays!].map(({ uids }) => ({
      SeriesInstanceUID: uids.series,
      ReferencedInstanceSequence: [
        { ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2', ReferencedSOPInstanceUID: uids.instance },
      ],
    }))
    const { bytes, uids } = segmentation({ ReferencedSeriesSequence: listing })
    const more = new Map([
      [image!.uids.instance, '2.25.1'],
      [image!.uids.series, '2.25.2'],
    ])
    const seriesOf = (items: unknown): unknown[] =>
      ((items ?? []) as DataSet[]).map((item) => item['0020000E']?.Value?.[0])
    const moved = (await corrected(bytes, { ...CORRECTION, newStudy: '2.25.3' }, more)).after.dataSet
    expect(seriesOf(moved['00081115']?.Value)).toEqual(['2.25.2'])
    const [other] = (moved['00081200']?.Value ?? []) as DataSet[]
    expect(other?.['0020000D']?.Value).toEqual([uids.study])
    expect(seriesOf(other?.['00081115']?.Value)).toEqual([stays!.uids.series])
  })

  it('names a sender as far as it is a name', async () => {
    const file = await scanFile(opened(ct().bytes))
    const patch = correctionPatch(file.parsed, new Map(), CORRECTION, `\u0013AE\\${'X'.repeat(80)}`)
    const source = patch.append.get('04000561')?.['04000564']?.Value?.[0] as string
    expect([source.slice(0, 4), source.length]).toEqual(['AE X', 64])
  })

  it('takes signatures out and remembers them', async () => {
    const { bytes } = ct({
      MACParametersSequence: [{ MACIDNumber: 1 }],
      DigitalSignaturesSequence: [{ DigitalSignatureUID: '1.2.3' }],
    })
    const { after, before } = await corrected(bytes)
    expect([after.dataSet['4FFE0001'], after.dataSet['FFFAFFFA']]).toEqual([undefined, undefined])
    const item = after.dataSet['04000561']?.Value?.at(-1) as DataSet
    const [modified] = item['04000550']?.Value as DataSet[]
    expect(modified?.['FFFAFFFA']).toEqual(before.dataSet['FFFAFFFA'])
  })

  it('reaches every item of a sequence of ten thousands', async () => {
    const { instance } = ct().uids
    const ReferencedImageSequence = Array.from({ length: 60_000 }, (_, n) => ({
      ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
      ReferencedSOPInstanceUID: n === 59_999 ? '1.2.3.4' : instance,
    }))
    const { after } = await corrected(
      ct({ ReferencedImageSequence }).bytes,
      CORRECTION,
      new Map([['1.2.3.4', '1.2.3.5']]),
    )
    const references = after.dataSet['00081140']?.Value as DataSet[]
    expect([references.length, references.at(-1)?.['00081155']?.Value]).toEqual([60_000, ['1.2.3.5']])
  })

  it('writes little that is new', async () => {
    const { bytes } = ct({}, { pixels: { bytes: Buffer.alloc(2 * 1024 * 1024, 7) } })
    const result = await corrected(bytes)
    expect(result.fresh).toBeLessThan(8192)
    await check(bytes, result)
  })
})

describeCorpus('patching real files', () => {
  const paths = corpusPaths()
  it.each(Array.from({ length: 8 }, (_, at) => at))(
    'changes what it is told to and nothing else (eighth %i)',
    async (eighth) => {
      let done = 0
      for (const path of paths.filter((_, at) => at % 8 === eighth)) {
        const bytes = corpusFile(path)
        try {
          readPart10(bytes)
        } catch (error) {
          if (error instanceof Unreadable) continue
          throw error
        }
        try {
          await check(bytes, await corrected(bytes))
        } catch (error) {
          throw new Error(path, { cause: error })
        }
        done++
      }
      expect(done).toBeGreaterThan(10)
    },
    120_000,
  )
})
