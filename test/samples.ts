/**
 * Data sets and files for tests, made by code: nothing here was ever a patient. Every sample takes attributes by keyword
 * (or by tag) that replace its own, and options of the file:
 *
 *   ct({ PatientID: 'A', PatientName: 'Doe^Jane', Manufacturer: 'Philips' })
 *   mr({ PatientID: undefined, PatientName: null })            left out; there, but empty
 *   sr({ '00091001': { vr: 'LO', Value: ['private'] } })       an element as it stands
 *   us({ NumberOfFrames: 30 }, { TransferSyntaxUID: ExplicitVRBigEndian, seed: 'same UIDs every time' })
 *   series(ct, 3, { StudyDate: '20260101' })                   three instances of one series
 *
 * UIDs are new each time unless attributes name them or a seed makes them.
 */
import { composeDataSet, type Attributes } from '../src/dicom/compose.ts'
import type { DataSet, InstanceUids, Tag, Uid } from '../src/dicom/data-set.ts'
import { ExplicitVRLittleEndian, JPEGBaseline8Bit } from '../src/dicom/transfer-syntax.ts'
import { newUid, uidFrom } from '../src/dicom/uid.ts'
import { basicOffsetTable, writeInstance, type Pixels, type WriteOptions } from '../src/dicom/writer.ts'

export interface Sample {
  readonly uids: InstanceUids
  /**
   * What a reader is to make of the file, pixel data and group 0002 apart; only that binary values over 1 KiB are
   * inline here and `{ vr, offset, length }` there.
   */
  readonly dataSet: DataSet
  /** The file: PS3.10. */
  readonly bytes: Buffer
  /** What was written as pixel data. */
  readonly pixels: Pixels | null
}

export interface SampleOptions extends Omit<WriteOptions, 'pixels'> {
  /** Instead of the sample's own pixel data; null: none. */
  readonly pixels?: Pixels | null
  /** The same seed gives the same UIDs. */
  readonly seed?: string
}

export type SampleMaker = (attributes?: Attributes, options?: SampleOptions) => Sample

const SEED_NAMESPACE = 'c8f6a5d2-3b1e-4c7f-9a60-5d2e8b7f1c34'

export const CTImageStorage: Uid = '1.2.840.10008.5.1.4.1.1.2'
export const MRImageStorage: Uid = '1.2.840.10008.5.1.4.1.1.4'
export const UltrasoundMultiFrameImageStorage: Uid = '1.2.840.10008.5.1.4.1.1.3.1'
export const SecondaryCaptureImageStorage: Uid = '1.2.840.10008.5.1.4.1.1.7'
export const BasicTextSRStorage: Uid = '1.2.840.10008.5.1.4.1.1.88.11'
export const SegmentationStorage: Uid = '1.2.840.10008.5.1.4.1.1.66.4'
export const EncapsulatedPDFStorage: Uid = '1.2.840.10008.5.1.4.1.1.104.1'

/** A computed tomography slice: 16 bits, signed, 8 × 8. */
export const ct: SampleMaker = (attributes, options) =>
  sample(
    {
      SOPClassUID: CTImageStorage,
      Modality: 'CT',
      ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      StudyDescription: 'CT ABDOMEN',
      SeriesDescription: 'Portal venous 1.5 mm',
      BodyPartExamined: 'ABDOMEN',
      KVP: 120,
      SliceThickness: 1.5,
      ImagePositionPatient: [-187.5, -201.25, 12.75],
      ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
      FrameOfReferenceUID: '1.2.826.0.1.3680043.2.1125.1',
      PixelSpacing: [0.78125, 0.78125],
      RescaleIntercept: -1024,
      RescaleSlope: 1,
      RescaleType: 'HU',
      WindowCenter: [40, -600],
      WindowWidth: [400, 1600],
      ...image({ BitsStored: 12, PixelRepresentation: 1 }),
    },
    attributes,
    options,
  )

/** A magnetic resonance slice: 16 bits, unsigned, 8 × 8. */
export const mr: SampleMaker = (attributes, options) =>
  sample(
    {
      SOPClassUID: MRImageStorage,
      Modality: 'MR',
      ImageType: ['ORIGINAL', 'PRIMARY', 'M', 'SE'],
      StudyDescription: 'MR BRAIN',
      SeriesDescription: 't1 se sag',
      BodyPartExamined: 'BRAIN',
      ScanningSequence: 'SE',
      RepetitionTime: 600,
      EchoTime: 14,
      MagneticFieldStrength: 1.5,
      ImagePositionPatient: [0, -120, 120],
      ImageOrientationPatient: [0, 1, 0, 0, 0, -1],
      PixelSpacing: [0.9375, 0.9375],
      ...image({ BitsStored: 12 }),
    },
    attributes,
    options,
  )

/** An ultrasound loop: 8 bits RGB, three frames of 8 × 8. */
export const us: SampleMaker = (attributes, options) =>
  sample(
    {
      SOPClassUID: UltrasoundMultiFrameImageStorage,
      Modality: 'US',
      ImageType: ['ORIGINAL', 'PRIMARY'],
      StudyDescription: 'US HEART',
      NumberOfFrames: 3,
      FrameTime: 33.3,
      FrameIncrementPointer: '00181063',
      ...image({ SamplesPerPixel: 3, BitsAllocated: 8 }),
    },
    attributes,
    options,
  )

/** A secondary capture: 8 bits RGB, 8 × 8. */
export const secondaryCapture: SampleMaker = (attributes, options) =>
  sample(
    {
      SOPClassUID: SecondaryCaptureImageStorage,
      Modality: 'OT',
      ConversionType: 'WSD',
      SeriesDescription: 'Screenshots',
      ...image({ SamplesPerPixel: 3, BitsAllocated: 8 }),
    },
    attributes,
    options,
  )

/**
 * A compressed secondary capture: one fragment per frame that begins and ends as a JPEG does and tells the frame in
 * between; with a Basic Offset Table. `options.pixels` and `TransferSyntaxUID` make any other encapsulated file of it.
 */
export const jpeg: SampleMaker = (attributes = {}, options = {}) => {
  const frames = typeof attributes['NumberOfFrames'] === 'number' ? attributes['NumberOfFrames'] : 1
  const fragments = Array.from({ length: frames }, (_, frame) => jpegLike(`frame ${frame + 1}`))
  return secondaryCapture(
    { LossyImageCompression: '01', LossyImageCompressionMethod: 'ISO_10918_1', ...attributes },
    {
      TransferSyntaxUID: JPEGBaseline8Bit,
      pixels: { fragments, offsetTable: basicOffsetTable(fragments) },
      ...options,
    },
  )
}

/** A segmentation of three frames of 5 × 5 pixels of one bit: frames do not begin at whole bytes. */
export const segmentation: SampleMaker = (attributes, options) =>
  sample(
    {
      SOPClassUID: SegmentationStorage,
      Modality: 'SEG',
      ImageType: ['DERIVED', 'PRIMARY'],
      SegmentationType: 'BINARY',
      NumberOfFrames: 3,
      SegmentSequence: [{ SegmentNumber: 1, SegmentLabel: 'Liver', SegmentAlgorithmType: 'MANUAL' }],
      ...image({ BitsAllocated: 1, Rows: 5, Columns: 5 }),
    },
    attributes,
    options,
  )

/** A basic text report with a content tree three levels deep. */
export const sr: SampleMaker = (attributes, options) =>
  sample(
    {
      SOPClassUID: BasicTextSRStorage,
      Modality: 'SR',
      SeriesDescription: 'Report',
      CompletionFlag: 'COMPLETE',
      VerificationFlag: 'UNVERIFIED',
      ValueType: 'CONTAINER',
      ContinuityOfContent: 'SEPARATE',
      ConceptNameCodeSequence: [code('18748-4', 'LN', 'Diagnostic imaging report')],
      ContentSequence: [
        {
          RelationshipType: 'CONTAINS',
          ValueType: 'CONTAINER',
          ConceptNameCodeSequence: [code('121070', 'DCM', 'Findings')],
          ContentSequence: [
            {
              RelationshipType: 'CONTAINS',
              ValueType: 'TEXT',
              ConceptNameCodeSequence: [code('121071', 'DCM', 'Finding')],
              TextValue: 'Two lesions, the larger one 12\\14 mm.\r\nNo ascites.',
            },
          ],
        },
      ],
    },
    attributes,
    { pixels: null, ...options },
  )

/** An encapsulated document: bulk data at the top level that is no pixel data. */
export const pdf: SampleMaker = (attributes, options) =>
  sample(
    {
      SOPClassUID: EncapsulatedPDFStorage,
      Modality: 'DOC',
      ConversionType: 'WSD',
      DocumentTitle: 'Discharge letter',
      MIMETypeOfEncapsulatedDocument: 'application/pdf',
      EncapsulatedDocument: Buffer.from(`%PDF-1.4\n${'% page\n'.repeat(300)}%%EOF\n`),
    },
    attributes,
    { pixels: null, ...options },
  )

/** `count` instances of one series, numbered from 1. */
export function series(
  make: SampleMaker,
  count: number,
  attributes: Attributes = {},
  options: SampleOptions = {},
): Sample[] {
  const { seed } = options
  const uids = { StudyInstanceUID: uid(seed, 'study'), SeriesInstanceUID: uid(seed, 'series') }
  return Array.from({ length: count }, (_, index) =>
    make(
      {
        ...uids,
        SOPInstanceUID: uid(seed, `instance ${index + 1}`),
        InstanceNumber: index + 1,
        ...attributes,
      },
      options,
    ),
  )
}

/** A file of exactly these attributes: nothing is added but UIDs that are missing. */
export const bare: SampleMaker = (attributes = {}, options = {}) => {
  const { seed, pixels, ...rest } = options
  const dataSet = composeDataSet({
    SOPClassUID: SecondaryCaptureImageStorage,
    SOPInstanceUID: uid(seed, 'instance'),
    StudyInstanceUID: uid(seed, 'study'),
    SeriesInstanceUID: uid(seed, 'series'),
    ...attributes,
  })
  const text = (tag: Tag) => (dataSet[tag]?.Value?.[0] ?? '') as Uid
  return {
    uids: { study: text('0020000D'), series: text('0020000E'), instance: text('00080018') },
    dataSet,
    bytes: writeInstance(dataSet, { ...rest, ...(pixels && { pixels }) }),
    pixels: pixels ?? null,
  }
}

/** Bytes that begin and end as a JPEG does, of even length, with `text` in between. */
export function jpegLike(text: string): Buffer {
  const body = Buffer.from(text.padEnd(text.length + (text.length % 2)), 'latin1')
  return Buffer.concat([Buffer.of(0xff, 0xd8, 0xff, 0xe0), body, Buffer.of(0xff, 0xd9)])
}

/** Native pixel data of the size that the data set declares; every frame is different. */
export function nativePixels(dataSet: DataSet): Pixels {
  const number = (tag: Tag, otherwise: number) => Number(dataSet[tag]?.Value?.[0] ?? otherwise)
  const samples =
    number('00280010', 0) * number('00280011', 0) * number('00280002', 1) * number('00280008', 1)
  const bits = number('00280100', 8)
  const bytes = Buffer.alloc(Math.ceil((samples * bits) / 8))
  for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 31 + (index >> 8)) & 0xff
  return { vr: bits > 8 ? 'OW' : 'OB', bytes }
}

function sample(own: Attributes, attributes: Attributes = {}, options: SampleOptions = {}): Sample {
  const { seed } = options
  const merged: Attributes = {
    SpecificCharacterSet: options.SpecificCharacterSet ?? 'ISO_IR 192',
    StudyDate: '20260314',
    StudyTime: '101530',
    SeriesDate: '20260314',
    SeriesTime: '101612.25',
    AccessionNumber: 'A2026-0314',
    ReferringPhysicianName: 'Curie^Marie',
    Manufacturer: 'Concord Samples',
    ManufacturerModelName: 'Generator',
    InstitutionName: 'Concord Test Hospital',
    StationName: 'SAMPLE1',
    PatientName: 'Doe^Jane',
    PatientID: 'SAMPLE-1',
    PatientBirthDate: '19700101',
    PatientSex: 'F',
    StudyID: '1',
    SeriesNumber: 1,
    InstanceNumber: 1,
    StudyInstanceUID: uid(seed, 'study'),
    SeriesInstanceUID: uid(seed, 'series'),
    SOPInstanceUID: uid(seed, 'instance'),
    ...own,
    ...attributes,
  }
  if (options.pixels !== undefined) return bare(merged, options)
  return bare(merged, {
    TransferSyntaxUID: ExplicitVRLittleEndian,
    ...options,
    pixels: nativePixels(composeDataSet(merged)),
  })
}

function image(different: Readonly<Record<string, number>>): Attributes {
  const {
    SamplesPerPixel = 1,
    BitsAllocated = 16,
    BitsStored = BitsAllocated,
    Rows = 8,
    Columns = 8,
  } = different
  return {
    SamplesPerPixel,
    PhotometricInterpretation: SamplesPerPixel === 1 ? 'MONOCHROME2' : 'RGB',
    PlanarConfiguration: SamplesPerPixel === 1 ? undefined : 0,
    Rows,
    Columns,
    BitsAllocated,
    BitsStored,
    HighBit: BitsStored - 1,
    PixelRepresentation: different['PixelRepresentation'] ?? 0,
  }
}

function code(CodeValue: string, CodingSchemeDesignator: string, CodeMeaning: string): Attributes {
  return { CodeValue, CodingSchemeDesignator, CodeMeaning }
}

function uid(seed: string | undefined, name: string): Uid {
  return seed === undefined ? newUid() : uidFrom(SEED_NAMESPACE, `${seed}/${name}`)
}
