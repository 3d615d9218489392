/** STUDIES OF TWO PATIENTS: flagged in the transaction that makes them so, whether there is a FHIR server or not. */
import type { PatientLink } from './add-count.ts'
import { raise } from './attention.ts'
import { clock } from './dialect.ts'
import type { Row, Step, Writer } from './operation.ts'
import type { InstanceState } from './ports/instance.ts'

/**
 * Tells a person of the studies that have active instances of several Patient IDs by now. Only where an instance is of
 * another patient than its study anything is asked. Instances without a Patient ID contradict nobody.
 */
export function* flagMixtures(writer: Writer, links: readonly PatientLink[]): Generator<Step, void, Row[]> {
  const others = links.filter(
    ({ patient, study, n }) => n > 0 && patient.id !== (study.patientBefore ?? study.patient.id),
  )
  if (others.length > 0)
    yield* flag(
      writer,
      others.map(({ study }) => study.id),
    )
}

/** The same when instances of these studies come back or go: a study that is of one patient again is told of no more. */
export function* reviewMixtures(
  writer: Writer,
  studies: readonly number[],
  to: InstanceState,
): Generator<Step, void, Row[]> {
  if (to === 'active') yield* flag(writer, studies)
  yield {
    sql: `UPDATE attention SET resolved_at = ${clock(writer.dialect)} FROM (VALUES (?)) AS v
      JOIN study s ON s.id = v.column1
      WHERE attention.reason = ? AND attention.study_uid = s.study_uid AND attention.resolved_at IS NULL
        AND (SELECT count(*) ${OF_STUDY}) < 2`,
    types: 'bigint',
    each: [...new Set(studies)].map((id) => [id]),
    params: [MIXED],
  }
}

const MIXED = 'mixed-patients'
/** Patients by Patient ID that a study `s` has active instances of. */
const OF_STUDY = `FROM patient_study l JOIN patient p ON p.id = l.patient_key
  WHERE l.study_id = s.id AND l.n_instances > 0 AND p.patient_id <> ''`

function* flag(writer: Writer, studies: readonly number[]): Generator<Step, void, Row[]> {
  const rows = yield {
    sql: `SELECT s.study_uid, (SELECT count(*) ${OF_STUDY}) AS n FROM (VALUES (?)) AS v
      JOIN study s ON s.id = v.column1`,
    types: 'bigint',
    each: [...new Set(studies)].map((id) => [id]),
  }
  for (const row of rows) {
    const detail = { patients: Number(row['n']) }
    if (detail.patients > 1) yield* raise(writer, { reason: MIXED, study: String(row['study_uid']), detail })
  }
}
