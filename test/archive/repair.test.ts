import { readPart10 } from '../../src/dicom/reader.ts'
import { isProblem } from '../../src/problem.ts'
import { sqliteBench } from '../database/benches.ts'
import { ct, mr } from '../samples.ts'
import { blobOf, keyOf } from '../blobs/blobs.ts'
import { keptArchive, type Kept } from './kept-archive.ts'

/** Old enough, whatever the clocks say. */
const NOW = { graceMs: -1000 }

async function orphan(kept: Kept, bytes: Buffer): Promise<string> {
  const [place] = await kept.archive.blobs.put([blobOf(bytes)])
  return keyOf(place)
}

async function isThere(kept: Kept, uid: string): Promise<boolean> {
  return (await kept.archive.database.index.known([uid])).has(uid)
}

describe('repair, of bytes that nothing names,', () => {
  it('leaves young ones alone', async () => {
    await using kept = await keptArchive(sqliteBench)
    const key = await orphan(kept, ct().bytes)
    expect(await kept.repair()).toEqual([])
    expect(await kept.archive.blobs.stat(key)).not.toBeNull()
  })

  it('says what it would do, and does nothing', async () => {
    await using kept = await keptArchive(sqliteBench)
    const [unknown, junk] = [await orphan(kept, ct().bytes), await orphan(kept, Buffer.from('junk'))]
    const planned = await kept.repair({ ...NOW, apply: false })
    expect(planned.map(({ kind }) => kind).sort()).toEqual(['adopt', 'collect'])
    for (const key of [unknown, junk]) expect(await kept.archive.blobs.stat(key)).not.toBeNull()
    expect((await kept.verify(NOW)).findings).toHaveLength(2)
  })

  it('indexes an instance that the index does not know, large or small', async () => {
    await using kept = await keptArchive(sqliteBench)
    const samples = [ct(), mr({ ImageComments: 'x'.repeat(4000) })]
    for (const { bytes } of samples) await orphan(kept, bytes)
    expect((await kept.repair(NOW)).map(({ kind }) => kind)).toEqual(['adopt', 'adopt'])
    for (const { uids } of samples) expect(await isThere(kept, uids.instance)).toBe(true)
    expect((await kept.verify({ ...NOW, deep: true })).findings).toEqual([])
    const actions = (await kept.sql(`SELECT action FROM audit WHERE actor = 'repair'`)).map(
      (row) => row['action'],
    )
    expect(actions).toEqual(['adopt', 'adopt'])
  })

  it('removes them all when told not to index any', async () => {
    await using kept = await keptArchive(sqliteBench)
    const sample = ct()
    const key = await orphan(kept, sample.bytes)
    expect((await kept.repair({ ...NOW, adopt: false })).map(({ kind }) => kind)).toEqual(['collect'])
    expect(await kept.archive.blobs.stat(key)).toBeNull()
    expect(await isThere(kept, sample.uids.instance)).toBe(false)
    expect((await kept.verify({ ...NOW, deep: true })).findings).toEqual([])
  })

  it('removes junk, and second copies of what is there, and says so in the audit trail', async () => {
    await using kept = await keptArchive(sqliteBench)
    const sample = ct()
    await kept.store(sample.bytes)
    const keys = [await orphan(kept, sample.bytes), await orphan(kept, Buffer.from('junk'))]
    expect((await kept.repair(NOW)).map(({ kind }) => kind)).toEqual(['collect', 'collect'])
    for (const key of keys) expect(await kept.archive.blobs.stat(key)).toBeNull()
    expect((await kept.verify({ ...NOW, deep: true })).findings).toEqual([])
    const audit = await kept.sql(`SELECT action, detail FROM audit WHERE actor = 'repair' ORDER BY id`)
    expect(audit.map((row) => row['action'])).toEqual(['doom', 'collect', 'doom', 'collect'])
    for (const key of keys) expect(audit.some((row) => String(row['detail']).includes(key))).toBe(true)
  })

  it('ends a removal that was interrupted', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { archive } = kept
    const bytes = Buffer.from('junk')
    const key = await orphan(kept, bytes)
    const placed = { store: archive.blobs.name, key, size: bytes.length, sha256: blobOf(bytes).sha256 }
    expect(await archive.database.repairs.doom([placed])).toEqual(new Set([key]))
    expect(await kept.verify(NOW)).toMatchObject({ findings: [], tally: { doomed: 1 } })
    expect((await kept.repair()).map(({ kind }) => kind)).toEqual(['collect'])
    expect(await archive.blobs.stat(key)).toBeNull()
    expect(await kept.verify(NOW)).toMatchObject({ findings: [], tally: { doomed: 0 } })
  })

  it('never removes bytes of which a writer makes an instance meanwhile', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { blobs, database } = kept.archive
    const [late, early] = [ct(), ct()]
    const placed = async (bytes: Buffer) => {
      const { size, sha256 } = blobOf(bytes)
      return { store: blobs.name, key: await orphan(kept, bytes), size, sha256 }
    }
    // The writer is first: its row keeps the bytes.
    const named = await placed(early.bytes)
    await kept.repair(NOW)
    expect(await isThere(kept, early.uids.instance)).toBe(true)
    expect(await database.repairs.doom([named])).toEqual(new Set())
    // The writer is late: nothing is acknowledged.
    const doomed = await placed(late.bytes)
    expect(await database.repairs.doom([doomed])).toEqual(new Set([doomed.key]))
    const [outcome] = await database.index.add([
      { parsed: readPart10(late.bytes), blob: doomed, datasetSha256: doomed.sha256, sender: null, receivedAt: new Date() }, // prettier-ignore
    ])
    expect(outcome?.kind === 'failed' && isProblem(outcome.problem)).toBe(true)
    expect(await isThere(kept, late.uids.instance)).toBe(false)
  })
})

describe('repair, of what was acknowledged,', () => {
  async function withoutRow(kept: Kept, uid: string): Promise<void> {
    for (const where of [
      `sop WHERE sop_uid = '${uid}'`,
      `pixel_map WHERE instance_id IN (SELECT id FROM instance WHERE sop_uid = '${uid}')`,
      `instance WHERE sop_uid = '${uid}'`,
    ])
      await kept.sql(`DELETE FROM ${where}`)
  }

  it('indexes again even when told not to index, and however young', async () => {
    await using kept = await keptArchive(sqliteBench)
    const sample = ct()
    await kept.store(sample.bytes)
    await withoutRow(kept, sample.uids.instance)
    expect((await kept.repair({ adopt: false })).map(({ kind }) => kind)).toContain('adopt')
    expect(await isThere(kept, sample.uids.instance)).toBe(true)
    expect((await kept.verify({ ...NOW, deep: true })).findings).toEqual([])
  })

  it('leaves bytes to a person that are no instance any more', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { extents, uids } = await kept.instanceIn('file')
    await withoutRow(kept, uids.instance)
    await kept.spoil(extents[0]!.key, (bytes) => Buffer.alloc(bytes.length, 0xff))
    const actions = await kept.repair({ ...NOW, adopt: false })
    expect(actions.filter(({ kind }) => kind === 'left')).toHaveLength(1)
    expect(await kept.archive.blobs.stat(extents[0]!.key)).not.toBeNull()
  })

  it('leaves bytes to a person whose instance came again from others, and removes them where they are the same', async () => {
    await using kept = await keptArchive(sqliteBench)
    const [same, other] = [ct(), ct({}, { seed: 'other' })]
    const places: string[] = []
    for (const { bytes, uids } of [same, other]) {
      await kept.store(bytes)
      for await (const page of kept.archive.database.index.instances(uids))
        places.push(...page.map(({ extents }) => extents[0]!.key))
      await withoutRow(kept, uids.instance)
    }
    await kept.store(same.bytes, ct({ PatientName: 'Somebody^Else' }, { seed: 'other' }).bytes)
    const actions = await kept.repair(NOW)
    expect(actions.filter(({ what }) => what.includes(places[0]!))).toMatchObject([{ kind: 'collect' }])
    expect(actions.filter(({ what }) => what.includes(places[1]!))).toMatchObject([{ kind: 'left' }])
    const found = await Promise.all(places.map((key) => kept.archive.blobs.stat(key)))
    expect(found).toEqual([null, { size: other.bytes.length }])
  })

  it('leaves what is in quarantine, though nothing says why', async () => {
    await using kept = await keptArchive(sqliteBench)
    await kept.sql('DELETE FROM quarantine')
    const before = await Array.fromAsync(kept.archive.blobs.list())
    const actions = await kept.repair({ ...NOW, adopt: false })
    expect(actions).toMatchObject([
      { kind: 'left', what: expect.stringContaining('in quarantine') as string },
    ])
    expect(await Array.fromAsync(kept.archive.blobs.list())).toEqual(before)
  })

  it('does not touch lost bytes, nor a broken audit trail', async () => {
    await using kept = await keptArchive(sqliteBench)
    const { extents } = await kept.instanceIn('file')
    await kept.archive.blobs.remove(extents[0]!.key)
    await kept.sql(`UPDATE audit SET actor = 'somebody' WHERE seq = 2`)
    const before = (await kept.verify()).findings
    expect(before.map(({ check }) => check)).toEqual(['audit', 'bytes'])
    expect(await kept.repair(NOW)).toEqual([])
    expect((await kept.verify()).findings).toEqual(before)
  })
})
