/** The statements that write postings, and ranges of what has none. */
import type { Numbers } from './add.ts'
import type { SeriesEntity } from './level-rows.ts'
import type { Row, Step } from './operation.ts'
import type { PlannedSeries } from './plan.ts'

/**
 * Adds what is new. Another writer may have added to the same series at the same time: postings are there or not, and
 * ranges only grow.
 */
export function* insertPostings(
  series: readonly (Pick<SeriesEntity, 'id'> & { readonly planned: PlannedSeries })[],
  numbers: Numbers,
): Generator<Step, void, Row[]> {
  yield {
    sql: 'INSERT INTO tag_post (value_id, series_id) VALUES (?, ?) ON CONFLICT (value_id, series_id) DO NOTHING',
    types: 'bigint, bigint',
    each: series.flatMap(({ id, planned }) =>
      (numbers.postings.get(planned) ?? []).map((value) => [value, id]),
    ),
  }
  yield {
    sql: `INSERT INTO tag_range (path_id, series_id, low, high, low_text, high_text) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (path_id, series_id) DO UPDATE SET
        low = CASE WHEN excluded.low < tag_range.low THEN excluded.low ELSE tag_range.low END,
        high = CASE WHEN excluded.high > tag_range.high THEN excluded.high ELSE tag_range.high END,
        low_text = CASE WHEN excluded.low_text < tag_range.low_text THEN excluded.low_text ELSE tag_range.low_text END,
        high_text = CASE WHEN excluded.high_text > tag_range.high_text
          THEN excluded.high_text ELSE tag_range.high_text END`,
    types: 'bigint, bigint, double precision, double precision, text, text',
    each: series.flatMap(({ id, planned }) =>
      Array.from(planned.postings.ranges, ([path, { low, high }]) =>
        typeof low === 'number'
          ? [numbers.paths.get(path) ?? 0, id, low, high, null, null]
          : [numbers.paths.get(path) ?? 0, id, null, null, low, high],
      ),
    ),
  }
}
