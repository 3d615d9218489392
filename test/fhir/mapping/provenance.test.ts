import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { softwareDevice } from '../../../src/fhir/mapping/device.ts'
import { endpoint } from '../../../src/fhir/mapping/endpoint.ts'
import { imagingStudy } from '../../../src/fhir/mapping/imaging-study.ts'
import { type Origin, provenance, type ProvenanceFacts } from '../../../src/fhir/mapping/provenance.ts'
import type { MappingSettings } from '../../../src/fhir/mapping/settings.ts'
import type { Resource } from '../../../src/fhir/ports.ts'
import { ct, us } from '../../samples.ts'
import { faultsInR4, faultsInR5 } from '../validators.ts'
import { CONTEXT, factsOf, SETTINGS } from './studies.ts'

const R5: MappingSettings = { ...SETTINGS, release: 'R5' }
const IDS = { studyId: 's1', deviceId: 'd1' }

function origin(id: number, more: Partial<Origin> = {}): Origin {
  return {
    id,
    uids: { study: '1.2.3', series: '1.2.3.1', instance: `1.2.3.1.${id}` },
    TransferSyntaxUID: '1.2.840.10008.1.2.1',
    fileSha256: createHash('sha256').update(String(id)).digest('hex'),
    size: 1000 + id,
    sender: 'CT1',
    receivedAt: new Date(Date.UTC(2026, 2, 14, 10, 0, id)),
    role: 'source',
    ...more,
  }
}

function facts(origins: readonly Origin[], more: Partial<ProvenanceFacts> = {}): ProvenanceFacts {
  const recordedAt = new Date('2026-03-14T10:20:00.500Z')
  const push = '4f1f2a0e-6f5c-4b43-9d1f-3d7f4a3f2b10'
  return { study: '1.2.3', push, recordedAt, isFirst: true, origins, manifest: null, ...more }
}

describe('Provenance', () => {
  it('cites each original with SHA-256, address, transfer syntax, size, sender and time', () => {
    const resource = provenance(facts([origin(1), origin(2, { sender: null })]), IDS, SETTINGS)
    expect(faultsInR4(resource)).toEqual([])
    const digest = createHash('sha256').update('1').digest('base64url')
    expect(resource).toMatchObject({
      target: [{ reference: 'ImagingStudy/s1' }],
      activity: { coding: [{ code: 'CREATE' }] },
      occurredPeriod: { start: '2026-03-14T10:00:01.000Z', end: '2026-03-14T10:00:02.000Z' },
      recorded: '2026-03-14T10:20:00.500Z',
      agent: [
        { type: { coding: [{ code: 'assembler' }] }, who: { reference: 'Device/d1' } },
        { type: { coding: [{ code: 'enterer' }] }, who: { identifier: { value: 'CT1' }, display: 'CT1' } },
      ],
      entity: [
        { role: 'source', what: { reference: '#o1' } },
        { role: 'source', what: { reference: '#o2' } },
      ],
    })
    const [first, second] = resource['contained'] as unknown as Resource[]
    expect(first).toMatchObject({
      masterIdentifier: { system: 'urn:dicom:uid', value: 'urn:oid:1.2.3.1.1' },
      identifier: [{ system: 'urn:ietf:rfc:3986', value: `ni:///sha-256;${digest}` }],
      author: [{ identifier: { value: 'CT1' } }],
      date: '2026-03-14T10:00:01.000Z',
      content: [
        {
          attachment: {
            contentType: 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1',
            url: 'https://pacs.example.org/dicomweb/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/original',
            size: 1001,
          },
        },
      ],
    })
    expect(second).not.toHaveProperty('author')
  })

  it('says that originals were replaced, and points to a list where there are many', () => {
    const replaced = provenance(facts([origin(1, { role: 'revision' }), origin(2)]), IDS, SETTINGS)
    expect(faultsInR4(replaced)).toEqual([])
    expect(replaced).toMatchObject({
      activity: { coding: [{ code: 'UPDATE' }] },
      entity: [{ role: 'revision' }, { role: 'source' }],
    })
    const manifest = { sha256: createHash('sha256').update('list').digest('hex'), size: 4 }
    const many = provenance(facts([origin(1), origin(2)], { manifest, isFirst: false }), IDS, SETTINGS)
    expect(faultsInR4(many)).toEqual([])
    expect(many['activity']).toMatchObject({ coding: [{ code: 'UPDATE' }] })
    expect(many['contained']).toMatchObject([
      {
        description: '2 DICOM instances, each with its SHA-256',
        content: [
          {
            attachment: {
              url: 'https://pacs.example.org/lineage/studies/1.2.3/pushes/4f1f2a0e-6f5c-4b43-9d1f-3d7f4a3f2b10',
              size: 4,
            },
          },
        ],
      },
    ])
  })

  it('names a sender in letters that FHIR has, and none who has no other', () => {
    const senders = [' CT\u00131 ', '\u0013', ' ', 'CT 1']
    const resource = provenance(facts(senders.map((sender, at) => origin(at + 1, { sender }))), IDS, SETTINGS)
    expect(faultsInR4(resource)).toEqual([])
    const named = { identifier: { value: 'CT 1' }, display: 'CT 1' }
    expect(resource['agent']).toMatchObject([{ who: { display: 'Concord' } }, { who: named }])
    const documents = resource['contained'] as unknown as Resource[]
    expect(documents.map(({ author }) => author)).toMatchObject([[named], undefined, undefined, [named]])
  })

  it('is valid in both releases whatever is cited, and the same for the same facts', () => {
    const origins = fc.array(
      fc.record(
        {
          sender: fc.option(
            fc.oneof(
              fc.stringMatching(/^[\w.@-]{1,64}$/u),
              fc.string({ unit: 'binary-ascii', maxLength: 4 }),
            ),
          ),
          size: fc.integer({ min: 0, max: 2 ** 40 }),
          role: fc.constantFrom('source' as const, 'revision' as const),
          receivedAt: fc.date({
            min: new Date('2000-01-01'),
            max: new Date('2099-12-31'),
            noInvalidDate: true,
          }),
        },
        { requiredKeys: [] },
      ),
      { minLength: 1, maxLength: 8 },
    )
    fc.assert(
      fc.property(origins, fc.boolean(), (list, isFirst) => {
        const told = facts(
          list.map((more, at) => origin(at + 1, more)),
          { isFirst },
        )
        const r4 = provenance(told, IDS, SETTINGS)
        expect(faultsInR4(r4)).toEqual([])
        expect(faultsInR5(provenance(told, IDS, R5))).toEqual([])
        expect(JSON.stringify(provenance(told, IDS, SETTINGS))).toBe(JSON.stringify(r4))
      }),
      { numRuns: 25 },
    )
  })

  it('names this software as a valid Device', () => {
    expect(faultsInR4(softwareDevice({ ...SETTINGS, softwareVersion: '1.2.3' }))).toEqual([])
    expect(softwareDevice({ ...SETTINGS, softwareVersion: '1.2.3' })).toMatchObject({
      deviceName: [{ name: 'Concord' }],
      version: [{ value: '1.2.3' }],
    })
    expect(faultsInR4(softwareDevice(SETTINGS))).toEqual([])
    expect(faultsInR5(softwareDevice(R5))).toEqual([])
  })
})

describe('profiles', () => {
  const samples = [
    ct({ StudyInstanceUID: '1.2.3' }),
    us({ StudyInstanceUID: '1.2.3', SeriesNumber: 2, NumberOfFrames: 7 }),
  ]
  const project = (settings: MappingSettings): Resource[] => [
    imagingStudy(factsOf(samples, settings), CONTEXT, settings),
    endpoint(settings),
  ]

  it('of MADO: endpoints of series, numbers of frames, all instances, the place to retrieve from', () => {
    const mado: MappingSettings = { ...SETTINGS, profile: 'mado' }
    const [study, place] = project(mado)
    for (const resource of project(mado)) expect(faultsInR4(resource)).toEqual([])
    for (const resource of project({ ...R5, profile: 'mado' })) expect(faultsInR5(resource)).toEqual([])
    expect(study?.['series']).toMatchObject([
      { endpoint: [{ reference: 'Endpoint/e1' }], instance: [{ uid: samples[0]?.uids.instance }] },
      { endpoint: [{ reference: 'Endpoint/e1' }], instance: [{ extension: [{ valueInteger: 7 }] }] },
    ])
    expect(place?.['extension']).toMatchObject([
      { valueString: expect.stringMatching(/^2\.25\.\d+$/u) as string },
    ])
  })

  it('of SMART: whether a token is needed; of none: neither', () => {
    const [, place] = project({ ...SETTINGS, profile: 'smart', needsToken: true })
    expect(faultsInR4(place!)).toEqual([])
    expect(place?.['extension']).toMatchObject([{ valueBoolean: true }])
    for (const resource of project(SETTINGS)) expect(JSON.stringify(resource)).not.toContain('extension')
  })
})
