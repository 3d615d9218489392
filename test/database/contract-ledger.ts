import type { Database } from '../../src/database/ports/database.ts'
import type { FeedRow } from '../../src/database/ports/ledger.ts'
import type { Bench, MakeBench } from './bench.ts'
import { made } from './instances.ts'

export function ledgerContract(makeBench: MakeBench): void {
  describe('feed and audit trail', () => {
    let bench: Bench
    let database: Database
    beforeEach(async () => {
      bench = await makeBench()
      database = await bench.open()
    })
    afterEach(() => bench.close())

    const numbered = async (own: Database): Promise<number> => {
      let sum = 0
      for (let n = await own.ledger.sequence(); n > 0; n = await own.ledger.sequence()) sum += n
      return sum
    }

    it('numbers what is committed, in order and once, whoever does it', async () => {
      const other = await bench.open()
      const writing = Promise.all(
        [database, other].map(async (own, writer) => {
          for (let at = 0; at < 30; at++)
            await own.index.add([made({ study: `1.${writer}`, instance: `1.${writer}.${at}` })])
        }),
      )
      const counts = await Promise.all([
        numbered(database),
        numbered(other),
        writing.then(() => numbered(other)),
      ])
      const rest = (await numbered(database)) + (await numbered(other))
      expect(counts.reduce((sum, n) => sum + n, rest)).toBe(120)
      const rows: FeedRow[] = []
      for (
        let page = await database.ledger.feed(0, 7);
        page.length > 0;
        page = await database.ledger.feed(rows.length, 7)
      )
        rows.push(...page)
      expect(rows.map((row) => row.seq)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1))
      expect(rows.every((row) => row.action === 'create' && row.at instanceof Date)).toBe(true)
      expect(new Set(rows.map((row) => row.uids.instance)).size).toBe(60)
      expect(await database.ledger.brokenAuditRow()).toBeNull()
    }, 60_000)

    it('shows where the audit trail was touched', async () => {
      await database.index.add(Array.from({ length: 10 }, (_, at) => made({ instance: `2.${at}` })))
      expect(await database.ledger.brokenAuditRow()).toBeNull()
      await numbered(database)
      expect(await database.ledger.brokenAuditRow()).toBeNull()
      await bench.sql(`UPDATE audit SET actor = 'somebody else' WHERE seq = 4`)
      expect(await database.ledger.brokenAuditRow()).toBe(4)
      await bench.sql(`UPDATE audit SET actor = 'MODALITY' WHERE seq = 4`)
      expect(await database.ledger.brokenAuditRow()).toBeNull()
      await bench.sql(`DELETE FROM audit WHERE seq = 10`)
      expect(await database.ledger.brokenAuditRow()).toBe(10)
    })

    it('audits quarantine, tells a person, and keeps the bytes out of the index', async () => {
      const first = made({ instance: '3.1' })
      await database.index.add([first])
      const kept = (await database.index.known(['3.1'])).get('3.1')
      const second = made({ instance: '3.1', size: 77 })
      await database.index.quarantine({
        blob: second.blob,
        uids: second.parsed.uids,
        datasetSha256: second.datasetSha256,
        keptId: kept?.id ?? 0,
        reason: 'other-content',
        sender: 'CT2',
        receivedAt: second.receivedAt,
      })
      const blobs = await database.inspection.blobs(0, 10)
      expect(blobs.map((blob) => [blob.key, blob.state])).toEqual([
        [first.blob.key, 'live'],
        [second.blob.key, 'quarantined'],
      ])
      expect(await database.attention.list({ open: true, limit: 5 })).toMatchObject([
        { reason: 'quarantined', study: '1.2.3', instance: '3.1' },
      ])
      const [row] = await bench.sql('SELECT reason, sender, kept_id FROM quarantine')
      expect(row).toMatchObject({ reason: 'other-content', sender: 'CT2', kept_id: kept?.id })
      await numbered(database)
      const actions = await bench.sql('SELECT action FROM audit ORDER BY seq')
      expect(actions.map((one) => one['action'])).toEqual(['store', 'quarantine'])
      expect((await database.inspection.counts()).instances).toBe(1)
    })
  })
}
