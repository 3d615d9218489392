import { setTimeout as sleep } from 'node:timers/promises'
import { startS3StandIn } from '../../scripts/stand-ins/s3-server.ts'
import { without } from '../../src/fhir/mapping/canonical.ts'
import { newUid } from '../../src/dicom/uid.ts'
import type { Resource } from '../../src/fhir/ports.ts'
import { bare, ct, type Sample, series, sr } from '../samples.ts'
import { startPostgres } from '../servers/postgres.ts'
import { until } from '../until.ts'
import { openGate } from './gate.ts'
import { startTelling } from './service.ts'

export interface Pushed {
  /** Address of the FHIR server. */
  readonly base: () => string
  /** How fast time goes: 1 is as in life. */
  readonly pace: number
  /** Makes it one that creates twice what is created at once, if it is not. */
  readonly makeRacy?: () => void
}

/** The acceptance tests of pushing, 1 to 6, against any FHIR server. */
export function pushingIsAccepted({ base, pace, makeRacy }: Pushed): void {
  it('acceptance 1: 1,000 instances over 20 s are at most five versions, with exact counts', async () => {
    await using service = await startTelling(base(), {
      FHIR_QUIET_MS: String(5000 / pace),
      FHIR_MAX_WAIT_MS: String(60_000 / pace),
    })
    const samples = series((attributes) => bare(attributes, { pixels: null }), 1000, {
      Modality: 'CT',
      PatientID: 'P',
    })
    const started = Date.now()
    for (let at = 0; at < samples.length; at += 50) {
      await service.store(...samples.slice(at, at + 50))
      await sleep(Math.max(0, started + ((at + 50) * 20) / pace - Date.now()))
    }
    await service.settled()
    const { resource, versionId } = await service.imagingStudy(samples[0]!.uids.study)
    expect(resource).toMatchObject({
      numberOfSeries: 1,
      numberOfInstances: 1000,
      series: [{ numberOfInstances: 1000 }],
    })
    expect(Number(versionId)).toBeLessThanOrEqual(5)
  }, 120_000)

  it('acceptance 2: the FHIR server is down for the whole upload: STOW answers 200, and all is told after', async () => {
    const gate = await openGate(base())
    try {
      await using service = await startTelling(gate.url, {}, base())
      await service.connected()
      gate.shut()
      const studies = [
        series(ct, 3, { PatientID: 'A' }),
        [sr({ PatientID: 'B' })],
        series(ct, 2, { PatientID: 'A' }),
      ]
      for (const samples of studies) await service.store(...samples)
      expect(await service.qido('/studies')).toHaveLength(3)
      // One has been tried, and all are owed.
      await until(async () => {
        const { rows } = (await service.json('/admin/fhir')) as { rows: { lastError: string | null }[] }
        return rows.some(({ lastError }) => lastError !== null)
      })
      expect(await service.json('/admin/fhir')).toMatchObject({ studies: 3 })
      gate.open()
      await service.settled()
      for (const samples of studies) {
        const { resource } = await service.imagingStudy(samples[0]!.uids.study)
        expect(resource['numberOfInstances']).toBe(samples.length)
      }
    } finally {
      await gate.stop()
    }
  }, 120_000)

  it.each(['ImagingStudy', 'Provenance', 'Patient'])(
    'acceptance 3: kill -9 between the commit there and the own mark (%s): one resource, one Provenance',
    async (type) => {
      const gate = await openGate(base())
      try {
        await using service = await startTelling(gate.url, {}, base())
        const samples = series(ct, 2, { PatientID: 'P' })
        const committed = gate.keepBack(new RegExp(`^(?:PUT|POST) .*/${type}`, 'u'))
        await service.store(...samples)
        await committed
        await service.kill()
        await service.forgetLeases()
        await service.start()
        await service.settled()
        const study = await service.imagingStudy(samples[0]!.uids.study)
        expect(study.versionId).toBe('1')
        expect(study.resource).toMatchObject({ numberOfInstances: 2 })
        const provenances = await service.provenances(study)
        expect(provenances.map(({ versionId }) => versionId)).toEqual(['1'])
        expect(await service.server.search('Patient', { identifier: `${service.system}|P` })).toHaveLength(1)
        expect(await service.attention()).toEqual([])
      } finally {
        await gate.stop()
      }
    },
    120_000,
  )

  it('acceptance 4: two service processes over one PostgreSQL make no duplicate study or patient', async () => {
    makeRacy?.()
    const [postgres, s3] = [await startPostgres(), await startS3StandIn()]
    try {
      const env = {
        PUBLIC_URL: 'http://pacs.example.org',
        ...{ DATABASE_URL: postgres.url, BLOB_URL: 's3://shared', S3_ENDPOINT: s3.endpoint },
        ...{ S3_ACCESS_KEY: s3.accessKey, S3_SECRET_KEY: s3.secretKey },
      }
      await using one = await startTelling(base(), env)
      await using two = await startTelling(base(), { ...env, DEFAULT_ISSUER: one.system })
      const studies = Array.from({ length: 6 }, () => series(ct, 8, { PatientID: 'P' }))
      for (let at = 0; at < 8; at += 2) {
        const halves = [studies.map((samples) => samples[at]!), studies.map((samples) => samples[at + 1]!)]
        await Promise.all([one.store(...halves[0]!), two.store(...halves[1]!)])
        await sleep(150)
      }
      await one.settled()
      for (const samples of studies) {
        const study = await one.imagingStudy(samples[0]!.uids.study)
        expect(study.resource['numberOfInstances']).toBe(8)
      }
      const patients = await one.server.search('Patient', { identifier: `${one.system}|P` })
      expect(patients).toHaveLength(1)
      expect(await one.attention()).toEqual([])
    } finally {
      await postgres.stop()
      await s3.stop()
    }
  }, 180_000)

  it('acceptance 5: a note and an encounter of others survive ten pushes', async () => {
    await using service = await startTelling(base())
    const [first, ...rest] = series(ct, 11, { PatientID: 'P' }) as [Sample, ...Sample[]]
    const { study } = first.uids
    await service.store(first)
    await service.settled()
    const encounter = await service.server.create({
      resourceType: 'Encounter',
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    })
    const foreign = {
      note: [{ text: 'compare with 2019' }],
      encounter: { reference: `Encounter/${encounter.id}` },
    }
    const { resource, id, versionId } = await service.imagingStudy(study)
    await service.server.update({ ...resource, ...foreign, id }, versionId)
    for (const sample of rest) {
      await service.store(sample)
      await service.settled()
    }
    const last = await service.imagingStudy(study)
    expect(last.resource).toMatchObject({ ...foreign, numberOfInstances: 11 })
    expect(last.versionId).toBe('12')
    expect(await service.attention()).toEqual([])
  }, 120_000)

  it('acceptance 6: a series edited by hand is repaired, and a deleted resource is made again', async () => {
    await using service = await startTelling(base())
    const samples = series(ct, 2, { PatientID: 'P' })
    const { study } = samples[0]!.uids
    await service.store(...samples)
    await service.settled()
    const before = await service.imagingStudy(study)
    const [one] = before.resource['series'] as unknown as [Resource]
    const edited = {
      ...before.resource,
      series: [{ ...one, uid: newUid() }],
      description: 'edited',
    }
    await service.server.update({ ...edited, id: before.id })
    await service.pushed(study)
    const repaired = await service.imagingStudy(study)
    expect(ownOf(repaired.resource)).toEqual(ownOf(before.resource))
    expect(await service.attention()).toEqual(['hand-edited'])
    // What refers to a resource protects it: the Provenance must go first.
    for (const { id } of await service.provenances(repaired)) await remove(base(), `Provenance/${id}`)
    await remove(base(), `ImagingStudy/${before.id}`)
    await service.reconciled()
    expect(await service.attention()).toContain('deleted-there')
    const again = await service.imagingStudy(study)
    expect(ownOf(again.resource)).toEqual(ownOf(before.resource))
    expect(await service.provenances(again)).toHaveLength(1)
  }, 120_000)
}

/** Without what the server adds. */
function ownOf(resource: Resource): object {
  return without(resource, 'meta', 'text')
}

async function remove(base: string, path: string): Promise<void> {
  const { ok, status } = await fetch(`${base}/${path}`, { method: 'DELETE' })
  if (!ok) throw new Error(`${path} was not deleted: ${status}`)
}
