import Sqlite from 'better-sqlite3'
import pg from 'pg'

export interface ObjectSize {
  /** Table (without its indexes) or index. */
  readonly name: string
  readonly bytes: number
}

/** The database beside the service: what it is, and how much room its objects take. */
export interface IndexStore {
  readonly engine: 'sqlite' | 'postgres'
  /** Release, and the settings that durable writes depend on. */
  about(): Promise<string>
  /** Largest first. */
  sizes(): Promise<readonly ObjectSize[]>
  /** What the engine would do by itself some minutes after many changes; SQLite does it when the service ends. */
  settle(): Promise<void>
}

/** Of a DATABASE_URL. */
export function indexStore(url: string): IndexStore {
  return url.startsWith('sqlite:') ? sqliteStore(url.slice('sqlite:'.length)) : postgresStore(url)
}

function sqliteStore(path: string): IndexStore {
  const rows = <T>(sql: string): T[] => {
    const database = new Sqlite(path, { readonly: true })
    try {
      return database.prepare<[], T>(sql).all()
    } finally {
      database.close()
    }
  }
  return {
    engine: 'sqlite',
    about: () => {
      const [row] = rows<{ version: string }>('SELECT sqlite_version() AS version')
      return Promise.resolve(`SQLite ${row?.version ?? '?'}, write-ahead log, synchronous=FULL`)
    },
    sizes: () =>
      Promise.resolve(
        rows<ObjectSize>('SELECT name, pgsize AS bytes FROM dbstat WHERE aggregate = TRUE ORDER BY 2 DESC'),
      ),
    settle: () => Promise.resolve(),
  }
}

/** Tables with their TOAST, but without their indexes, which are objects themselves. */
const POSTGRES_SIZES = `
  SELECT c.relname AS name, CASE c.relkind WHEN 'i' THEN pg_relation_size(c.oid) ELSE pg_table_size(c.oid) END AS bytes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i') ORDER BY 2 DESC`
const SETTINGS = ['server_version', 'fsync', 'synchronous_commit', 'shared_buffers'] as const

function postgresStore(url: string): IndexStore {
  const query = async <T extends pg.QueryResultRow>(...statements: string[]): Promise<T[]> => {
    const client = new pg.Client({ connectionString: url })
    client.setTypeParser(pg.types.builtins.INT8, Number)
    await client.connect()
    try {
      let rows: T[] = []
      for (const sql of statements) rows = (await client.query<T>(sql)).rows
      return rows
    } finally {
      await client.end()
    }
  }
  return {
    engine: 'postgres',
    about: async () => {
      const columns = SETTINGS.map((name) => `current_setting('${name}') AS ${name}`).join(', ')
      const [row] = await query<Record<(typeof SETTINGS)[number], string>>(`SELECT ${columns}`)
      const { server_version, ...rest } = row ?? { server_version: '?' }
      return [`PostgreSQL ${server_version}`, ...Object.entries(rest).map((one) => one.join('='))].join(', ')
    },
    sizes: () => query<{ name: string; bytes: number }>(POSTGRES_SIZES),
    settle: async () => {
      await query('VACUUM (ANALYZE)', 'CHECKPOINT')
    },
  }
}
