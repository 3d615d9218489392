/** What the files of the demo have in common. */
import { composeDataSet, type Attributes } from '../../src/dicom/compose.ts'
import { uidFrom } from '../../src/dicom/uid.ts'
import { writeInstance, type Pixels } from '../../src/dicom/writer.ts'

const NAMESPACE = '5f0c6f3e-7d0b-4d0a-8a55-2f1c9f6f9d31'

export interface DemoFile {
  /** For people: `CT head, slice 3 of 24`. */
  readonly title: string
  readonly bytes: Buffer
}

export interface Person {
  readonly PatientName: string
  readonly PatientID: string
  readonly PatientBirthDate: string
  readonly PatientSex: string
}

export const ADA: Person = {
  PatientName: 'Beispiel^Ada',
  PatientID: 'DEMO-1001',
  PatientBirthDate: '19511210',
  PatientSex: 'F',
}
export const code = (CodeValue: string, CodingSchemeDesignator: string, CodeMeaning: string): Attributes => ({
  CodeValue,
  CodingSchemeDesignator,
  CodeMeaning,
})

export function studyOf(name: string, person: Person, attributes: Attributes): Attributes {
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    StudyInstanceUID: uid(name),
    StudyID: '1',
    ReferringPhysicianName: 'Muster^Erika^^Dr.',
    InstitutionName: 'Concord Demo Hospital',
    TimezoneOffsetFromUTC: '+0100',
    ...person,
    ...attributes,
  }
}

export function instance(study: string, series: string, SeriesNumber: number, index: number): Attributes {
  return {
    SeriesInstanceUID: uid(`${study}/${series}`),
    SeriesNumber,
    SOPInstanceUID: uid(`${study}/${series}/${index}`),
    InstanceNumber: index + 1,
  }
}

export function image(
  Modality: string,
  SOPClassUID: string,
  [Rows, Columns]: readonly [number, number],
  bits: 1 | 8 | 16,
  PixelRepresentation = 0,
): Attributes {
  return {
    Modality,
    SOPClassUID,
    ImageType: ['ORIGINAL', 'PRIMARY'],
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows,
    Columns,
    BitsAllocated: bits,
    BitsStored: bits,
    HighBit: bits - 1,
    PixelRepresentation,
  }
}

export function file(
  title: string,
  study: Attributes,
  { pixels, ...own }: Attributes & { pixels?: Pixels },
): DemoFile {
  const dataSet = composeDataSet({ ...study, ...own })
  return { title, bytes: writeInstance(dataSet, pixels === undefined ? {} : { pixels }) }
}

export function count<T>(length: number, make: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => make(index))
}

export function uid(name: string): string {
  return uidFrom(NAMESPACE, name)
}
