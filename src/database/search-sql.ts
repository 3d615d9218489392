import type { Dialect, Param, Row, Step } from './operation.ts'

/** A piece of a statement with the values of its parameters. */
export interface Sql {
  readonly sql: string
  readonly params: readonly Param[]
}

export const TRUE: Sql = { sql: '1 = 1', params: [] }
export const FALSE: Sql = { sql: '1 = 0', params: [] }

export function sql(text: string, ...params: readonly Param[]): Sql {
  return { sql: text, params }
}

/** All of the conditions; of none: true. */
export function allOf(conditions: readonly Sql[]): Sql {
  const some = conditions.filter((condition) => condition !== TRUE)
  return some.length === 0 ? TRUE : joined(some, ' AND ')
}

/** Any of the conditions; of none: false. */
export function anyOf(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? FALSE : joined(conditions, ' OR ')
}

export function not(condition: Sql): Sql {
  return { sql: `NOT (${condition.sql})`, params: condition.params }
}

function joined(conditions: readonly Sql[], word: string): Sql {
  return {
    // Parentheses outside as well: it may stand within anything.
    sql: `(${conditions.map((condition) => `(${condition.sql})`).join(word)})`,
    params: conditions.flatMap((condition) => condition.params),
  }
}

/** A row's number among numbers that were read before: one parameter, however many they are. */
export function idIn(dialect: Dialect, expression: string, ids: readonly number[]): Sql {
  if (ids.length === 0) return FALSE
  if (ids.length === 1) return sql(`${expression} = ?`, ids[0] ?? 0)
  // PostgreSQL knows nothing of what a subquery will give it, and would rather read whole tables.
  return dialect === 'sqlite'
    ? sql(`${expression} IN (SELECT value FROM json_each(?))`, JSON.stringify(ids))
    : sql(`${expression} = ANY (CAST(? AS bigint[]))`, `{${ids.join()}}`)
}

export function textIn(expression: string, texts: readonly string[]): Sql {
  const distinct = [...new Set(texts)]
  if (distinct.length === 0) return FALSE
  return sql(`${expression} IN (${distinct.map(() => '?').join(', ')})`, ...distinct)
}

/** Whether a column contains a text; case matters, nothing in it is special. */
export function contains(dialect: Dialect, expression: string, text: string): Sql {
  return sql(dialect === 'sqlite' ? `instr(${expression}, ?) > 0` : `strpos(${expression}, ?) > 0`, text)
}

/** A text with a space in the place of each of these characters. */
export function withSpaces(dialect: Dialect, expression: string, characters: readonly string[]): string {
  if (dialect === 'postgres')
    return `translate(${expression}, '${characters.join('')}', '${' '.repeat(characters.length)}')`
  return characters.reduce((text, character) => `replace(${text}, '${character}', ' ')`, expression)
}

/**
 * Whether a column matches a pattern of PS3.4 C.2.2.2.4; case matters. SQLite's LIKE ignores case in ASCII, so it is GLOB
 * there, in which a bracket would begin a set. A beginning without wildcards is a range besides, which indexes serve.
 */
export function like(dialect: Dialect, expression: string, pattern: string): Sql {
  const match =
    dialect === 'sqlite'
      ? sql(`${expression} GLOB ?`, pattern.replaceAll('[', '[[]'))
      : sql(
          `${expression} LIKE ? ESCAPE '~'`,
          pattern.replaceAll(/[~%_]/gu, '~$&').replaceAll('*', '%').replaceAll('?', '_'),
        )
  const prefix = /^[^*?]*/u.exec(pattern)?.[0] ?? ''
  if (prefix === '' || prefix === pattern) return match
  // Every text that begins so sorts below the prefix with the last character of Unicode behind it.
  return allOf([sql(`${expression} >= ? AND ${expression} <= ?`, prefix, `${prefix}\u{10FFFF}`), match])
}

/** A column by which rows are ordered. */
export interface SortColumn {
  readonly expression: string
  readonly descending: boolean
}

export function orderBy(columns: readonly SortColumn[]): string {
  return columns.map(({ expression, descending }) => expression + (descending ? ' DESC' : '')).join(', ')
}

/**
 * Rows that come after the one with these values in an order. Written with the first column's bound by itself, because
 * SQLite seeks neither by row values nor by alternatives (schema.md §4).
 */
export function after(columns: readonly SortColumn[], values: readonly (string | number)[]): Sql {
  const [first] = columns
  const [value] = values
  if (first === undefined || value === undefined) return TRUE
  const strict = sql(`${first.expression} ${first.descending ? '<' : '>'} ?`, value)
  if (columns.length === 1) return strict
  const bound = sql(`${first.expression} ${first.descending ? '<=' : '>='} ?`, value)
  return allOf([bound, anyOf([strict, after(columns.slice(1), values.slice(1))])])
}

/** The numbers that a statement gives as `id`, in one value: a row for each of thousands would cost more than to find them. */
export function* idsOf(dialect: Dialect, statement: Sql): Generator<Step, number[], Row[]> {
  const all = dialect === 'sqlite' ? 'json_group_array(q.id)' : `coalesce(CAST(json_agg(q.id) AS text), '[]')`
  const [row] = yield* rowsOf({
    sql: `SELECT ${all} AS ids FROM (${statement.sql}) AS q`,
    params: statement.params,
  })
  return JSON.parse(String(row?.['ids'])) as number[]
}

/** A read as a step of an operation. */
export function* rowsOf(statement: Sql, slow = false): Generator<Step, Row[], Row[]> {
  return yield { sql: statement.sql, params: statement.params, ...(slow && { slow }) }
}

/** The same of a statement that is asked again and again, of which nothing but the parameters is new. */
export function* keptRowsOf({ sql: text, params }: Sql): Generator<Step, Row[], Row[]> {
  return yield { sql: text, params, kept: true }
}

/** How a condition is asked. */
export interface Asking {
  readonly dialect: Dialect
  /** Of row after row in the order of the answer, until a page is full; else of all there are. */
  readonly byRow: boolean
  /** Where the number of the series in question stands. */
  readonly series: 'e.id' | 'i.series_id'
}

/**
 * Ends a subquery that is to be run for each row. PostgreSQL would rather read every posting there is, or every match,
 * into one hash table; across an OFFSET it cannot. (A search by a range at a million instances: 339 ms so, 39 by seeks.)
 */
export function eachOf({ dialect, byRow }: Asking): string {
  return dialect === 'postgres' && byRow ? ' OFFSET 0' : ''
}
