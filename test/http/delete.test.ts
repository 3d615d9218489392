import type { JsonDataSet } from '../../src/dicom/dicom-json.ts'
import { ct, mr } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const uidsOf = (rows: readonly JsonDataSet[], tag: string): unknown[] =>
  rows.map((row) => row[tag]?.Value?.[0]).sort()

async function deleted(world: World, path: string): Promise<number> {
  return (await world.ask(path, { method: 'DELETE' })).status
}

describe.each(['sqlite', 'postgres'] as const)('DELETE on %s', (engine) => {
  it('is not there unless the settings allow it', async () => {
    await using world = await startWorld({ engine })
    const sample = ct()
    await world.store(sample)
    const answer = await world.ask(`/dicomweb/studies/${sample.uids.study}`, { method: 'DELETE' })
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST, GET, HEAD, OPTIONS'])
    expect(await world.qido('/studies')).toHaveLength(1)
  })

  it('takes an instance, a series and a study out of everything, and says 410 from then on', async () => {
    await using world = await startWorld({ engine, settings: { deletion: true } })
    const [one, two, three] = [ct(), ct(), ct()]
    const other = mr()
    await world.store(one, two, three, other)
    const at = (sample: typeof one): string =>
      `/dicomweb/studies/${sample.uids.study}/series/${sample.uids.series}/instances/${sample.uids.instance}`
    expect(await deleted(world, at(one))).toBe(204)
    expect((await world.get(at(one))).status).toBe(410)
    expect((await world.get(`${at(one)}/metadata`)).status).toBe(410)
    expect(await deleted(world, at(one))).toBe(410)
    const study = `/dicomweb/studies/${other.uids.study}`
    expect((await world.get(`${study}/metadata`, { Accept: 'application/dicom+json' })).status).toBe(200)
    expect(await deleted(world, study)).toBe(204)
    expect([await deleted(world, study), (await world.get(study)).status]).toEqual([410, 410])
    for (const picture of ['rendered', 'thumbnail'])
      expect((await world.get(`${study}/${picture}`, { Accept: 'image/jpeg' })).status).toBe(410)
    expect(uidsOf(await world.qido('/studies'), '0020000D')).not.toContain(other.uids.study)
    expect(uidsOf(await world.qido('/instances'), '00080018')).toEqual(
      [two.uids.instance, three.uids.instance].sort(),
    )
    expect(await deleted(world, '/dicomweb/studies/9.9.9')).toBe(404)
    expect(await deleted(world, '/dicomweb/studies/nonsense')).toBe(400)
    expect(await Array.fromAsync(world.archive.database.inspection.levels())).toEqual([])
  })

  it('refuses what was deleted when it comes again, until an administrator restores it', async () => {
    await using world = await startWorld({ engine, settings: { deletion: true } })
    const sample = ct()
    await world.store(sample)
    const path = `/studies/${sample.uids.study}/series/${sample.uids.series}/instances/${sample.uids.instance}`
    expect(await deleted(world, `/dicomweb${path}`)).toBe(204)
    const again = await world.stow([sample])
    expect(again.status).toBe(409)
    const [failed] = (again.dataSet()['00081198']?.Value ?? []) as JsonDataSet[]
    expect(failed?.['00081197']?.Value).toEqual([0xa902])
    expect(await world.qido('/instances')).toEqual([])
    expect((await world.ask(`/admin${path}/restore`, { method: 'POST' })).status).toBe(204)
    expect((await world.ask(`/admin${path}/restore`, { method: 'POST' })).status).toBe(404)
    expect((await world.get(`/dicomweb${path}/original`)).body.equals(sample.bytes)).toBe(true)
    expect((await world.stow([sample])).status).toBe(200)
    expect(await world.qido('/instances')).toHaveLength(1)
  })
})
