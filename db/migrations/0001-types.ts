/** What the engines call the same thing. */
export interface Types {
  /** A row's own number. */
  key: string
  /** A whole number of 64 bits: another row's number, milliseconds since 1970, a count. */
  ref: string
  /** Text that sorts by bytes. */
  text: string
  bytes: string
  real: string
  /** Table options: plain rows; rows kept in order of the primary key; rows whose counters change often. */
  rows: string
  clustered: string
  counted: string
}
