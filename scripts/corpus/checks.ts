import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ManifestRow } from './manifest.ts'

type Row = Record<string, { Value?: unknown[] } | undefined>

/** Bytes that come back from `…/original` and are not those of the manifest. `base` is the service's root. */
export async function originalFaults(base: string, stored: readonly ManifestRow[]): Promise<string[]> {
  const faults: string[] = []
  for (const row of stored) {
    const path = await pathOf(base, row)
    const answer = await fetch(`${base}/dicomweb${path}/original`)
    const sha256 = createHash('sha256')
      .update(Buffer.from(await answer.arrayBuffer()))
      .digest('hex')
    if (answer.status !== 200) faults.push(`${row.path}: ${answer.status} for its original`)
    else if (sha256 !== row.sha256) faults.push(`${row.path}: its original has other bytes`)
  }
  return faults
}

/** From the manifest where it is whole; for files without group 0002 it was not read, so it is searched. */
async function pathOf(base: string, { study_uid, series_uid, sop_uid }: ManifestRow): Promise<string> {
  if (study_uid !== '' && series_uid !== '')
    return `/studies/${study_uid}/series/${series_uid}/instances/${sop_uid}`
  const [row] = await search(base, `/instances?SOPInstanceUID=${sop_uid}`)
  return `/studies/${uid(row, '0020000D')}/series/${uid(row, '0020000E')}/instances/${sop_uid}`
}

/** Studies of the archive that the FHIR server has not exactly once, or with other counts, two minutes later. */
export async function fhirFaults(base: string, fhir: string): Promise<string[]> {
  const studies = await search(base, '/studies?limit=5000')
  const deadline = Date.now() + 120_000
  let wrong: string[]
  let before = -1
  do {
    await sleep(1000)
    wrong = []
    for (const row of studies) wrong.push(...(await fhirFault(fhir, row)))
    if (wrong.length !== before)
      process.stdout.write(`${studies.length - wrong.length} of ${studies.length} studies told\n`)
    before = wrong.length
  } while (wrong.length > 0 && Date.now() < deadline)
  process.stdout.write(
    `${studies.length} studies, ${studies.length - wrong.length} on the FHIR server with exact counts\n`,
  )
  return wrong
}

async function fhirFault(fhir: string, row: Row): Promise<string[]> {
  const study = uid(row, '0020000D')
  // HAPI answers the same search from its cache for a minute unless told otherwise.
  const answer = await fetch(`${fhir}/ImagingStudy?identifier=urn:dicom:uid|urn:oid:${study}`, {
    headers: { 'cache-control': 'no-cache' },
  })
  const bundle = (await answer.json()) as {
    entry?: { resource: { numberOfSeries?: number; numberOfInstances?: number } }[]
  }
  const found = bundle.entry?.map(
    ({ resource }) => `${resource.numberOfSeries ?? '-'}/${resource.numberOfInstances ?? '-'}`,
  )
  const wanted = `${number(row, '00201206')}/${number(row, '00201208')}`
  return found?.join() === wanted
    ? []
    : [`ImagingStudy of ${study}: ${found?.join() ?? 'none'}, wanted ${wanted}`]
}

/** What is told of a study, or not, by what Patients the FHIR server has had before. */
const OF_PATIENTS = ['ambiguous-patient', 'identity-conflict', 'identity-differs', 'correction-proposed']

/**
 * Quarantined files without an open attention row, studies of two patients without one, and rows that no file of the
 * manifest explains.
 */
export async function attentionFaults(
  base: string,
  manifest: readonly ManifestRow[],
  outcomes: ReadonlyMap<string, { readonly outcome: string }>,
): Promise<string[]> {
  const answer = await fetch(`${base}/admin/attention?limit=1000`)
  const body = (await answer.json()) as {
    rows: { reason: string; study: string | null; instance: string | null }[]
  }
  const counts = Map.groupBy(body.rows, ({ reason }) => reason)
  process.stdout.write(
    `attention: ${[...counts].map(([reason, rows]) => `${rows.length} ${reason}`).join(', ') || 'none'}\n`,
  )
  const quarantined = manifest.filter(({ path }) => outcomes.get(path)?.outcome === 'quarantined')
  const rows = new Set(
    body.rows.filter(({ reason }) => reason === 'quarantined').map(({ instance }) => instance),
  )
  const missing = quarantined.filter(({ sop_uid }) => sop_uid !== '' && !rows.has(sop_uid))
  const known = new Set(quarantined.map(({ sop_uid }) => sop_uid))
  const extra = [...rows].filter((instance) => instance !== null && !known.has(instance))
  const mixed = (counts.get('mixed-patients') ?? []).map(({ study }) => study ?? '-').sort()
  const wanted = studiesOfTwo(manifest.filter(({ path }) => outcomes.get(path)?.outcome === 'stored'))
  const others = [...counts.keys()].filter(
    (reason) => !['quarantined', 'mixed-patients', ...OF_PATIENTS].includes(reason),
  )
  return [
    ...(mixed.join() === wanted.join()
      ? []
      : [`studies of two patients: ${mixed.join()}, and by the manifest ${wanted.join()}`]),
    ...others.map((reason) => `attention rows that nothing explains: ${reason}`),
    ...missing.map(({ path }) => `${path} is in quarantine without an attention row`),
    ...extra.map((instance) => `an attention row for ${instance ?? '-'}, which no quarantined file explains`),
  ]
}

function studiesOfTwo(stored: readonly ManifestRow[]): string[] {
  return [...Map.groupBy(stored, ({ study_uid }) => study_uid)]
    .filter(([study, rows]) => study !== '' && new Set(rows.map(({ patient_id }) => patient_id)).size > 1)
    .map(([study]) => study)
    .sort()
}

async function search(base: string, path: string): Promise<Row[]> {
  const answer = await fetch(`${base}/dicomweb${path}`)
  if (!answer.ok) throw new Error(`${answer.status} for ${path}`)
  return answer.status === 204 ? [] : ((await answer.json()) as Row[])
}

function uid(row: Row | undefined, tag: string): string {
  const value = row?.[tag]?.Value?.[0]
  return typeof value === 'string' ? value : ''
}

function number(row: Row, tag: string): number {
  return Number(row[tag]?.Value?.[0] ?? 0)
}
