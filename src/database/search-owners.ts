/** Private elements belong to the creator of their block (PS3.5 §7.8.1), which the tag index has at a path of its own. */
import { comparisonOf } from '../dicom/matching-values.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import type { Evidence, Path, PostedValue } from './search-posted.ts'
import { allOf, idIn, rowsOf, sql } from './search-sql.ts'
import { termCondition } from './search-terms.ts'
import { markerId, vrOfPath } from './terms.ts'

export interface Owners {
  /** Numbers of posted values without one of which no instance of a series has a block of the creator. */
  readonly possible: readonly number[]
  /** What makes a key certain: its values in a block that is the creator's in every instance. */
  evidence(paths: readonly Path[], sure: readonly PostedValue[]): Evidence[]
}

/** Where the creator of a key's first step is named; null when it has none. */
export function* ownersOf(dialect: Dialect, { path }: Key): Generator<Step, Owners | null, Row[]> {
  const own = readPrivateStep(path[0] ?? '')
  if (own === undefined) return null
  const named = yield* rowsOf(sql('SELECT id, path FROM tag_path WHERE path LIKE ?', `${own.group}00__ __`))
  const paths = named.map((row): Path => ({ id: Number(row['id']), path: String(row['path']) }))
  const numbers = paths.map(({ id }) => id)
  const creator: Key = { path: [''], vr: 'LO', match: { kind: 'values', values: [own.creator] } }
  const term = allOf([idIn(dialect, 'v.path_id', numbers), termCondition(dialect, 'v.value', creator)])
  const rows = yield* rowsOf({
    sql: `SELECT v.id, v.path_id, v.value FROM tag_value v WHERE ${term.sql}`,
    params: term.params,
  })
  const exact = rows.filter((row) => String(row['value']) === own.creator)
  return {
    possible: [...rows.map((row) => Number(row['id'])), ...numbers.map((id) => markerId(id, 'varies'))],
    evidence: (found, sure) => {
      const byBlock = Map.groupBy(found, (one) => one.path.slice(4, 6))
      return Array.from(byBlock, ([block, inside]) => {
        const ids = inside.map(({ id }) => id)
        const owner = paths.filter((one) => one.path.slice(6, 8) === block)
        const texts = owner.filter((one) => comparisonOf(vrOfPath(one.path)) === 'text').map(({ id }) => id)
        const named = exact.filter((row) => texts.includes(Number(row['path_id'])))
        return {
          paths: ids,
          sure: sure.filter((value) => ids.includes(value.path)).map(({ id }) => id),
          owner: { paths: owner.map(({ id }) => id), sure: named.map((row) => Number(row['id'])) },
        }
      }).filter((one) => one.sure.length > 0)
    },
  }
}
