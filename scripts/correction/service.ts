import { setTimeout as sleep } from 'node:timers/promises'
import type { InstanceUids } from '../../src/dicom/data-set.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import type { FhirServer } from '../../src/fhir/ports.ts'
import { type Answer, ask, stow } from '../bench/http-client.ts'
import { allIn, freePort, startService } from '../running-service.ts'
import type { StudyFile, StudyFiles } from './studies.ts'

/** A row of a search for instances. */
export interface Row {
  readonly instance: string
  readonly name: string
  readonly id: string
}

/** `GET /lineage/studies/{uid}`, as far as it is looked at. */
export interface Lineage {
  readonly imagingStudy: { readonly reference: string; readonly versionId: string } | null
  readonly instances: readonly {
    readonly SOPInstanceUID: string
    readonly SeriesInstanceUID: string
    readonly state: string
    readonly sha256: string
    readonly madeOf: { readonly SOPInstanceUID: string; readonly sha256: string } | null
  }[]
}

/** The service in a process of its own, told and asked over HTTP alone. */
export interface CorrectingService {
  readonly server: FhirServer
  /** Stores a study; the files of it that the archive took. */
  store(study: StudyFiles): Promise<StudyFile[]>
  /** Waits until the FHIR server was told of everything. */
  settled(): Promise<void>
  rows(study: string): Promise<Row[]>
  /** Proposes a correction, approves it, and waits for what becomes of it. */
  correct(
    study: string,
    attributes: Readonly<Record<string, string>>,
  ): Promise<{ readonly id: string; readonly state: string; readonly corrected: number }>
  lineage(study: string): Promise<Lineage>
  /** Instances that were made, by the SOP Instance UID of what they were made of. */
  madeOf(study: string): Promise<ReadonlyMap<string, InstanceUids>>
  original(uids: InstanceUids): Promise<Buffer>
  stop(): Promise<void>
}

type DataSets = readonly Record<string, { Value?: unknown[] } | undefined>[]

interface Client {
  readonly json: (path: string) => Promise<unknown>
  readonly post: (path: string, sent?: object) => Promise<Record<string, unknown>>
}

function clientOf(base: string): Client {
  const headers = { accept: 'application/json, application/dicom+json', 'content-type': 'application/json' }
  const parsed = (path: string, { status, body }: Answer): unknown => {
    if (status >= 300) throw new Error(`${status} for ${path}: ${body.toString()}`)
    return body.length === 0 ? {} : JSON.parse(body.toString())
  }
  return {
    json: async (path) => parsed(path, await ask(base + path, { headers })),
    post: async (path, sent = {}) => {
      const body = Buffer.from(JSON.stringify(sent))
      return parsed(path, await ask(base + path, { method: 'POST', headers, body })) as Record<
        string,
        unknown
      >
    },
  }
}

/** Starts the service, with these settings beside its own; its folder is the caller's. */
export async function openArchiveService(
  folder: string,
  fhir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CorrectingService> {
  const port = await freePort()
  const base = `http://127.0.0.1:${port}`
  const service = await startService({
    ...allIn(folder),
    ...{ PORT: String(port), LOG_LEVEL: 'error' },
    ...{ FHIR_URL: fhir, FHIR_QUIET_MS: '100', FHIR_MAX_WAIT_MS: '1000', CORRECTIONS: 'approve' },
    ...env,
  })
  const client = clientOf(base)
  const lineage = async (study: string) => (await client.json(`/lineage/studies/${study}`)) as Lineage
  return {
    server: openFhirServer({ url: fhir }),
    async store({ files }) {
      const stored: StudyFile[] = []
      for (const file of files)
        if ((await stow(`${base}/dicomweb`, [file.bytes])).status < 300) stored.push(file)
      return stored
    },
    settled: () => settled(client),
    rows: (study) => rowsOf(client, study),
    correct: (study, attributes) => correct(client, study, attributes),
    lineage,
    async madeOf(study) {
      const made = new Map<string, InstanceUids>()
      for (const one of (await lineage(study)).instances) {
        const { state, madeOf, SeriesInstanceUID: series, SOPInstanceUID: instance } = one
        if (madeOf !== null && state === 'active')
          made.set(madeOf.SOPInstanceUID, { study, series, instance })
      }
      return made
    },
    async original({ study, series, instance }) {
      const path = `/dicomweb/studies/${study}/series/${series}/instances/${instance}/original`
      const { status, body } = await ask(base + path)
      if (status !== 200) throw new Error(`${status} for ${path}`)
      return body
    },
    stop: () => service.stop(),
  }
}

async function settled({ json }: Client): Promise<void> {
  for (let tries = 0; ((await json('/admin/fhir')) as { studies: number }).studies > 0; tries++) {
    if (tries > 600) throw new Error('the FHIR server was not told within a minute')
    await sleep(100)
  }
}

async function rowsOf({ json }: Client, study: string): Promise<Row[]> {
  const rows = await json(`/dicomweb/studies/${study}/instances?includefield=00100010,00100020`)
  return (rows as DataSets).map((row) => {
    const value = (tag: string): unknown => row[tag]?.Value?.[0]
    const name = value('00100010') as { Alphabetic?: string } | undefined
    return {
      instance: value('00080018') as string,
      name: name?.Alphabetic ?? '',
      id: (value('00100020') as string | undefined) ?? '',
    }
  })
}

async function correct(
  { json, post }: Client,
  study: string,
  attributes: Readonly<Record<string, string>>,
): Promise<{ id: string; state: string; corrected: number }> {
  const { id } = (await post('/admin/corrections', { study, attributes, description: 'a proof' })) as {
    id: string
  }
  await post(`/admin/corrections/${id}/approve`)
  for (;;) {
    const row = (await json(`/admin/corrections/${id}`)) as { state: string; detail: { corrected?: number } }
    const { state, detail } = row
    if (state !== 'approved' && state !== 'running') return { id, state, corrected: detail.corrected ?? 0 }
    await sleep(100)
  }
}
