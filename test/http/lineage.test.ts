import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import { checkBytes } from '../../src/archive/lineage.ts'
import { instanceOf } from '../../src/archive/retrieve.ts'
import { startSync } from '../../src/archive/sync.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { Problem } from '../../src/problem.ts'
import { bare, ct, type Sample, series } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'

let standIn: FhirStandIn
beforeEach(async () => {
  standIn = await startFhirStandIn()
})
afterEach(() => standIn.stop())

interface Instance {
  readonly SOPInstanceUID: string
  readonly url: string
  readonly sha256: string
  readonly size: number
  readonly state: string
  readonly push: string | null
}
interface Lineage {
  readonly imagingStudy: { readonly reference: string; readonly versionId: string } | null
  readonly device: { readonly reference: string } | null
  readonly pushes: readonly {
    readonly id: string
    readonly outcome: string
    readonly provenance?: { readonly reference: string }
  }[]
  readonly instances: readonly Instance[]
}

async function lineage(world: World, study: string): Promise<Lineage> {
  const answer = await world.get(`/lineage/studies/${study}`)
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toBe('application/json')
  return answer.json() as Lineage
}

/** Pushes everything that is owed, and ends. */
async function push({ archive, url }: World): Promise<void> {
  const { outbox, archiveId } = archive.database
  const sync = startSync(archive, openFhirServer({ url: standIn.url }), {
    mapping: { archiveId, release: 'R4', dicomwebUrl: `${url}/dicomweb`, lineageUrl: `${url}/lineage` },
    quietMs: 0,
    pollMs: 10,
  })
  try {
    await until(async () => {
      const { rows } = await outbox.owed(100)
      for (const { study, leased, dueAt } of rows)
        if (!leased && dueAt.getTime() > Date.now() + 1000) await outbox.touch(study)
      return rows.length === 0
    })
  } finally {
    await sync.stop()
  }
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')
const idOf = (resource: object | undefined): string =>
  resource && 'id' in resource && typeof resource.id === 'string' ? resource.id : ''
const pathOf = ({ uids }: Sample): string =>
  `/lineage/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`

describe('lineage', () => {
  it('shows the whole chain of a study, to be checked against the stored bytes', async () => {
    await using world = await startWorld()
    const samples = series(ct, 3, { PatientID: 'P1', PatientName: 'Roe^Jane' })
    const study = samples[0]!.uids.study
    await world.store(...samples)
    const before = await lineage(world, study)
    expect(before).toMatchObject({ imagingStudy: null, device: null, pushes: [] })
    await push(world)
    const after = await lineage(world, study)
    expect(after.instances.map((one) => [one.SOPInstanceUID, one.sha256, one.size])).toEqual(
      samples.map(({ uids, bytes }) => [uids.instance, sha256(bytes), bytes.length]),
    )
    for (const { url, sha256: said } of after.instances) {
      const { body } = await world.get(url.slice(world.url.length))
      expect(sha256(body)).toBe(said)
    }
    const [made] = standIn.store.all('ImagingStudy')
    const [provenance] = standIn.store.all('Provenance')
    expect(after.imagingStudy).toMatchObject({
      reference: `ImagingStudy/${idOf(made)}`,
      versionId: '1',
    })
    expect(after.pushes).toMatchObject([
      {
        outcome: 'created',
        provenance: { reference: `Provenance/${idOf(provenance)}`, versionId: '1' },
      },
    ])
    expect(new Set(after.instances.map((one) => one.push))).toEqual(new Set([after.pushes[0]?.id]))
    expect(JSON.stringify(after)).not.toContain('Roe')
  })

  it('shows one instance, compares its bytes when asked, and finds those that have rotted', async () => {
    let fate: 'kept' | 'rotten' | 'gone' = 'kept'
    await using world = await startWorld({
      through: (archive) => ({
        ...archive,
        blobs: {
          ...archive.blobs,
          get: async (key, range) => {
            if (fate === 'gone') throw new Problem('not-found', 'There are no such bytes.')
            const bytes = await buffer(await archive.blobs.get(key, range))
            if (fate === 'rotten') bytes[200]! ^= 1
            return Readable.from([bytes], { objectMode: false })
          },
        },
      }),
    })
    const sample = ct()
    await world.store(sample)
    const plain = await world.get(pathOf(sample))
    expect(plain.json()).toMatchObject({
      StudyInstanceUID: sample.uids.study,
      instance: {
        SOPInstanceUID: sample.uids.instance,
        state: 'active',
        sha256: sha256(sample.bytes),
        madeOf: null,
        replacedBy: [],
        push: null,
      },
    })
    expect(plain.json()).not.toHaveProperty('instance.bytes')
    const read = checkBytes(
      world.archive,
      await instanceOf(world.archive, sample.uids),
      AbortSignal.abort(new Error('The client has gone.')),
    )
    await expect(read).rejects.toThrow('The client has gone.')
    const checked = await world.get(`${pathOf(sample)}?check=true`)
    expect(checked.json()).toMatchObject({
      instance: { bytes: { matches: true, sha256: sha256(sample.bytes), size: sample.bytes.length } },
    })
    fate = 'rotten'
    expect((await world.get(`${pathOf(sample)}?check=true`)).json()).toMatchObject({
      instance: { sha256: sha256(sample.bytes), bytes: { matches: false, size: sample.bytes.length } },
    })
    fate = 'gone'
    expect((await world.get(`${pathOf(sample)}?check=true`)).json()).toMatchObject({
      instance: { bytes: { matches: false, sha256: null, problem: 'There are no such bytes.' } },
    })
    expect((await world.get(`${pathOf(sample)}?check=maybe`)).status).toBe(400)
    expect((await world.get(pathOf(ct()))).status).toBe(404)
    expect((await world.get(`/lineage/studies/1.2.3`)).status).toBe(404)
  })

  it('has the list to which a Provenance points, byte for byte, also after the study changed', async () => {
    await using world = await startWorld()
    const samples = series((attributes) => bare(attributes, { pixels: null }), 201)
    const study = samples[0]!.uids.study
    await world.store(...samples)
    await push(world)
    const [provenance] = standIn.store.all('Provenance') as unknown as {
      contained: [
        { identifier: [{ value: string }]; content: [{ attachment: { url: string; size: number } }] },
      ]
    }[]
    const [document] = provenance!.contained
    const { url, size } = document.content[0].attachment
    const list = async (): Promise<Buffer> => (await world.get(url.slice(world.url.length))).body
    const bytes = await list()
    expect(bytes.length).toBe(size)
    expect(document.identifier[0].value).toBe(
      `ni:///sha-256;${createHash('sha256').update(bytes).digest('base64url')}`,
    )
    await world.store(bare({ StudyInstanceUID: study }, { pixels: null }))
    await push(world)
    expect(await list()).toEqual(bytes)
    expect((await world.get(`/lineage/studies/${study}/pushes/none`)).status).toBe(404)
  })
})
