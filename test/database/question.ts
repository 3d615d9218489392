import type { Level } from '../../src/dicom/data-set.ts'
import type { Key, Query } from '../../src/database/query.ts'

/** What a test asks of the index: the first hundred with these keys, unless it says more. */
export const question = (level: Level, keys: readonly Key[], more: Partial<Query> = {}): Query => ({
  level,
  within: {},
  keys,
  aggregates: [],
  include: [],
  required: [],
  orderBy: [],
  limit: 100,
  offset: 0,
  ...more,
})
