import { addInstance, startFacts, type StudyFacts } from '../../../src/fhir/mapping/facts.ts'
import type { MappingSettings } from '../../../src/fhir/mapping/settings.ts'
import type { StudyContext } from '../../../src/fhir/mapping/imaging-study.ts'
import { text } from '../../../src/fhir/mapping/values.ts'
import type { DataSet, InstanceUids } from '../../../src/dicom/data-set.ts'

export const SETTINGS: MappingSettings = {
  archiveId: 'a3f2c1d4-5b6e-4f70-8192-a3b4c5d6e7f8',
  release: 'R4',
  dicomwebUrl: 'https://pacs.example.org/dicomweb',
  lineageUrl: 'https://pacs.example.org/lineage',
}

export const CONTEXT: StudyContext = {
  subject: { reference: 'Patient/p1', identifier: { system: 'urn:oid:1.2.3.4', value: 'P1' } },
  endpointId: 'e1',
  seriesOnly: false,
}

interface Instance {
  readonly uids: InstanceUids
  readonly dataSet: DataSet
}

/** Facts of instances in order of receipt; `order` is the order in which they are read. */
export function factsOf(
  instances: readonly Instance[],
  settings: MappingSettings = SETTINGS,
  order: readonly number[] = instances.map((_, i) => i),
): StudyFacts {
  const facts = startFacts(instances[0]?.uids.study ?? '')
  for (const i of order) {
    const instance = instances[i]
    if (!instance) continue
    const SOPClassUID = text(instance.dataSet, '00080016')
    addInstance(facts, { id: i + 1, uids: instance.uids, SOPClassUID }, instance.dataSet, settings)
  }
  return facts
}
