import { postgresBench, sqliteBench } from '../database/benches.ts'
import { startPostgres, type TestPostgres } from '../servers/postgres.ts'
import { ct } from '../samples.ts'
import { flipped, keptArchive, type Kept } from './kept-archive.ts'

/** What a corruption must be found as. */
type Found = readonly [check: string, what: RegExp]

const FIRST_STUDY = `(SELECT min(id) FROM study)`

/** By what was done to the rows. What a run of verify must say of it; `repaired`: and repair must put right. */
const SPOILT_ROWS: readonly (readonly [name: string, sql: readonly string[], found: Found])[] = [
  ['a counter of a study', ['UPDATE study SET n_instances = n_instances + 1 WHERE study_uid = \'1.2.3\''], ['levels', /n_instances/]],
  ['the series of a study', ['UPDATE study SET n_series = 0 WHERE study_uid = \'1.2.3\''], ['levels', /n_series/]],
  ['the modalities of a study', ['UPDATE study SET modalities = \'XA\' WHERE study_uid = \'1.2.3\''], ['levels', /modalities/]],
  ['a column of a study', [`UPDATE study SET study_description = 'SPOILT' WHERE id = ${FIRST_STUDY}`], ['levels', /study_description/]],
  ['the name in a study', [`UPDATE study SET patient_name = 'SPOILT' WHERE id = ${FIRST_STUDY}`], ['levels', /patient_name/]],
  ['the attributes of a study', [`UPDATE study SET attributes = '{}' WHERE id = ${FIRST_STUDY}`], ['levels', /attributes/]],
  ['the mark of a mixed study', ['UPDATE study SET mixed = 0 WHERE study_uid = \'1.2.3\''], ['levels', /mixed/]],
  ['the patient of a study', ['UPDATE study SET patient_key = (SELECT max(id) FROM patient) WHERE study_uid = \'1.2.3\''], ['levels', /patient_key/]],
  ['the first instance of a series', ['UPDATE series SET first_id = first_id + 1 WHERE series_uid = \'1.2.3.1\''], ['levels', /first_id/]],
  ['the number of a series', ['UPDATE series SET number = 77 WHERE series_uid = \'1.2.3.1\''], ['levels', /number/]],
  ['the modality of a series', ['UPDATE series SET modality = \'XA\' WHERE series_uid = \'1.2.3.1\''], ['levels', /modality/]],
  ['the birth date of a patient', ['UPDATE patient SET birth_date = \'19000101\' WHERE patient_id = \'OTHER\''], ['levels', /birth_date/]],
  ['the studies of a patient', ['UPDATE patient SET n_studies = 9 WHERE patient_id = \'OTHER\''], ['levels', /n_studies/]],
  ['the link of patient and study', ['DELETE FROM patient_study'], ['levels', /patient_study/]],
  ['a differing value', ['UPDATE level_value SET n = n + 1'], ['levels', /level_value/]],
  ['a differing value that is gone', ['DELETE FROM level_value'], ['levels', /level_value/]],
  ['the instances of the archive', ['UPDATE archive_stat SET n_instances = n_instances + 2'], ['levels', /number of instances is 2 too high/]],
  ['the bytes of the archive', ['UPDATE archive_stat SET n_bytes = n_bytes - 1'], ['levels', /number of bytes is 1 too low/]],
  ['all numbers of the archive', ['DELETE FROM archive_stat'], ['levels', /number of studies/]],
  ['a posting', ['DELETE FROM tag_post WHERE value_id IN (SELECT min(value_id) FROM tag_post WHERE value_id > 0)'], ['levels', /postings/]],
  ['all marks of postings', ['DELETE FROM tag_post WHERE value_id < 0'], ['levels', /postings/]],
  ['an outbox row', [`DELETE FROM outbox WHERE study_id = ${FIRST_STUDY}`], ['outbox', /never owed/]],
  ['a generation that was never owed', [`UPDATE outbox SET done_gen = gen + 3 WHERE study_id = ${FIRST_STUDY}`], ['outbox', /more is settled/]],
  ['a push that never was', [`UPDATE outbox SET done_gen = gen WHERE study_id = ${FIRST_STUDY}`], ['outbox', /no resource stands for it/]],
  ['a link from the future', [`INSERT INTO fhir_link (kind, key, resource_type, id, gen) VALUES ('study', '1.2.3', 'ImagingStudy', 'x', 99)`], ['outbox', /generation that does not exist/]],
  [
    'an instance that is gone',
    [
      `DELETE FROM sop WHERE sop_uid = '1.2.3.1.1'`,
      `DELETE FROM pixel_map WHERE instance_id IN (SELECT id FROM instance WHERE sop_uid = '1.2.3.1.1')`,
      `DELETE FROM instance WHERE sop_uid = '1.2.3.1.1'`,
    ],
    ['orphans', /has a row, and no instance/],
  ],
] // prettier-ignore

/** What nothing can be derived from: found, and left alone. */
const LOST_ROWS: typeof SPOILT_ROWS = [
  ['what an audit row says', [`UPDATE audit SET actor = 'somebody' WHERE seq = 2`], ['audit', /row 2/]],
  ['an audit row that is gone', ['DELETE FROM audit WHERE seq = 3'], ['audit', /row 3/]],
  ['the last audit row', ['DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)'], ['audit', /broken/]],
  ['a base of tags', [`UPDATE tag_base SET base = replace(base, 'CT ABDOMEN', 'CT SPOILT')`], ['bytes', /index says something else of \(0008,1030\)/]],
  ['a base of tags that is gone', ['DELETE FROM tag_base'], ['relations', /base of the data set/]],
  ['a digest', [`UPDATE blob SET sha256 = (SELECT min(sha256) FROM blob) WHERE id = (SELECT max(id) FROM blob)`], ['relations|quarantine', /SHA-256/]],
  ['a size', ['UPDATE blob SET size = size + 2 WHERE id = 1'], ['relations', /size or SHA-256/]],
  ['a pixel map', ['DELETE FROM pixel_map WHERE instance_id = (SELECT min(instance_id) FROM pixel_map)'], ['bytes', /pixel map/]],
  ['a blob row', ['DELETE FROM blob WHERE id = 1'], ['relations', /neither a blob/]],
  ['a blob row set aside', ['UPDATE blob SET state = 2 WHERE id = 1'], ['relations', /not kept/]],
  ['a SOP Instance UID', [`UPDATE instance SET sop_uid = '9.9' WHERE id = 1`], ['relations', /not found by its SOP/]],
  ['the row of a patient', ['UPDATE instance SET patient_key = 4711 WHERE id = 1'], ['relations', /of no patient/]],
  ['bytes in quarantine', ['UPDATE quarantine SET blob_id = 4711'], ['relations', /quarantine have no blob/]],
] // prettier-ignore

// Keeps one server while each archive has its own database on it.
let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres({ schema: true })
}, 60_000)
afterAll(() => server.stop())

async function expectFound(kept: Kept, [check, what]: Found): Promise<void> {
  const { findings, tally } = await kept.verify({ deep: true })
  const hits = findings.filter((one) => new RegExp(check).test(one.check) && what.test(one.what))
  expect({ findings, hits: hits.length > 0 }).toEqual({ findings, hits: true })
  expect(tally.findings).toBe(findings.length)
}

describe.each([
  ['SQLite', sqliteBench],
  ['PostgreSQL', postgresBench],
])('verify over %s', (_engine, makeBench) => {
  // One archive: what is put right after each test must be as good as new for the next.
  let kept: Kept
  beforeAll(async () => {
    kept = await keptArchive(makeBench)
  }, 60_000)
  afterAll(() => kept[Symbol.asyncDispose]())

  it('finds nothing in a clean archive, and counts it', async () => {
    const { findings, tally } = await kept.verify({ deep: true })
    expect(findings).toEqual([])
    const { instances, studies } = await kept.archive.database.inspection.counts()
    expect(tally).toMatchObject({
      findings: 0,
      instances,
      blobs: instances + 1,
      quarantined: 1,
      owed: studies,
    })
  })

  it.each(SPOILT_ROWS)('finds %s, and repair puts it right', async (_name, statements, found) => {
    const before = await kept.verify()
    expect(before.findings).toEqual([])
    for (const statement of statements) await kept.sql(statement)
    await expectFound(kept, found)
    const planned = await kept.repair({ apply: false })
    expect(planned).not.toEqual([])
    await expectFound(kept, found)
    expect(await kept.repair()).toEqual(planned)
    const after = await kept.verify()
    expect(after.findings).toEqual([])
    expect(after.tally.instances).toBe(before.tally.instances)
    expect(await kept.repair()).toEqual([])
  })

  it('finds nothing in what was put right, reading every byte, nor in its audit trail', async () => {
    while ((await kept.archive.database.ledger.sequence()) > 0);
    expect((await kept.verify({ deep: true })).findings).toEqual([])
    const [row] = await kept.sql(`SELECT count(*) AS n FROM audit WHERE actor = 'repair'`)
    expect(Number(row!['n'])).toBeGreaterThanOrEqual(SPOILT_ROWS.length)
  })
})

describe('verify', () => {
  it.each(LOST_ROWS)('finds %s', async (_name, statements, found) => {
    await using kept = await keptArchive(sqliteBench)
    for (const statement of statements) await kept.sql(statement)
    await expectFound(kept, found)
  })
})

describe('verify over a folder', () => {
  it.each(['file', 'segment'] as const)('finds a bit that changed in a %s', async (kind) => {
    await using kept = await keptArchive(sqliteBench)
    const { extents, uids } = await kept.instanceIn(kind)
    await kept.spoil(extents[0]!.key, flipped)
    const { findings } = await kept.verify({ deep: true })
    expect(findings).toEqual([
      {
        check: 'bytes',
        what: expect.stringMatching(`^instance ${uids.instance}: its bytes have changed`) as string,
      },
    ])
  })

  it('finds a file that is gone, and one that is shorter, without reading any', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { extents, uids } = await kept.instanceIn('file')
    await kept.spoil(extents[0]!.key, (bytes) => bytes.subarray(0, -2))
    expect((await kept.verify()).findings).toEqual([
      {
        check: 'bytes',
        what: expect.stringMatching(`^instance ${uids.instance}: blob .* bytes, which should`) as string,
      },
    ])
    await kept.archive.blobs.remove(extents[0]!.key)
    expect((await kept.verify()).findings).toEqual([
      { check: 'bytes', what: `instance ${uids.instance}: blob ${extents[0]!.key} is missing` },
    ])
  })

  it('finds a record that is gone, and bytes in quarantine that are gone or changed', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { extents } = await kept.instanceIn('segment')
    const [row] = await kept.sql('SELECT b.key FROM blob b JOIN quarantine q ON q.blob_id = b.id')
    const key = String(row!['key'])
    await kept.archive.blobs.remove(extents[0]!.key)
    await kept.spoil(key, flipped)
    expect((await kept.verify({ deep: true })).findings.map(({ check }) => check)).toEqual([
      'bytes',
      'quarantine',
    ])
    await kept.archive.blobs.remove(key)
    expect((await kept.verify()).findings.map(({ check }) => check)).toEqual(['bytes', 'quarantine'])
  })

  it('counts a young blob without a row, and finds an old one', async () => {
    await using kept = await keptArchive(sqliteBench)
    await kept.archive.blobs.put([{ bytes: [Buffer.from('no instance')], size: 11, sha256: '0'.repeat(64) }])
    expect(await kept.verify({ deep: true })).toMatchObject({ findings: [], tally: { young: 1 } })
    expect((await kept.verify({ graceMs: -1 })).findings).toEqual([
      {
        check: 'orphans',
        what: expect.stringMatching(/^blob s\/.* \(11 bytes, 0 min old\) has no row$/) as string,
      },
    ])
  })

  it('looks at a part by chance, and at what came since a time', async () => {
    await using kept = await keptArchive(sqliteBench)
    const all = (await kept.verify()).tally.instances
    // Chance as it would be if it were fair.
    const { random } = Math
    let drawn = 0
    Math.random = () => (drawn++ % 2 === 0 ? 0.4 : 0.6)
    const { tally } = await kept.verify({ sample: 0.5 }).finally(() => (Math.random = random))
    expect(Math.abs(tally.instances - all / 2)).toBeLessThanOrEqual(1)
    const since = new Date()
    await kept.store(ct().bytes)
    expect((await kept.verify({ since })).tally.instances).toBe(1)
  })

  it('finds nothing while instances are being stored', async () => {
    await using kept = await keptArchive(sqliteBench)
    const over = new AbortController()
    const stored = (async () => {
      for (let n = 0; n < 40; n++) await kept.store(ct({ StudyInstanceUID: `1.9.${n % 5}` }).bytes)
    })().finally(() => over.abort())
    while (!over.signal.aborted) expect((await kept.verify({ deep: true })).findings).toEqual([])
    await stored
  })
})
