import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../src/database/ports/database.ts'
import type { Claim } from '../../src/database/ports/outbox.ts'
import type { Bench, MakeBench } from './bench.ts'
import { made } from './instances.ts'

export function outboxContract(makeBench: MakeBench): void {
  describe('the outbox', () => {
    let bench: Bench
    let database: Database
    beforeEach(async () => {
      bench = await makeBench()
      database = await bench.open({ quietMs: 0, maxWaitMs: 0 })
    })
    afterEach(() => bench.close())

    let uids = 0
    const arrive = async (study: string, own: Database = database): Promise<void> => {
      await own.index.add([made({ study, series: `${study}.1`, instance: `${study}.1.${++uids}` })])
    }
    const claimed = async (): Promise<Claim> => {
      const [claim] = await database.outbox.claim(1, 60_000)
      if (claim === undefined) throw new Error('nothing to claim')
      return claim
    }

    it('owes a push of every study that changed, and none once it is settled', async () => {
      expect(await database.outbox.nextDue()).toBeNull()
      await arrive('1.1')
      await arrive('1.2')
      expect(await database.outbox.nextDue()).toBe(0)
      const claims = await database.outbox.claim(10, 60_000)
      expect(claims.map((claim) => [claim.study, claim.gen, claim.attempts])).toEqual([
        ['1.1', 1, 0],
        ['1.2', 1, 0],
      ])
      expect(await database.outbox.claim(10, 60_000)).toEqual([])
      for (const claim of claims) expect(await database.outbox.settle(claim)).toBe(true)
      expect(await database.outbox.owed(10)).toMatchObject({
        studies: 0,
        held: 0,
        dead: 0,
        oldestDirtyAt: null,
        rows: [],
      })
      expect(await database.outbox.nextDue()).toBeNull()
    })

    it('still owes what came between claim and settlement', async () => {
      await arrive('1.1')
      const claim = await claimed()
      await arrive('1.1')
      expect(await database.outbox.settle(claim)).toBe(true)
      expect((await database.outbox.owed(10)).rows).toMatchObject([
        { study: '1.1', gen: 2, doneGen: 1, leased: false },
      ])
      expect(await claimed()).toMatchObject({ study: '1.1', gen: 2 })
    })

    it('waits for a quiet, but not for ever', async () => {
      const patient = await bench.open({ quietMs: 60_000, maxWaitMs: 90_000 })
      await arrive('1.1', patient)
      const first = (await database.outbox.owed(1)).rows[0]
      expect((first?.dueAt.getTime() ?? 0) - (first?.firstDirtyAt.getTime() ?? 0)).toBe(60_000)
      await sleep(20)
      await arrive('1.1', patient)
      const second = (await database.outbox.owed(1)).rows[0]
      expect(second?.firstDirtyAt).toEqual(first?.firstDirtyAt)
      expect(second?.dueAt.getTime()).toBeGreaterThan(first?.dueAt.getTime() ?? 0)
      expect(await database.outbox.claim(1, 1000)).toEqual([])
      expect(await database.outbox.nextDue()).toBeGreaterThan(50_000)
      const hasty = await bench.open({ quietMs: 60_000, maxWaitMs: 5 })
      await sleep(10)
      await arrive('1.1', hasty)
      expect(await database.outbox.nextDue()).toBe(0)
    })

    it('loses a lease that runs out to the next who claims, and to nobody before', async () => {
      await arrive('1.1')
      const [slow] = await database.outbox.claim(1, 60_000)
      if (slow === undefined) throw new Error('nothing to claim')
      expect(await database.outbox.renew(slow, 100)).toBe(true)
      await sleep(150)
      expect(await database.outbox.renew(slow, 1000)).toBe(false)
      const next = await claimed()
      expect(next.gen).toBe(slow.gen)
      expect(await database.outbox.settle(slow)).toBe(false)
      await database.outbox.postpone(slow, { error: '503', retryMs: 60_000 })
      expect(await database.outbox.settle(next)).toBe(true)
    })

    it('tries again later, holds and gives up, and drops nothing', async () => {
      await arrive('1.1')
      await database.outbox.postpone(await claimed(), { error: '503', retryMs: 60_000 })
      await arrive('1.1')
      expect((await database.outbox.owed(5)).rows).toMatchObject([
        { attempts: 1, lastError: '503', gen: 2, leased: false },
      ])
      // A change of the study does not hurry what the server has refused.
      expect(await database.outbox.nextDue()).toBeGreaterThan(50_000)
      await database.outbox.touch('1.1')
      await database.outbox.postpone(await claimed(), { error: 'mixed', retryMs: 0, hold: 'mixed-patients' })
      expect(await database.outbox.owed(5)).toMatchObject({ studies: 1, held: 1, dead: 0 })
      expect(await database.outbox.claim(1, 1000)).toEqual([])
      expect(await database.outbox.nextDue()).toBeNull()
      await database.outbox.touch('1.1')
      await database.outbox.postpone(await claimed(), { error: '422', retryMs: 0, dead: true })
      const { dead, rows } = await database.outbox.owed(5)
      expect(dead).toBe(1)
      expect(rows[0]?.deadSince).toBeInstanceOf(Date)
      await database.outbox.touch('1.1')
      expect(await claimed()).toMatchObject({ study: '1.1', attempts: 0 })
    })

    it('begins anew with what was refused when something new comes, and leaves held what is held', async () => {
      await arrive('1.1')
      await database.outbox.postpone(await claimed(), { error: '422', retryMs: 86_400_000, dead: true })
      expect(await database.outbox.nextDue()).toBeNull()
      await arrive('1.1')
      expect(await database.outbox.owed(5)).toMatchObject({ dead: 0, rows: [{ attempts: 0, gen: 2 }] })
      expect(await claimed()).toMatchObject({ study: '1.1', gen: 2, attempts: 0 })
      await arrive('1.2')
      await database.outbox.postpone(await claimed(), { error: 'mixed', retryMs: 0, hold: 'mixed-patients' })
      await arrive('1.2')
      expect(await database.outbox.owed(5)).toMatchObject({ held: 1 })
      expect(await database.outbox.claim(1, 1000)).toEqual([])
      await database.outbox.touch('1.2')
      expect(await claimed()).toMatchObject({ study: '1.2', gen: 3 })
    })

    it('owes a settled study once more after a while, unless something new is owed anyway', async () => {
      await arrive('1.1')
      expect(await database.outbox.settle(await claimed(), 60_000)).toBe(true)
      expect((await database.outbox.owed(5)).rows).toMatchObject([{ gen: 2, doneGen: 1, attempts: 0 }])
      const due = await database.outbox.nextDue()
      expect(due).toBeGreaterThan(50_000)
      expect(due).toBeLessThanOrEqual(60_000)
      await database.outbox.touch('1.1')
      const claim = await claimed()
      await arrive('1.1')
      expect(await database.outbox.settle(claim, 60_000)).toBe(true)
      expect(await claimed()).toMatchObject({ study: '1.1', gen: 4 })
    })

    it('gives no study to two openers', async () => {
      for (let at = 0; at < 20; at++) await arrive(`2.${at}`)
      const openers = [database, await bench.open(), await bench.open()]
      const claims = await Promise.all(
        openers.flatMap((own) => [own.outbox.claim(4, 60_000), own.outbox.claim(4, 60_000)]),
      )
      const studies = claims.flat().map((claim) => claim.study)
      expect(new Set(studies).size).toBe(studies.length)
      const rest = await database.outbox.claim(20, 60_000)
      expect(studies.length + rest.length).toBe(20)
    })
  })
}
