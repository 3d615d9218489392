import express, { type Request, type Response, type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import {
  checkBytes,
  type InstanceLineage,
  instanceLineage,
  type OtherVersion,
  pushManifest,
  studyLineage,
} from '../archive/lineage.ts'
import type { InstanceUids } from '../dicom/data-set.ts'
import { Problem } from '../problem.ts'
import { abortedWith, begun, sendBegun } from './representation.ts'
import { queryString, scopeOf } from './scope.ts'
import { type HttpSettings, retrieveUrl } from './settings.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

/**
 * What was made of what, from the bytes that came to the resources on the FHIR server; to be mounted under `/lineage`.
 *
 * - `GET /studies/{study}`: what the FHIR server was told of it, and every instance, in whatever state
 * - `GET /studies/{study}/series/{series}/instances/{instance}[?check=true]`: one instance; its bytes read and compared
 * - `GET /studies/{study}/pushes/{push}`: the originals of which one Provenance tells, always the same bytes
 */
export function lineageRoutes(archive: Archive, settings: Settings): Router {
  const router = express.Router({ caseSensitive: true })
  router.get('/studies/:study', async (request: Request, response: Response) => {
    const { study = '' } = scopeOf(request)
    const { told, instances } = await studyLineage(archive, study, abortedWith(response))
    await send(response, studyText(told, instances, settings))
  })
  router.get(
    '/studies/:study/series/:series/instances/:instance',
    async (request: Request, response: Response) => {
      const isChecked = checkWanted(request)
      const { told, instance, row } = await instanceLineage(archive, scopeOf(request) as InstanceUids)
      const bytes = isChecked && { bytes: await checkBytes(archive, row, abortedWith(response)) }
      response.json({ ...told, instance: { ...shown(instance, settings), ...bytes } })
    },
  )
  router.get('/studies/:study/pushes/:push', async (request: Request, response: Response) => {
    const { study = '' } = scopeOf(request)
    await send(response, asBuffers(await pushManifest(archive, study, String(request.params['push']))))
  })
  return router
}

async function send(response: Response, bytes: AsyncIterable<Buffer>): Promise<void> {
  // A problem with the first bytes is still an answer of its own.
  const start = await begun(response, bytes)
  response.setHeader('Content-Type', 'application/json')
  await sendBegun(response, start)
}

async function* studyText(
  told: object,
  pages: AsyncIterable<readonly InstanceLineage[]>,
  settings: Settings,
): AsyncGenerator<Buffer> {
  let before = `${JSON.stringify(told).slice(0, -1)},"instances":[`
  for await (const page of pages) {
    if (page.length === 0) continue
    yield Buffer.from(before + page.map((one) => JSON.stringify(shown(one, settings))).join(','))
    before = ','
  }
  // A study that is there has an instance, so that something was sent before.
  yield Buffer.from(']}')
}

/** Text in pieces of some size: a list of 100,000 originals is 30 MB. */
async function* asBuffers(pieces: Iterable<string>): AsyncGenerator<Buffer> {
  let held = ''
  for (const piece of pieces) {
    held += piece
    if (held.length < 65_536) continue
    yield Buffer.from(held)
    held = ''
    await Promise.resolve()
  }
  yield Buffer.from(held)
}

/** An instance as it is answered: with the address of its bytes, by which its SHA-256 can be checked. */
function shown({ uids, madeOf, replacedBy, ...rest }: InstanceLineage, settings: Settings) {
  return {
    ...named(uids, settings),
    ...rest,
    madeOf: madeOf && versionOf(madeOf, settings),
    replacedBy: replacedBy.map((one) => versionOf(one, settings)),
  }
}

function versionOf({ uids, ...rest }: OtherVersion, settings: Settings) {
  return { StudyInstanceUID: uids.study, ...named(uids, settings), ...rest }
}

function named({ study, series, instance }: InstanceUids, settings: Settings) {
  const url = `${retrieveUrl(settings, study, series, instance)}/original`
  return { SOPInstanceUID: instance, SeriesInstanceUID: series, url }
}

function checkWanted(request: Request): boolean {
  const values = new URLSearchParams(queryString(request)).getAll('check')
  if (values.length === 0) return false
  if (values.length === 1 && (values[0] === 'true' || values[0] === 'false')) return values[0] === 'true'
  throw new Problem('malformed', 'check must be true or false.')
}
