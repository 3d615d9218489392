import type { DataElement, Tag } from '../dicom/data-set.ts'
import type { Row } from './operation.ts'

/** How each aggregate is made of the row of an entity. */
export const AGGREGATES: ReadonlyMap<Tag, (entity: Row) => DataElement | undefined> = new Map([
  ['00080061', (entity: Row) => list('CS', entity['modalities'])],
  ['00080062', (entity: Row) => list('UI', entity['sop_classes'])],
  ['00201200', (entity: Row) => count(entity['n_of_patient'])],
  ['00201202', (entity: Row) => count(entity['n_series_of_patient'])],
  ['00201204', (entity: Row) => count(entity['n_instances_of_patient'])],
  ['00201206', (entity: Row) => count(entity['n_series'])],
  ['00201208', (entity: Row) => count(entity['n_instances'])],
  ['00201209', (entity: Row) => count(entity['n_in_series'])],
])

/** Nothing where there is nothing to say of the entity. */
export function aggregateElement(tag: Tag, entity: Row): DataElement | undefined {
  return AGGREGATES.get(tag)?.(entity)
}

function list(vr: 'CS' | 'UI', text: Row[string] | undefined): DataElement | undefined {
  return typeof text === 'string' && text !== '' ? { vr, Value: text.split('\\') } : undefined
}

function count(number: Row[string] | undefined): DataElement | undefined {
  return number === undefined || number === null ? undefined : { vr: 'IS', Value: [Number(number)] }
}
