import type { PatientEntity, SeriesEntity, StudyEntity } from './level-rows.ts'
import type { LevelColumns } from './level-tuples.ts'
import type { Row, Step } from './operation.ts'

interface Revived {
  readonly patients: readonly PatientEntity[]
  readonly studies: readonly StudyEntity[]
  readonly series: readonly SeriesEntity[]
}

export function columnsOf(entity: { readonly columns: LevelColumns | null }): LevelColumns {
  if (entity.columns === null) throw new Error('a new row has no first instance')
  return entity.columns
}

/** Entities that had no active instance left: the first one that comes gives them its attributes. */
export function* replaceTuples(changes: Revived): Generator<Step, void, Row[]> {
  const revived = <E extends { readonly isNew: boolean; readonly columns: LevelColumns | null }>(
    all: readonly E[],
  ): E[] => all.filter((one) => !one.isNew && one.columns !== null)
  for (const one of revived(changes.patients))
    yield {
      sql: 'UPDATE patient SET attributes = ?, patient_name = ?, birth_date = ?, sex = ? WHERE id = ?',
      params: [one.attributes, ...columnsOf(one).texts, one.id],
    }
  for (const one of revived(changes.studies))
    yield {
      sql: `UPDATE study SET attributes = ?, patient_key = ?, patient_id = ?, issuer = ?, patient_name = ?, birth_date = ?,
        sex = ?, study_date = ?, study_time = ?, accession_number = ?, study_ident = ?, study_description = ?,
        referring_physician = ? WHERE id = ?`,
      params: [one.attributes, one.patient.id, ...columnsOf(one).texts, one.id],
    }
  for (const one of revived(changes.series))
    yield {
      sql: `UPDATE series SET attributes = ?, number = ?, study_date = ?, modality = ?, series_description = ?,
        body_part = ?, pps_start_date = ?, pps_start_time = ? WHERE id = ?`,
      params: [one.attributes, columnsOf(one).number, ...columnsOf(one).texts, one.id],
    }
}
