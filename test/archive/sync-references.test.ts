import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import { touchStudy } from '../../src/archive/sync-admin.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import type { Resource } from '../../src/fhir/ports.ts'
import { memoryArchive, type MemoryArchive } from '../fhir/memory-database.ts'
import { faultsInR4 } from '../fhir/validators.ts'
import { ct } from '../samples.ts'
import { until } from '../until.ts'

const STUDY = '1.2.826.0.6'
const HOUR = 3_600_000

let server: FhirStandIn
let store: MemoryArchive
let sync: Sync

beforeEach(async () => {
  server = await startFhirStandIn()
  store = memoryArchive()
  start(HOUR)
})

/** `missedMs`: what was not there is not asked for again in so many milliseconds. */
function start(missedMs: number): void {
  sync = startSync(store.archive, openFhirServer({ url: server.url, timeoutMs: 2000 }), {
    mapping: {
      archiveId: store.archive.database.archiveId,
      release: 'R4',
      dicomwebUrl: 'http://pacs.example.org/dicomweb',
      lineageUrl: 'http://pacs.example.org/lineage',
      issuers: new Map([['99STAFF', 'urn:oid:1.2.3.9']]),
    },
    quietMs: 0,
    missedMs,
    pollMs: 20,
  })
}

afterEach(async () => {
  await sync.stop()
  await server.stop()
})

async function settled(): Promise<Resource> {
  sync.wake()
  await until(() => [...store.debts.values()].every(({ gen, doneGen }) => gen <= doneGen))
  const [study] = server.store.all('ImagingStudy')
  expect(faultsInR4(study!)).toEqual([])
  return study!
}

async function again(): Promise<Resource> {
  await touchStudy(store.archive, sync, STUDY)
  return settled()
}

function order(id: string, accession = 'A1', system = 'urn:oid:1.2.3.4'): void {
  server.store.put({ resourceType: 'ServiceRequest', id, identifier: [{ system, value: accession }] })
}

function practitioner(id: string, code: string): void {
  const identifier = [{ system: 'urn:oid:1.2.3.9', value: code }]
  server.store.put({ resourceType: 'Practitioner', id, identifier })
}

const identified = (code: string) => [
  {
    PersonIdentificationCodeSequence: [
      { CodeValue: code, CodingSchemeDesignator: '99STAFF', CodeMeaning: 'n' },
    ],
  },
]
const STUDIED = {
  StudyInstanceUID: STUDY,
  AccessionNumber: 'A1',
  IssuerOfAccessionNumberSequence: [{ UniversalEntityID: '1.2.3.4', UniversalEntityIDType: 'ISO' }],
  ReferringPhysicianName: 'Curie^Marie',
  ReferringPhysicianIdentificationSequence: identified('17'),
  PerformingPhysicianName: 'Roe^Jane',
  PerformingPhysicianIdentificationSequence: identified('18'),
}

const lookUps = (type: string): number =>
  server.requests.filter(({ method, path }) => method === 'GET' && path.startsWith(`/${type}?`)).length

describe('orders and people', () => {
  it('are found by identifier, stay named by it, and are never made', async () => {
    order('order-1')
    practitioner('marie', '17')
    store.add(ct(STUDIED))
    const study = await settled()
    expect(study['basedOn']).toMatchObject([
      { reference: 'ServiceRequest/order-1', identifier: { system: 'urn:oid:1.2.3.4', value: 'A1' } },
    ])
    expect(study['referrer']).toEqual({
      reference: 'Practitioner/marie',
      type: 'Practitioner',
      identifier: { system: 'urn:oid:1.2.3.9', value: '17' },
      display: 'Curie, Marie',
    })
    expect(study['series']).toMatchObject([
      {
        performer: [
          { actor: { type: 'Practitioner', identifier: { value: '18' }, display: 'Roe, Jane' } },
          { actor: { display: 'Concord Samples Generator' } },
        ],
      },
    ])
    expect(server.store.all('Practitioner')).toHaveLength(1)
    expect(server.store.all('ServiceRequest')).toHaveLength(1)
  })

  it('that are not there are not asked for with every push, and are found when they come', async () => {
    store.add(ct(STUDIED))
    const study = await settled()
    expect(study['basedOn']).toMatchObject([{ type: 'ServiceRequest', identifier: { value: 'A1' } }])
    expect(study['basedOn']).not.toMatchObject([{ reference: expect.anything() as string }])
    await again()
    await again()
    expect([lookUps('ServiceRequest'), lookUps('Practitioner')]).toEqual([1, 2])
    await sync.stop()
    start(50)
    await again()
    order('late')
    await until(async () => JSON.stringify((await again())['basedOn']).includes('"ServiceRequest/late"'))
    expect(store.attention).toEqual([])
  })

  it('are not guessed: two of one number, another issuer, or none leave the identifier alone', async () => {
    order('one')
    order('two')
    order('other', 'A2', 'urn:oid:9.9')
    store.add(
      ct(STUDIED),
      ct({ ...STUDIED, AccessionNumber: 'A2' }),
      ct({ ...STUDIED, AccessionNumber: 'A3', IssuerOfAccessionNumberSequence: undefined }),
    )
    const study = await settled()
    expect((study['basedOn'] as unknown as object[]).filter((one) => 'reference' in one)).toEqual([])
    expect(study['basedOn']).toHaveLength(3)
    // One for each number that has an issuer.
    expect(lookUps('ServiceRequest')).toBe(2)
  })

  it('are not asked for where the server has no such resources', async () => {
    await sync.stop()
    server.behaviour.types = ['ImagingStudy', 'Patient', 'Endpoint']
    sync = startSync(store.archive, openFhirServer({ url: server.url }), {
      mapping: {
        archiveId: store.archive.database.archiveId,
        release: 'R4',
        dicomwebUrl: 'http://pacs.example.org/dicomweb',
        lineageUrl: 'http://pacs.example.org/lineage',
      },
      quietMs: 0,
    })
    store.add(ct(STUDIED))
    await settled()
    expect([lookUps('ServiceRequest'), lookUps('Practitioner')]).toEqual([0, 0])
  })
})
