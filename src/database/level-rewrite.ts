/** ROWS OF LEVELS MADE ANEW from their active instances, with what hangs on them: for whoever holds their locks. */
import { derive, type Derived } from './level-derived.ts'
import type { Param, Row, Step } from './operation.ts'
import type { LevelName } from './ports/inspection.ts'

/** What a row says of which no instance is active: it keeps its attributes until the next one comes. */
const NOBODY: Readonly<Record<LevelName, Readonly<Record<string, Param>>>> = {
  patient: { n_instances: 0, mixed: 0, first_id: null, n_studies: 0 },
  study: { n_instances: 0, mixed: 0, first_id: null, n_series: 0, modalities: '', sop_classes: '' },
  series: { n_instances: 0, mixed: 0, first_id: null },
}

/** Makes a level row what its active instances say; the number of these. Links of a study are made with it. */
export function* rewriteLevel(level: LevelName, id: number): Generator<Step, number, Row[]> {
  const derived = yield* derive(level, id)
  const columns: Readonly<Record<string, Param>> = derived?.columns ?? NOBODY[level]
  const names = Object.keys(columns)
  yield {
    sql: `UPDATE ${level} SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE id = ?`,
    params: [...Object.values(columns), id],
  }
  yield { sql: 'DELETE FROM level_value WHERE level = ? AND entity = ?', params: [level, id] }
  yield {
    sql: 'INSERT INTO level_value (level, attribute, value, entity, n) VALUES (?, ?, ?, ?, ?)',
    types: 'text, text, text, bigint, bigint',
    each: (derived?.values ?? []).map(({ attribute, value, n }) => [level, attribute, value, id, n]),
  }
  if (level === 'study') yield* rewriteLinks(id, derived)
  return Number(columns['n_instances'])
}

function* rewriteLinks(id: number, derived: Derived | null): Generator<Step, void, Row[]> {
  // A link of hidden instances alone stays: by it a search finds what is superseded.
  yield { sql: 'UPDATE patient_study SET n_instances = 0 WHERE study_id = ?', params: [id] }
  yield {
    sql: `INSERT INTO patient_study (patient_key, study_id, n_instances) VALUES (?, ?, ?)
      ON CONFLICT (patient_key, study_id) DO UPDATE SET n_instances = excluded.n_instances`,
    types: 'bigint, bigint, bigint',
    each: [...(derived?.patients ?? [])].map(([patient, n]) => [patient, id, n]),
  }
}
