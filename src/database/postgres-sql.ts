import type { Step } from './operation.ts'

/** A step as PostgreSQL takes it. */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

const ROW = /VALUES \(\?(?:,\s*\?)*\)/

/**
 * `?` to `$1…`, outside of quotes. A step with `each` runs once: its `VALUES (?, ?)` becomes the rows of arrays that are
 * taken apart on the server, with the column names that SQLite gives to VALUES.
 */
export function statementOf(step: Step): Statement {
  const fixed = step.params ?? []
  if (step.each === undefined) return { text: numbered(step.sql), values: fixed }
  const types = (step.types ?? '').split(',').map((type) => type.trim())
  const arrays = types.map((_, column) => step.each?.map((list) => list[column] ?? null) ?? [])
  return { text: unnested(step.sql, types), values: [...arrays, ...fixed] }
}

const texts = new Map<string, string>()

function remembered(key: string, make: () => string): string {
  const known = texts.get(key)
  if (known !== undefined) return known
  const made = make()
  // Statements of operations are few; those that search makes come and go.
  if (texts.size > 1000) texts.clear()
  texts.set(key, made)
  return made
}

function unnested(sql: string, types: readonly string[]): string {
  return remembered(`${types.join()}\n${sql}`, () => {
    const arrays = types.map((type) => `?::${type}[]`).join(', ')
    const names = types.map((_, column) => `column${column + 1}`).join(', ')
    if (!ROW.test(sql)) throw new Error('a step with each has no VALUES (?)')
    return numbered(sql.replace(ROW, () => `SELECT * FROM unnest(${arrays}) AS u(${names})`))
  })
}

function numbered(sql: string): string {
  return remembered(sql, () => {
    let number = 0
    let quote = ''
    let text = ''
    for (const character of sql) {
      if (quote !== '') quote = character === quote ? '' : quote
      else if (character === "'" || character === '"') quote = character
      text += character === '?' && quote === '' ? `$${++number}` : character
    }
    return text
  })
}
