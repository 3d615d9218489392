/** WHICH RESOURCE STANDS FOR WHAT on the FHIR server, what was last pushed, and what was learnt of the server. */
import { clock } from './dialect.ts'
import type { Dialect, Row, Step, Writer } from './operation.ts'
import { numberOrNull, textOrNull } from './outbox.ts'
import type { FhirLink, LinkKind } from './ports/fhir-state.ts'

const COLUMNS = 'kind, key, resource_type, id, version_id, projection, gen, flags'

function linkOf(row: Row): FhirLink {
  return {
    kind: String(row['kind']) as LinkKind,
    key: String(row['key']),
    resourceType: String(row['resource_type']),
    id: String(row['id']),
    versionId: textOrNull(row['version_id']),
    projection: textOrNull(row['projection']),
    gen: numberOrNull(row['gen']),
    flags: JSON.parse(String(row['flags'])) as string[],
  }
}

export function* link(
  _dialect: Dialect,
  kind: LinkKind,
  key: string,
): Generator<Step, FhirLink | null, Row[]> {
  const [row] = yield {
    sql: `SELECT ${COLUMNS} FROM fhir_link WHERE kind = ? AND key = ?`,
    params: [kind, key],
  }
  return row === undefined ? null : linkOf(row)
}

export function* links(
  _dialect: Dialect,
  kind: LinkKind,
  after: string | null,
  limit: number,
): Generator<Step, FhirLink[], Row[]> {
  const rows = yield {
    sql: `SELECT ${COLUMNS} FROM fhir_link WHERE kind = ? AND key > ? ORDER BY key LIMIT ?`,
    params: [kind, after ?? '', limit],
  }
  return rows.map(linkOf)
}

export function* linksTo(
  _dialect: Dialect,
  kind: LinkKind,
  ids: readonly string[],
): Generator<Step, FhirLink[], Row[]> {
  const rows = yield {
    sql: `SELECT ${COLUMNS} FROM (VALUES (?)) AS v JOIN fhir_link ON fhir_link.id = v.column1
      WHERE fhir_link.kind = ?`,
    types: 'text',
    each: [...new Set(ids)].map((id) => [id]),
    params: [kind],
  }
  return rows.map(linkOf)
}

export function* saveLink(_writer: Writer, saved: FhirLink): Generator<Step, void, Row[]> {
  yield {
    sql: `INSERT INTO fhir_link (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (kind, key) DO UPDATE SET resource_type = excluded.resource_type, id = excluded.id,
        version_id = excluded.version_id, projection = excluded.projection, gen = excluded.gen, flags = excluded.flags`,
    params: [
      ...[saved.kind, saved.key, saved.resourceType, saved.id, saved.versionId, saved.projection, saved.gen],
      JSON.stringify(saved.flags),
    ],
  }
}

export function* removeLink(_writer: Writer, kind: LinkKind, key: string): Generator<Step, void, Row[]> {
  yield { sql: 'DELETE FROM fhir_link WHERE kind = ? AND key = ?', params: [kind, key] }
}

export function* startPush(
  { dialect }: Writer,
  id: string,
  study: string,
  gen: number,
): Generator<Step, void, Row[]> {
  yield {
    sql: `INSERT INTO fhir_push (id, study_uid, gen, started_at) VALUES (?, ?, ?, ${clock(dialect)})
      ON CONFLICT (id) DO NOTHING`,
    params: [id, study, gen],
  }
}

export function* endPush({ dialect }: Writer, id: string, outcome: string): Generator<Step, void, Row[]> {
  yield {
    sql: `UPDATE fhir_push SET ended_at = ${clock(dialect)}, outcome = ? WHERE id = ?`,
    params: [outcome, id],
  }
}

export function* fact(_dialect: Dialect, name: string): Generator<Step, string | null, Row[]> {
  const [row] = yield { sql: 'SELECT value FROM fhir_fact WHERE name = ?', params: [name] }
  return textOrNull(row?.['value'])
}

export function* saveFact(_writer: Writer, name: string, value: string | null): Generator<Step, void, Row[]> {
  if (value === null) yield { sql: 'DELETE FROM fhir_fact WHERE name = ?', params: [name] }
  else
    yield {
      sql: `INSERT INTO fhir_fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      params: [name, value],
    }
}
