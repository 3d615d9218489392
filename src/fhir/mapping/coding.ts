import type { DataSet } from '../../dicom/data-set.ts'
import type { JsonObject } from '../ports.ts'
import { DCM } from './identifiers.ts'
import { items, text } from './values.ts'

/** Coding Scheme Designator (0008,0102) → FHIR system; PS3.16 §8, terminology.hl7.org. */
const SYSTEMS: Readonly<Record<string, string>> = {
  DCM,
  SCT: 'http://snomed.info/sct',
  LN: 'http://loinc.org',
  UCUM: 'http://unitsofmeasure.org',
  RADLEX: 'http://radlex.org',
  C4: 'http://www.ama-assn.org/go/cpt',
  I9C: 'http://hl7.org/fhir/sid/icd-9-cm',
  I10: 'http://hl7.org/fhir/sid/icd-10',
  I10C: 'http://hl7.org/fhir/sid/icd-10-cm',
  NCIT: 'http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl',
  UMLS: 'http://www.nlm.nih.gov/research/umls',
  RXNORM: 'http://www.nlm.nih.gov/research/umls/rxnorm',
}

/**
 * A code item (PS3.3 §8) as a Coding; undefined when its scheme has no URI: a bare designator is no `system`. SRT, SNM3
 * and 99SDM are SNOMED-RT identifiers, not SNOMED CT codes, and therefore have none.
 *
 * @param root the data set that may name coding schemes in Coding Scheme Identification Sequence (0008,0110)
 */
export function coding(item: DataSet, root: DataSet): JsonObject | undefined {
  const urn = text(item, '00080120')
  const display = text(item, '00080104')
  if (urn !== '') return { system: 'urn:ietf:rfc:3986', code: urn, ...(display && { display }) }
  const code = text(item, '00080100') || text(item, '00080119')
  const system = schemeSystem(item, root)
  if (code === '' || system === undefined) return undefined
  return { system, code, ...(display && { display }) }
}

/** A code item as a CodeableConcept: coded where the scheme is known, with its meaning as text either way. */
export function concept(item: DataSet, root: DataSet): JsonObject | undefined {
  const coded = coding(item, root)
  const words = text(item, '00080104') || text(item, '00080100') || text(item, '00080119')
  if (!coded && words === '') return undefined
  return { ...(coded && { coding: [coded] }), ...(words && { text: words }) }
}

function schemeSystem(item: DataSet, root: DataSet): string | undefined {
  const designator = text(item, '00080102')
  const known = SYSTEMS[designator.toUpperCase()]
  if (known !== undefined) return known
  const named = items(root, '00080110').find((scheme) => text(scheme, '00080102') === designator)
  const uid = text(item, '0008010C') || (named && text(named, '0008010C'))
  return uid ? `urn:oid:${uid}` : undefined
}
