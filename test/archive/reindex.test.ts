import { randomInt, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startS3StandIn } from '../../scripts/stand-ins/s3-server.ts'
import { proposeCorrection } from '../../src/archive/correct.ts'
import { everyKind } from '../../src/archive/correct-policy.ts'
import { carryOut } from '../../src/archive/correct-run.ts'
import { composeDataSet } from '../../src/dicom/compose.ts'
import { usePrivateElements } from '../../src/dicom/private-dictionary.ts'
import { inArrivalOrder } from '../../src/archive/arrival-order.ts'
import type { KeptArchive } from '../../src/archive/archive.ts'
import { reindex, type Reindexed } from '../../src/archive/reindex.ts'
import { emptyTally, verify } from '../../src/archive/verify.ts'
import type { StoredBlob } from '../../src/blobs/ports.ts'
import { openS3Blobs } from '../../src/blobs/s3.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { Query } from '../../src/database/query.ts'
import type { Bench } from '../database/bench.ts'
import { postgresBench, sqliteBench } from '../database/benches.ts'
import { ImplicitVRLittleEndian } from '../../src/dicom/transfer-syntax.ts'
import { corpusFile, corpusPaths, describeCorpus } from '../dicom/corpus.ts'
import { blobOf } from '../blobs/blobs.ts'
import { ct } from '../samples.ts'
import { flipped, keptArchive, type Kept } from './kept-archive.ts'

/** All that a database answers about its instances, with nothing in it that is the database's own. */
async function answers(database: Database): Promise<unknown> {
  const searches = []
  for (const level of ['patient', 'study', 'series', 'instance'] as const) {
    const query: Query = { level, within: {}, keys: [], aggregates: [], include: 'all', required: [], orderBy: [], limit: 100_000, offset: 0 } // prettier-ignore
    const { rows } = await database.index.search(query)
    searches.push(rows.toSorted((a, b) => (JSON.stringify(a.uids) < JSON.stringify(b.uids) ? -1 : 1)))
  }
  const instances = []
  for await (const page of database.index.instances({}, { tags: true, pixelMap: true }))
    for (const instance of page)
      instances.push({ ...instance, id: 0, receivedAt: null, sender: null, tags: instance.tags?.toString() })
  instances.sort((a, b) => (a.uids.instance < b.uids.instance ? -1 : 1))
  return { searches, instances, counts: await database.inspection.counts() }
}

async function rebuilt(
  { archive, folder }: Pick<Kept, 'archive' | 'folder'>,
  into: Bench,
  resume = false,
): Promise<{ target: KeptArchive; done: Reindexed[] }> {
  const target = { ...archive, database: await into.open() }
  const options = { resume, limits: {}, spoolDir: join(folder, 'reindex') }
  return { target, done: await Array.fromAsync(reindex(target, options)) }
}

const kindsOf = (done: readonly Reindexed[]): Record<string, number> =>
  Object.fromEntries(
    Map.groupBy(done, ({ kind }) => kind)
      .entries()
      .map(([kind, all]) => [kind, all.length]),
  )

describe.each([
  ['SQLite', sqliteBench],
  ['PostgreSQL', postgresBench],
])('reindex into %s', (_engine, makeBench) => {
  it('gives the same answers as the database that is lost', async () => {
    await using kept = await keptArchive(sqliteBench)
    const into = await makeBench()
    try {
      const { target, done } = await rebuilt(kept, into)
      const { instances } = await kept.archive.database.inspection.counts()
      expect(kindsOf(done)).toEqual({ added: instances, quarantined: 1 })
      expect(await answers(target.database)).toEqual(await answers(kept.archive.database))
      expect(await readdir(join(kept.folder, 'reindex'))).toEqual([])
    } finally {
      await into.close()
    }
  }, 60_000)
})

describe('what the site has learnt of private elements', () => {
  afterEach(() => usePrivateElements([]))

  it('holds for what was stored before', async () => {
    await using kept = await keptArchive(sqliteBench)
    const sample = ct(
      { '00190010': { vr: 'LO', Value: ['ACME 1.1'] }, '00191010': { vr: 'DS', Value: [1.5] } },
      { TransferSyntaxUID: ImplicitVRLittleEndian },
    )
    await kept.store(sample.bytes)
    usePrivateElements([{ creator: 'ACME 1.1', group: 0x19, element: 0x10, vr: 'DS' }])
    const into = await sqliteBench()
    try {
      const { target } = await rebuilt(kept, into)
      const key = {
        path: ['0019xx10;ACME 1.1'],
        vr: 'UN',
        match: { kind: 'values', values: ['1.50'] },
      } as const
      const query: Query = { level: 'instance', within: {}, keys: [key], aggregates: [], include: [], required: [], orderBy: [], limit: 9, offset: 0 } // prettier-ignore
      expect((await kept.archive.database.index.search(query)).rows).toEqual([])
      const { rows } = await target.database.index.search(query)
      expect(rows.map(({ uids }) => uids)).toEqual([sample.uids])
    } finally {
      await into.close()
    }
  }, 60_000)
})

describe('an archive over PostgreSQL and S3', () => {
  it('is looked through, put right and rebuilt like any other', async () => {
    const standIn = await startS3StandIn()
    const options = { ...standIn, bucket: 'blobs', pauseMs: 2 }
    const into = await postgresBench()
    try {
      await using kept = await keptArchive(postgresBench, () => openS3Blobs(options))
      expect((await kept.verify({ deep: true })).findings).toEqual([])
      await kept.archive.blobs.put([ct().bytes, Buffer.from('junk')].map(blobOf))
      expect((await kept.verify({ graceMs: -60_000 })).findings).toHaveLength(2)
      const actions = await kept.repair({ graceMs: -60_000 })
      expect(actions.map(({ kind }) => kind).sort()).toEqual(['adopt', 'collect'])
      expect((await kept.verify({ deep: true, graceMs: -60_000 })).findings).toEqual([])
      const reading = await openS3Blobs({ ...options, readOnly: true })
      const { target } = await rebuilt({ ...kept, archive: { ...kept.archive, blobs: reading } }, into)
      expect(await answers(target.database)).toEqual(await answers(kept.archive.database))
      await reading.close()
      await expect(openS3Blobs({ ...options, bucket: 'elsewhere', readOnly: true })).rejects.toThrow(
        'The bucket is not there.',
      )
    } finally {
      await into.close()
      await standIn.stop()
    }
  }, 60_000)
})

describe('reindex', () => {
  it('leaves an archive behind in which verify finds nothing', async () => {
    await using kept = await keptArchive(sqliteBench)
    const fresh = await sqliteBench()
    try {
      const { target } = await rebuilt(kept, fresh)
      const options = { deep: true, sample: 1, graceMs: 0, limits: {} }
      expect(await Array.fromAsync(verify(target, options, emptyTally()))).toEqual([])
    } finally {
      await fresh.close()
    }
  })

  it('refuses a database that is not empty, and goes on with it when told to', async () => {
    await using kept = await keptArchive(sqliteBench)
    const fresh = await sqliteBench()
    try {
      const { done } = await rebuilt(kept, fresh)
      await kept.store(ct().bytes)
      await expect(rebuilt(kept, fresh)).rejects.toMatchObject({ kind: 'conflict' })
      const { target, done: more } = await rebuilt(kept, fresh, true)
      expect(kindsOf(more)).toEqual({ kept: done.length, added: 1 })
      expect(await answers(target.database)).toEqual(await answers(kept.archive.database))
    } finally {
      await fresh.close()
    }
  })

  it('goes on after it was ended half-way', async () => {
    await using kept = await keptArchive(sqliteBench)
    const fresh = await sqliteBench()
    try {
      const target = { ...kept.archive, database: await fresh.open() }
      const options = { resume: false, limits: {}, spoolDir: join(kept.folder, 'reindex') }
      for await (const one of reindex(target, options)) if (one.kind === 'added') break
      const { done } = await rebuilt(kept, fresh, true)
      expect(kindsOf(done)['kept']).toBeGreaterThan(0)
      expect(await answers(target.database)).toEqual(await answers(kept.archive.database))
    } finally {
      await fresh.close()
    }
  })

  it('says of which bytes it makes nothing', async () => {
    await using kept = await keptArchive(sqliteBench)
    await kept.archive.blobs.put([{ bytes: [Buffer.from('junk')], size: 4, sha256: '0'.repeat(64) }])
    const fresh = await sqliteBench()
    try {
      const { done } = await rebuilt(kept, fresh)
      expect(done.filter(({ kind }) => kind === 'refused')).toHaveLength(1)
    } finally {
      await fresh.close()
    }
  })
})

describeCorpus('reindex of real files', () => {
  it('gives the same answers', async () => {
    await using kept = await keptArchive(sqliteBench)
    for (const path of corpusPaths()) await kept.store(corpusFile(path))
    const fresh = await sqliteBench()
    try {
      const { target } = await rebuilt(kept, fresh)
      expect(await answers(target.database)).toEqual(await answers(kept.archive.database))
      expect((await kept.verify({ deep: true })).findings).toEqual([])
    } finally {
      await fresh.close()
    }
  }, 120_000)
})

describe('blobs in the order in which they arrived', () => {
  it.each([1, 7, 100, 1000])('are sorted with runs of %i', async (run) => {
    const folder = await mkdtemp(join(tmpdir(), 'concord-order-'))
    const blobs: StoredBlob[] = Array.from({ length: 200 }, (_, n) => {
      const arrivedAt = new Date(1_700_000_000_000 + randomInt(50))
      return { key: `k${n}`, size: n, modifiedAt: new Date(n), arrivedAt, arrival: randomUUID() }
    })
    const expected = blobs.toSorted((a, b) => (a.arrival < b.arrival ? -1 : 1))
    const shuffled = blobs.toSorted(() => randomInt(3) - 1)
    async function* list() {
      for (const blob of shuffled) yield await Promise.resolve(blob)
    }
    expect(await Array.fromAsync(inArrivalOrder(list(), folder, run))).toEqual(expected)
    expect(await readdir(folder)).toEqual([])
    await rm(folder, { recursive: true })
  })
})

describe('an archive with corrections', () => {
  it('is rebuilt with what replaces what, and what was rejected', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { archive, bench } = kept
    const large = ct(
      { StudyInstanceUID: '1.2.3', SeriesInstanceUID: '1.2.3.1' },
      { pixels: { bytes: Buffer.alloc(300_000, 5) } },
    )
    await kept.store(large.bytes, ct({ StudyInstanceUID: '1.2.3', SeriesInstanceUID: '1.2.3.2' }).bytes)
    const settings = { limits: {}, note: 'always' } as const
    for (const PatientName of ['First^Right', 'Second^Right']) {
      const attributes = composeDataSet({ PatientName })
      const wanted = {
        study: '1.2.3',
        attributes,
        reason: 'CORRECT',
        description: 'test',
        proposedBy: null,
      } as const
      await proposeCorrection(archive, everyKind('auto'), wanted)
      const row = await archive.database.corrections.claim(60_000)
      expect(await carryOut(archive, settings, row!)).toBe('done')
    }
    // And a part of it that leaves for a study of its own.
    const [[one] = []] = await Array.fromAsync(archive.database.index.instances({ study: '1.2.3' }))
    await proposeCorrection(archive, everyKind('auto'), {
      ...{ study: '1.2.3', attributes: {}, reason: 'CORRECT', description: 'test', proposedBy: null },
      part: { series: [one!.uids.series], instances: [] },
    })
    const row = await archive.database.corrections.claim(60_000)
    expect(await carryOut(archive, settings, row!)).toBe('done')
    const into = await sqliteBench()
    try {
      const { target, done } = await rebuilt(kept, into)
      expect(kindsOf(done)['refused']).toBeUndefined()
      const lineage = `SELECT n.sop_uid AS made, o.sop_uid AS source, o.state, b.sop_uid AS by_uid FROM lineage l
        JOIN instance n ON n.id = l.instance_id JOIN instance o ON o.id = l.source_id
        JOIN instance b ON b.id = o.superseded_by ORDER BY 1`
      const before = await bench.sql(lineage)
      expect(before.length).toBeGreaterThan(10)
      expect(await into.sql(lineage)).toEqual(before)
      expect(await answers(target.database)).toEqual(await answers(archive.database))
      expect(await Array.fromAsync(target.database.inspection.levels())).toEqual([])
      expect((await kept.verify({ deep: true })).findings).toEqual([])
    } finally {
      await into.close()
    }
  }, 60_000)

  it('is rebuilt without what was made for a correction that failed', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { archive } = kept
    const study = { StudyInstanceUID: '1.2.5', SeriesInstanceUID: '1.2.5.1' }
    const [spoilt, ...others] = [ct(study), ct(study), ct(study)]
    await kept.store(...[spoilt, ...others].map(({ bytes }) => bytes))
    const found = await Array.fromAsync(archive.database.index.instances({ study: '1.2.5' }))
    const key = found.flat().find(({ uids }) => uids.instance === spoilt.uids.instance)?.extents[0]?.key ?? ''
    await kept.spoil(key, flipped)
    await proposeCorrection(archive, everyKind('auto'), {
      ...{ study: '1.2.5', attributes: composeDataSet({ PatientName: 'Never^Said' }) },
      ...{ reason: 'CORRECT', description: 'test', proposedBy: null },
    })
    const row = await archive.database.corrections.claim(60_000)
    expect(await carryOut(archive, { limits: {}, note: 'always' }, row!)).toBe('failed')
    await kept.spoil(key, flipped)
    const into = await sqliteBench()
    try {
      const { target, done } = await rebuilt(kept, into)
      expect(kindsOf(done)).toMatchObject({ unfinished: others.length })
      expect(await answers(target.database)).toEqual(await answers(archive.database))
      const again = await rebuilt(kept, into, true)
      expect(kindsOf(again.done)).toMatchObject({ unfinished: others.length })
      // What was made in vain is known by its row in the one, and collected in the other.
      expect((await kept.verify({ deep: true, graceMs: 0 })).findings).toEqual([])
    } finally {
      await into.close()
    }
  }, 60_000)

  it('keeps the record of what was carried out when nothing names it', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { archive } = kept
    await proposeCorrection(archive, everyKind('auto'), {
      ...{ study: '1.2.4', attributes: composeDataSet({ PatientName: 'Right^All' }) },
      ...{ reason: 'CORRECT', description: 'test', proposedBy: null },
    })
    const row = await archive.database.corrections.claim(60_000)
    expect(await carryOut(archive, { limits: {}, note: 'never' }, row!)).toBe('done')
    expect(await kept.repair({ graceMs: -60_000 })).toEqual([])
    const into = await sqliteBench()
    try {
      const { target } = await rebuilt(kept, into)
      expect(await kept.repair({ graceMs: -60_000 })).toEqual([])
      expect(await answers(target.database)).toEqual(await answers(archive.database))
    } finally {
      await into.close()
    }
  }, 60_000)
})
