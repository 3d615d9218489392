import { statementOf } from '../../src/database/postgres-sql.ts'

describe('a step for PostgreSQL', () => {
  it('numbers its parameters, those in quotes apart', () => {
    expect(
      statementOf({ sql: `SELECT '?' AS "a?b" FROM t WHERE x = ? AND y = ?`, params: [1, 'two'] }),
    ).toEqual({
      text: `SELECT '?' AS "a?b" FROM t WHERE x = $1 AND y = $2`,
      values: [1, 'two'],
    })
  })

  it('runs lists as arrays, one statement for any number of them', () => {
    const sql = 'INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING'
    const types = 'bigint, double precision'
    expect(
      statementOf({
        sql,
        types,
        each: [
          [1, 0.5],
          [2, null],
        ],
      }),
    ).toEqual({
      text: 'INSERT INTO t (a, b) SELECT * FROM unnest($1::bigint[], $2::double precision[]) AS u(column1, column2) ON CONFLICT DO NOTHING',
      values: [
        [1, 2],
        [0.5, null],
      ],
    })
  })

  it('puts other parameters behind the lists', () => {
    const step = {
      sql: 'SELECT 1 FROM (VALUES (?)) AS v JOIN t ON t.x = v.column1 AND t.y = ?',
      types: 'text',
      each: [['a']],
      params: [7],
    }
    expect(statementOf(step)).toEqual({
      text: 'SELECT 1 FROM (SELECT * FROM unnest($1::text[]) AS u(column1)) AS v JOIN t ON t.x = v.column1 AND t.y = $2',
      values: [['a'], 7],
    })
  })

  it('refuses lists without a place for them', () => {
    expect(() => statementOf({ sql: 'SELECT 1', types: 'text', each: [['a']] })).toThrow('VALUES')
  })
})
