import pg from 'pg'
import { countMatches, search } from '../../../src/archive/search.ts'
import type { Archive } from '../../../src/archive/archive.ts'
import type { Engine } from '../../../src/database/engine.ts'
import { openDatabase } from '../../../src/database/database.ts'
import { reads } from '../../../src/database/operations.ts'
import type { Row, Step } from '../../../src/database/operation.ts'
import { statementOf } from '../../../src/database/postgres-sql.ts'
import { drive, openConnection } from '../../../src/database/sqlite-connection.ts'
import type { Level } from '../../../src/dicom/data-set.ts'
import { readSearchParams } from '../../../src/http/query-params.ts'

/** One statement of a search, and how the engine goes about it. */
export interface Explained {
  readonly sql: string
  readonly plan: readonly string[]
}

/** Explains searches as the service runs them: the same operations, each statement explained before it is run. */
export interface Explainer {
  /** `path` is a search or a count below the DICOMweb root. */
  explain(path: string): Promise<readonly Explained[]>
  close(): Promise<void>
}

type AnyOperation = (first: never, ...args: never[]) => Generator<Step, unknown, Row[]>

const RESOURCE =
  /^(?:\/studies\/([\d.]+))?(?:\/series\/([\d.]+))?\/(patients|studies|series|instances)(\/count)?(?:\?(.*))?$/
const LEVELS: Readonly<Record<string, Level>> = {
  patients: 'patient',
  studies: 'study',
  series: 'series',
  instances: 'instance',
}
const SETTINGS = { searchLimit: 1000, searchLimitMax: 5000, service: '' }

/** Whether it is a search, which {@link Explainer} can explain. */
export function isSearch(path: string): boolean {
  return RESOURCE.test(path)
}

/** Over the database of a DATABASE_URL, beside the service. */
export async function openExplainer(url: string): Promise<Explainer> {
  const heard: Explained[] = []
  const engine = url.startsWith('sqlite:')
    ? sqliteEngine(url.slice('sqlite:'.length), (one) => heard.push(one))
    : await postgresEngine(url, (one) => heard.push(one))
  const database = await openDatabase(engine, { readOnly: true })
  const archive = { database, now: () => new Date() } as unknown as Archive
  return {
    explain: async (path) => {
      heard.length = 0
      const [, study, series, resource = '', count, query = ''] = RESOURCE.exec(path) ?? []
      const level = LEVELS[resource]
      if (level === undefined) throw new RangeError(`${path} is no search`)
      const within = { ...(study !== undefined && { study }), ...(series !== undefined && { series }) }
      const request = { level, within, ...readSearchParams(query) }
      if (count === undefined) {
        await Array.fromAsync((await search(archive, request, SETTINGS)).pages)
      } else await countMatches(archive, request)
      return once(heard)
    },
    close: () => database.close(),
  }
}

/** Statements that are run over and over are told once. */
function once(heard: readonly Explained[]): Explained[] {
  return [...new Map(heard.map((one) => [one.sql, one])).values()]
}

function sqliteEngine(path: string, hear: (one: Explained) => void): Engine {
  const connection = openConnection(path, 'reader')
  const explain = ({ sql, params, each }: Step): void => {
    if (sql === '') return
    const rows = connection.database
      .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all([...(each?.[0] ?? []), ...(params ?? [])])
    hear({ sql: oneLine(sql), plan: rows.map(({ detail }) => detail) })
  }
  const read = (name: keyof typeof reads, args: readonly unknown[]): unknown => {
    const operation = reads[name] as unknown as AnyOperation
    return drive(connection, 'BEGIN', operation('sqlite' as never, ...(args as never[])), explain)
  }
  return {
    dialect: 'sqlite',
    hasWriterThread: false,
    read: (name, args) => Promise.resolve(read(name, args)) as never,
    write: (name) => Promise.reject(new Error(`${name} writes`)),
    close: () => {
      connection.database.close()
      return Promise.resolve()
    },
  }
}

const EXPLAIN = 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)'

async function postgresEngine(url: string, hear: (one: Explained) => void): Promise<Engine> {
  const client = new pg.Client({ connectionString: url })
  client.setTypeParser(pg.types.builtins.INT8, Number)
  await client.connect()
  await client.query('SET default_transaction_read_only = on')
  const run = async (step: Step): Promise<Row[]> => {
    if (step.sql === '') return []
    const { text, values } = statementOf(step)
    const plan = await client.query<{ 'QUERY PLAN': string }>(`${EXPLAIN} ${text}`, [...values])
    hear({ sql: oneLine(text), plan: plan.rows.map((row) => row['QUERY PLAN']) })
    return (await client.query<Row>(text, [...values])).rows
  }
  const read = async (name: keyof typeof reads, args: readonly unknown[]): Promise<unknown> => {
    const running = (reads[name] as unknown as AnyOperation)('postgres' as never, ...(args as never[]))
    let turn = running.next([])
    while (turn.done !== true) turn = running.next(await run(turn.value))
    return turn.value
  }
  return {
    dialect: 'postgres',
    hasWriterThread: false,
    read: (name, args) => read(name, args) as never,
    write: (name) => Promise.reject(new Error(`${name} writes`)),
    close: () => client.end(),
  }
}

function oneLine(sql: string): string {
  return sql.replaceAll(/\s+/gu, ' ').trim()
}
