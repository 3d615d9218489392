/** Values out of real files, looked for again: what the index finds is what the data sets say. */
import fc from 'fast-check'
import { createHash } from 'node:crypto'
import type { DataSet, Level, ParsedInstance, PersonName, TagPath, Value } from '../../src/dicom/data-set.ts'
import type { Match } from '../../src/dicom/matching.ts'
import { comparisonOf } from '../../src/dicom/matching-values.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import type { Database, NewInstance } from '../../src/database/ports.ts'
import type { Key, Query } from '../../src/database/query.ts'
import { corpusFile, corpusPaths, describeCorpus } from '../dicom/corpus.ts'
import { startPostgres, type TestPostgres } from '../servers/postgres.ts'
import type { Bench } from './bench.ts'
import { postgresBench, sqliteBench } from './benches.ts'
import { oracle } from './search-oracle.ts'

const SEED = 386

/** Each readable file of the corpus that has an identity, the first of each SOP Instance UID. */
function corpus(): NewInstance[] {
  const found = new Map<string, NewInstance>()
  for (const path of corpusPaths()) {
    const bytes = corpusFile(path)
    const parsed = parsedOrNull(bytes)
    if (!parsed || found.has(parsed.uids.instance)) continue
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    found.set(parsed.uids.instance, {
      parsed,
      blob: { store: 'folder', key: path, size: bytes.length, sha256 },
      datasetSha256: sha256,
      sender: null,
      receivedAt: new Date(0),
    })
  }
  return [...found.values()]
}

function parsedOrNull(bytes: Buffer): ParsedInstance | null {
  try {
    return readPart10(bytes)
  } catch {
    // Broken ones are the reader's matter.
    return null
  }
}

/** Keys for the values of a data set, some of them cut to a pattern. */
function* keysOf(dataSet: DataSet, path: TagPath = []): Generator<Key> {
  for (const [tag, { vr, Value: stored, undecoded }] of Object.entries(dataSet)) {
    const own = [...path, tag]
    if (undecoded !== undefined) continue
    for (const value of stored ?? []) {
      if (vr === 'SQ') yield* keysOf((value ?? {}) as DataSet, own)
      const text = textOf(value)
      if (text === '' || ['items', 'bytes'].includes(comparisonOf(vr))) continue
      const single: Match = { kind: 'values', values: [text] }
      yield { path: own, vr, match: single }
      if (!['LO', 'SH', 'PN', 'CS', 'UT', 'ST', 'LT'].includes(vr) || /[*?]/u.test(text)) continue
      yield { path: own, vr, match: { kind: 'wildcard', patterns: [`${text.slice(0, 3)}*`] } }
      yield { path: own, vr, match: { kind: 'wildcard', patterns: [`*${text.slice(1, 4)}*`] } }
    }
    if (stored === undefined) yield { path: own, vr, match: { kind: 'empty' } }
  }
}

function textOf(value: Value): string {
  if (typeof value === 'string') return value.trim()
  if (typeof value === 'number') return String(value)
  return (value as PersonName | null)?.Alphabetic ?? ''
}

function disposable(bench: Bench): Bench & AsyncDisposable {
  return { ...bench, [Symbol.asyncDispose]: () => bench.close() }
}

describeCorpus('search in the corpus', () => {
  let server: TestPostgres
  const archive: NewInstance[] = []
  const keys: Key[] = []
  beforeAll(async () => {
    server = await startPostgres()
    archive.push(...corpus())
    // Every path is worth the same, however often files repeat it.
    const byPath = Map.groupBy(
      archive.flatMap(({ parsed }) => [...keysOf(parsed.dataSet)]),
      (key) => key.path.join('.'),
    )
    keys.push(...[...byPath.values()].flatMap((some) => some.slice(0, 5)))
  }, 120_000)
  afterAll(() => server.stop())

  it.each([
    ['SQLite', sqliteBench],
    ['PostgreSQL', postgresBench],
  ])(
    `finds every kind of value again in %s (seed ${SEED})`,
    async (_name, makeBench: () => Promise<Bench>) => {
      await using bench = disposable(await makeBench())
      const database: Database = await bench.open()
      const stored: NewInstance[] = []
      for (let from = 0; from < archive.length; from += 50) {
        const batch = archive.slice(from, from + 50)
        const outcomes = await database.index.add(batch)
        stored.push(...batch.filter((_, at) => outcomes[at]?.kind === 'added'))
      }
      expect(stored.length).toBeGreaterThan(250)
      const queries = fc.record({
        level: fc.constantFrom<Level>('study', 'series', 'instance'),
        keys: fc.array(fc.nat(keys.length - 1), { minLength: 1, maxLength: 2 }),
      })
      await fc.assert(
        fc.asyncProperty(queries, async ({ level, keys: chosen }) => {
          const query: Query = {
            level,
            within: {},
            keys: chosen.map((at) => keys[at]!),
            aggregates: [],
            include: [],
            required: ['00080018'],
            orderBy: [],
            limit: 1000,
            offset: 0,
          }
          const { rows } = await database.index.search(query)
          const expected = oracle(stored, query).map(({ instance }) => instance)
          expect(rows.map(({ dataSet }) => dataSet['00080018']?.Value?.[0])).toEqual(expected)
        }),
        { numRuns: 150, seed: SEED },
      )
    },
    120_000,
  )
})
