import fc from 'fast-check'
import { canonical } from '../../../src/fhir/mapping/canonical.ts'
import { endpoint } from '../../../src/fhir/mapping/endpoint.ts'
import { imagingStudy, withdrawnStudy } from '../../../src/fhir/mapping/imaging-study.ts'
import type { JsonObject, Resource } from '../../../src/fhir/ports.ts'
import type { Attributes } from '../../../src/dicom/compose.ts'
import { bare, ct, mr, pdf, type Sample, segmentation, series, sr } from '../../samples.ts'
import { faultsInR4, faultsInR5 } from '../validators.ts'
import { CONTEXT, factsOf, SETTINGS } from './studies.ts'

const STUDY = { StudyInstanceUID: '1.2.826.0.7', SeriesInstanceUID: '1.2.826.0.7.1' }

function studyOf(samples: readonly Sample[], settings = SETTINGS): Resource {
  const study = imagingStudy(factsOf(samples, settings), CONTEXT, settings)
  expect(settings.release === 'R5' ? faultsInR5(study) : faultsInR4(study)).toEqual([])
  return study
}

/** The study of one instance with these attributes. */
function one(attributes: Attributes, settings = SETTINGS): Resource {
  return studyOf([bare({ ...STUDY, ...attributes })], settings)
}

function firstSeries(study: Resource): JsonObject {
  return (study['series'] as readonly JsonObject[])[0]!
}

const code = (value: string, scheme: string, meaning: string): Attributes => ({
  CodeValue: value,
  CodingSchemeDesignator: scheme,
  CodeMeaning: meaning,
})

describe('an ImagingStudy', () => {
  it('says what the reference example says', () => {
    const study = studyOf(
      [
        ct({
          ...STUDY,
          SOPInstanceUID: '1.2.826.0.7.1.1',
          AccessionNumber: 'ACC-77',
          IssuerOfAccessionNumberSequence: [
            { UniversalEntityID: '1.2.40.0.13', UniversalEntityIDType: 'ISO' },
          ],
          StudyDate: '20240301',
          StudyTime: '091422.123',
          SeriesDate: '20240301',
          SeriesTime: '091500',
          TimezoneOffsetFromUTC: '+0100',
          ReferringPhysicianName: 'House^Gregory^^Dr',
          NameOfPhysiciansReadingStudy: ['Wilson^James', 'Cuddy^Lisa'],
          PerformingPhysicianName: 'Smith^Jane',
          OperatorsName: 'Tech^Tom',
          Manufacturer: 'Philips',
          ManufacturerModelName: 'Brilliance 64',
          InstitutionalDepartmentName: 'Radiology',
          ProcedureCodeSequence: [code('24627-2', 'LN', 'CT Chest')],
          ReasonForTheRequestedProcedure: 'cough',
          StudyDescription: 'CT CHEST W/O',
          SeriesDescription: 'LUNG 1.0',
          SeriesNumber: 2,
          InstanceNumber: 1,
          BodyPartExamined: 'chest ',
          Laterality: undefined,
        }),
      ],
      SETTINGS,
    )
    const accession = {
      type: {
        coding: [
          { system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'ACSN' },
          {
            system: 'http://dicom.nema.org/resources/ontology/DCM',
            code: '121022',
            display: 'Accession Number',
          },
        ],
      },
      system: 'urn:oid:1.2.40.0.13',
      value: 'ACC-77',
    }
    const performer = (role: string, display: string): JsonObject => ({
      function: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: role }],
      },
      actor: { display },
    })
    const modality = { system: 'http://dicom.nema.org/resources/ontology/DCM', code: 'CT' }
    expect(study).toEqual({
      resourceType: 'ImagingStudy',
      meta: { tag: [{ system: `urn:uuid:${SETTINGS.archiveId}#origin`, code: 'derived-from-dicom' }] },
      identifier: [
        {
          use: 'official',
          type: { coding: [{ system: modality.system, code: '110180', display: 'Study Instance UID' }] },
          system: 'urn:dicom:uid',
          value: 'urn:oid:1.2.826.0.7',
        },
        accession,
      ],
      status: 'available',
      modality: [modality],
      subject: CONTEXT.subject,
      started: '2024-03-01T09:14:22.123+01:00',
      basedOn: [{ type: 'ServiceRequest', identifier: accession }],
      referrer: { display: 'House, Gregory' },
      interpreter: [{ display: 'Wilson, James' }, { display: 'Cuddy, Lisa' }],
      endpoint: [{ reference: 'Endpoint/e1' }],
      numberOfSeries: 1,
      numberOfInstances: 1,
      procedureCode: [
        { coding: [{ system: 'http://loinc.org', code: '24627-2', display: 'CT Chest' }], text: 'CT Chest' },
      ],
      location: { display: 'Radiology' },
      reasonCode: [{ text: 'cough' }],
      description: 'CT CHEST W/O',
      series: [
        {
          uid: '1.2.826.0.7.1',
          number: 2,
          modality,
          description: 'LUNG 1.0',
          numberOfInstances: 1,
          bodySite: { system: 'http://snomed.info/sct', code: '816094009', display: 'Chest' },
          started: '2024-03-01T09:15:00+01:00',
          performer: [
            performer('PRF', 'Smith, Jane'),
            performer('SPRF', 'Tech, Tom'),
            performer('DEV', 'Philips Brilliance 64'),
          ],
          instance: [
            {
              uid: '1.2.826.0.7.1.1',
              number: 1,
              sopClass: {
                system: 'urn:ietf:rfc:3986',
                code: 'urn:oid:1.2.840.10008.5.1.4.1.1.2',
                display: 'CT Image Storage',
              },
            },
          ],
        },
      ],
    })
  })

  it('says the same in R5, in the elements of R5', () => {
    const attributes = {
      Modality: 'SEG',
      AccessionNumber: 'A1',
      BodyPartExamined: 'LIVER',
      Laterality: 'L',
      NameOfPhysiciansReadingStudy: 'Wilson^James',
      ProcedureCodeSequence: [code('24627-2', 'LN', 'CT Chest')],
      ReasonForTheRequestedProcedure: 'cough',
    }
    const r5 = one(attributes, { ...SETTINGS, release: 'R5' })
    expect(r5).toMatchObject({
      modality: [{ coding: [{ code: 'SEG' }] }],
      basedOn: [{ identifier: { value: 'A1' } }],
      procedure: [{ concept: { text: 'CT Chest' } }],
      reason: [{ concept: { text: 'cough' } }],
      series: [
        {
          modality: { coding: [{ code: 'SEG' }] },
          bodySite: { concept: { coding: [{ code: '10200004' }] } },
          laterality: { coding: [{ code: '7771000' }] },
        },
      ],
    })
    // FHIR-22118: no accession number among the identifiers; no interpreter either.
    expect(r5['identifier']).toHaveLength(1)
    expect(r5).not.toHaveProperty('interpreter')
    for (const release of ['R4', 'R4B'] as const)
      expect(one(attributes, { ...SETTINGS, release })['identifier']).toHaveLength(2)
  })

  it('has the same bytes in whatever order its instances are read', () => {
    const samples = [
      ...series(ct, 3, { ...STUDY, PatientID: 'A', SeriesNumber: 3 }),
      ...series(mr, 2, {
        StudyInstanceUID: STUDY.StudyInstanceUID,
        AccessionNumber: 'X',
      }),
      sr({ StudyInstanceUID: STUDY.StudyInstanceUID, PatientID: 'B' }),
    ]
    const expected = canonical(studyOf(samples))
    const orders = fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 })
    fc.assert(
      fc.property(orders, (order) => {
        expect(canonical(imagingStudy(factsOf(samples, SETTINGS, order), CONTEXT, SETTINGS))).toBe(expected)
      }),
    )
  })

  it('takes the attributes of a level whole from its first received instance, and lists of values from all', () => {
    const study = studyOf([
      bare({ ...STUDY, StudyDescription: '', StudyDate: '20240301', AccessionNumber: 'B' }),
      bare({ ...STUDY, StudyDescription: 'later', StudyDate: '20250101', AccessionNumber: 'A' }),
    ])
    expect(study['started']).toBe('2024-03-01')
    expect(study).not.toHaveProperty('description')
    expect(study['basedOn']).toMatchObject([{ identifier: { value: 'A' } }, { identifier: { value: 'B' } }])
  })

  it('lists acquisition modalities in R4, all of them where none acquires, and none where none is named', () => {
    const modalities = (study: Resource): unknown =>
      (study['modality'] as JsonObject[] | undefined)?.map((m) => m['code'])
    const { StudyInstanceUID } = STUDY
    expect(
      modalities(
        studyOf([ct({ StudyInstanceUID }), segmentation({ StudyInstanceUID }), sr({ StudyInstanceUID })]),
      ),
    ).toEqual(['CT'])
    expect(modalities(studyOf([sr({ StudyInstanceUID }), segmentation({ StudyInstanceUID })]))).toEqual([
      'SEG',
      'SR',
    ])
    const nameless = one({ Modality: undefined })
    expect(modalities(nameless)).toBeUndefined()
    // A series must have one: `other` is what is known of it.
    expect(firstSeries(nameless)['modality']).toMatchObject({ code: 'OT' })
  })

  it('titles documents only', () => {
    const titleOf = (sample: Sample): unknown => {
      const [instance] = firstSeries(studyOf([sample]))['instance'] as JsonObject[]
      return instance?.['title']
    }
    expect(titleOf(sr())).toBe('Diagnostic imaging report')
    expect(titleOf(pdf())).toBe('Discharge letter')
    expect(titleOf(bare({ SOPClassUID: '1.2.840.10008.5.1.4.1.1.11.1', ContentLabel: 'LUNG' }))).toBe('LUNG')
    expect(titleOf(ct({ ContentLabel: 'LUNG', DocumentTitle: 'x' }))).toBeUndefined()
  })

  it('leaves numbers out that FHIR cannot say', () => {
    for (const SeriesNumber of ['-1', '2147483648', '1.5', '', 'one']) {
      const element = { vr: 'IS' as const, Value: [SeriesNumber] }
      expect(firstSeries(one({ '00200011': element }))).not.toHaveProperty('number')
    }
    expect(firstSeries(one({ SeriesNumber: 2147483647 }))['number']).toBe(2147483647)
  })

  it('has an issuer for every accession number where the profile wants one', () => {
    const systemOf = (settings: typeof SETTINGS): unknown => {
      const [order] = one({ AccessionNumber: 'A1' }, settings)['basedOn'] as readonly JsonObject[]
      return (order?.['identifier'] as JsonObject)['system']
    }
    expect(systemOf(SETTINGS)).toBeUndefined()
    expect(systemOf({ ...SETTINGS, profile: 'mado' })).toBe(`urn:uuid:${SETTINGS.archiveId}#accession`)
    expect(systemOf({ ...SETTINGS, profile: 'mado', accessionIssuer: 'urn:oid:1.2.3' })).toBe('urn:oid:1.2.3')
  })

  it('codes laterality, and gives unpaired parts none', () => {
    const side = (attributes: Attributes): unknown =>
      (firstSeries(one(attributes))['laterality'] as JsonObject | undefined)?.['code']
    expect(side({ Laterality: 'R' })).toBe('24028007')
    expect(side({ ImageLaterality: 'L' })).toBe('7771000')
    expect(side({ Laterality: 'B' })).toBe('51440002')
    expect(side({ Laterality: 'U' })).toBeUndefined()
    // Enhanced images say it of their frames, all at once or one by one.
    const frames = (...sides: string[]): Attributes[] =>
      sides.map((FrameLaterality) => ({
        FrameAnatomySequence: [
          { FrameLaterality, AnatomicRegionSequence: [code('76752008', 'SCT', 'Breast')] },
        ],
      }))
    expect(side({ SharedFunctionalGroupsSequence: frames('R') })).toBe('24028007')
    expect(side({ PerFrameFunctionalGroupsSequence: frames('L', 'L') })).toBe('7771000')
    expect(side({ PerFrameFunctionalGroupsSequence: frames('L', 'R') })).toBeUndefined()
    const breast = firstSeries(one({ SharedFunctionalGroupsSequence: frames('R') }))
    expect(breast['bodySite']).toMatchObject({ code: '76752008' })
    const both = studyOf([bare({ ...STUDY, ImageLaterality: 'L' }), bare({ ...STUDY, ImageLaterality: 'R' })])
    expect(firstSeries(both)).not.toHaveProperty('laterality')
  })

  it('codes the body site: SNOMED CT of the header, else the table, else as shown', () => {
    const site = (attributes: Attributes): unknown => firstSeries(one(attributes))['bodySite']
    expect(
      site({ AnatomicRegionSequence: [code('39607008', 'SCT', 'Lung')], BodyPartExamined: 'CHEST' }),
    ).toMatchObject({
      code: '39607008',
    })
    expect(
      site({ AnatomicRegionSequence: [code('T-28000', 'SRT', 'Lung')], BodyPartExamined: 'CHEST' }),
    ).toMatchObject({
      code: '816094009',
    })
    expect(site({ BodyPartExamined: 'THORAX' })).toMatchObject({ code: '816094009' })
    expect(site({ BodyPartExamined: 'C_SPINE 3 views' })).toEqual({ display: 'C_SPINE 3 views' })
    expect(site({ BodyPartExamined: 'FETALARM' })).toEqual({ display: 'Fetal arm' })
    expect(site({})).toBeUndefined()
  })

  it('gives codes a system only where the scheme has one', () => {
    const procedure = (item: Attributes, more: Attributes = {}): unknown =>
      (one({ ProcedureCodeSequence: [item], ...more })['procedureCode'] as JsonObject[] | undefined)?.[0]
    expect(procedure(code('P1', 'L', 'Local'))).toEqual({ text: 'Local' })
    const scheme = {
      CodingSchemeIdentificationSequence: [{ CodingSchemeDesignator: 'L', CodingSchemeUID: '1.2.3' }],
    }
    expect(procedure(code('P1', 'L', 'Local'), scheme)).toEqual({
      coding: [{ system: 'urn:oid:1.2.3', code: 'P1', display: 'Local' }],
      text: 'Local',
    })
    const long = { LongCodeValue: '123456789012345678901', CodingSchemeDesignator: 'SCT', CodeMeaning: 'x' }
    expect(procedure(long)).toMatchObject({ coding: [{ code: '123456789012345678901' }] })
    expect(procedure({ URNCodeValue: 'urn:lex:x', CodeMeaning: 'x' })).toMatchObject({
      coding: [{ code: 'urn:lex:x' }],
    })
    expect(procedure({})).toBeUndefined()
  })

  it('finds the reason also inside the request', () => {
    const study = one({
      RequestAttributesSequence: [
        {
          ReasonForTheRequestedProcedure: 'fall',
          ReasonForRequestedProcedureCodeSequence: [code('1', 'I10', 'W19')],
        },
      ],
      ReasonForPerformedProcedureCodeSequence: [code('2', '99X', 'pain')],
    })
    expect(study['reasonCode']).toEqual([
      { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: '1', display: 'W19' }], text: 'W19' },
      { text: 'fall' },
      { text: 'pain' },
    ])
  })

  it('names specimens, and series begin with their first acquisition where they have no date', () => {
    const sample = {
      SpecimenDescriptionSequence: [
        {
          SpecimenIdentifier: 'S-1',
          IssuerOfTheSpecimenIdentifierSequence: [{ LocalNamespaceEntityID: 'LAB' }],
        },
        { SpecimenUID: '1.2.3.4' },
      ],
    }
    const study = studyOf([
      bare({ ...STUDY, ...sample, SeriesDate: undefined, AcquisitionDateTime: '20240301101500+0100' }),
      bare({
        ...STUDY,
        ...sample,
        AcquisitionDate: '20240301',
        AcquisitionTime: '091500',
        TimezoneOffsetFromUTC: '+0100',
      }),
    ])
    expect(firstSeries(study)).toMatchObject({
      started: '2024-03-01T09:15:00+01:00',
      specimen: [
        { type: 'Specimen', identifier: { system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.4' } },
        {
          type: 'Specimen',
          identifier: { system: `urn:uuid:${SETTINGS.archiveId}#issuer:LAB`, value: 'S-1' },
        },
      ],
    })
  })

  it('holds only what FHIR strings may hold', () => {
    const study = one({
      StudyDescription: ' CT\u0000 \u001bhead\u0007  ',
      SeriesDescription: '   ',
      InstitutionalDepartmentName: '',
    })
    expect(study['description']).toBe('CT head')
    expect(study).not.toHaveProperty('location')
  })

  it('lists series only, with exact counts, beyond 5,000 instances, on demand, or never', () => {
    const facts = factsOf(series(ct, 3))
    const list = (more: { seriesOnly?: boolean; detail?: 'auto' | 'always' | 'never' }): unknown => {
      const settings = { ...SETTINGS, instanceDetail: more.detail ?? 'auto' }
      const study = imagingStudy(facts, { ...CONTEXT, seriesOnly: more.seriesOnly ?? false }, settings)
      expect(firstSeries(study)['numberOfInstances']).toBe(3)
      return (firstSeries(study)['instance'] as unknown[] | undefined)?.length
    }
    expect(list({})).toBe(3)
    expect(list({ detail: 'never' })).toBeUndefined()
    expect(list({ detail: 'always' })).toBe(3)
    expect(list({ detail: 'always', seriesOnly: true })).toBeUndefined()
    facts.instances = 5001
    expect(list({})).toBeUndefined()
    expect(list({ detail: 'always' })).toBe(3)
  })

  it('withdrawn keeps what refers to it valid', () => {
    const gone = withdrawnStudy(studyOf(series(ct, 2)), 'cancelled')
    expect(gone).toMatchObject({ status: 'cancelled', numberOfSeries: 0, numberOfInstances: 0 })
    expect(gone).not.toHaveProperty('series')
    expect(faultsInR4(gone)).toEqual([])
  })
})

describe('the Endpoint', () => {
  it('is valid in every release, and its identity does not hang on its address', () => {
    const [here, moved] = ['https://a.example.org/dicomweb', 'https://b.example.org/x/dicomweb'].map(
      (dicomwebUrl) => endpoint({ ...SETTINGS, dicomwebUrl }),
    )
    expect(faultsInR4(here!)).toEqual([])
    expect(faultsInR5(endpoint({ ...SETTINGS, release: 'R5' }))).toEqual([])
    expect(moved!['identifier']).toEqual(here!['identifier'])
    expect(moved!['address']).not.toEqual(here!['address'])
  })
})
