import { createHash, randomBytes } from 'node:crypto'
import type { DataSet } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { citedDigests } from '../../src/fhir/mapping/provenance.ts'
import type { JsonObject, Resource, Stored } from '../../src/fhir/ports.ts'
import { ct, series, sr, type Sample } from '../samples.ts'
import { until } from '../until.ts'
import { openGate } from './gate.ts'
import { startTelling, type TellingService } from './service.ts'

/** The acceptance tests of what people change on the FHIR server, 9 to 12, against any; `base` gives its address. */
export function followingIsAccepted(base: () => string): void {
  it('acceptance 9: a Patient that was merged gives way to the survivor', async () => {
    await using service = await startTelling(base())
    const sample = ct({ PatientID: 'OLD' })
    await service.store(sample)
    await service.settled()
    const old = await patientOf(service, 'OLD')
    const survivor = await service.server.create(person(service, 'NEW'))
    const link = [{ type: 'replaced-by', other: { reference: `Patient/${survivor.id}` } }]
    await service.server.update({ ...old.resource, id: old.id, active: false, link }, old.versionId)
    await service.pushed(sample.uids.study)
    const { resource } = await service.imagingStudy(sample.uids.study)
    expect(resource['subject']).toMatchObject({ reference: `Patient/${survivor.id}` })
    expect((await service.patient(old.id)).versionId).toBe('2')
    expect(await service.attention()).not.toContain('subject-moved')
  }, 120_000)

  it('acceptance 10: an ambiguous patient is referred to by identifier, and a person is told', async () => {
    await using service = await startTelling(base())
    for (let n = 0; n < 2; n++) await service.server.create(person(service, 'TWICE'))
    const sample = ct({ PatientID: 'TWICE' })
    await service.store(sample)
    await service.settled()
    const { resource } = await service.imagingStudy(sample.uids.study)
    expect(resource['subject']).toMatchObject({
      type: 'Patient',
      identifier: { system: service.system, value: 'TWICE' },
    })
    expect(resource['subject']).not.toHaveProperty('reference')
    expect(await service.attention()).toEqual(['ambiguous-patient'])
  }, 120_000)

  it('acceptance 11: a Patient name that is corrected makes new instances, and the originals stay', async () => {
    await using service = await startTelling(base())
    const { study, files, pixels } = wrongStudy()
    await service.store(...files)
    await service.settled()
    const told = await service.imagingStudy(study)
    const patient = await patientOf(service, 'P')
    const name = [{ use: 'official', family: 'Right', given: ['Name'] }]
    const changed = await service.server.update(
      { ...patient.resource, id: patient.id, name },
      patient.versionId,
    )
    await decided(service, study)
    await service.settled()

    const rows = await service.qido(`/studies/${study}/instances?includefield=OriginalAttributesSequence`)
    expect(rows).toHaveLength(files.length)
    expect(await service.qido(`/studies/${study}/instances?PatientName=Right^Name`)).toHaveLength(
      files.length,
    )
    expect(await service.qido(`/studies/${study}/instances?PatientName=Wrong^Name`)).toEqual([])
    for (const file of files) {
      const original = await service.get(`/dicomweb${at(file)}/original`)
      expect(sha256(original.body)).toBe(sha256(file.bytes))
    }
    for (const row of rows) await checkInstance(service, row as DataSet, files, pixels)
    await checkTold(service, {
      study,
      files,
      before: told,
      source: `Patient/${patient.id}/_history/${changed.versionId}`,
    })

    // Once more makes nothing new: neither a look, nor a push, nor a re-send of the originals.
    const counts = await countsOf(service, study)
    await service.store(...files)
    await service.reconciled()
    await service.pushed(study)
    expect(await countsOf(service, study)).toEqual(counts)
    expect((await service.patient(patient.id)).versionId).toBe(changed.versionId)
  }, 120_000)

  it('acceptance 12: QIDO answers the same with the FHIR server up, down, or lying', async () => {
    const gate = await openGate(base())
    try {
      await using service = await startTelling(gate.url, {}, base())
      const samples = [...series(ct, 2, { PatientID: 'P', PatientName: 'Roe^Jane' }), sr({ PatientID: 'P' })]
      const ask = async () => {
        const paths = [
          '/studies?includefield=all',
          '/series',
          '/instances',
          '/studies?PatientName=Roe*',
          '/patients',
        ]
        return Promise.all(paths.map((path) => service.qido(path)))
      }
      await service.connected()
      gate.shut()
      await service.store(...samples)
      const before = await ask()
      gate.open()
      await service.settled()
      expect(await ask()).toEqual(before)
      const study = await service.imagingStudy(samples[0]!.uids.study)
      const lie = {
        ...study.resource,
        ...{
          id: study.id,
          series: undefined,
          description: 'a lie',
          numberOfInstances: 99,
          numberOfSeries: 7,
        },
      }
      await service.server.update(lie)
      const patient = await patientOf(service, 'P')
      await service.server.update({
        ...patient.resource,
        id: patient.id,
        name: [{ family: 'Lie' }],
        gender: 'other',
      })
      expect(await ask()).toEqual(before)
      await service.reconciled()
      expect((await service.imagingStudy(samples[0]!.uids.study)).resource).not.toMatchObject({
        description: 'a lie',
      })
      expect(await ask()).toEqual(before)
      gate.shut()
      expect(await ask()).toEqual(before)
    } finally {
      await gate.stop()
    }
  }, 120_000)
}

function person({ system }: TellingService, value: string): Resource {
  return {
    resourceType: 'Patient',
    identifier: [{ system, value }],
    name: [{ family: 'Doe', given: ['Jane'] }],
  }
}

async function patientOf({ server, system }: TellingService, value: string): Promise<Stored> {
  const found = await server.search('Patient', { identifier: `${system}|${value}` })
  expect(found).toHaveLength(1)
  return found[0]!
}

/** Images with a report of them, all of a patient whose name is wrong. */
function wrongStudy(): { study: string; files: readonly Sample[]; pixels: Buffer } {
  const pixels = randomBytes(512 * 1024)
  const person = { PatientID: 'P', PatientName: 'Wrong^Name', PatientBirthDate: '19700102' }
  const images = series(ct, 2, person, { pixels: { bytes: pixels } })
  const { study, series: seriesUid } = images[0]!.uids
  const ReferencedSOPSequence = images.map(({ uids }) => ({
    ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
    ReferencedSOPInstanceUID: uids.instance,
  }))
  const ReferencedSeriesSequence = [{ SeriesInstanceUID: seriesUid, ReferencedSOPSequence }]
  const evidence = [{ StudyInstanceUID: study, ReferencedSeriesSequence }]
  const report = sr({
    ...person,
    StudyInstanceUID: study,
    CurrentRequestedProcedureEvidenceSequence: evidence,
  })
  return { study, files: [...images, report], pixels }
}

/** Waits for the proposal, approves it, and waits until it is carried out. */
async function decided(service: TellingService, study: string): Promise<void> {
  await until(async () => {
    const { rows } = (await service.json(`/admin/corrections?study=${study}`)) as {
      rows: { id: string; state: string }[]
    }
    const [row, ...others] = rows
    expect(others).toEqual([])
    if (row?.state === 'proposed')
      expect(await service.post(`/admin/corrections/${row.id}/approve`)).toBe(202)
    if (row?.state === 'failed') throw new Error(`not corrected: ${JSON.stringify(rows)}`)
    return row?.state === 'done'
  }, 60_000)
}

const at = ({ uids }: Pick<Sample, 'uids'>): string =>
  `/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** A new instance has new UIDs, the same pixels, what it was before, and names none of the others as they were. */
async function checkInstance(
  service: TellingService,
  row: DataSet,
  files: readonly Sample[],
  pixels: Buffer,
): Promise<void> {
  const uid = (tag: string): string => row[tag]?.Value?.[0] as string
  const uids = { study: uid('0020000D'), series: uid('0020000E'), instance: uid('00080018') }
  const { body } = await service.get(`/dicomweb${at({ uids })}/original`)
  const { dataSet } = readPart10(body)
  const [item] = dataSet['04000561']?.Value as DataSet[]
  const [before] = item?.['04000550']?.Value as DataSet[]
  const source = files.find((file) => file.uids.instance === before?.['00080018']?.Value?.[0])
  expect(source).toBeDefined()
  expect(before?.['0020000E']?.Value).toEqual([source?.uids.series])
  expect(before?.['00100010']?.Value).toEqual([{ Alphabetic: 'Wrong^Name' }])
  const isImage = dataSet['00080060']?.Value?.[0] === 'CT'
  if (isImage) expect(body.subarray(-pixels.length).equals(pixels)).toBe(true)
  const cites = { '04000561': null, '00082112': null, '0040A360': null }
  const text = JSON.stringify({ ...dataSet, ...cites })
  for (const file of files)
    for (const old of [file.uids.series, file.uids.instance]) expect(text).not.toContain(old)
  if (!isImage) expect(text).toMatch(/"0040A375":.*"00081155":\{"vr":"UI","Value":\["2\.25\.\d+"\]/u)
}

interface Corrected {
  readonly study: string
  readonly files: readonly Sample[]
  /** The ImagingStudy as it was. */
  readonly before: Stored
  /** The Patient that said so. */
  readonly source: string
}

/** ImagingStudy names the new instances alone; a Provenance says of what they are revisions, and lineage the same. */
async function checkTold(
  service: TellingService,
  { study, files, before, source }: Corrected,
): Promise<void> {
  const after = await service.imagingStudy(study)
  expect(after.id).toBe(before.id)
  expect(after.resource).toMatchObject({
    numberOfInstances: files.length,
    subject: before.resource['subject'],
  })
  const text = JSON.stringify(after.resource['series'])
  for (const { uids } of files) expect(text).not.toContain(uids.instance)
  const provenances = await service.provenances(after)
  expect(provenances).toHaveLength(2)
  const revision = provenances.find(({ resource }) =>
    JSON.stringify(resource['entity']).includes('"revision"'),
  )
  const digests = files.map(({ bytes }) => sha256(bytes))
  const entities = revision?.resource['entity'] as unknown as JsonObject[]
  expect(entities.filter(({ role }) => role === 'revision')).toHaveLength(files.length)
  expect(new Set(citedDigests(revision!.resource)).intersection(new Set(digests)).size).toBe(files.length)
  const lineage = (await service.json(`/lineage/studies/${study}`)) as {
    imagingStudy: { reference: string; versionId: string }
    instances: { state: string; sha256: string; madeOf: { sha256: string } | null }[]
  }
  expect(lineage.imagingStudy).toMatchObject({
    reference: `ImagingStudy/${after.id}`,
    versionId: after.versionId,
  })
  const made = lineage.instances.filter(({ state }) => state === 'active')
  expect(made.map(({ madeOf }) => madeOf?.sha256).sort()).toEqual(digests.sort())
  const [row] = (
    (await service.json(`/admin/corrections?study=${study}`)) as { rows: { detail: JsonObject }[] }
  ).rows
  expect(row?.detail).toMatchObject({ corrected: files.length, description: `FHIR ${source}` })
}

/** Whatever would be more if it were done again. */
async function countsOf(service: TellingService, study: string): Promise<object> {
  const imagingStudy = await service.imagingStudy(study)
  const { rows } = (await service.json('/admin/corrections')) as { rows: object[] }
  return {
    versionId: imagingStudy.versionId,
    provenances: (await service.provenances(imagingStudy)).length,
    instances: (await service.qido('/instances?includeSuperseded=true')).length,
    corrections: rows.length,
  }
}
