import { imagingStudy } from '../../src/fhir/mapping/imaging-study.ts'
import type { Json, JsonObject, Resource } from '../../src/fhir/ports.ts'
import { series, ct } from '../samples.ts'
import { CONTEXT, factsOf, SETTINGS } from './mapping/studies.ts'
import { startFhirStandIn } from './stand-in.ts'
import { faultsInR4, faultsInR5 } from './validators.ts'

/** The validators and the stand-in are what all other tests lean on: that they see faults is tested here. */
const valid = imagingStudy(factsOf(series(ct, 2)), CONTEXT, SETTINGS)

/** A copy with the value at a path replaced; undefined takes it out. */
function changed(path: string, value: Json | undefined): Resource {
  const copy = JSON.parse(JSON.stringify(valid)) as Resource
  const names = path.split('.')
  const last = names.pop() ?? ''
  let place = copy as unknown as Record<string, Json | undefined>
  for (const name of names) place = place[name] as Record<string, Json | undefined>
  place[last] = value
  return JSON.parse(JSON.stringify(copy)) as Resource
}

const FAULTS: readonly (readonly [string, string, Json | undefined])[] = [
  ['no status', 'status', undefined],
  ['no subject', 'subject', undefined],
  ['no series.uid', 'series.0.uid', undefined],
  ['no series.modality', 'series.0.modality', undefined],
  ['no sopClass', 'series.0.instance.0.sopClass', undefined],
  ['an unknown status', 'status', 'archived'],
  ['an unknown use', 'identifier.0.use', 'primary'],
  ['a subject that is no patient', 'subject', { reference: 'Practitioner/x' }],
  ['a reference that says nothing', 'subject', {}],
  ['a time without offset', 'started', '2024-03-01T09:14:22'],
  ['a month that is none', 'started', '2024-13-01'],
  ['a day that is none', 'started', '2024-02-31'],
  ['a negative count', 'numberOfSeries', -1],
  ['a broken count', 'numberOfInstances', 1.5],
  ['a count in words', 'numberOfInstances', '2'],
  ['a series.uid with prefix', 'series.0.uid', 'urn:oid:1.2.3'],
  ['a concept for a coding', 'series.0.modality', { coding: [{ code: 'CT' }] }],
  ['an object for a list', 'identifier', { system: 'urn:dicom:uid', value: 'urn:oid:1.2.3' }],
  ['an unknown element', 'studyDescription', 'x'],
  ['null', 'description', null],
  ['an empty string', 'description', ''],
  ['blanks', 'description', '  '],
  ['an empty list', 'modality', []],
  ['an empty object', 'referrer', {}],
  ['contained, not referred to', 'contained', [{ resourceType: 'Patient', id: 'p' }]],
  ['a study without its UID', 'identifier', [{ system: 'urn:x:y', value: '1' }]],
  ['a count that is not that of the list', 'series.0.numberOfInstances', 3],
  ['a SOP class without its system', 'series.0.instance.0.sopClass', { code: '1.2.840.10008.5.1.4.1.1.2' }],
]

describe('the validators of the tests', () => {
  it('find nothing wrong with what is right', () => {
    expect(faultsInR4(valid)).toEqual([])
  })

  it.each(FAULTS)('see %s', (_what, path, value) => {
    const wrong = changed(path, value)
    expect(faultsInR4(wrong)).not.toEqual([])
    // The server that the worker is tested against is as strict by itself.
    expect(faultsInR4(wrong).some((fault) => fault.startsWith('own: '))).toBe(true)
  })

  it('tell R4 from R5', () => {
    const r5 = imagingStudy(factsOf(series(ct, 2)), CONTEXT, { ...SETTINGS, release: 'R5' })
    expect(faultsInR5(r5)).toEqual([])
    expect(faultsInR4(r5)).not.toEqual([])
    expect(faultsInR5(valid)).not.toEqual([])
    for (const wrong of [
      { ...r5, interpreter: [{ display: 'x' }] },
      { ...r5, status: 'archived' },
      { ...r5, modality: valid['modality'] },
    ] as Resource[])
      expect(faultsInR5(wrong).some((fault) => fault.startsWith('fhir: '))).toBe(true)
    const one = (r5['series'] as readonly JsonObject[])[0]
    expect(one).toMatchObject({ modality: { coding: [{ code: 'CT' }] } })
  })

  it('stand behind the server that tests write to: what it takes and they do not fails the test', async () => {
    const standIn = await startFhirStandIn()
    standIn.behaviour.integrity = false
    const write = async (id: string, reference: string): Promise<number> => {
      const body = JSON.stringify({ resourceType: 'Patient', id, generalPractitioner: [{ reference }] })
      return (await fetch(`${standIn.url}/Patient/${id}`, { method: 'PUT', body })).status
    }
    expect(await write('right', 'Practitioner/p')).toBe(201)
    expect(await write('wrong', 'Patient/p')).toBe(201)
    await expect(standIn.stop()).rejects.toThrow(/^not valid: fhir: .*"wrong"/su)
  })
})
