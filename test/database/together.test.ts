import type { Row, Step } from '../../src/database/operation.ts'
import { joined, nothing, together } from '../../src/database/together.ts'
import type { Bench } from './bench.ts'
import { postgresBench } from './benches.ts'

/** Asks the statements one after the other, and gives what was answered. */
function* asks(...statements: string[]): Generator<Step, string[], Row[]> {
  const answers: string[] = []
  for (const sql of statements) answers.push((yield { sql }).map((row) => String(row['is'])).join())
  return answers
}

/** Drives an operation; a statement is answered by as many rows as it is long. */
function driven<R>(operation: Generator<Step, R, Row[]>): { readonly result: R; readonly trips: string[][] } {
  const trips: string[][] = []
  const answer = ({ sql }: Step): Row[] => Array.from(sql, (is) => ({ is }))
  let turn = operation.next([])
  while (turn.done !== true) {
    const { all } = turn.value
    trips.push((all ?? [turn.value]).map(({ sql }) => sql))
    turn = operation.next(all === undefined ? answer(turn.value) : joined(all.map(answer)))
  }
  return { result: turn.value, trips }
}

it('asks PostgreSQL in as many trips as the longest part has steps', () => {
  const { result, trips } = driven(together('postgres', [asks('ab', 'c', ''), nothing(), asks('de'), asks()]))
  expect(result).toEqual([['a,b', 'c', ''], null, ['d,e'], []])
  expect(trips).toEqual([['ab', 'de'], ['c'], ['']])
})

it('lets parts have parts of their own', () => {
  function* inner(): Generator<Step, readonly string[][], Row[]> {
    const first = yield* asks('f')
    return [first, ...(yield* together('postgres', [asks('a', 'bcd'), asks('')]))]
  }
  const { result, trips } = driven(together('postgres', [inner(), asks('x', 'yz')]))
  expect(result).toEqual([
    [['f'], ['a', 'b,c,d'], ['']],
    ['x', 'y,z'],
  ])
  expect(trips).toEqual([['f', 'x'], ['a', '', 'yz'], ['bcd']])
})

it('asks SQLite one after the other', () => {
  const { result, trips } = driven(together('sqlite', [asks('a', 'b'), asks('c')]))
  expect(result).toEqual([['a', 'b'], ['c']])
  expect(trips).toEqual([['a'], ['b'], ['c']])
})

describe('in PostgreSQL', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await postgresBench()
  }, 60_000)
  afterEach(() => bench.close())

  it('tells what went wrong first, and the connection is as good as before', async () => {
    const database = await bench.open()
    const key = { path: ['00100010'], vr: 'PN' as const, match: { kind: 'values' as const, values: ['A'] } }
    const query = {
      level: 'series' as const,
      within: {},
      keys: [key, { ...key, path: ['00080070'], vr: 'LO' as const }],
      aggregates: [],
      include: [],
      required: [],
      orderBy: [],
      limit: 10,
      offset: 0,
    }
    await bench.sql('ALTER TABLE tag_path RENAME TO gone')
    await expect(database.index.search(query)).rejects.toThrow(/tag_path/)
    await bench.sql('ALTER TABLE gone RENAME TO tag_path')
    expect(await database.index.search(query)).toEqual({ rows: [], more: false })
  })
})
