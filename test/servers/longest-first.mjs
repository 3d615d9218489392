// The test files that take longest are begun first, so that at the end no process of jest waits for the other. jest goes by
// what it measured before, and on a clean clone by size, which tells little: a whole contract suite is a file of six lines.
import TestSequencer from '@jest/test-sequencer'

const LONGEST = [
  ...['fhir/acceptance', 'database/postgres', 'database/sqlite', 'archive/store', 'archive/verify'],
  ...['archive/sync', 'http/corrections-part', 'http/corrections', 'archive/reindex', 'blobs/s3'],
  ...['archive/watch', 'archive/repair', 'http/qido-paging', 'http/stow', 'database/search-certain'],
  ...['oracle/oracle', 'oracle/kept', 'scripts/maintenance', 'http/bad-uploads'],
  ...['pixels/pool', 'main', 'database/engines', 'http/wado-size', 'database/migrate'],
].map((name) => `/test/${name}.test.ts`)

const rank = ({ path }) => {
  const at = LONGEST.findIndex((end) => path.endsWith(end))
  return at === -1 ? LONGEST.length : at
}

/** jest's own order, but for those that are known to be long. */
export default class extends TestSequencer {
  sort(tests) {
    return super.sort(tests).toSorted((a, b) => rank(a) - rank(b))
  }
}
