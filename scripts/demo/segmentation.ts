/** A segmentation of the CT head (Segmentation IOD, PS3.3 A.51): two segments, a frame for each slice that has some of one. */
import type { Attributes } from '../../src/dicom/compose.ts'
import { packed } from '../../src/pixels/samples.ts'
import { code, file, image, instance, uid, type DemoFile } from './made.ts'
import { ventricle } from './phantoms.ts'

/** A picture that is segmented. */
export interface Slice {
  readonly SOPInstanceUID: string
  /** Height in the phantom, from −1 to 1. */
  readonly z: number
  readonly ImagePositionPatient: readonly number[]
}

/** What all slices have in common of where they lie. */
interface Place {
  readonly FrameOfReferenceUID: string
  readonly ImageOrientationPatient: readonly number[]
  readonly PixelSpacing: readonly number[]
  readonly SliceThickness: number
}

const CT = '1.2.840.10008.5.1.4.1.1.2'
const SEGMENTATION = '1.2.840.10008.5.1.4.1.1.66.4'
/** Recommended Display CIELab Value (PS3.3 C.10.7.1.1): L from 0 to 100, a and b from −128 to 127, each in 16 bits. */
const SIDES = [
  {
    side: 'right',
    label: 'Right lateral ventricle',
    laterality: code('24028007', 'SCT', 'Right'),
    colour: [70, 45, 60],
  },
  {
    side: 'left',
    label: 'Left lateral ventricle',
    laterality: code('7771000', 'SCT', 'Left'),
    colour: [75, -40, 5],
  },
] as const

interface Frame {
  readonly segment: number
  readonly slice: Slice
  readonly samples: Uint8Array
}

export function ventricles(
  study: Attributes,
  { FrameOfReferenceUID, ImageOrientationPatient, ...measures }: Place,
  size: number,
  slices: readonly Slice[],
): DemoFile {
  const frames = SIDES.flatMap(({ side }, index) =>
    slices
      .map((slice): Frame => ({ segment: index + 1, slice, samples: ventricle(size, slice.z, side) }))
      .filter(({ samples }) => samples.includes(1)),
  )
  return file('Segmentation of the CT head', study, {
    ...image('SEG', SEGMENTATION, [size, size], 1),
    ...instance('head', 'seg', 3, 0),
    ...DESCRIPTION,
    FrameOfReferenceUID,
    ReferencedSeriesSequence: [
      {
        SeriesInstanceUID: uid('head/ct'),
        ReferencedInstanceSequence: slices.map(referenceTo),
      },
    ],
    SegmentSequence: SIDES.map(segmentOf),
    NumberOfFrames: frames.length,
    ...DIMENSIONS,
    SharedFunctionalGroupsSequence: [
      {
        PixelMeasuresSequence: [{ ...measures, SpacingBetweenSlices: measures.SliceThickness }],
        PlaneOrientationSequence: [{ ImageOrientationPatient }],
      },
    ],
    PerFrameFunctionalGroupsSequence: frames.map((frame) => groupsOf(frame, slices.indexOf(frame.slice))),
    pixels: { vr: 'OB', bytes: Buffer.concat(frames.map(({ samples }) => packed(samples))) },
  })
}

const DESCRIPTION: Attributes = {
  ImageType: ['DERIVED', 'PRIMARY'],
  SeriesDescription: 'Ventricles',
  ContentLabel: 'VENTRICLES',
  ContentDescription: 'Lateral ventricles',
  ContentCreatorName: null,
  SegmentationType: 'BINARY',
  LossyImageCompression: '00',
  DeviceSerialNumber: '1',
  SoftwareVersions: '1',
}

const DIMENSIONS: Attributes = {
  DimensionOrganizationSequence: [{ DimensionOrganizationUID: uid('head/seg/dimensions') }],
  DimensionIndexSequence: [
    // Referenced Segment Number, and Image Position (Patient), with the functional groups that they are in.
    ['0062000B', '0062000A'],
    ['00200032', '00209113'],
  ].map(([DimensionIndexPointer, FunctionalGroupPointer]) => ({
    DimensionOrganizationUID: uid('head/seg/dimensions'),
    DimensionIndexPointer,
    FunctionalGroupPointer,
  })),
}

function segmentOf(
  { label, laterality, colour: [light, a, b] }: (typeof SIDES)[number],
  index: number,
): Attributes {
  return {
    SegmentNumber: index + 1,
    SegmentLabel: label,
    SegmentAlgorithmType: 'AUTOMATIC',
    SegmentAlgorithmName: 'Ellipsoids',
    SegmentedPropertyCategoryCodeSequence: [code('123037004', 'SCT', 'Anatomical Structure')],
    SegmentedPropertyTypeCodeSequence: [
      {
        ...code('66720007', 'SCT', 'Lateral Ventricle'),
        SegmentedPropertyTypeModifierCodeSequence: [laterality],
      },
    ],
    RecommendedDisplayCIELabValue: [light / 100, (a + 128) / 255, (b + 128) / 255].map((part) =>
      Math.round(part * 65535),
    ),
  }
}

function groupsOf({ segment, slice }: Frame, index: number): Attributes {
  return {
    FrameContentSequence: [{ DimensionIndexValues: [segment, index + 1] }],
    PlanePositionSequence: [{ ImagePositionPatient: slice.ImagePositionPatient }],
    SegmentIdentificationSequence: [{ ReferencedSegmentNumber: segment }],
    DerivationImageSequence: [
      {
        DerivationCodeSequence: [code('113076', 'DCM', 'Segmentation')],
        SourceImageSequence: [
          {
            ...referenceTo(slice),
            PurposeOfReferenceCodeSequence: [
              code('121322', 'DCM', 'Source image for image processing operation'),
            ],
          },
        ],
      },
    ],
  }
}

function referenceTo({ SOPInstanceUID }: Slice): Attributes {
  return { ReferencedSOPClassUID: CT, ReferencedSOPInstanceUID: SOPInstanceUID }
}
