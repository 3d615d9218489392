import type { ParsedInstance } from '../../../src/dicom/data-set.ts'
import { readPart10, Unreadable } from '../../../src/dicom/reader.ts'
import { canonical } from '../../../src/fhir/mapping/canonical.ts'
import { imagingStudy } from '../../../src/fhir/mapping/imaging-study.ts'
import { newPatient } from '../../../src/fhir/mapping/patient.ts'
import { corpusFile, corpusPaths, describeCorpus } from '../../dicom/corpus.ts'
import { faultsInR4, faultsInR5 } from '../validators.ts'
import { CONTEXT, factsOf, SETTINGS } from './studies.ts'

function parsed(path: string): ParsedInstance | null {
  try {
    return readPart10(corpusFile(path))
  } catch (error) {
    if (error instanceof Unreadable) return null
    throw error
  }
}

describeCorpus('the studies of the corpus', () => {
  // Some files are there in several encodings: the index takes the first of each SOP Instance UID.
  const instances = new Map<string, ParsedInstance>()
  for (const one of corpusPaths().map(parsed)) {
    if (one && !instances.has(one.uids.instance)) instances.set(one.uids.instance, one)
  }
  const studies = Map.groupBy(instances.values(), ({ uids }) => uids.study)

  it('are many', () => {
    expect(studies.size).toBeGreaterThan(90)
  })

  it('become valid resources in R4 and R5, with exact counts', () => {
    for (const [study, instances] of studies) {
      const facts = factsOf(instances, { ...SETTINGS, zone: 'Europe/Berlin' })
      const r4 = imagingStudy(facts, CONTEXT, SETTINGS)
      const r5 = imagingStudy(facts, CONTEXT, { ...SETTINGS, release: 'R5' })
      expect([study, faultsInR4(r4), faultsInR5(r5)]).toEqual([study, [], []])
      expect(r4['numberOfInstances']).toBe(instances.length)
      expect(r4['numberOfSeries']).toBe(new Set(instances.map(({ uids }) => uids.series)).size)
      const { patient, person } = facts.tuple!
      if (patient) expect(faultsInR4(newPatient(patient, person, SETTINGS.archiveId))).toEqual([])
    }
  })

  it('have the same bytes whichever way round they are read', () => {
    for (const instances of studies.values()) {
      const order = instances.map((_, i) => i)
      const [there, back] = [order, order.toReversed()].map((one) =>
        canonical(imagingStudy(factsOf(instances, SETTINGS, one), CONTEXT, SETTINGS)),
      )
      expect(there).toBe(back)
    }
  })
})
