import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import type { ResourceJson } from '../../scripts/stand-ins/fhir/validate.ts'
import { newStudyOf } from '../../src/archive/correct-part.ts'
import { everyKind } from '../../src/archive/correct-policy.ts'
import { type Corrector, proposeCorrection, startCorrector } from '../../src/archive/correct.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { ct } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld } from '../world.ts'

let standIn: FhirStandIn
let running: (Sync | Corrector)[]

beforeEach(async () => {
  standIn = await startFhirStandIn()
  running = []
})

afterEach(async () => {
  for (const one of running.reverse()) await one.stop()
  await standIn.stop()
})

const studyOf = (uid: string): ResourceJson | undefined =>
  standIn.store
    .all('ImagingStudy')
    .find((one) => JSON.stringify(one['identifier']).includes(`urn:oid:${uid}"`))

describe('a part of a study that leaves it', () => {
  it('is told to the FHIR server as a study of its own patient, with where it comes from', async () => {
    await using world = await startWorld({
      more: (archive) => {
        const mapping = {
          archiveId: archive.database.archiveId,
          release: 'R4',
          dicomwebUrl: 'http://pacs.example.org/dicomweb',
          lineageUrl: 'http://pacs.example.org/lineage',
        } as const
        const server = openFhirServer({ url: standIn.url, timeoutMs: 2000 })
        running.push(startSync(archive, server, { mapping, quietMs: 0, pollMs: 20 }))
        running.push(startCorrector(archive, { limits: {}, note: 'identity' }, () => undefined))
        return []
      },
    })
    const { outbox, corrections } = world.archive.database
    const settled = (): Promise<void> =>
      until(async () => {
        // In this order: a correction that is done owes what it changed.
        const open = (await corrections.list({ limit: 9 })).filter(({ state }) => state !== 'done')
        const { rows } = await outbox.owed(100)
        for (const { study, dueAt, leased } of rows)
          if (!leased && dueAt.getTime() > Date.now() + 500) await outbox.touch(study)
        return rows.length + open.length === 0
      })
    const right = ct({ PatientID: 'RIGHT' })
    const { study } = right.uids
    const wrong = ct({ StudyInstanceUID: study, PatientID: 'WRONG' })
    await world.store(right, wrong)
    await settled()
    // Of two patients nobody can say whose it is.
    expect(studyOf(study)).toMatchObject({ numberOfInstances: 2 })
    expect(studyOf(study)?.['subject']).not.toHaveProperty('reference')

    const { correction } = await proposeCorrection(world.archive, everyKind('auto'), {
      ...{ study, attributes: {}, reason: 'CORRECT', description: 'by hand', proposedBy: 'admin' },
      part: { series: [wrong.uids.series], instances: [] },
    })
    await settled()
    const [made] = (await corrections.made(correction.id))[0]?.slice(1) ?? []
    const patients = standIn.store.all('Patient')
    const idOf = (value: string): string =>
      patients.find(({ identifier }) => JSON.stringify(identifier).includes(value))?.['id'] as string
    const [stayed, left] = [studyOf(study), studyOf(newStudyOf(correction) ?? '')]
    expect(stayed).toMatchObject({
      ...{ status: 'available', numberOfInstances: 1 },
      subject: { reference: `Patient/${idOf('RIGHT')}` },
    })
    expect(left).toMatchObject({
      ...{ status: 'available', numberOfInstances: 1, subject: { reference: `Patient/${idOf('WRONG')}` } },
      series: [{ uid: made?.uids.series, instance: [{ uid: made?.uids.instance }] }],
    })
    const provenance = JSON.stringify(
      standIn.store
        .all('Provenance')
        .filter((one) => JSON.stringify(one['target']).includes(left?.['id'] as string)),
    )
    // It is a revision of what was in the other study, and is there still.
    expect(provenance).toContain('"revision"')
    expect(provenance).toContain(`urn:oid:${wrong.uids.instance}`)
    expect(provenance).toContain(
      `/studies/${study}/series/${wrong.uids.series}/instances/${wrong.uids.instance}`,
    )
    expect(provenance).not.toContain(right.uids.instance)
    expect(await world.archive.database.attention.list({ open: true, limit: 9 })).toEqual([])
  }, 60_000)
})
