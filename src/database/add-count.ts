/** What a batch adds to the rows of its levels. */
import { stateNumber } from './known.ts'
import {
  countIn,
  hideIn,
  type LevelValues,
  type PatientEntity,
  type SeriesEntity,
  type StudyEntity,
} from './level-rows.ts'
import { patientColumns, seriesColumns, studyColumns, tuplesOf } from './level-tuples.ts'
import type { PlannedInstance } from './plan.ts'
import type { InstanceState } from './ports/instance.ts'
import type { PreparedInstance } from './prepare.ts'

export interface Counting {
  readonly rows: readonly SeriesEntity[]
  readonly ids: readonly number[]
  readonly patientOf: (instance: PreparedInstance) => PatientEntity
  readonly stateOf: (instance: PreparedInstance) => InstanceState
  readonly values: LevelValues
}

/** Active instances that the batch adds to a patient within a study; a link of hidden ones alone is made too. */
export interface PatientLink {
  readonly patient: PatientEntity
  readonly study: StudyEntity
  n: number
}

/** Counts the instances into their levels, in the order received. */
export function countAll(planned: readonly PlannedInstance[], counting: Counting): PatientLink[] {
  const links = new Map<string, PatientLink>()
  const rows = new Map(counting.rows.map((row) => [row.planned, row]))
  for (const [at, one] of planned.entries()) {
    const series = rows.get(one.series)
    if (series === undefined) throw new Error('a planned instance is of no planned series')
    const patient = counting.patientOf(one.instance)
    const isShown = stateNumber(counting.stateOf(one.instance)) === 0
    if (isShown) countShown(one, counting.ids[at] ?? 0, { patient, series }, counting.values)
    else countHidden(one, { patient, series })
    const key = `${patient.id}/${series.study.id}`
    const link = links.get(key) ?? { patient, study: series.study, n: 0 }
    if (isShown) link.n++
    links.set(key, link)
  }
  return [...links.values()]
}

interface Levels {
  readonly patient: PatientEntity
  readonly series: SeriesEntity
}

function countShown(
  one: PlannedInstance,
  id: number,
  { patient, series }: Levels,
  values: LevelValues,
): void {
  const { study } = series
  const tuples = tuplesOf(one.lines)
  if (study.nInstances === 0) study.patient = patient
  if (series.nInstances === 0) study.nSeries++
  const count = (
    level: 'patient' | 'study' | 'series',
    entity: PatientEntity | StudyEntity | SeriesEntity,
  ): void =>
    countIn(level, entity, { id, lines: tuples[level], columns: () => COLUMNS[level](tuples[level]) }, values)
  count('patient', patient)
  count('study', study)
  count('series', series)
  if (one.instance.modality !== '') study.modalities.add(one.instance.modality)
  study.sopClasses.add(one.instance.sopClass)
}

const COLUMNS = { patient: patientColumns, study: studyColumns, series: seriesColumns } as const

function countHidden(one: PlannedInstance, { patient, series }: Levels): void {
  const tuples = tuplesOf(one.lines)
  if (series.study.isNew && series.study.columns === null) series.study.patient = patient
  hideIn(patient, () => patientColumns(tuples.patient))
  hideIn(series.study, () => studyColumns(tuples.study))
  hideIn(series, () => seriesColumns(tuples.series))
  series.nHidden++
}
