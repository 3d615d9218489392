import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ask, stow } from '../../scripts/bench/http-client.ts'
import { allIn, freePort, type Service, startService } from '../../scripts/running-service.ts'
import type { JsonDataSet } from '../../src/dicom/dicom-json.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { studyToken } from '../../src/fhir/mapping/identifiers.ts'
import type { FhirServer, Resource, Stored } from '../../src/fhir/ports.ts'
import type { Sample } from '../samples.ts'
import { until } from '../until.ts'
import { faultsInR4 } from './validators.ts'

/** A service of its own process that tells a FHIR server, and what tests ask of both. */
export interface TellingService extends AsyncDisposable {
  /** System of Patient IDs without issuer: no other test has it, so that servers may keep what they have. */
  readonly system: string
  /** The FHIR server, as somebody else uses it. */
  readonly server: FhirServer
  store(...samples: readonly Sample[]): Promise<void>
  get(path: string): Promise<{ readonly status: number; readonly body: Buffer }>
  json(path: string): Promise<unknown>
  qido(path: string): Promise<readonly JsonDataSet[]>
  post(path: string): Promise<number>
  /** Waits until the service knows the FHIR server. */
  connected(): Promise<void>
  /** Waits until nothing is owed to the FHIR server. */
  settled(): Promise<void>
  /** Has everything compared with what is there, and waits until that is done and what was found is pushed. */
  reconciled(): Promise<void>
  /** Owes a study once more, and waits. */
  pushed(study: string): Promise<void>
  /** The one ImagingStudy of a study; fails unless there is exactly one. */
  imagingStudy(study: string): Promise<Stored>
  /** The Provenances of an ImagingStudy. */
  provenances(imagingStudy: Stored): Promise<readonly Stored[]>
  patient(id: string): Promise<Stored>
  /** Open reasons of what a person should look at. */
  attention(): Promise<readonly string[]>
  /** As in a power cut. */
  kill(): Promise<void>
  /** As if the minute had passed in which what a dead process was about is left to it. */
  forgetLeases(): Promise<void>
  start(): Promise<void>
}

/** What `/admin/fhir` says, as far as it is asked. */
interface Owed {
  readonly studies: number
  readonly server: {
    readonly status: string
    readonly reconcile: {
      readonly startedAt: string | null
      readonly status: string
      readonly problem: string | null
    }
  }
}

/** Starts the service with a folder of its own, unless `env` names other places. */
export async function startTelling(
  fhirUrl: string,
  env: Readonly<Record<string, string>> = {},
  seenAt = fhirUrl,
): Promise<TellingService> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-telling-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const system = env['DEFAULT_ISSUER'] ?? `urn:uuid:${randomUUID()}`
  const settings = {
    ...allIn(folder),
    ...{ PORT: String(port), LOG_LEVEL: 'error' },
    ...{ FHIR_URL: fhirUrl, FHIR_QUIET_MS: '100', FHIR_MAX_WAIT_MS: '500', FHIR_POLL_MS: '1000' },
    ...{ DEFAULT_ISSUER: system, ...env },
  }
  const server = openFhirServer({ url: seenAt })
  let service: Service = await startService(settings)
  const get = (path: string) =>
    ask(url + path, { headers: { accept: 'application/dicom+json, application/json' } })
  const json = async (path: string): Promise<unknown> => {
    const { status, body } = await get(path)
    if (status !== 200) throw new Error(`${status} for ${path}: ${body.toString()}`)
    return JSON.parse(body.toString())
  }
  const post = async (path: string) => (await ask(url + path, { method: 'POST' })).status
  const owed = async () => (await json('/admin/fhir')) as Owed
  const settled = () => until(async () => (await owed()).studies === 0, 60_000)
  return {
    ...{ system, server, get, json, post, settled },
    async store(...samples) {
      const { status, body } = await stow(
        `${url}/dicomweb`,
        samples.map(({ bytes }) => bytes),
      )
      if (status !== 200) throw new Error(`not stored: ${status} ${body.toString()}`)
    },
    qido: async (path) => (await json(`/dicomweb${path}`)) as JsonDataSet[],
    connected: () => until(async () => (await owed()).server.status === 'pushing'),
    async reconciled() {
      const before = (await owed()).server.reconcile.startedAt
      expect(await post('/admin/fhir/reconcile')).toBe(202)
      await until(async () => {
        const { startedAt, status, problem } = (await owed()).server.reconcile
        if (status === 'failed') throw new Error(problem ?? '')
        return startedAt !== before && status === 'done'
      })
      await settled()
    },
    async pushed(study) {
      expect(await post(`/admin/fhir/studies/${study}/touch`)).toBe(202)
      await settled()
    },
    async imagingStudy(study) {
      const matches = await server.search('ImagingStudy', { identifier: studyToken(study) })
      const live = matches.filter(({ resource }) => resource['status'] !== 'entered-in-error')
      expect(live).toHaveLength(1)
      // A search may be answered from a cache.
      return valid(await server.read('ImagingStudy', live[0]?.id ?? ''))
    },
    async provenances({ id }) {
      const found = await server.search('Provenance', { target: `ImagingStudy/${id}`, _count: '50' })
      return found.map(valid)
    },
    patient: async (id) => valid(await server.read('Patient', id)),
    async attention() {
      const { rows } = (await json('/admin/attention?limit=1000')) as { rows: { reason: string }[] }
      return rows.map(({ reason }) => reason)
    },
    kill: () => service.kill(),
    forgetLeases() {
      const index = new Database(join(folder, 'index.db'))
      index.exec('UPDATE outbox SET lease_until = 0')
      index.close()
      return Promise.resolve()
    },
    async start() {
      service = await startService(settings)
    },
    async [Symbol.asyncDispose]() {
      await service.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** As it is, if the validators find nothing wrong. HAPI writes a `meta.source` that is no URI, and a narrative of its own. */
function valid(stored: Stored | null): Stored {
  if (stored === null) throw new Error('not on the FHIR server')
  const { meta, ...rest } = stored.resource
  const tag = (meta as { tag?: Resource[] } | undefined)?.tag
  const resource = { ...rest, ...(tag && { meta: { tag } }) } as Resource
  expect(faultsInR4(resource)).toEqual([])
  return stored
}
