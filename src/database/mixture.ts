/** STUDIES OF TWO PATIENTS: flagged in the transaction that makes them so, whether there is a FHIR server or not. */
import type { PatientLink } from './add-count.ts'
import { raise } from './attention.ts'
import type { Row, Step, Writer } from './operation.ts'

/**
 * Tells a person of the studies that have active instances of several Patient IDs by now. Only where an instance is of
 * another patient than its study anything is asked. Instances without a Patient ID contradict nobody.
 */
export function* flagMixtures(writer: Writer, links: readonly PatientLink[]): Generator<Step, void, Row[]> {
  const others = links.filter(
    ({ patient, study, n }) => n > 0 && patient.id !== (study.patientBefore ?? study.patient.id),
  )
  if (others.length === 0) return
  const rows = yield {
    sql: `SELECT s.study_uid, count(*) AS n FROM (VALUES (?)) AS v
      JOIN study s ON s.id = v.column1 JOIN patient_study l ON l.study_id = s.id JOIN patient p ON p.id = l.patient_key
      WHERE l.n_instances > 0 AND p.patient_id <> '' GROUP BY s.study_uid HAVING count(*) > 1`,
    types: 'bigint',
    each: [...new Set(others.map(({ study }) => study.id))].map((id) => [id]),
  }
  for (const row of rows) {
    const detail = { patients: Number(row['n']) }
    yield* raise(writer, { reason: 'mixed-patients', study: String(row['study_uid']), detail })
  }
}
