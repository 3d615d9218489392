import type { Dialect } from './operation.ts'

/** The database's own clock in milliseconds since 1970, as an SQL expression. */
export function clock(dialect: Dialect): string {
  return dialect === 'sqlite'
    ? `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
    : `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)`
}
