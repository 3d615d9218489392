import express from 'express'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import type { OwedReport } from '../../src/archive/sync-admin.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { fhirAdminRoutes } from '../../src/http/fhir-admin.ts'
import { STATUS } from '../../src/http/problems.ts'
import { isProblem } from '../../src/problem.ts'
import { memoryArchive, type MemoryArchive } from '../fhir/memory-database.ts'
import { ct } from '../samples.ts'

const STUDY = '1.2.826.0.8'

let store: MemoryArchive
let web: Server
let url: string

async function serve(sync: Sync | null): Promise<void> {
  const app = express()
  app.use(fhirAdminRoutes(store.archive, sync))
  app.use(
    (error: unknown, _request: express.Request, response: express.Response, next: express.NextFunction) => {
      if (isProblem(error)) response.status(STATUS[error.kind]).end()
      else next(error)
    },
  )
  await new Promise<void>((resolve) => {
    web = app.listen(0, '127.0.0.1', () => resolve())
  })
  url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`
}

beforeEach(() => {
  store = memoryArchive()
  store.add(ct({ StudyInstanceUID: STUDY, PatientName: 'Roe^Jane', PatientID: 'P1' }))
})

afterEach(async () => {
  web.closeAllConnections()
  await new Promise((resolve) => web.close(resolve))
})

async function report(query = ''): Promise<OwedReport> {
  const response = await fetch(`${url}/admin/fhir${query}`)
  expect(response.headers.get('cache-control')).toContain('no-store')
  return (await response.json()) as OwedReport
}

async function post(path: string): Promise<number> {
  return (await fetch(`${url}/admin/fhir/${path}`, { method: 'POST' })).status
}

describe('/admin/fhir', () => {
  it('says what is owed where no FHIR server is configured', async () => {
    await serve(null)
    expect(await report()).toMatchObject({
      server: null,
      studies: 1,
      held: 0,
      dead: 0,
      rows: [{ study: STUDY, gen: 1 }],
    })
    expect(await post(`studies/${STUDY}/touch`)).toBe(202)
    expect((await report()).rows).toMatchObject([{ gen: 2 }])
  })

  it.each([
    ['studies/1.2.3/touch', 404],
    ['studies/Roe/retry', 400],
    ['studies/1.2.3/release', 404],
    ['attention/7/resolve', 404],
    ['attention/x/resolve', 400],
    // Nothing that comes of itself: no 503, and no Retry-After.
    ['reconcile', 409],
    [`studies/${STUDY}/withdraw`, 409],
  ])('answers POST %s with %i', async (path, status) => {
    await serve(null)
    expect(await post(path)).toBe(status)
    expect((await fetch(`${url}/admin/fhir?limit=x`)).status).toBe(400)
  })

  describe('with a server that refuses', () => {
    let standIn: FhirStandIn
    let sync: Sync

    beforeEach(async () => {
      standIn = await startFhirStandIn()
      standIn.faults.add({ on: '^(PUT|POST) /ImagingStudy', do: 'answer', status: 422, times: 2 })
      sync = startSync(store.archive, openFhirServer({ url: standIn.url }), {
        mapping: {
          archiveId: store.archive.database.archiveId,
          release: 'R4',
          dicomwebUrl: 'http://x.example.org',
          lineageUrl: 'http://x.example.org/lineage',
        },
        quietMs: 0,
        pollMs: 10,
      })
      await serve(sync)
    })

    afterEach(async () => {
      await sync.stop()
      await standIn.stop()
    })

    async function until(done: (report: OwedReport) => boolean): Promise<OwedReport> {
      for (;;) {
        const now = await report()
        if (done(now)) return now
      }
    }

    it('says why, without data of the patient, and tries again on demand', async () => {
      const dead = await until(({ dead }) => dead === 1)
      expect(dead).toMatchObject({
        server: { server: standIn.url, release: 'R4', status: 'pushing', counts: { dead: 1 } },
        studies: 1,
        rows: [{ study: STUDY, lastError: 'the FHIR server answered 422', attempts: 1 }],
        attention: [{ reason: 'dead', study: STUDY, detail: { status: 422 } }],
      })
      expect(JSON.stringify(dead)).not.toMatch(/Roe|P1"/u)
      expect(await post(`studies/${STUDY}/retry`)).toBe(202)
      const done = await until(({ studies }) => studies === 0)
      expect(done).toMatchObject({ dead: 0, attention: [], server: { counts: { pushed: 1 } } })
      expect(standIn.store.all('ImagingStudy')).toHaveLength(1)
    })

    it('compares on demand, tells how far it is, and brings a study back to what the index says', async () => {
      await until(({ dead }) => dead === 1)
      await post(`studies/${STUDY}/retry`)
      await until(({ studies }) => studies === 0)
      expect((await report()).server?.reconcile).toMatchObject({ status: 'never', studies: 0 })
      const [study] = standIn.store.all('ImagingStudy') as unknown as { id: string }[]
      standIn.store.put({ ...study, status: 'entered-in-error' } as never)
      expect(await post('reconcile')).toBe(202)
      const done = await until(({ server }) => server?.reconcile.status === 'done')
      expect(done.server?.reconcile).toMatchObject({ studies: 1, found: { edited: 1 }, problem: null })
      await until(({ studies, attention }) => studies === 0 && attention.length === 1)
      expect(standIn.store.all('ImagingStudy')).toMatchObject([{ status: 'entered-in-error' }])
      expect(await post(`studies/${STUDY}/restore`)).toBe(202)
      await until(({ studies, attention }) => studies === 0 && attention.length === 0)
      expect(standIn.store.all('ImagingStudy')).toMatchObject([{ status: 'available' }])
      // It is here, so it is no orphan.
      expect(await post(`studies/${STUDY}/withdraw`)).toBe(409)
      expect(await post('studies/1.2.3.4.5/withdraw')).toBe(202)
      expect(await post('studies/nothing/withdraw')).toBe(400)
    })

    it('closes rows of what a person looked at', async () => {
      const { attention } = await until(({ dead }) => dead === 1)
      expect(await post(`attention/${attention[0]?.id ?? 0}/resolve`)).toBe(204)
      expect((await report('?limit=5')).attention).toEqual([])
    })
  })
})
