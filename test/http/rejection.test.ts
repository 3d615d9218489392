import type { JsonDataSet } from '../../src/dicom/dicom-json.ts'
import { rejectionNote, rejectionOf } from '../../src/dicom/rejection-note.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { newUid } from '../../src/dicom/uid.ts'
import { ct, series, sr, type Sample } from '../samples.ts'
import { startWorld } from '../world.ts'

/** A note as another archive sends it, with one of the document titles. */
function noteOf(samples: readonly Sample[], title: string): Buffer {
  const [like] = samples
  if (like === undefined) throw new Error('no sample')
  const rejected = samples.map(({ uids, dataSet }) => ({
    series: uids.series,
    instance: uids.instance,
    SOPClassUID: dataSet['00080016']?.Value?.[0] as string,
    isImage: true,
  }))
  const made = { series: newUid(), instance: newUid(), now: '20261124101112.000000+0000' }
  const bytes = rejectionNote(like.dataSet, rejected, made)
  return Buffer.from(bytes.toString('latin1').replace('113038', title), 'latin1')
}

describe('rejection notes', () => {
  it('say what they reject, and whether for good', () => {
    const samples = series(ct, 2)
    expect(rejectionOf(readPart10(noteOf(samples, '113001')))).toEqual({
      title: '113001',
      meaning: 'Rejected for Quality Reasons',
      forGood: false,
      instances: samples.map(({ uids }) => uids.instance),
    })
    expect(rejectionOf(readPart10(noteOf(samples, '113039')))?.forGood).toBe(true)
    // A key image note for the surgeon rejects nothing, nor does a report.
    expect(rejectionOf(readPart10(noteOf(samples, '113004')))).toBeNull()
    expect(rejectionOf(readPart10(sr().bytes))).toBeNull()
  })

  it.each(['sqlite', 'postgres'] as const)('hold for what comes after them (%s)', async (engine) => {
    await using world = await startWorld({ engine })
    const [bad, good, worse, here] = series(ct, 4)
    const foreign = ct()
    // Of another study, whatever the note says.
    await world.store(here!, noteOf([bad!, foreign], '113001'), noteOf([worse!], '113039'))
    const stored = await world.stow([bad!, good!, foreign, worse!])
    expect(stored.status).toBe(200)
    const rows = await world.qido('/instances')
    const found = rows.map((row: JsonDataSet) => row['00080018']?.Value?.[0])
    const shown = [here!, good!, foreign].map(({ uids }) => uids.instance)
    expect(found.sort()).toEqual(shown.sort())
    const at = ({ study, series: ofSeries, instance }: Sample['uids']): string =>
      `/studies/${study}/series/${ofSeries}/instances/${instance}`
    expect((await world.get(`/dicomweb${at(bad!.uids)}/original`)).body.equals(bad!.bytes)).toBe(true)
    expect((await world.get(`/dicomweb${at(worse!.uids)}`)).status).toBe(410)
    // Brought back by an administrator, it stays, also when it is sent again.
    expect((await world.ask(`/admin${at(bad!.uids)}/restore`, { method: 'POST' })).status).toBe(204)
    await world.store(bad!)
    expect(await world.qido('/instances')).toHaveLength(4)
    expect(await Array.fromAsync(world.archive.database.inspection.levels())).toEqual([])
    await world.archive.database.ledger.sequence()
    const feed = await world.archive.database.ledger.feed(0, 100)
    const ofWorse = feed.filter(({ uids }) => uids.instance === worse!.uids.instance)
    expect(ofWorse.map(({ action }) => action)).toEqual(['create', 'delete'])
  })

  it.each(['sqlite', 'postgres'] as const)('are honoured when they come, once (%s)', async (engine) => {
    await using world = await startWorld({ engine })
    const [bad, good] = series(ct, 2)
    const elsewhere = ct()
    await world.store(bad!, good!, elsewhere)
    const found = async (path: string): Promise<unknown[]> =>
      (await world.qido(path)).map((row: JsonDataSet) => row['00080018']?.Value?.[0]).sort()
    const note = noteOf([bad!, elsewhere], '113037')
    await world.store(note)
    // The note is of one study: it has no say in another.
    expect(await found('/instances')).toEqual([good!.uids.instance, elsewhere.uids.instance].sort())
    expect(await world.qido('/series?Modality=KO')).toEqual([])
    const at = ({ study, series: ofSeries, instance }: Sample['uids']): string =>
      `/studies/${study}/series/${ofSeries}/instances/${instance}`
    expect((await world.get(`/dicomweb${at(bad!.uids)}/original`)).body.equals(bad!.bytes)).toBe(true)
    expect((await world.get(`/dicomweb${at(readPart10(note).uids)}/original`)).body.equals(note)).toBe(true)
    // What was rejected does not come back by being sent again; an administrator brings it back, and the note does not
    // take it away once more.
    await world.store(bad!)
    expect(await found('/instances')).toHaveLength(2)
    expect((await world.ask(`/admin${at(bad!.uids)}/restore`, { method: 'POST' })).status).toBe(204)
    await world.store(note)
    expect(await found('/instances')).toHaveLength(3)
    const study = `/admin/studies/${bad!.uids.study}/restore`
    expect((await world.ask(study, { method: 'POST' })).status).toBe(404)
    expect(await world.qido('/series?Modality=KO')).toEqual([])
    await world.store(noteOf([good!], '113039'))
    expect((await world.get(`/dicomweb${at(good!.uids)}`)).status).toBe(410)
    expect((await world.stow([good!])).status).toBe(409)
    expect(await Array.fromAsync(world.archive.database.inspection.levels())).toEqual([])
  })
})
