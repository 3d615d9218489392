import type { Row, Step, Writer } from './operation.ts'

/**
 * Numbers of texts in a dictionary: from memory, else selected, else inserted in ascending order (two writers that add
 * the same texts then wait for each other in the same order and never in a circle) and selected again. On PostgreSQL
 * each statement is a transaction of its own when this runs before `begin`.
 */
function* numbersOf(
  writer: Writer,
  dictionary: { readonly table: string; readonly column: string; readonly memory: Map<string, number> },
  texts: Iterable<string>,
): Generator<Step, Map<string, number>, Row[]> {
  const { table, column, memory } = dictionary
  const numbers = new Map<string, number>()
  let missing: string[] = []
  for (const text of new Set(texts)) {
    const known = memory.get(text)
    if (known === undefined) missing.push(text)
    else numbers.set(text, known)
  }
  if (missing.length === 0) return numbers
  const select = `SELECT d.id, d.${column} AS text FROM (VALUES (?)) AS v JOIN ${table} d ON d.${column} = v.column1`
  const found = function* (): Generator<Step, void, Row[]> {
    const rows = yield { sql: select, types: 'text', each: missing.map((text) => [text]) }
    for (const row of rows) numbers.set(String(row['text']), Number(row['id']))
    missing = missing.filter((text) => !numbers.has(text))
  }
  const wanted = missing
  yield* found()
  if (missing.length > 0) {
    yield {
      sql: `INSERT INTO ${table} (${column}) VALUES (?) ON CONFLICT DO NOTHING`,
      types: 'text',
      each: missing.sort().map((text) => [text]),
    }
    yield* found()
  }
  writer.afterCommit(() => {
    for (const text of wanted) memory.set(text, numbers.get(text) ?? 0)
  })
  return numbers
}

export const storeNumbers = (writer: Writer, names: Iterable<string>): ReturnType<typeof numbersOf> =>
  numbersOf(writer, { table: 'blob_store', column: 'name', memory: writer.memory.blobStore }, names)

export const sopClassNumbers = (writer: Writer, uids: Iterable<string>): ReturnType<typeof numbersOf> =>
  numbersOf(writer, { table: 'sop_class', column: 'uid', memory: writer.memory.sopClass }, uids)

export const transferSyntaxNumbers = (writer: Writer, uids: Iterable<string>): ReturnType<typeof numbersOf> =>
  numbersOf(writer, { table: 'transfer_syntax', column: 'uid', memory: writer.memory.transferSyntax }, uids)

export const pathNumbers = (writer: Writer, paths: Iterable<string>): ReturnType<typeof numbersOf> =>
  numbersOf(writer, { table: 'tag_path', column: 'path', memory: writer.memory.tagPath }, paths)

/** A value of the dictionary: path number and normal form. */
export interface DictionaryValue {
  readonly pathId: number
  readonly value: string
}

/** Key of a dictionary value in memory. */
export function valueKey(pathId: number, value: string): string {
  return `${pathId} ${value}`
}

/** Numbers of values by {@link valueKey}, as {@link numbersOf} does it. */
export function* valueNumbers(
  writer: Writer,
  values: readonly DictionaryValue[],
): Generator<Step, Map<string, number>, Row[]> {
  const { tagValue } = writer.memory
  const numbers = new Map<string, number>()
  let missing: DictionaryValue[] = []
  for (const value of values) {
    const known = tagValue.get(valueKey(value.pathId, value.value))
    if (known === undefined) missing.push(value)
    else numbers.set(valueKey(value.pathId, value.value), known)
  }
  if (missing.length === 0) return numbers
  const wanted = missing
  const found = function* (): Generator<Step, void, Row[]> {
    const rows = yield {
      sql: `SELECT d.id, d.path_id, d.value FROM (VALUES (?, ?)) AS v
        JOIN tag_value d ON d.path_id = v.column1 AND d.value = v.column2`,
      types: 'bigint, text',
      each: missing.map((value) => [value.pathId, value.value]),
    }
    for (const row of rows)
      numbers.set(valueKey(Number(row['path_id']), String(row['value'])), Number(row['id']))
    missing = missing.filter((value) => !numbers.has(valueKey(value.pathId, value.value)))
  }
  yield* found()
  if (missing.length > 0) {
    missing.sort((a, b) => a.pathId - b.pathId || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0))
    yield {
      sql: 'INSERT INTO tag_value (path_id, value) VALUES (?, ?) ON CONFLICT (path_id, value) DO NOTHING',
      types: 'bigint, text',
      each: missing.map((value) => [value.pathId, value.value]),
    }
    yield* found()
  }
  writer.afterCommit(() => {
    for (const value of wanted) {
      const key = valueKey(value.pathId, value.value)
      tagValue.set(key, numbers.get(key) ?? 0)
    }
  })
  return numbers
}
