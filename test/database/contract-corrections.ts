import type { DataSet } from '../../src/dicom/data-set.ts'
import type { CorrectionRow } from '../../src/database/ports/corrections.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { NewInstance } from '../../src/database/ports/instance.ts'
import type { Bench, MakeBench } from './bench.ts'
import { made, name, text } from './instances.ts'

const STUDY = '1.1'
const A: DataSet = { '00100010': name('A'), '00100020': text('LO', '1') }
const B: DataSet = { '00100010': name('B'), '00100020': text('LO', '2') }
const C: DataSet = { '00100010': name('C'), '00100020': text('LO', '2') }

export function correctionsContract(makeBench: MakeBench): void {
  describe('corrections', () => {
    let bench: Bench
    let database: Database
    beforeEach(async () => {
      bench = await makeBench()
      database = await bench.open({ quietMs: 0 })
    }, 60_000)
    afterEach(() => bench.close())

    const one = (last: number, dataSet: DataSet, series = '1.1.1'): NewInstance =>
      made({ study: STUDY, series, instance: `${series}.${last}`, dataSet })
    const propose = async (from: DataSet, to: DataSet, approved = true): Promise<CorrectionRow> => {
      const detail = { reason: 'CORRECT', description: 'test', proposedBy: 'admin' } as const
      const proposed = await database.corrections.propose({
        study: STUDY,
        from: [from],
        to,
        detail,
        approved,
      })
      return proposed.correction
    }
    const shown = async (): Promise<string[]> =>
      (await Array.fromAsync(database.index.instances({ study: STUDY })))
        .flat()
        .map(({ uids }) => uids.instance)
    /** Carries out what is approved as the archive does, with data sets made here. */
    const carryOut = async (to: DataSet): Promise<CorrectionRow | null> => {
      const correction = await database.corrections.claim(60_000)
      if (correction === null) return null
      const states = ['active', 'superseded'] as const
      const pages = await Array.fromAsync(database.index.instances({ study: STUDY }, { states }))
      const done = new Set((await database.corrections.made(correction.id)).flat().map(({ id }) => id))
      const rows = await bench.sql('SELECT id FROM instance WHERE superseded_by IS NOT NULL')
      const replaced = new Set(rows.map((row) => Number(row['id'])))
      const sources = pages.flat().filter(({ id }) => !done.has(id) && !replaced.has(id))
      const due = correction.doneAt === null ? sources : sources.filter(({ state }) => state === 'superseded')
      await database.corrections.stage(
        correction.id,
        due.map(({ uids }) => ({
          instance: made({
            study: STUDY,
            series: `${uids.series}.${correction.ordinal}`,
            instance: `${uids.instance}.${correction.ordinal}`,
            dataSet: to,
          }),
          source: uids.instance,
        })),
      )
      await database.corrections.finish(correction.id)
      return database.corrections.get(correction.id)
    }

    it('are proposed once, decided once, and carried out in their order', async () => {
      const first = await propose(A, B, false)
      expect(first).toMatchObject({ state: 'proposed', ordinal: 1, from: [A], to: B, doneAt: null })
      expect(await propose(A, B, false)).toEqual(first)
      expect(await database.corrections.claim(1000)).toBeNull()
      expect(await database.corrections.decide(first.id, 'retry', 'admin')).toBe(false)
      expect(await database.corrections.decide(first.id, 'approve', 'admin')).toBe(true)
      expect(await database.corrections.decide(first.id, 'approve', 'admin')).toBe(false)
      const second = await propose(B, A)
      expect([second.ordinal, second.state, second.decidedBy]).toEqual([2, 'approved', 'policy'])
      const claimed = await database.corrections.claim(60_000)
      expect(claimed?.id).toBe(first.id)
      // The next one of the study waits, and so does everybody else.
      expect(await database.corrections.claim(60_000)).toBeNull()
      expect(await database.corrections.renew(first.id, 0)).toBe(true)
      expect((await database.corrections.claim(60_000))?.id).toBe(first.id)
      expect(await database.corrections.fail(first.id, [{ instance: null, why: 'no' }])).toBe(true)
      expect(await database.corrections.renew(first.id, 1000)).toBe(false)
      expect((await database.corrections.claim(60_000))?.id).toBe(second.id)
      expect((await database.corrections.list({ limit: 9, state: 'failed' })).map(({ id }) => id)).toEqual([
        first.id,
      ])
      expect(await database.corrections.decide(first.id, 'reject', 'admin')).toBe(true)
      expect((await propose(A, B)).ordinal).toBe(3)
    })

    it('replace a study at once, and nobody sees half of it', async () => {
      await database.index.add([one(1, A), one(2, A), one(3, A, '1.1.2')])
      const { id } = await propose(A, B)
      await database.corrections.claim(60_000)
      const staged = ['1.1.1.1', '1.1.1.2'].map((source) => ({
        instance: made({ study: STUDY, series: '1.1.1.9', instance: `${source}.9`, dataSet: B }),
        source,
      }))
      const kinds = async () => (await database.corrections.stage(id, staged)).map(({ kind }) => kind)
      expect(await kinds()).toEqual(['added', 'added'])
      expect(await kinds()).toEqual(['exists', 'exists'])
      expect(await shown()).toEqual(['1.1.1.1', '1.1.1.2', '1.1.2.3'])
      expect(await database.inspection.counts()).toMatchObject({ patients: 1, series: 2, instances: 3 })
      expect((await database.index.known(['1.1.1.1.9'])).get('1.1.1.1.9')?.state).toBe('staged')
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      expect(await database.corrections.finish(id)).toEqual({ corrected: 2, more: false })
      expect(await database.corrections.finish(id)).toBeNull()
      expect(await shown()).toEqual(['1.1.1.1.9', '1.1.1.2.9', '1.1.2.3'])
      const [source, result] = (await database.corrections.made(id))[0] ?? []
      expect([source?.uids.instance, source?.state]).toEqual(['1.1.1.1', 'superseded'])
      expect([result?.uids.instance, result?.state]).toEqual(['1.1.1.1.9', 'active'])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      expect(await database.inspection.counts()).toMatchObject({ patients: 2, series: 2, instances: 3 })
      await database.ledger.sequence()
      const feed = (await database.ledger.feed(3, 10)).map((row) => `${row.action} ${row.uids.instance}`)
      expect(feed.sort()).toEqual([
        'create 1.1.1.1.9',
        'create 1.1.1.2.9',
        'supersede 1.1.1.1',
        'supersede 1.1.1.2',
      ])
    })

    it('stay in force: what comes with the old values is hidden at once and corrected by the same one', async () => {
      await database.index.add([one(1, A)])
      const { id } = await propose(A, B)
      expect(await carryOut(B)).toMatchObject({ state: 'done', detail: { corrected: 1 } })
      const outcomes = await database.index.add([
        one(2, A),
        one(3, B),
        one(4, { ...A, '00100010': name('X') }),
      ])
      expect(outcomes.map(({ kind }) => kind)).toEqual(['added', 'added', 'added'])
      expect(await shown()).toEqual(['1.1.1.3', '1.1.1.4', '1.1.1.1.1'])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      expect((await database.corrections.get(id))?.state).toBe('approved')
      expect(await carryOut(B)).toMatchObject({ id, state: 'done', detail: { corrected: 2 } })
      expect(await shown()).toEqual(['1.1.1.3', '1.1.1.4', '1.1.1.1.1', '1.1.1.2.1'])
      expect(await carryOut(B)).toBeNull()
    })

    it('lead a straggler through all that came after', async () => {
      await database.index.add([one(1, A)])
      await propose(A, B)
      await carryOut(B)
      await propose(B, C)
      await carryOut(C)
      await database.index.add([one(2, A)])
      expect(await shown()).toEqual(['1.1.1.1.1.2'])
      expect(await carryOut(B)).toMatchObject({ ordinal: 1, state: 'done' })
      expect(await shown()).toEqual(['1.1.1.1.1.2'])
      expect(await carryOut(C)).toMatchObject({ ordinal: 2, state: 'done' })
      expect(await shown()).toEqual(['1.1.1.1.1.2', '1.1.1.2.1.2'])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
    })

    it('show what came meanwhile when they fail, and leave nothing half', async () => {
      await database.index.add([one(1, A)])
      const { id } = await propose(A, B)
      await database.corrections.claim(60_000)
      await database.index.add([one(2, A)])
      expect(await shown()).toEqual(['1.1.1.1'])
      await database.corrections.fail(id, [{ instance: '1.1.1.1', why: 'cannot be patched' }])
      expect(await shown()).toEqual(['1.1.1.1', '1.1.1.2'])
      expect(await database.corrections.get(id)).toMatchObject({
        state: 'failed',
        detail: { failures: [{ instance: '1.1.1.1', why: 'cannot be patched' }] },
      })
      expect(await database.corrections.decide(id, 'retry', 'admin')).toBe(true)
      expect(await carryOut(B)).toMatchObject({ state: 'done', detail: { corrected: 2 } })
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
    })

    /** Numbers of the instances with these UIDs. */
    const numbers = async (...uids: string[]): Promise<(number | undefined)[]> => {
      const known = await database.index.known(uids)
      return uids.map((uid) => known.get(uid)?.id)
    }
    /** A push that tells of all that came up to a number; what it tells of. */
    const cut = async (upTo: number) => {
      const id = await database.fhir.startPush(STUDY, 1)
      await database.fhir.cutPush(id, STUDY, upTo)
      return (await database.fhir.cuts(STUDY)).find((one) => one.id === id)?.range
    }
    /** One of two instances is made, the other cannot be; a third one comes meanwhile. */
    const failing = async (): Promise<string> => {
      await database.index.add([one(1, A), one(2, A)])
      const { id } = await propose(A, B)
      await database.corrections.claim(60_000)
      const instance = made({ study: STUDY, series: '1.1.1.1', instance: '1.1.1.1.1', dataSet: B })
      await database.corrections.stage(id, [{ instance, source: '1.1.1.1' }])
      await database.index.add([one(3, { ...B })])
      expect(await cut(4)).toEqual({ after: 0, upTo: 2 })
      expect(await cut(4)).toBeUndefined()
      await database.outbox.claim(1, 60_000)
      await database.corrections.fail(id, [{ instance: '1.1.1.2', why: 'cannot be patched' }])
      return id
    }

    it('that fail keep nobody waiting: what came since is told, and what was made is told when it is shown', async () => {
      const id = await failing()
      // It is owed again, for the push before could not tell of all.
      expect((await database.outbox.owed(1)).rows).toMatchObject([{ study: STUDY, gen: 3 }])
      expect(await cut(4)).toEqual({ after: 2, upTo: 4 })
      await database.corrections.decide(id, 'retry', 'admin')
      expect(await carryOut(B)).toMatchObject({ state: 'done', detail: { corrected: 3 } })
      expect((await shown()).sort()).toEqual(['1.1.1.1.1', '1.1.1.2.1', '1.1.1.3.1'])
      const again = await numbers('1.1.1.1.1', '1.1.1.2.1', '1.1.1.3.1')
      for (const number of again) expect(number).toBeGreaterThan(4)
      expect(await cut(Math.max(...again.map(Number)))).toMatchObject({ after: 4 })
      const made = (await database.index.derivations(STUDY)).map((each) => [each.source.uids, each.made.uids])
      expect(made.map((pair) => pair.map(({ instance }) => instance)).sort()).toEqual([
        ['1.1.1.1', '1.1.1.1.1'],
        ['1.1.1.2', '1.1.1.2.1'],
        ['1.1.1.3', '1.1.1.3.1'],
      ])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      expect(await database.inspection.relations()).toEqual([])
    })

    it('that are given up have made nothing, whatever is deleted and brought back', async () => {
      const id = await failing()
      await database.corrections.decide(id, 'reject', 'admin')
      expect(await database.index.derivations(STUDY)).toEqual([])
      const change = { scope: { study: STUDY }, actor: null, reason: 'test' }
      const states = ['active', 'staged'] as const
      expect(await database.lifecycle.change({ ...change, from: states, to: 'deleted' })).toBe(3)
      expect(await database.lifecycle.change({ ...change, from: ['deleted'], to: 'active' })).toBe(3)
      expect(await shown()).toEqual(['1.1.1.1', '1.1.1.2', '1.1.1.3'])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      expect(await database.inspection.relations()).toEqual([])
    })

    it('bring nothing back that was deleted meanwhile', async () => {
      await database.index.add([one(1, A), one(2, A)])
      const { id } = await propose(A, B)
      await database.corrections.claim(60_000)
      const staged = ['1.1.1.1', '1.1.1.2'].map((source) => ({
        instance: made({ study: STUDY, series: '1.1.9', instance: `${source}.9`, dataSet: B }),
        source,
      }))
      await database.corrections.stage(id, staged)
      const gone = { scope: { study: STUDY }, instances: ['1.1.1.1'], actor: null, reason: 'test' }
      await database.lifecycle.change({ ...gone, from: ['active'], to: 'deleted' })
      await database.corrections.finish(id)
      expect(await shown()).toEqual(['1.1.1.2.9'])
      expect((await database.index.known(['1.1.1.1.9'])).get('1.1.1.1.9')?.state).toBe('deleted')
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
    })

    it('move a part of a study to another one at once, and what comes later of it too', async () => {
      await database.index.add([one(1, A), one(1, B, '1.1.2'), one(2, B, '1.1.2')])
      const part = { series: ['1.1.2'], instances: [] }
      const detail = { reason: 'CORRECT', description: 'test', proposedBy: 'admin', part } as const
      const proposal = { study: STUDY, from: [B], to: C, detail, approved: true }
      const { correction } = await database.corrections.propose(proposal)
      expect((await database.corrections.propose(proposal)).isNew).toBe(false)
      const moved = async (...sources: string[]) => {
        await database.corrections.claim(60_000)
        const batch = sources.map((source) => ({
          instance: made({ study: '1.9', series: '1.9.2', instance: `${source}.9`, dataSet: C }),
          source,
        }))
        await database.corrections.stage(correction.id, batch)
        return database.corrections.finish(correction.id)
      }
      expect(await moved('1.1.2.1', '1.1.2.2')).toEqual({ corrected: 2, more: false })
      expect(await shown()).toEqual(['1.1.1.1'])
      const [mixed] = await bench.sql(`SELECT mixed, n_instances FROM study WHERE study_uid = '${STUDY}'`)
      expect(mixed).toEqual({ mixed: 0, n_instances: 1 })
      expect(await database.inspection.counts()).toMatchObject({ patients: 2, studies: 2, instances: 3 })
      // Of the part: hidden at once. Of the rest with the same values: not meant.
      await database.index.add([one(3, B, '1.1.2'), one(4, A, '1.1.2'), one(2, A)])
      expect(await shown()).toEqual(['1.1.1.1', '1.1.1.2', '1.1.2.4'])
      expect(await database.corrections.waiting(correction.id)).toEqual(['1.1.2.3'])
      expect(await moved('1.1.2.3')).toEqual({ corrected: 1, more: false })
      expect(await database.corrections.waiting(correction.id)).toEqual([])
      expect(await shown()).toEqual(['1.1.1.1', '1.1.1.2', '1.1.2.4'])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      const owed = (await database.outbox.owed(10)).rows.map(({ study }) => study)
      expect(owed.sort()).toEqual([STUDY, '1.9'])
    })

    it('of a whole study leave alone what a part has taken elsewhere', async () => {
      await database.index.add([one(1, A), one(1, A, '1.1.2')])
      const part = { series: ['1.1.2'], instances: [] }
      const detail = { reason: 'CORRECT', description: 'test', proposedBy: 'admin', part } as const
      const first = await database.corrections.propose({
        ...{ study: STUDY, from: [A], to: B, detail, approved: true },
      })
      await database.corrections.claim(60_000)
      const away = (source: string) => ({
        instance: made({ study: '1.9', series: '1.9.2', instance: `${source}.9`, dataSet: B }),
        source,
      })
      await database.corrections.stage(first.correction.id, [away('1.1.2.1')])
      await database.corrections.finish(first.correction.id)
      const second = await propose(A, C)
      expect(await carryOut(C)).toMatchObject({ id: second.id, state: 'done', detail: { corrected: 1 } })
      // One of the part, one of the rest: each is caught by its own.
      await database.index.add([one(2, A, '1.1.2'), one(2, A)])
      expect(await database.corrections.waiting(first.correction.id)).toEqual(['1.1.2.2'])
      expect(await database.corrections.waiting(second.id)).toEqual(['1.1.1.2'])
      expect((await database.corrections.claim(60_000))?.id).toBe(first.correction.id)
      await database.corrections.stage(first.correction.id, [away('1.1.2.2')])
      await database.corrections.finish(first.correction.id)
      expect(await carryOut(C)).toMatchObject({ id: second.id, state: 'done', detail: { corrected: 2 } })
      expect(await shown()).toEqual(['1.1.1.1.2', '1.1.1.2.2'])
      const other = await Array.fromAsync(database.index.instances({ study: '1.9' }))
      expect(other.flat().map(({ uids }) => uids.instance)).toEqual(['1.1.2.1.9', '1.1.2.2.9'])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
    })

    it('make files of pieces of others, and count no byte twice', async () => {
      const original = one(1, A)
      await database.index.add([original])
      const { id } = await propose(A, B)
      await database.corrections.claim(60_000)
      const header = made({ study: STUDY, series: '1.1.9', instance: '1.1.9.1', dataSet: B, size: 300 })
      const { store, key } = header.blob
      const extents = [
        { store, key, offset: 100, length: 200 },
        { store, key: original.blob.key, offset: 400, length: 600 },
      ]
      const instance = { ...header, composed: { size: 800, sha256: 'ab'.repeat(32), extents } }
      await database.corrections.stage(id, [{ instance, source: '1.1.1.1' }])
      await database.corrections.finish(id)
      const [[found] = []] = await Array.fromAsync(database.index.instances({ study: STUDY }))
      expect(found).toMatchObject({ extents, size: 800, fileSha256: 'ab'.repeat(32) })
      expect(await database.inspection.relations()).toEqual([])
      expect(await database.inspection.unusedBlobs()).toEqual([])
    })
  })
}
